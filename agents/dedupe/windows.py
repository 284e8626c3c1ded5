"""The two windows: dedupe by zone, camera and type; suppression by zone and camera.

Admissions are kept by the hour of their event time, so that a row stays small however long an
event may be behind, and forgotten as a whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

__all__ = [
    "HOUR_US",
    "KEEP",
    "MOST",
    "Armed",
    "arm",
    "disarm",
    "hour_of",
    "joined",
    "micros",
    "twin",
]

KEEP: Final = timedelta(hours=25)
"""An event may be 24 h behind the tick; its twin must be remembered a little longer."""
MOST: Final = 4096
"""Bounds a row: an admission a second for more than an hour, which no window of a second allows."""
HOUR_US: Final = 3_600_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()
_DAY_US: Final = 86_400_000_000


class Armed(Struct, frozen=True, gc=False, array_like=True):
    """A key's admissions in one hour: event times in microseconds, ascending, and their events."""

    at: tuple[int, ...] = ()
    ids: tuple[str, ...] = ()


def micros(at: datetime) -> int:
    """Microseconds since the epoch: exact, unlike a float, so that windows are half open."""
    since = at - _EPOCH
    return since.days * _DAY_US + since.seconds * 1_000_000 + since.microseconds


def hour_of(at: datetime) -> tuple[int, int]:
    """The hours since the epoch, and the microseconds into that hour: `micros`, divided."""
    if at.tzinfo is UTC:
        # Of a time in UTC the parts are there already: a third of the work, once an event.
        hour = (at.toordinal() - _EPOCH_DAY) * 24 + at.hour
        return hour, (at.minute * 60 + at.second) * 1_000_000 + at.microsecond
    return divmod(micros(at), HOUR_US)


def twin(armed: Armed, at: int, window: int) -> str | None:
    """The admitted event that one at `at` repeats: the nearest that is less than `window` away.

    The window is half open, and counts in both directions: cameras deliver late, and a late twin
    is still a twin. A window of 0 is none. Of two equally near the earlier counts.
    """
    times = armed.at
    place = bisect_left(times, at)
    if place:
        gap = at - times[place - 1]
        if gap < window and (place == len(times) or gap <= times[place] - at):
            return armed.ids[place - 1]
    return armed.ids[place] if place < len(times) and times[place] - at < window else None


def joined(rows: Iterable[Armed | None]) -> Armed:
    """Hours that follow each other as one."""
    known = [row for row in rows if row is not None]
    return Armed(
        tuple([each for row in known for each in row.at]),
        tuple([each for row in known for each in row.ids]),
    )


def arm(armed: Armed | None, at: int, event_id: str) -> Armed:
    """Remember an admission. The same event again changes nothing."""
    if armed is None or not armed.at:
        return Armed((at,), (event_id,))
    times, ids = armed.at, armed.ids
    if event_id in ids:
        return armed
    if at > times[-1]:
        times, ids = (*times, at), (*ids, event_id)
    else:
        place = bisect_left(times, at)
        times = (*times[:place], at, *times[place:])
        ids = (*ids[:place], event_id, *ids[place:])
    return Armed(times, ids) if len(times) <= MOST else Armed(times[-MOST:], ids[-MOST:])


def disarm(armed: Armed | None, event_id: str) -> Armed | None:
    """Forget an admission: nobody could be told of it, so the next one gets through."""
    if armed is None or event_id not in armed.ids:
        return armed
    place = armed.ids.index(event_id)
    times = armed.at[:place] + armed.at[place + 1 :]
    return Armed(times, armed.ids[:place] + armed.ids[place + 1 :]) if times else None
