"""When devices are polled: in order, once, and never all at once."""

from __future__ import annotations

import random
from collections import deque
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.watch.health import next_poll
from agents.watch.schedule import (
    LONGEST_S,
    Pacer,
    Schedule,
    first_due,
    interval_s,
    longest_s,
    spread_s,
)
from schemas.device import DeviceSeverity, Probe, ProbeKind

NOW = 1_800_000_000.0
NORMAL, SUSPECT, CRITICAL = DeviceSeverity


def test_the_earliest_is_taken_first_and_once() -> None:
    schedule = Schedule()
    for key, due in (("b", 2.0), ("a", 1.0), ("c", 3.0)):
        schedule.put(key, due)
    assert schedule.next_due() == 1.0
    assert list(schedule.take(2.0, 10)) == [("a", 1.0), ("b", 2.0)]
    assert list(schedule.take(2.0, 10)) == []
    assert len(schedule) == 1


def test_no_more_are_taken_than_there_is_room_for() -> None:
    schedule = Schedule()
    for number in range(5):
        schedule.put(f"d{number}", float(number))
    assert [key for key, _ in schedule.take(10.0, 2)] == ["d0", "d1"]
    assert len(schedule) == 3


def test_a_new_plan_takes_the_place_of_the_old_one() -> None:
    schedule = Schedule()
    schedule.put("a", 1.0)
    schedule.put("a", 5.0)
    assert list(schedule.take(4.0, 10)) == []
    assert list(schedule.take(5.0, 10)) == [("a", 5.0)]
    schedule.put("b", 1.0)
    schedule.drop("b")
    schedule.drop("never there")
    assert schedule.next_due() is None


def test_what_is_planned_anew_again_and_again_takes_no_room() -> None:
    schedule = Schedule()
    for number in range(10_000):
        schedule.put("a", float(number))
    assert len(schedule._heap) <= 66
    assert list(schedule.take(1e9, 10)) == [("a", 9999.0)]


@given(
    puts=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.floats(0, 100), st.booleans()), max_size=60
    ),
    now=st.floats(0, 100),
)
def test_the_heap_is_as_a_table_that_is_searched(
    puts: list[tuple[str, float, bool]], now: float
) -> None:
    schedule, table = Schedule(), dict[str, float]()
    for key, due, dropped in puts:
        if dropped:
            schedule.drop(key)
            table.pop(key, None)
        else:
            schedule.put(key, due)
            table[key] = due
    expected = sorted((due, key) for key, due in table.items() if due <= now)
    assert [(due, key) for key, due in schedule.take(now, 100)] == expected
    assert len(schedule) == len(table) - len(expected)


@pytest.mark.parametrize(
    ("severity", "next_poll_at", "least", "most"),
    [
        (NORMAL, NOW + 100, 100, 100),  # as planned
        (CRITICAL, NOW, 0, 0),
        (NORMAL, NOW + 9e9, LONGEST_S, LONGEST_S),  # a clock was ahead once
        (NORMAL, NOW - 1, 0, LONGEST_S),
        (NORMAL, NOW - 9e6, 0, LONGEST_S),
        (SUSPECT, NOW - 1, 0, 120),
        (CRITICAL, NOW - 1, 0, 120),
        (None, None, 0, 1),  # one that was just added
    ],
)
def test_when_a_device_is_polled_that_has_become_ours(
    severity: DeviceSeverity | None, next_poll_at: float | None, least: float, most: float
) -> None:
    due = first_due("north/nvr-1", severity, next_poll_at, NOW, 1)
    assert NOW + least <= due <= NOW + most


def test_a_site_that_is_asked_less_often_waits_longer() -> None:
    assert interval_s(NORMAL, 600) == 600
    assert interval_s(SUSPECT, 600) == 60
    assert longest_s(600) == spread_s(NORMAL, 600) == 2.5 * LONGEST_S
    assert spread_s(CRITICAL, 600) == spread_s(CRITICAL)
    late = NOW + 2 * LONGEST_S
    assert first_due("n/a", NORMAL, late, NOW, 1) == NOW + LONGEST_S
    assert first_due("n/a", NORMAL, late, NOW, 1, 600) == late
    # What is new is seen as soon as anywhere.
    assert first_due("n/a", None, None, NOW, 1, 3600) <= NOW + 1


def test_one_restart_after_the_other_puts_nobody_off() -> None:
    keys = [f"north/d{number}" for number in range(200)]
    places = {key: first_due(key, NORMAL, NOW - 5, NOW, 0) for key in keys}
    for key, due in places.items():
        assert first_due(key, NORMAL, NOW - 5, due - 0.5, 0) == pytest.approx(due, abs=1e-3)


def test_many_new_devices_are_spread_and_one_sites_are_seen_within_the_minute() -> None:
    few = [first_due(f"n/{number}", None, None, NOW, 64) - NOW for number in range(64)]
    assert max(few) < 60
    many = [first_due(f"n/{number}", None, None, NOW, 10_000) - NOW for number in range(10_000)]
    assert max(many) > 0.95 * LONGEST_S
    assert fullest(sorted(many), 10.0) < 1.5 * 10_000 * 10 / interval_s(NORMAL)


def fullest(times: list[float], window: float) -> int:
    inside: deque[float] = deque()
    most = 0
    for at in times:
        inside.append(at)
        while inside[0] <= at - window:
            inside.popleft()
        most = max(most, len(inside))
    return most


def after(key: str, at: float, severity: DeviceSeverity) -> float:
    probe = Probe(
        site_id="n",
        device_id=key,
        kind=ProbeKind.TCP,
        at=datetime.fromtimestamp(at, UTC),
        ok=True,
    )
    return next_poll(severity, probe).timestamp()


def restarted(
    count: int, away: float, severity: DeviceSeverity, *, paced: bool
) -> tuple[list[float], float]:
    """When polls begin in the 8 min after a restart, and the normal rate; in virtual time."""
    dice = random.Random(7)
    schedule, pacer = Schedule(), Pacer()
    rate = count / interval_s(severity)
    for number in range(count):
        key = f"d{number}"
        due = NOW - 1000 + dice.random() * interval_s(severity)
        while due <= NOW - away:
            due = after(key, due, severity)
        schedule.put(key, first_due(key, severity, due, NOW, 0))
    times: list[float] = []
    now = NOW
    while now < NOW + 480:
        room = pacer.room(now, rate) if paced else count
        for key, _ in list(schedule.take(now, room)):
            pacer.begin(now)
            times.append(now)
            schedule.put(key, after(key, now, severity))
        now += 0.5
    return times, rate


@pytest.mark.parametrize("away", [1.0, 30.0, 150.0, 240.0, 3600.0])
@pytest.mark.parametrize("severity", [NORMAL, CRITICAL])
def test_a_restart_does_not_stampede(away: float, severity: DeviceSeverity) -> None:
    times, rate = restarted(1000, away, severity, paced=True)
    assert fullest(times, 10.0) <= 1.5 * rate * 10
    # Nobody is forgotten, either.
    assert len(times) >= 0.8 * rate * 480


@pytest.mark.parametrize("away", [30.0, 60.0, 120.0, 150.0, 180.0, 240.0, 360.0])
def test_the_spread_alone_keeps_below(away: float) -> None:
    times, rate = restarted(4000, away, NORMAL, paced=False)
    minute = fullest(times, 60.0)
    assert minute <= 1.4 * rate * 60
    assert spread_s(NORMAL) == LONGEST_S


def test_the_pace_follows_from_the_normal_rate_and_few_are_never_held_back() -> None:
    pacer = Pacer()
    assert pacer.room(NOW, 100.0) == 1400
    for _ in range(1400):
        pacer.begin(NOW)
    assert pacer.room(NOW + 9.9, 100.0) == 0
    assert pacer.frees(NOW + 4) == pytest.approx(6.0)
    assert pacer.room(NOW + 10, 100.0) == 1400
    assert pacer.room(NOW, 0.0) == 20
    pacer.begin(NOW)
    # The clock was set back by an hour.
    assert pacer.room(NOW - 3600, 0.0) == 20
    assert Pacer().frees(NOW) == 0.0


def test_a_minute_is_between_polls_of_what_is_not_well() -> None:
    assert interval_s(SUSPECT) == interval_s(CRITICAL) == timedelta(minutes=1).total_seconds()
    assert interval_s(NORMAL) == interval_s(None) == timedelta(minutes=4).total_seconds()
