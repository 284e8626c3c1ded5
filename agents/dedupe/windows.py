"""The two windows: dedupe by zone, camera and type; suppression by zone and camera."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

__all__ = ["Admission", "Armed", "arm", "disarm", "twin"]

KEEP: Final = timedelta(hours=25)
"""An event may be 24 h behind the tick; its twin must be remembered a little longer."""
MOST: Final = 512
"""Bounds a row: with a window of a second and an event each, some eight minutes of them."""


class Admission(Struct, frozen=True):
    """An admitted event: its event time, and its id."""

    at: datetime
    event_id: str


class Armed(Struct, frozen=True):
    """The admissions of a window's key, by event time."""

    admissions: tuple[Admission, ...] = ()


def twin(armed: Armed | None, at: datetime, window: timedelta) -> Admission | None:
    """The admitted event that one at `at` repeats: the nearest that is less than `window` away.

    The window is half open, and counts in both directions: cameras deliver late, and a late twin
    is still a twin. A window of 0 is none.
    """
    if armed is None or window <= timedelta(0):
        return None
    near = [one for one in armed.admissions if abs(at - one.at) < window]
    return min(near, key=lambda one: (abs(at - one.at), one.at), default=None)


def arm(armed: Armed | None, at: datetime, event_id: str) -> Armed:
    """Remember an admission. The same event again changes nothing."""
    known = () if armed is None else armed.admissions
    if any(one.event_id == event_id for one in known):
        return Armed(known)
    every = sorted((*known, Admission(at, event_id)), key=lambda one: (one.at, one.event_id))
    newest = every[-1].at
    return Armed(tuple(one for one in every if newest - one.at <= KEEP)[-MOST:])


def disarm(armed: Armed | None, event_id: str) -> Armed | None:
    """Forget an admission: nobody could be told of it, so the next one gets through."""
    if armed is None:
        return None
    left = tuple(one for one in armed.admissions if one.event_id != event_id)
    return Armed(left) if left else None
