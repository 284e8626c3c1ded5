"""What the detector saw: detections in a frame, and the path of a track."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from schemas.base import CameraId, Label, Message, Score, SiteId, UtcTime

__all__ = ["Box", "Detection", "FrameDetections", "PathPoint", "TrackPath"]

Box = tuple[Score, Score, Score, Score]
"""x1, y1, x2, y2 in 0..1 of the frame's width and height."""


class Detection(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One object in one frame.

    score: the model's own confidence, 0..1, not calibrated; None where there is no model.
    track: the track that it belongs to, once it belongs to one.
    """

    label: Label | None = None
    score: Score | None = None
    box: Box
    track: str | None = None


class FrameDetections(Message, frozen=True, kw_only=True):
    """One frame's detections.

    detector_ms: the model's own time for this frame: preparing, inference, decoding.
    """

    SCHEMA: ClassVar[str] = "detections.v1"

    site_id: SiteId
    camera_id: CameraId
    captured_at: UtcTime
    seq: int
    model: str
    detections: Annotated[tuple[Detection, ...], Meta(max_length=300)]
    detector_ms: float = 0.0


class PathPoint(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Where a track was; box as in Detection, score of that frame's detection."""

    at: UtcTime
    seq: int
    box: Box
    score: Score | None = None


class TrackPath(Message, frozen=True, kw_only=True):
    """A track's simplified path, written when it ends: enough to try other zones on it.

    median_score: over all its frames. frames: how many frames it was seen in.
    """

    SCHEMA: ClassVar[str] = "track.v1"

    track_id: str
    site_id: SiteId
    camera_id: CameraId
    label: Label | None = None
    first_seen: UtcTime
    last_seen: UtcTime
    frames: int
    median_score: Score | None = None
    model: str
    path: Annotated[tuple[PathPoint, ...], Meta(max_length=512)]
