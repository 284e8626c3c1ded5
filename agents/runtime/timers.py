"""Timers as state: due times in buckets of a second, found by the hour.

A timer is a row like any other, so it survives a restart and moves with its partition. Setting
one touches two rows; a tick reads one row an hour that passed and one a second that holds timers,
so a clock that jumps by a year is 8,760 look-ups, not a scan.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil

from msgspec import Struct

from agents.runtime.state import Overlay, TableSpec

__all__ = ["Timer", "clock", "due", "set_timer", "table"]


class Timer(Struct, frozen=True, kw_only=True, order=True):
    """Something that is due. `stage` handles it; kind and key are the stage's own words."""

    at: float
    stage: str
    kind: str
    key: str

    @property
    def due(self) -> datetime:
        """The due time."""
        return datetime.fromtimestamp(self.at, UTC)


class Bucket(Struct, frozen=True, kw_only=True):
    """A second's timers, or an hour's seconds, or the clock."""

    timers: tuple[Timer, ...] = ()
    seconds: tuple[int, ...] = ()
    now: float = 0.0


HOUR = 3600


def table(role: str) -> TableSpec[Bucket]:
    """The timers' table of a role."""
    return TableSpec(name=f"{role}-timers", value=Bucket)


def clock(state: Overlay, spec: TableSpec[Bucket]) -> datetime | None:
    """The greatest tick that this partition has seen, or None before the first."""
    row = state.get(spec, "clock")
    return None if row is None else datetime.fromtimestamp(row.now, UTC)


def set_timer(state: Overlay, spec: TableSpec[Bucket], timer: Timer) -> None:
    """Set a timer. The same one again is the same one; a due time in the past fires next."""
    now = state.get(spec, "clock")
    # A bucket before the clock would never be looked at again.
    second = max(ceil(timer.at), 0 if now is None else int(now.now) + 1)
    bucket = state.get(spec, f"s{second}") or Bucket()
    if timer in bucket.timers:
        return
    state.put(spec, f"s{second}", Bucket(timers=(*bucket.timers, timer)))
    hour = second // HOUR
    index = state.get(spec, f"h{hour}") or Bucket()
    if second not in index.seconds:
        state.put(spec, f"h{hour}", Bucket(seconds=tuple(sorted((*index.seconds, second)))))


def due(state: Overlay, spec: TableSpec[Bucket], now: datetime) -> tuple[Timer, ...]:
    """Move the clock to `now` and take out what is due, in order of due time.

    A tick from the past (a redelivered one) moves nothing.
    """
    row = state.get(spec, "clock")
    target = now.timestamp()
    if row is not None and target <= row.now:
        return ()
    state.put(spec, "clock", Bucket(now=target))
    first = int(target) // HOUR - 24 if row is None else int(row.now) // HOUR
    fired: list[Timer] = []
    last = int(target)
    for hour in range(first, last // HOUR + 1):
        index = state.get(spec, f"h{hour}")
        if index is None:
            continue
        ripe = [second for second in index.seconds if second <= last]
        if not ripe:
            continue
        for second in ripe:
            bucket = state.get(spec, f"s{second}")
            if bucket is not None:
                fired.extend(bucket.timers)
                state.put(spec, f"s{second}", None)
        rest = tuple(second for second in index.seconds if second > last)
        state.put(spec, f"h{hour}", Bucket(seconds=rest) if rest else None)
    return tuple(sorted(fired))
