"""Names from the document, and a camera's own history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.enrich.stage import History, learn, share_of_hour
from schemas.base import Severity
from schemas.document import Camera, Device
from tests.unit.agents.harness import Harness, event, site

DAY_ONE = datetime(2026, 3, 2, tzinfo=UTC)


def taught(days: int, hours: tuple[int, ...]) -> History:
    """A camera that saw an event at these hours of each of so many days."""
    history = History()
    for day in range(days):
        for hour in hours:
            at = DAY_ONE + timedelta(days=day, hours=hour)
            history = learn(history, at, at, "yard/intrusion")
    return history


def test_an_alert_has_its_names() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    alert = harness.alert()
    assert (alert.site_name, alert.camera_name) == ("North depot", "Gate")


@pytest.mark.parametrize(
    ("camera", "device", "expected"),
    [
        ("Gate", None, "Gate"),
        (None, "Gate (device)", "Gate (device)"),  # a camera that is listed under devices
        ("Gate", "Gate (device)", "Gate"),  # the camera's own name before its device's
        (None, None, None),
    ],
)
def test_a_cameras_name(camera: str | None, device: str | None, expected: str | None) -> None:
    place = replace(
        site(),
        cameras=(Camera(camera_id="cam-1", name=camera),),
        devices=(Device(device_id="cam-1", kind="camera", name=device),) if device else (),
    )
    harness = Harness(place)
    harness.send(event("e1"))
    assert harness.alert().camera_name == expected


def test_a_devices_name() -> None:
    place = replace(site(), devices=(Device(device_id="nvr-1", kind="nvr", name="Recorder"),))
    harness = Harness(place)
    harness.send(
        event("e1", zone_id=None, camera_id=None, device_id="nvr-1", severity=Severity.HIGH)
    )
    assert harness.alert().device_name == "Recorder"


def test_without_a_week_of_history_no_hour_is_unusual() -> None:
    assert share_of_hour(History(), DAY_ONE) is None
    assert share_of_hour(taught(5, (12,)), DAY_ONE) is None
    assert share_of_hour(taught(8, (12,)), DAY_ONE) is not None


def test_a_busy_hour_a_quiet_one_and_its_neighbours() -> None:
    history = taught(14, (12,))
    busy = share_of_hour(history, DAY_ONE.replace(hour=12))
    beside = share_of_hour(history, DAY_ONE.replace(hour=13))
    quiet = share_of_hour(history, DAY_ONE.replace(hour=3))
    assert busy is not None
    assert beside is not None
    assert quiet == 0
    assert busy > 5
    assert 0 < beside < busy


def test_the_hours_around_midnight_are_neighbours() -> None:
    history = taught(14, (0,))
    assert share_of_hour(history, DAY_ONE.replace(hour=23)) == share_of_hour(
        history, DAY_ONE.replace(hour=1)
    )


def test_what_happens_every_hour_alike_is_average_everywhere() -> None:
    history = taught(10, tuple(range(24)))
    shares = [share_of_hour(history, DAY_ONE.replace(hour=hour)) for hour in range(24)]
    assert shares == [pytest.approx(1.0)] * 24


def test_old_habits_fade() -> None:
    history = taught(30, (3,))
    for day in range(60):
        at = DAY_ONE + timedelta(days=30 + day, hours=15)
        history = learn(history, at, at, "yard/intrusion")
    night = share_of_hour(history, DAY_ONE.replace(hour=3))
    day_share = share_of_hour(history, DAY_ONE.replace(hour=15))
    assert night is not None
    assert day_share is not None
    assert day_share > 3 * night > 0


def test_a_late_event_takes_no_newer_one_back() -> None:
    history = learn(History(), DAY_ONE + timedelta(days=2), DAY_ONE + timedelta(days=2), "a")
    late = learn(history, DAY_ONE, DAY_ONE, "a")
    assert late.newest["a"] == DAY_ONE + timedelta(days=2)
    assert late.day == history.day


def test_the_hour_is_that_of_the_sites_own_day() -> None:
    """Ten days of events at 12:00 in Tokyo, which is 03:00 UTC."""
    harness = Harness(replace(site(), timezone="Asia/Tokyo"))
    for day in range(10):
        harness.send(event(f"e{day}", at_seconds=day * 86_400 + 17 * 3600))
    hour = next(part for part in harness.alerts().values()).reasons[2]
    assert hour.name == "hour"
    last = sorted(harness.alerts().values(), key=lambda alert: alert.opened_at)[-1]
    assert "busy hour" in last.reasons[2].reason


@given(
    names=st.lists(st.integers(0, 300), min_size=1, max_size=400),
)
def test_a_camera_with_very_many_places_keeps_the_newest(names: list[int]) -> None:
    history = History()
    for number, name in enumerate(names):
        at = DAY_ONE + timedelta(minutes=number)
        history = learn(history, at, at, str(name))
    assert len(history.newest) <= 200
    assert str(names[-1]) in history.newest
