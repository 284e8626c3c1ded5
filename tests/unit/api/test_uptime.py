"""Uptime, and the mean times to detect and to repair, from changes of severity."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.watch.schedule import LONGEST_S
from api.device.uptime import (
    OVERDUE,
    Change,
    Day,
    Outage,
    Tally,
    known_until,
    last_days,
    mean,
    outages,
    tallies,
)
from schemas.device import DeviceSeverity

NORMAL, SUSPECT, CRITICAL = DeviceSeverity
BERLIN = ZoneInfo("Europe/Berlin")
T0 = datetime(2026, 3, 2, tzinfo=UTC)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "America/Havana",
    "Asia/Gaza",
)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def told(*changes: tuple[float, DeviceSeverity]) -> list[Change]:
    return [Change(at(minutes), severity) for minutes, severity in changes]


@pytest.mark.parametrize(
    ("zone", "now", "count", "hours"),
    [
        ("UTC", "2026-03-02T06:00Z", 2, [24, 6]),
        ("UTC", "2026-03-02T00:00Z", 2, [24, 0]),  # the day has just begun
        ("Europe/Berlin", "2026-03-02T22:30Z", 1, [23.5]),
        ("Europe/Berlin", "2026-03-02T23:30Z", 1, [0.5]),  # tomorrow there
        ("Europe/Berlin", "2026-03-30T10:00Z", 3, [24, 23, 12]),  # summer time begins
        ("Europe/Berlin", "2026-10-26T11:00Z", 3, [24, 25, 12]),  # and ends
        ("America/Sao_Paulo", "2018-11-05T12:00Z", 3, [24, 23, 10]),  # no midnight that day
        ("America/Havana", "2026-11-02T12:00Z", 3, [24, 25, 7]),  # midnight comes twice
        ("Asia/Kathmandu", "2026-03-02T18:15Z", 2, [24, 0]),  # 5 h 45 min ahead
    ],
)
def test_days_of_a_zone(zone: str, now: str, count: int, hours: list[float]) -> None:
    days = last_days(datetime.fromisoformat(now), ZoneInfo(zone), count)
    assert [(day.end - day.begin) / timedelta(hours=1) for day in days] == hours
    assert all(day.begin.astimezone(ZoneInfo(zone)).date() == day.date for day in days)
    assert days[-1].end == datetime.fromisoformat(now)


@given(
    st.integers(0, 15 * 365 * 86_400).map(
        lambda s: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
    ),
    st.sampled_from(ZONES),
    st.integers(1, 90),
)
def test_days_follow_each_other_without_a_gap(now: datetime, zone: str, count: int) -> None:
    days = last_days(now, ZoneInfo(zone), count)
    assert len(days) == count
    assert days[-1].end == now
    for before, after in pairwise(days):
        assert before.end == after.begin
        assert after.date - before.date == timedelta(days=1)
        assert timedelta(hours=20) < before.end - before.begin < timedelta(hours=28)


@pytest.mark.parametrize(
    ("changes", "until", "expected"),
    [
        ([], 60, (0, 0, 0, 60)),  # never polled: nothing is known, and nothing is down
        (told((0, NORMAL)), 60, (60, 0, 0, 0)),
        (told((-600, NORMAL)), 60, (60, 0, 0, 0)),  # how it was before goes on
        (told((-600, CRITICAL)), 60, (0, 0, 60, 0)),
        (told((20, NORMAL)), 60, (40, 0, 0, 20)),  # before the first poll
        (told((0, NORMAL), (10, SUSPECT), (14, CRITICAL), (30, SUSPECT), (31, NORMAL)), 60,
         (39, 5, 16, 0)),
        (told((0, NORMAL)), 45, (45, 0, 0, 15)),  # polling has stopped
        (told((-10, NORMAL)), -5, (0, 0, 0, 60)),  # long ago
        (told((0, NORMAL), (50, CRITICAL)), 45, (45, 0, 0, 15)),
        (told((0, NORMAL), (60, CRITICAL)), 90, (60, 0, 0, 0)),  # the hour is half open
        (told((-1, NORMAL), (0, CRITICAL)), 90, (0, 0, 60, 0)),
    ],
)  # fmt: skip
def test_an_hour(changes: list[Change], until: float, expected: tuple[float, ...]) -> None:
    day = Day(date(2026, 3, 2), at(0), at(60))
    (tally,) = tallies(changes, [day], at(until))
    found = (tally.normal_s, tally.suspect_s, tally.down_s, tally.unknown_s)
    assert tuple(seconds / 60 for seconds in found) == expected


@pytest.mark.parametrize(
    ("tally", "up"),
    [
        (Tally(), None),
        (Tally(unknown_s=9), None),  # nothing is known: no share of it
        (Tally(normal_s=1, unknown_s=99), 1.0),
        (Tally(down_s=5), 0.0),
        (Tally(normal_s=1, suspect_s=1, down_s=2), 0.5),  # suspect is up
    ],
)
def test_the_share(tally: Tally, up: float | None) -> None:
    assert tally.up == up


QUARTER = 15
"""Minutes: no zone's days begin in between."""
MOMENTS = st.lists(
    st.tuples(st.integers(-200, 400).map(lambda n: n * QUARTER), st.sampled_from(DeviceSeverity)),
    unique_by=lambda one: one[0],
    max_size=25,
).map(sorted)


@given(MOMENTS, st.integers(-10, 340).map(lambda n: n * QUARTER), st.sampled_from(ZONES))
def test_each_quarter_counts_once_as_what_it_was(
    moments: list[tuple[int, DeviceSeverity]], until: int, zone: str
) -> None:
    now = at(270 * QUARTER)
    days = last_days(now, ZoneInfo(zone), 3)
    changes = told(*moments)
    found = tallies(changes, days, min(now, at(until)))
    for day, tally in zip(days, found, strict=True):
        expected = Tally()
        moment = day.begin
        while moment < day.end:
            before = [one.severity for one in changes if one.at <= moment]
            known = before and moment < at(until)
            expected.add(before[-1] if known else None, 60 * QUARTER)
            moment += timedelta(minutes=QUARTER)
        assert tally == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], []),
        (told((0, NORMAL), (5, SUSPECT), (10, NORMAL)), []),  # a suspicion is no outage
        (told((0, NORMAL), (5, SUSPECT), (9, CRITICAL)), [(5, 9, None)]),  # and goes on
        (told((0, NORMAL), (9, CRITICAL), (20, SUSPECT), (21, NORMAL)), [(9, 9, 21)]),  # too slow
        (told((0, NORMAL), (5, SUSPECT), (9, CRITICAL), (20, SUSPECT), (21, NORMAL)),
         [(5, 9, 21)]),
        # critical once more on its way back: the same outage
        (told((5, SUSPECT), (9, CRITICAL), (20, SUSPECT), (24, CRITICAL), (30, SUSPECT),
              (31, NORMAL)), [(5, 9, 31)]),
        (told((0, CRITICAL), (5, SUSPECT), (6, NORMAL), (10, SUSPECT), (14, CRITICAL)),
         [(0, 0, 6), (10, 14, None)]),
    ],
)  # fmt: skip
def test_outages(changes: list[Change], expected: list[tuple[float, float, float | None]]) -> None:
    assert outages(changes) == [
        Outage(
            failed_at=at(failed),
            critical_at=at(critical),
            normal_at=None if normal is None else at(normal),
        )
        for failed, critical, normal in expected
    ]


@given(MOMENTS)
def test_outages_follow_each_other(moments: list[tuple[int, DeviceSeverity]]) -> None:
    found = outages(told(*moments))
    for one in found:
        assert one.failed_at <= one.critical_at
        assert one.normal_at is None or one.critical_at < one.normal_at
    for before, after in pairwise(found):
        assert before.normal_at is not None
        assert before.normal_at < after.critical_at
    assert bool(found) == any(severity is CRITICAL for _, severity in moments)


@pytest.mark.parametrize(
    ("due", "minutes"),
    [
        (None, 60),
        (61, 60),
        (54, 60),  # late, as one may be after a restart
        (53.9, 53.9),  # polling has stopped
    ],
)
def test_how_long_the_newest_word_holds(due: float | None, minutes: float) -> None:
    assert known_until(at(60), None if due is None else at(due)) == at(minutes)


def test_a_poll_that_has_its_place_in_the_longest_interval_is_not_overdue() -> None:
    assert OVERDUE.total_seconds() == LONGEST_S


def test_the_mean_of_nothing() -> None:
    assert mean([]) is None
    assert mean([1, 2, 6]) == 3
