"""Names from the document, and the last of its kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.enrich.stage import History, learn, migrate_v1
from schemas.base import Severity
from schemas.document import Camera, Device
from tests.unit.agents.harness import Harness, at, event, site

DAY_ONE = datetime(2026, 3, 2, tzinfo=UTC)


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


def test_a_camera_that_is_polled_has_its_name_as_a_device() -> None:
    harness = Harness(site())
    harness.send(
        event("e1", zone_id=None, camera_id=None, device_id="cam-1", severity=Severity.HIGH)
    )
    alert = harness.alert()
    assert (alert.device_name, alert.camera_name) == ("Gate", "Gate")


def test_a_late_event_takes_no_newer_one_back() -> None:
    history = learn(History(), DAY_ONE + timedelta(days=2), "a")
    late = learn(history, DAY_ONE, "a")
    assert late.newest["a"] == DAY_ONE + timedelta(days=2)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "Nothing like it was seen here before."),
        (7200, "The last like it was 2 h before"),
        (-60, "Nothing like it was seen here before."),  # what came later is no earlier one
    ],
)
def test_the_last_of_its_kind(seconds: int | None, said: str) -> None:
    harness = Harness(site())
    start = 36_000
    if seconds is not None:
        harness.send(event("e1", at_seconds=start - seconds))
        harness.command("resolve")
    harness.send(event("e2", at_seconds=start))
    newest = max(harness.alerts().values(), key=lambda one: one.last_event == at(start))
    novelty = next(part for part in newest.reasons if part.name == "novelty")
    assert novelty.reason.startswith(said)


@given(names=st.lists(st.integers(0, 300), min_size=1, max_size=400))
def test_a_camera_with_very_many_kinds_keeps_the_newest(names: list[int]) -> None:
    history = History()
    for number, name in enumerate(names):
        history = learn(history, DAY_ONE + timedelta(minutes=number), str(name))
    assert len(history.newest) <= 200
    assert str(names[-1]) in history.newest


def test_rows_of_the_first_version_are_read() -> None:
    row = {"hours": [0.0] * 24, "day": 3, "days": 1.0, "newest": {"yard/intrusion": DAY_ONE}}
    assert migrate_v1(row) == {"newest": {"yard/intrusion": DAY_ONE}}
