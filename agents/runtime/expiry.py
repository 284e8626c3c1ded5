"""Rows that go when their time is over: event time, and a sweep of a few rows a tick.

How far event time has come, the watermark, is a row of each partition, and so is where the sweep
is: whoever takes the partition over goes on there. What is removed is removed like anything else,
through the overlay, so the changelog gets its tombstones and a redelivered tick finds nothing more
to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from agents.runtime.state import Overlay, TableSpec, Text

__all__ = ["Scans", "Sweep", "Swept", "note_time", "sweep", "sweeps", "watermark"]

ROWS_A_TICK: Final = 200
"""Of one table and partition. A million rows are gone through in an hour and a half, for 1 to 2
ms a tick."""
STEP: Final = timedelta(seconds=1)
"""The watermark's row is written when it moves by so much, not with each event."""

WATERMARK: Final = "watermark"


class Scans(Protocol):
    """A store whose rows can be read in order."""

    def scan(
        self, table: str, partition: int, prefix: str, after: str | None, limit: int
    ) -> list[tuple[str, bytes]]:
        """At most `limit` rows whose keys begin with `prefix`, in order, after the key `after`."""


class Sweep(Struct, frozen=True, kw_only=True):
    """Where a table's sweep is, or how far event time is.

    after: the last row that was looked at; "" before the first. oldest: the least event time of a
    row that this pass has left standing. at: the watermark. All times in seconds since the epoch.
    """

    after: str = ""
    oldest: float | None = None
    at: float = 0.0


@dataclass(frozen=True)
class Swept:
    """What a sweep did, by table (`TableSpec.name`).

    expired: rows removed. oldest: the event time of the oldest row that is left, where a pass has
    come to the table's end. unreadable: rows that do not decode, which stay.
    """

    expired: Counter[str] = field(default_factory=Counter)
    oldest: dict[str, datetime] = field(default_factory=dict)
    unreadable: Counter[str] = field(default_factory=Counter)


def sweeps(timers: TableSpec[Any]) -> TableSpec[Sweep]:
    """Where a chain's sweeps keep what they know: in the kept table of its timers."""
    return _sweeps(timers.table)


@cache
def _sweeps(table: str) -> TableSpec[Sweep]:
    return TableSpec(name=f"{table}.sweep", value=Sweep)


def watermark(state: Overlay, timers: TableSpec[Any]) -> datetime | None:
    """The greatest event time that this partition has seen, or None before the first."""
    row = state.get(sweeps(timers), WATERMARK)
    return None if row is None else datetime.fromtimestamp(row.at, UTC)


def note_time(state: Overlay, timers: TableSpec[Any], at: datetime, now: datetime) -> None:
    """An event of this time was seen, at the processing time `now`.

    One that is ahead of processing time counts as of then: a camera whose clock is a year ahead
    must not end the time of every row.
    """
    spec = sweeps(timers)
    row = state.get(spec, WATERMARK)
    time = min(at, now).timestamp()
    if row is None or time >= row.at + STEP.total_seconds():
        state.put(spec, WATERMARK, Sweep(at=time))


def sweep(
    state: Overlay,
    store: Scans,
    tables: Iterable[TableSpec[Any]],
    timers: TableSpec[Any],
    *,
    limit: int = ROWS_A_TICK,
) -> Swept:
    """Look at the next `limit` rows of each table that has an expiry; remove those that are over.

    A row is over when its event time is `after` or more behind the watermark. Rows are found in
    the store and judged as the overlay has them, so one that was just renewed stays.
    """
    swept = Swept()
    mark = watermark(state, timers)
    if mark is None:
        return swept
    for spec in tables:
        if spec.expiry is not None:
            _sweep_table(state, store, spec, sweeps(timers), mark, limit, swept)
    return swept


def _sweep_table(
    state: Overlay,
    store: Scans,
    spec: TableSpec[Any],
    kept: TableSpec[Sweep],
    mark: datetime,
    limit: int,
    swept: Swept,
) -> None:
    assert spec.expiry is not None
    begun = state.get(kept, spec.name) or Sweep()
    prefix = spec.prefix
    rows = store.scan(
        spec.table, state.partition, prefix, prefix + begun.after if begun.after else None, limit
    )
    oldest = begun.oldest
    for name, _ in rows:
        text = Text(name.removeprefix(prefix))
        try:
            value = state.get(spec, text)
        except msgspec.MsgspecError:
            swept.unreadable[spec.name] += 1
            continue
        at = None if value is None else spec.expiry.at(value)
        if at is None:
            continue
        if mark - at >= spec.expiry.after:
            state.put(spec, text, None)
            swept.expired[spec.name] += 1
        else:
            oldest = at.timestamp() if oldest is None else min(oldest, at.timestamp())
    if len(rows) < limit:
        if oldest is not None:
            swept.oldest[spec.name] = datetime.fromtimestamp(oldest, UTC)
        ended = Sweep()
    else:
        ended = Sweep(after=rows[-1][0].removeprefix(prefix), oldest=oldest)
    if ended != begun:
        state.put(kept, spec.name, ended)
