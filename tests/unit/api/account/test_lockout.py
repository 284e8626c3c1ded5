"""Waiting after sign-ins that failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.account.lockout import (
    FORGET,
    POLICIES,
    Failures,
    Measure,
    counted,
    network_of,
    subjects,
    wait,
)

NOW = datetime(2026, 3, 2, 22, tzinfo=UTC)
ZERO = timedelta(0)
PAIR = POLICIES[Measure.PAIR]


def seconds(count: int) -> timedelta:
    return timedelta(seconds=count)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, 0),
        (4, 0),  # the fifth try is still free
        (5, 2),
        (6, 4),
        (7, 8),
        (13, 512),
        (14, 900),  # 1024 would be more than the most
        (10_000, 900),
    ],
)
def test_the_wait_doubles_up_to_its_most(count: int, expected: int) -> None:
    assert wait(Failures(count=count, at=NOW), PAIR, NOW) == seconds(expected)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (seconds(0), 8),
        (seconds(3), 5),
        (seconds(8), 0),
        (-seconds(60), 8),  # a clock that was put back makes it no longer
    ],
)
def test_the_wait_passes(after: timedelta, expected: int) -> None:
    assert wait(Failures(count=7, at=NOW), PAIR, NOW + after) == seconds(expected)


def test_nothing_failed_yet() -> None:
    assert wait(None, PAIR, NOW) == ZERO
    assert counted(None, NOW) == Failures(count=1, at=NOW)


def test_after_an_hour_it_is_forgotten() -> None:
    old = Failures(count=50, at=NOW - FORGET)
    assert wait(old, PAIR, NOW) == ZERO
    assert counted(old, NOW) == Failures(count=1, at=NOW)
    assert counted(Failures(count=50, at=NOW - FORGET + seconds(1)), NOW).count == 51


def test_an_outsider_keeps_nobody_out_for_long() -> None:
    """From a thousand addresses: of the account's own measure."""
    assert wait(Failures(count=10**6, at=NOW), POLICIES[Measure.ACCOUNT], NOW) == seconds(30)


@given(
    st.integers(0, 10**9),
    st.timedeltas(min_value=-timedelta(days=400), max_value=timedelta(days=400)),
    st.sampled_from(list(Measure)),
)
def test_a_wait_is_within_its_bounds(count: int, after: timedelta, measure: Measure) -> None:
    policy = POLICIES[measure]
    found = wait(Failures(count=count, at=NOW), policy, NOW + after)
    assert ZERO <= found <= policy.most
    # One more failure never makes it shorter.
    assert wait(Failures(count=count + 1, at=NOW), policy, NOW + after) >= found


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=60))
def test_whoever_waits_as_told_tries_a_bounded_number_of_times(pauses: list[int]) -> None:
    """A guesser who obeys: free tries, and then each costs twice as much."""
    failures, now, tries = None, NOW, 0
    for pause in pauses:
        now += wait(failures, PAIR, now)
        failures = counted(failures, now)
        tries += 1
        now += seconds(pause % 5)
    if tries > PAIR.free:
        spent = sum(min(2 * 2**n, 900) for n in range(tries - PAIR.free))
        assert now - NOW + seconds(5 * tries) >= seconds(spent)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
        ("nonsense", "unknown"),
    ],
)
def test_what_counts_as_one_address(address: str, expected: str) -> None:
    assert network_of(address) == expected


def test_measures_do_not_hold_what_was_typed() -> None:
    found = subjects("hunter2-typed-as-a-name", "192.0.2.7")
    assert "hunter2" not in str(found)
    assert len(set(found.values())) == 3
    assert found == subjects("hunter2-typed-as-a-name", "192.0.2.7")
    assert found[Measure.ACCOUNT] == subjects("hunter2-typed-as-a-name", "::1")[Measure.ACCOUNT]
