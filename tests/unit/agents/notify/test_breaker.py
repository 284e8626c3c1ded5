"""The breaker of a target: five failures, a pause, one trial."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.notify.breaker import (
    CLOSED,
    FIRST_OPEN,
    MOST_OPEN,
    OPEN_AFTER,
    TRIAL,
    Breaker,
    allowed_in,
    asked,
    failed,
    left_alone,
    took,
)
from tests.unit.agents.notify.parts import T0

NONE = timedelta(0)


def opened(times: int = OPEN_AFTER) -> Breaker:
    state = CLOSED
    for _ in range(times):
        state = failed(asked(state, T0), T0)
    return state


@pytest.mark.parametrize(
    ("failures", "pause"), [(0, NONE), (4, NONE), (5, FIRST_OPEN), (9, FIRST_OPEN)]
)
def test_the_fifth_failure_in_a_row_opens_it(failures: int, pause: timedelta) -> None:
    state = CLOSED
    for _ in range(failures):
        # As those that were under way together: nobody asks once it is open.
        state = failed(state, T0)
    assert allowed_in(state, T0) == pause


def test_a_success_in_between_starts_the_count_again() -> None:
    state = failed(took(opened(4)), T0)
    assert state == Breaker(failures=1)


def test_after_the_pause_one_trial_goes_through_and_the_others_wait() -> None:
    state = opened()
    then = T0 + FIRST_OPEN
    assert allowed_in(state, then) == NONE
    state = asked(state, then)
    assert allowed_in(state, then) > NONE
    # Its success closes it, a trial whose word never came is forgotten.
    assert allowed_in(took(state), then) == NONE
    assert allowed_in(state, then + TRIAL) == NONE


def test_each_failed_trial_doubles_the_pause_to_its_most() -> None:
    state, now, pauses = opened(), T0, []
    for _ in range(6):
        pauses.append(allowed_in(state, now).total_seconds())
        now += allowed_in(state, now)
        state = failed(asked(state, now), now)
    assert pauses == [15, 30, 60, 120, 120, 120]
    assert MOST_OPEN.total_seconds() == 120


def test_a_target_that_asks_for_quiet_gets_it_and_has_not_failed() -> None:
    state = left_alone(Breaker(failures=3), T0, 40)
    assert allowed_in(state, T0) == timedelta(seconds=40)
    assert allowed_in(state, T0 + timedelta(seconds=40)) == NONE
    assert state.failures == 3
    # The longer quiet stands.
    assert allowed_in(left_alone(state, T0, 5), T0) == timedelta(seconds=40)


@given(st.lists(st.tuples(st.sampled_from(["ask", "fail", "took", "quiet"]), st.integers(0, 200))))
def test_whatever_happens_it_lets_somebody_through_in_the_end(
    steps: list[tuple[str, int]],
) -> None:
    state, now = CLOSED, T0
    for what, seconds in steps:
        now += timedelta(seconds=seconds)
        if what == "ask":
            state = asked(state, now)
        elif what == "fail":
            state = failed(state, now)
        elif what == "took":
            state = took(state)
        else:
            state = left_alone(state, now, seconds)
        assert allowed_in(state, now) >= NONE
    assert allowed_in(state, now + timedelta(hours=1)) == NONE
