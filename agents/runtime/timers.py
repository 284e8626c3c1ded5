"""Timers as state: due times in buckets of a second, found by the hour.

A timer is a row like any other, so it survives a restart and moves with its partition. Setting
one touches two rows; a tick reads one row an hour that passed and one a page of the seconds that
hold timers, so a clock that jumps by a year is 8,760 look-ups, not a scan.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import Final

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
    """A second's newest timers, or an hour's seconds, or the clock.

    pages: full pages of the same second that lie beside its newest one.
    """

    timers: tuple[Timer, ...] = ()
    seconds: tuple[int, ...] = ()
    now: float = 0.0
    pages: int = 0


HOUR: Final = 3600
PAGE: Final = 32
"""Timers a row: a backlog sets thousands for one second, and each rewrites the row it joins."""
START: Final = "start"
"""The earliest hour with a timer, while there has been no tick to tell how far back to look."""


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
    if len(bucket.timers) >= PAGE:
        state.put(spec, f"s{second}.{bucket.pages}", Bucket(timers=bucket.timers))
        bucket = Bucket(pages=bucket.pages + 1)
    state.put(spec, f"s{second}", Bucket(timers=(*bucket.timers, timer), pages=bucket.pages))
    hour = second // HOUR
    index = state.get(spec, f"h{hour}") or Bucket()
    if second not in index.seconds:
        state.put(spec, f"h{hour}", Bucket(seconds=tuple(sorted((*index.seconds, second)))))
    if now is None:
        start = state.get(spec, START)
        if start is None or hour < start.seconds[0]:
            state.put(spec, START, Bucket(seconds=(hour,)))


def due(state: Overlay, spec: TableSpec[Bucket], now: datetime) -> tuple[Timer, ...]:
    """Move the clock to `now` and take out what is due, in order of due time.

    A tick from the past (a redelivered one) moves nothing.
    """
    row = state.get(spec, "clock")
    target = now.timestamp()
    if row is not None and target <= row.now:
        return ()
    state.put(spec, "clock", Bucket(now=target))
    last = int(target)
    if row is not None:
        first = int(row.now) // HOUR
    else:
        start = state.get(spec, START)
        first = last // HOUR if start is None else start.seconds[0]
        state.put(spec, START, None)
    fired: list[Timer] = []
    for hour in range(first, last // HOUR + 1):
        index = state.get(spec, f"h{hour}")
        if index is None:
            continue
        ripe = [second for second in index.seconds if second <= last]
        if not ripe:
            continue
        for second in ripe:
            fired.extend(_take(state, spec, second))
        rest = tuple(second for second in index.seconds if second > last)
        state.put(spec, f"h{hour}", Bucket(seconds=rest) if rest else None)
    # One that was set twice may lie on two pages.
    return tuple(sorted(set(fired)))


def _take(state: Overlay, spec: TableSpec[Bucket], second: int) -> list[Timer]:
    """A second's timers, taken out."""
    bucket = state.get(spec, f"s{second}")
    if bucket is None:
        return []
    state.put(spec, f"s{second}", None)
    taken = list(bucket.timers)
    for page in range(bucket.pages):
        full = state.get(spec, f"s{second}.{page}")
        if full is not None:
            taken.extend(full.timers)
            state.put(spec, f"s{second}.{page}", None)
    return taken
