"""How many in a sliding minute."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from agents.notify.limits import EMPTY, admit
from tests.unit.agents.notify.parts import T0


def test_none_is_no_limit() -> None:
    assert admit(EMPTY, T0, 0) == (EMPTY, 0.0)


def test_the_third_of_two_waits_until_the_first_is_a_minute_old() -> None:
    minute, _ = admit(EMPTY, T0, 2)
    minute, _ = admit(minute, T0 + timedelta(seconds=10), 2)
    minute, seconds = admit(minute, T0 + timedelta(seconds=20), 2)
    assert seconds == 40
    # Half open: exactly a minute later it is free again.
    assert admit(minute, T0 + timedelta(seconds=59.9), 2)[1] > 0
    assert admit(minute, T0 + timedelta(seconds=60), 2)[1] == 0


@given(st.lists(st.floats(0, 30), max_size=80), st.integers(1, 8))
def test_never_more_than_the_limit_in_a_minute(gaps: list[float], limit: int) -> None:
    minute, now = EMPTY, T0
    taken: list[float] = []
    for gap in gaps:
        now += timedelta(seconds=gap)
        minute, seconds = admit(minute, now, limit)
        if seconds == 0:
            taken.append(float(int(now.timestamp())))
        else:
            assert 0 < seconds <= 60
            # Whoever waits that long is let through.
            assert admit(minute, now + timedelta(seconds=seconds + 0.001), limit)[1] == 0
        assert len(minute.counts) <= 60
    for at in taken:
        assert sum(at - 60 < other <= at for other in taken) <= limit


def test_a_clock_that_goes_back_lets_no_more_through() -> None:
    minute, _ = admit(EMPTY, T0, 1)
    assert admit(minute, T0 - timedelta(seconds=30), 1)[1] == 60
