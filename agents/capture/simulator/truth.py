"""What is true of a simulated frame, and the stays that an event can be right about."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

__all__ = ["Box", "FrameTruth", "Point", "SceneObject", "Signal", "Stay"]

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in 0..1 of the frame's width and height."""

Point = tuple[float, float]
"""x, y in 0..1."""


class Signal(StrEnum):
    """What a camera delivers."""

    OK = "ok"
    """Frames of what is there."""
    DARK = "dark"
    """Frames, but black: the lens is covered or the light is gone."""
    LOST = "lost"
    """No frames."""


class SceneObject(Struct, frozen=True, kw_only=True):
    """One object in one frame.

    object_id: the same in all frames of one journey through one camera's view.
    label: its COCO name.
    foot: where it stands: a person's or an animal's place on the ground, a vehicle's box's bottom
    centre; moved to the frame's edge where it lies outside.
    visible: the part of the object, 0..1, that is neither outside the frame nor hidden.
    zones: those that the foot is in and that take the label.
    """

    object_id: str
    label: str
    box: Box
    foot: Point
    visible: float
    zones: tuple[str, ...]


class FrameTruth(Struct, frozen=True, kw_only=True):
    """All that moves, or moved here, in one frame; and the vehicles that are parked for good.

    at: since the world's start. objects are listed also while the camera is dark or lost.
    """

    camera_id: str
    at: timedelta
    signal: Signal
    objects: tuple[SceneObject, ...]
    parked: tuple[SceneObject, ...]


class Stay(Struct, frozen=True, kw_only=True):
    """One object's stay in one zone, from enter to leave (since the world's start).

    clear_from, clear_until: the longest stretch of it in which the camera delivered pictures and
    at least half of the object was visible; equal where there was none.
    """

    object_id: str
    label: str
    camera_id: str
    zone_id: str
    enter: timedelta
    leave: timedelta
    clear_from: timedelta
    clear_until: timedelta
