"""Timers against a sorted list: each fires once, in order, and the clock never goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.runtime import timers
from agents.runtime.state import MemoryStore, Overlay
from agents.runtime.timers import PAGE, Timer

SPEC = timers.table("test")
EPOCH = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
YEAR = 366 * 86_400


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def timer(seconds: float, key: str = "k") -> Timer:
    return Timer(at=at(seconds).timestamp(), stage="stage", kind="kind", key=key)


class Model:
    """The same in the plainest way: a list of (second in which it may fire, timer)."""

    def __init__(self) -> None:
        self.now: float | None = None
        self.waiting: list[tuple[int, Timer]] = []

    def set(self, one: Timer) -> None:
        second = max(ceil(one.at), 0 if self.now is None else int(self.now) + 1)
        if (second, one) not in self.waiting:
            self.waiting.append((second, one))

    def tick(self, now: float) -> list[Timer]:
        if self.now is not None and now <= self.now:
            return []
        self.now = now
        ripe = [one for second, one in self.waiting if second <= int(now)]
        self.waiting = [(second, one) for second, one in self.waiting if second > int(now)]
        return sorted(set(ripe))


MOMENTS = st.one_of(
    st.integers(-7200, 7200).map(float),
    st.floats(-10, 10, allow_nan=False),
    st.sampled_from([0.0, 0.5, 3599.9, 3600.0, 86_400.0, float(YEAR)]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), MOMENTS, st.sampled_from("abc")),
        st.tuples(st.just("tick"), MOMENTS, st.just("")),
    ),
    max_size=40,
)


@given(steps=STEPS)
@settings(max_examples=150, deadline=None)
def test_timers_are_a_sorted_list(steps: list[tuple[str, float, str]]) -> None:
    store = MemoryStore()
    model = Model()
    for what, seconds, key in steps:
        # A chunk each: what is kept between two is what was written.
        state = Overlay(0, None, store)
        if what == "set":
            timers.set_timer(state, SPEC, timer(seconds, key))
            model.set(timer(seconds, key))
        else:
            fired = timers.due(state, SPEC, at(seconds))
            assert list(fired) == model.tick(at(seconds).timestamp())
        for table, row, value in state.rows():
            store.write(table, 0, row, value)
    clock = timers.clock(Overlay(0, None, store), SPEC)
    assert clock == (None if model.now is None else datetime.fromtimestamp(model.now, UTC))


def test_the_clock_never_goes_back_and_a_tick_again_fires_nothing() -> None:
    state = Overlay(0, None, MemoryStore())
    timers.due(state, SPEC, at(0))
    timers.set_timer(state, SPEC, timer(5))
    assert [one.key for one in timers.due(state, SPEC, at(5))] == ["k"]
    for again in (5, 4, -1000):
        assert timers.due(state, SPEC, at(again)) == ()
        assert timers.clock(state, SPEC) == at(5)


def test_one_set_in_the_past_fires_at_the_next_tick() -> None:
    state = Overlay(0, None, MemoryStore())
    timers.due(state, SPEC, at(100))
    timers.set_timer(state, SPEC, timer(-5000))
    assert [one.at for one in timers.due(state, SPEC, at(101))] == [at(-5000).timestamp()]


def test_the_same_one_twice_is_the_same_one() -> None:
    state = Overlay(0, None, MemoryStore())
    for _ in range(3):
        timers.set_timer(state, SPEC, timer(5))
    assert len(timers.due(state, SPEC, at(9))) == 1


def test_a_jump_of_a_year_fires_everything_in_order() -> None:
    state = Overlay(0, None, MemoryStore())
    timers.due(state, SPEC, at(0))
    moments = [1.0, 3600.0, 86_400.5, 200 * 86_400.0, YEAR - 1.0]
    for moment in reversed(moments):
        timers.set_timer(state, SPEC, timer(moment))
    timers.set_timer(state, SPEC, timer(YEAR + 1.0))
    fired = timers.due(state, SPEC, at(YEAR))
    assert [one.at for one in fired] == [at(moment).timestamp() for moment in moments]
    assert len(timers.due(state, SPEC, at(YEAR + 1))) == 1


def test_one_that_was_set_before_the_first_tick_survives_a_long_wait_for_it() -> None:
    """A worker that stopped before its partition's first tick, and came back after days."""
    state = Overlay(0, None, MemoryStore())
    timers.set_timer(state, SPEC, timer(25 * 3600))
    timers.set_timer(state, SPEC, timer(3600))
    assert len(timers.due(state, SPEC, at(10 * 86_400))) == 2


def test_thousands_in_one_second_keep_rows_small_and_are_all_fired() -> None:
    store = MemoryStore()
    state = Overlay(0, None, store)
    timers.due(state, SPEC, at(0))
    for number in range(1000):
        timers.set_timer(state, SPEC, timer(60, f"key-{number:04}"))
    rows = list(state.rows())
    assert max(len(value or b"") for _, _, value in rows) < 100 * PAGE
    for table, key, value in rows:
        store.write(table, 0, key, value)
    fresh = Overlay(0, None, store)
    assert [one.key for one in timers.due(fresh, SPEC, at(60))] == [
        f"key-{number:04}" for number in range(1000)
    ]
    for table, key, value in fresh.rows():
        store.write(table, 0, key, value)
    assert set(store.rows) == {("test-timers", 0, ":clock")}


def test_a_timer_takes_its_trace_along_also_from_a_full_page() -> None:
    store = MemoryStore()
    state = Overlay(0, None, store)
    timers.fire(state, SPEC, at(0))
    for number in range(PAGE + 5):
        trace = f"{number:032x}" if number % 2 else ""
        timers.set_timer(state, SPEC, timer(60, f"key-{number:04}"), trace)
    # The same again is the same one, whoever asks.
    timers.set_timer(state, SPEC, timer(60, f"key-{PAGE + 3:04}"), "f" * 32)
    fired = {one.timer.key: one.trace for one in timers.fire(state, SPEC, at(60))}
    assert fired == {
        f"key-{number:04}": f"{number:032x}" if number % 2 else "" for number in range(PAGE + 5)
    }
