"""Rows go when event time has left them behind, a few at a time, wherever the sweep is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from agents.runtime import timers
from agents.runtime.expiry import Swept, note_time, sweep, watermark
from agents.runtime.state import Expiry, MemoryStore, Overlay, TableSpec

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
TIMERS = timers.table("decide")
KEPT = timedelta(minutes=10)


class Seen(Struct, frozen=True):
    at: datetime | None


SEEN = TableSpec(
    name="dedupe.seen", value=Seen, key=tuple[int], expiry=Expiry(KEPT, lambda row: row.at)
)
OTHER = TableSpec(name="dedupe.other", value=Seen)


def minute(number: float) -> datetime:
    return BEGIN + timedelta(minutes=number)


class Table:
    """A partition over several chunks."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def chunk(self) -> Overlay:
        return Overlay(0, None, self.store)

    def commit(self, state: Overlay) -> None:
        for table, key, value in state.rows():
            self.store.write(table, 0, key, value)

    def put(self, rows: Mapping[int, float | None]) -> None:
        state = self.chunk()
        for key, at in rows.items():
            state.put(SEEN, (key,), Seen(None if at is None else minute(at)))
        self.commit(state)

    def see(self, at: float, now: float = 10**6) -> None:
        state = self.chunk()
        note_time(state, TIMERS, minute(at), minute(now))
        self.commit(state)

    def sweep(self, limit: int = 100) -> Swept:
        state = self.chunk()
        swept = sweep(state, self.store, [SEEN, OTHER], TIMERS, limit=limit)
        self.commit(state)
        return swept

    def keys(self) -> set[int]:
        found = self.store.scan("dedupe", 0, SEEN.prefix, None, 10**6)
        return {SEEN.typed(key.removeprefix(SEEN.prefix))[0] for key, _ in found}


@given(
    rows=st.dictionaries(st.integers(-50, 50), st.none() | st.integers(0, 60), max_size=30),
    seen=st.integers(0, 80),
    limit=st.integers(1, 7),
)
@settings(deadline=None)
def test_one_pass_removes_what_is_over_and_nothing_else(
    rows: dict[int, float | None], seen: int, limit: int
) -> None:
    table = Table()
    table.put(rows)
    table.see(seen)
    removed, oldest = 0, None
    for _ in range(len(rows) // limit + 1):
        swept = table.sweep(limit)
        assert swept.expired[SEEN.name] <= limit
        removed += swept.expired[SEEN.name]
        oldest = swept.oldest.get(SEEN.name, oldest)
    left = {key for key, at in rows.items() if at is None or seen - at < 10}
    assert table.keys() == left
    assert removed == len(rows) - len(left)
    times = [at for key in left if (at := rows[key]) is not None]
    assert oldest == (minute(min(times)) if times else None)


def test_nothing_goes_before_an_event_was_seen() -> None:
    table = Table()
    table.put({1: 0})
    assert table.sweep() == Swept()
    assert table.keys() == {1}


def test_a_row_that_was_just_renewed_stays() -> None:
    """The store has the old one still: the chunk that renews it is the one that sweeps."""
    table = Table()
    table.put({1: 0, 2: 0})
    table.see(30)
    state = table.chunk()
    state.put(SEEN, (1,), Seen(minute(29)))
    swept = sweep(state, table.store, [SEEN], TIMERS)
    table.commit(state)
    assert swept.expired == {SEEN.name: 1}
    assert table.keys() == {1}


def test_other_tables_of_the_stage_are_left_alone() -> None:
    table = Table()
    state = table.chunk()
    state.put(OTHER, "x", Seen(minute(0)))
    table.commit(state)
    table.see(1000)
    assert table.sweep() == Swept()
    assert table.chunk().get(OTHER, "x") == Seen(minute(0))


def test_event_time_does_not_run_ahead_of_processing_time() -> None:
    """One camera's clock must not end the time of all rows."""
    table = Table()
    table.put({1: 0})
    table.see(500_000, now=5)
    assert watermark(table.chunk(), TIMERS) == minute(5)
    table.sweep()
    assert table.keys() == {1}


def test_the_watermark_never_falls_and_is_not_written_for_every_event() -> None:
    table = Table()
    table.see(20)
    for at in (5, 20, 20 + 0.5 / 60):
        state = table.chunk()
        note_time(state, TIMERS, minute(at), minute(99))
        assert len(state) == 0
    assert watermark(table.chunk(), TIMERS) == minute(20)


def test_the_sweep_goes_on_where_another_worker_left_it() -> None:
    table = Table()
    table.put(dict.fromkeys(range(6), 30) | {9: 0})
    table.see(30)
    for _ in range(3):
        assert table.sweep(limit=2).expired[SEEN.name] == 0
    assert table.sweep(limit=2).expired[SEEN.name] == 1


def test_a_redelivered_tick_removes_nothing_twice() -> None:
    table = Table()
    table.put({1: 0})
    table.see(30)
    assert table.sweep().expired[SEEN.name] == 1
    assert table.sweep().expired[SEEN.name] == 0


def test_a_row_that_does_not_decode_stays_and_is_counted() -> None:
    table = Table()
    table.store.write("dedupe", 0, SEEN.row(SEEN.text((1,))), b"\x01\xc1")
    table.put({2: 0})
    table.see(30)
    swept = table.sweep()
    assert swept.unreadable == {SEEN.name: 1}
    assert table.keys() == {1}
