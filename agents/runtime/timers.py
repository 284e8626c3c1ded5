"""Timers as state: due times in buckets of a second, found by the hour.

A timer is a row like any other, so it survives a restart and moves with its partition. Setting
one touches two rows; a tick reads one row an hour that passed and one a page of the seconds that
hold timers, so a clock that jumps by a year is 8,760 look-ups, not a scan.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Final

from msgspec import Struct

from agents.runtime.state import Overlay, TableSpec

__all__ = ["Fired", "Timer", "clock", "due", "fire", "set_timer", "table"]


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


class Fired(Struct, frozen=True):
    """A timer that is due. trace: what it goes on with; empty: its tick's own."""

    timer: Timer
    trace: str = ""


class Bucket(Struct, frozen=True, kw_only=True):
    """A second's newest timers, or an hour's seconds, or the clock.

    pages: full pages of the same second that lie beside its newest one. traces: by its timer's
    stage, kind and key, the trace that goes on when it fires; most timers tell nobody, and have
    none.
    """

    timers: tuple[Timer, ...] = ()
    seconds: tuple[int, ...] = ()
    now: float = 0.0
    pages: int = 0
    traces: Mapping[str, str] = {}


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


def set_timer(state: Overlay, spec: TableSpec[Bucket], timer: Timer, trace: str = "") -> None:
    """Set a timer. The same one again is the same one; a due time in the past fires next.

    trace: the trace that what it causes belongs to; of one that is set twice, the first one's.
    """
    now = state.get(spec, "clock")
    # A bucket before the clock would never be looked at again.
    second = max(ceil(timer.at), 0 if now is None else int(now.now) + 1)
    bucket = state.get(spec, f"s{second}") or Bucket()
    if timer in bucket.timers:
        return
    if len(bucket.timers) >= PAGE:
        full = Bucket(timers=bucket.timers, traces=bucket.traces)
        state.put(spec, f"s{second}.{bucket.pages}", full)
        bucket = Bucket(pages=bucket.pages + 1)
    traces = {**bucket.traces, _name(timer): trace} if trace else bucket.traces
    joined = Bucket(timers=(*bucket.timers, timer), pages=bucket.pages, traces=traces)
    state.put(spec, f"s{second}", joined)
    hour = second // HOUR
    index = state.get(spec, f"h{hour}") or Bucket()
    if second not in index.seconds:
        state.put(spec, f"h{hour}", Bucket(seconds=tuple(sorted((*index.seconds, second)))))
    if now is None:
        start = state.get(spec, START)
        if start is None or hour < start.seconds[0]:
            state.put(spec, START, Bucket(seconds=(hour,)))


def due(state: Overlay, spec: TableSpec[Bucket], now: datetime) -> tuple[Timer, ...]:
    """`fire` without the traces."""
    return tuple(fired.timer for fired in fire(state, spec, now))


def fire(state: Overlay, spec: TableSpec[Bucket], now: datetime) -> tuple[Fired, ...]:
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
    fired: dict[Timer, str] = {}
    for hour in range(first, last // HOUR + 1):
        index = state.get(spec, f"h{hour}")
        if index is None:
            continue
        ripe = [second for second in index.seconds if second <= last]
        if not ripe:
            continue
        for second in ripe:
            # One that was set twice may lie on two pages.
            for timer, trace in _take(state, spec, second):
                fired[timer] = fired.get(timer) or trace
        rest = tuple(second for second in index.seconds if second > last)
        state.put(spec, f"h{hour}", Bucket(seconds=rest) if rest else None)
    return tuple(Fired(timer, fired[timer]) for timer in sorted(fired))


def _name(timer: Timer) -> str:
    return f"{timer.stage}/{timer.kind}/{timer.key}"


def _traced(bucket: Bucket) -> list[tuple[Timer, str]]:
    return [(timer, bucket.traces.get(_name(timer), "")) for timer in bucket.timers]


def _take(state: Overlay, spec: TableSpec[Bucket], second: int) -> list[tuple[Timer, str]]:
    """A second's timers, taken out."""
    bucket = state.get(spec, f"s{second}")
    if bucket is None:
        return []
    state.put(spec, f"s{second}", None)
    taken = _traced(bucket)
    for page in range(bucket.pages):
        full = state.get(spec, f"s{second}.{page}")
        if full is not None:
            taken.extend(_traced(full))
            state.put(spec, f"s{second}.{page}", None)
    return taken
