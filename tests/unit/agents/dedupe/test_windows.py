"""The two windows: half open, both ways, by event time; armed by admission, disarmed by failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.dedupe.windows import (
    HOUR_US,
    MOST,
    Armed,
    arm,
    disarm,
    hour_of,
    joined,
    micros,
    twin,
)
from schemas.document import Channel, Receiver
from tests.unit.agents.harness import Harness, at, decisions, event, routing, site

FOLDED = ("suppressed", "dedupe_window")
HELD = ("suppressed", "suppression_window")
SENT = ("sent", None)


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (0, FOLDED),  # another event at the same instant
        (59.999, FOLDED),  # just inside
        (60, SENT),  # half open
        (-59.999, FOLDED),  # late, still a twin
        (-60, SENT),  # half open in that direction too
    ],
)
def test_the_dedupe_window(gap: float, expected: tuple[str, str | None]) -> None:
    harness = Harness(site(dedupe_window_sec=60))
    assert harness.result(event("e1", at_seconds=100)) == SENT
    assert harness.result(event("e2", at_seconds=100 + gap)) == expected
    counts = (harness.alert().events, harness.alert().repeats)
    assert counts == ((2, 0) if expected == SENT else (1, 1))


@pytest.mark.parametrize(
    ("gap", "expected"), [(0, HELD), (9.999, HELD), (10, SENT), (-9.999, HELD), (-10, SENT)]
)
def test_the_suppression_window_holds_back_other_types(
    gap: float, expected: tuple[str, str | None]
) -> None:
    harness = Harness(site(suppression_window_sec=10))
    assert harness.result(event("e1", at_seconds=100)) == SENT
    other = event("e2", at_seconds=100 + gap, event_type="loitering")
    assert harness.result(other) == expected


def test_no_window_folds_nothing() -> None:
    harness = Harness(site())
    assert [harness.result(event(name)) for name in ("e1", "e2", "e3")] == [SENT] * 3
    assert (harness.alert().events, harness.alert().repeats) == (3, 0)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, FOLDED),
        ({"event_type": "loitering"}, SENT),  # another type
        ({"camera_id": "cam-2"}, SENT),  # another camera
    ],
)
def test_what_dedupe_goes_by(more: dict[str, str], expected: tuple[str, str | None]) -> None:
    harness = Harness(site(dedupe_window_sec=60))
    harness.send(event("e1"))
    assert harness.result(event("e2", at_seconds=1, **more)) == expected


def test_what_suppression_goes_by() -> None:
    harness = Harness(site(suppression_window_sec=60))
    harness.send(event("e1"))
    assert harness.result(event("e2", at_seconds=1, camera_id="cam-2")) == SENT


def test_dedupe_comes_before_suppression() -> None:
    harness = Harness(site(dedupe_window_sec=60, suppression_window_sec=60))
    harness.send(event("e1"))
    assert harness.result(event("e2", at_seconds=1)) == FOLDED


def test_a_suppressed_event_is_no_repeat_of_another_types_alert() -> None:
    harness = Harness(site(suppression_window_sec=60))
    harness.send(event("e1"))
    made = harness.send(event("e2", at_seconds=1, event_type="loitering"))
    assert decisions(made) == [HELD]
    assert (harness.alert().events, harness.alert().repeats) == (1, 0)


def test_a_suppressed_event_repeats_its_own_open_alert() -> None:
    harness = Harness(site(suppression_window_sec=10))
    harness.send(event("e1", event_type="loitering"))
    harness.send(event("e2", at_seconds=20))
    assert harness.result(event("e3", at_seconds=25, event_type="loitering")) == HELD
    by_type = {alert.event_type: alert for alert in harness.alerts().values()}
    assert (by_type["loitering"].events, by_type["loitering"].repeats) == (1, 1)
    assert (by_type["intrusion"].events, by_type["intrusion"].repeats) == (1, 0)


def test_a_folded_event_arms_nothing() -> None:
    harness = Harness(site(dedupe_window_sec=60))
    seconds = [0, 50, 65]
    results = [harness.result(event(f"e{n}", at_seconds=n)) for n in seconds]
    assert results == [SENT, FOLDED, SENT]


def test_a_late_twin_is_folded_into_the_older_admission_beside_it() -> None:
    """Two admissions with a gap: the late event is close to the first of them alone."""
    harness = Harness(site(dedupe_window_sec=60))
    harness.send(event("e1", at_seconds=100))
    harness.send(event("e2", at_seconds=400))
    assert harness.result(event("e3", at_seconds=130), at_seconds=401) == FOLDED
    assert harness.result(event("e4", at_seconds=250), at_seconds=402) == SENT
    # The one that was admitted in between folds what is late beside it, in both directions.
    assert harness.result(event("e5", at_seconds=191), at_seconds=403) == FOLDED
    assert harness.result(event("e6", at_seconds=309), at_seconds=404) == FOLDED


def test_windows_go_by_event_time_whenever_it_comes() -> None:
    harness = Harness(site(dedupe_window_sec=60))
    harness.send(event("e1"))
    assert harness.result(event("e2", at_seconds=59), at_seconds=500) == FOLDED


FAILED = ("failed", "recording_send_failed")


def test_where_nobody_could_be_told_the_next_one_gets_through() -> None:
    harness = Harness(site(dedupe_window_sec=60, suppression_window_sec=60))
    harness.failing.add(("soc", None))
    assert harness.result(event("e1")) == FAILED
    harness.failing.clear()
    assert harness.result(event("e2", at_seconds=1)) == SENT
    # That one's own windows are armed.
    assert harness.result(event("e3", at_seconds=2)) == FOLDED


def test_disarming_takes_back_that_events_windows_and_no_others() -> None:
    harness = Harness(site(dedupe_window_sec=60))
    harness.send(event("e1"))
    harness.failing.add(("soc", None))
    assert harness.result(event("e2", at_seconds=100)) == FAILED
    harness.failing.clear()
    assert harness.result(event("e3", at_seconds=30), at_seconds=101) == FOLDED
    assert harness.result(event("e4", at_seconds=110)) == SENT


def test_a_receiver_that_took_it_keeps_the_windows_armed() -> None:
    both = tuple(Receiver(name=n, channels=(Channel(kind="recording"),)) for n in ("soc", "lead"))
    place = site(dedupe_window_sec=60, alert_destinations=("soc", "lead"))
    harness = Harness(place, routing=routing(*both))
    harness.failing.add(("soc", None))
    assert harness.result(event("e1")) == SENT
    assert harness.result(event("e2", at_seconds=1)) == FOLDED


GAPS = st.lists(st.integers(0, 600), min_size=1, max_size=12)


@given(times=GAPS, probe=st.integers(-100, 700), window=st.integers(1, 7200))
def test_a_twin_is_the_nearest_admission_less_than_a_window_away(
    times: list[int], probe: int, window: int
) -> None:
    rows: dict[int, Armed] = {}
    # Across an hour's end: what lies beside it is found in the row of the other hour.
    start = 3300
    for number, seconds in enumerate(times):
        when = micros(at(start + seconds))
        rows[when // HOUR_US] = arm(rows.get(when // HOUR_US), when, f"e{number}")
    asked, width = micros(at(start + probe)), window * 1_000_000
    found = twin(joined(rows[hour] for hour in sorted(rows)), asked, width)
    nearest = min(abs(probe - one) for one in times)
    if nearest < window:
        assert found is not None
        assert abs(probe - times[int(found[1:])]) == nearest
    else:
        assert found is None


def test_a_window_is_exact_where_a_float_is_not() -> None:
    one = micros(datetime(2026, 3, 2, 10, 0, 0, 100_000, UTC))
    armed = arm(None, one, "e1")
    later = micros(datetime(2026, 3, 2, 10, 1, 0, 100_000, UTC))
    assert twin(armed, later, 60_000_000) is None
    assert twin(armed, later - 1, 60_000_000) is not None
    assert twin(armed, later, 0) is None


@given(
    st.datetimes(
        min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - the timezone is the next line's
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
    )
)
def test_an_hour_and_what_is_left_of_it_are_the_microseconds(when: datetime) -> None:
    hour, into = hour_of(when)
    assert 0 <= into < HOUR_US
    assert hour * HOUR_US + into == micros(when)


def test_arming_twice_is_arming_once_and_disarming_leaves_nothing() -> None:
    once = arm(None, 5, "e1")
    assert arm(once, 5, "e1") == once == Armed((5,), ("e1",))
    assert disarm(once, "e1") is None
    assert disarm(None, "e1") is None
    assert disarm(once, "e2") == once


def test_a_row_is_an_hours_and_is_bounded() -> None:
    armed: Armed | None = None
    for number in range(MOST + 50):
        armed = arm(armed, number, f"e{number}")
    assert armed is not None
    assert len(armed.at) == len(armed.ids) == MOST
    assert armed.ids[-1] == f"e{MOST + 49}"


def test_a_window_of_a_day_reaches_as_far_as_an_event_may_be_behind() -> None:
    harness = Harness(site(dedupe_window_sec=86_400))
    harness.send(event("e1"))
    day = 86_400
    # 23 h 59 min behind the tick, and less than a day after the first.
    assert harness.result(event("e2", at_seconds=day - 60), at_seconds=2 * day - 120) == FOLDED


def test_windows_are_forgotten_when_nothing_can_fall_into_them() -> None:
    harness = Harness(site(dedupe_window_sec=60, suppression_window_sec=60))
    harness.send(event("e1"))
    assert [key for table, _, key in harness.decide.store.rows if key.startswith("hours:")]
    harness.wait(60 * 3600)
    rows = [key for table, _, key in harness.decide.store.rows if table == "dedupe"]
    assert rows == []
