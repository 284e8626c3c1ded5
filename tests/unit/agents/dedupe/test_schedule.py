"""Weekly schedules by the wall clock, across midnight and changes of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dedupe.schedule import DAYS, active
from schemas.document import Schedule, Window

EVERY_DAY = DAYS


def schedule(start: str, end: str, *days: str, timezone: str | None = None) -> Schedule:
    return Schedule(
        timezone=timezone, windows=(Window(days=days or EVERY_DAY, start=start, end=end),)
    )


def local(zone: str, text: str, *, fold: int = 0) -> datetime:
    """An instant, as that zone's wall clock shows it; fold 1: the second time that it does."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


# 2026-03-02 is a Monday.
@pytest.mark.parametrize(
    ("start", "end", "days", "text", "inside"),
    [
        ("08:00", "18:00", ("mon",), "2026-03-02T08:00:00", True),
        ("08:00", "18:00", ("mon",), "2026-03-02T07:59:59.999999", False),
        ("08:00", "18:00", ("mon",), "2026-03-02T17:59:59.999999", True),
        ("08:00", "18:00", ("mon",), "2026-03-02T18:00:00", False),  # the end is not inside
        ("08:00", "18:00", ("mon",), "2026-03-03T09:00:00", False),  # another day
        ("00:00", "24:00", ("mon",), "2026-03-02T00:00:00", True),  # 24:00: to the day's end
        ("00:00", "24:00", ("mon",), "2026-03-02T23:59:59.999999", True),
        ("00:00", "24:00", ("mon",), "2026-03-03T00:00:00", False),
        ("18:00", "24:00", ("mon",), "2026-03-03T00:00:00", False),
        ("00:00", "23:59", ("mon",), "2026-03-02T23:59:00", False),
        ("18:00", "06:00", ("fri",), "2026-03-06T18:00:00", True),  # overnight: starts on Friday
        ("18:00", "06:00", ("fri",), "2026-03-07T05:59:59", True),  # and ends on Saturday
        ("18:00", "06:00", ("fri",), "2026-03-07T06:00:00", False),
        ("18:00", "06:00", ("fri",), "2026-03-06T05:00:00", False),  # that was Thursday's
        ("18:00", "06:00", ("fri",), "2026-03-07T19:00:00", False),  # none starts on Saturday
        ("22:00", "02:00", ("sun",), "2026-03-09T01:00:00", True),  # Sunday's, over the week's end
        ("09:00", "09:00", ("mon",), "2026-03-02T09:00:00", True),  # start == end: 24 hours
        ("09:00", "09:00", ("mon",), "2026-03-03T08:59:59", True),
        ("09:00", "09:00", ("mon",), "2026-03-03T09:00:00", False),
        ("09:00", "09:00", ("mon",), "2026-03-02T08:59:59", False),
    ],
)
def test_windows(start: str, end: str, days: tuple[str, ...], text: str, inside: bool) -> None:
    found = schedule(start, end, *days, timezone="Europe/Berlin")
    assert active(found, None, local("Europe/Berlin", text)) is inside


def test_no_windows_is_always() -> None:
    assert active(Schedule(), "Europe/Berlin", datetime(2026, 3, 2, 3, tzinfo=UTC))


def test_one_window_of_several_is_enough() -> None:
    both = Schedule(
        windows=(
            Window(days=("mon",), start="08:00", end="09:00"),
            Window(days=("mon",), start="20:00", end="21:00"),
        )
    )
    instants = [datetime(2026, 3, 2, hour, 30, tzinfo=UTC) for hour in (8, 12, 20)]
    assert [active(both, None, one) for one in instants] == [True, False, True]


@pytest.mark.parametrize(
    ("own", "site", "inside"),
    [
        ("Asia/Tokyo", "Europe/Berlin", True),  # its own
        (None, "Asia/Tokyo", True),  # else the site's
        (None, None, False),  # else UTC
    ],
)
def test_whose_timezone(own: str | None, site: str | None, inside: bool) -> None:
    # 23:30 UTC on Sunday is 08:30 on Monday in Tokyo.
    at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert active(schedule("08:00", "09:00", "mon", timezone=own), site, at) is inside


@pytest.mark.parametrize(
    ("zone", "text", "fold", "start", "end", "inside"),
    [
        # London springs forward on 2026-03-29: 00:59:59 is followed by 02:00:00.
        ("Europe/London", "2026-03-29T00:59:59", 0, "00:30", "02:30", True),
        ("Europe/London", "2026-03-29T02:00:00", 0, "00:30", "02:30", True),
        ("Europe/London", "2026-03-29T02:30:00", 0, "00:30", "02:30", False),
        # A window inside the hour that is left out never opens.
        ("Europe/London", "2026-03-29T00:59:59", 0, "01:00", "02:00", False),
        ("Europe/London", "2026-03-29T02:00:00", 0, "01:00", "02:00", False),
        # And falls back on 2026-10-25: 01:00 to 02:00 comes twice, and both count.
        ("Europe/London", "2026-10-25T01:30:00", 0, "01:00", "02:00", True),
        ("Europe/London", "2026-10-25T01:30:00", 1, "01:00", "02:00", True),
        ("Europe/London", "2026-10-25T02:00:00", 0, "01:00", "02:00", False),
        # New York, overnight across its spring: 2026-03-08 at 02:00.
        ("America/New_York", "2026-03-08T03:00:00", 0, "22:00", "04:00", True),
        ("America/New_York", "2026-03-08T04:00:00", 0, "22:00", "04:00", False),
        # And across its autumn: 2026-11-01 at 02:00.
        ("America/New_York", "2026-11-01T01:59:59", 1, "22:00", "02:00", True),
        ("America/New_York", "2026-11-01T02:00:00", 0, "22:00", "02:00", False),
        # São Paulo left midnight itself out: 2018-11-04T00:00 was 01:00.
        ("America/Sao_Paulo", "2018-11-03T23:59:59", 0, "23:00", "02:00", True),
        ("America/Sao_Paulo", "2018-11-04T01:00:00", 0, "23:00", "02:00", True),
        ("America/Sao_Paulo", "2018-11-04T02:00:00", 0, "23:00", "02:00", False),
        # And had 23:00 twice: 2018-02-17 at midnight.
        ("America/Sao_Paulo", "2018-02-17T23:30:00", 0, "23:00", "24:00", True),
        ("America/Sao_Paulo", "2018-02-17T23:30:00", 1, "23:00", "24:00", True),
        ("America/Sao_Paulo", "2018-02-18T00:00:00", 0, "23:00", "24:00", False),
    ],
)
def test_across_a_change_of_clocks_the_wall_clock_counts(
    zone: str, text: str, fold: int, start: str, end: str, inside: bool
) -> None:
    at = local(zone, text, fold=fold)
    assert active(schedule(start, end, timezone=zone), None, at) is inside


def test_an_overnight_window_is_an_hour_shorter_in_spring_and_longer_in_autumn() -> None:
    night = schedule("22:00", "06:00", "sat", timezone="Europe/London")

    def minutes(begin: str) -> int:
        first = local("Europe/London", begin)
        return sum(active(night, None, first + timedelta(minutes=one)) for one in range(24 * 60))

    assert minutes("2026-03-28T12:00:00") == 7 * 60
    assert minutes("2026-10-24T12:00:00") == 9 * 60
    assert minutes("2026-06-13T12:00:00") == 8 * 60


@given(
    start=st.integers(0, 1439),
    end=st.integers(0, 1440),
    day=st.sampled_from(DAYS),
    minute=st.integers(0, 7 * 1440 - 1),
)
def test_a_window_is_the_minutes_after_its_start_in_its_day(
    start: int, end: int, day: str, minute: int
) -> None:
    """Against the plainest definition: minutes of a week since the window's start."""
    found = schedule(f"{start // 60:02}:{start % 60:02}", f"{end // 60:02}:{end % 60:02}", day)
    length = end - start if end > start else end - start + 1440
    begins = DAYS.index(day) * 1440 + start
    at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=minute)
    assert active(found, None, at) is ((minute - begins) % (7 * 1440) < length)
