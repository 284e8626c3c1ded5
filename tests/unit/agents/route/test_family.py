"""What a device hangs on explains what is wrong with it: of which alerts, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.route.family import BACK, HOLD
from infra.conformance.drive import event_record
from infra.conformance.virtual import Virtual, messages
from schemas.alert import Alert
from schemas.decision import Decision, Result
from schemas.document import Camera, Channel, Device, Receiver, Route, Routing, Site
from schemas.event import SecurityEvent
from schemas.ids import device_event_id
from topics.catalogue import DECISIONS

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def site(*, parent: str | None = "nvr-1") -> Site:
    return Site(
        site_id="north",
        devices=(
            Device(device_id="uplink", kind="service"),
            Device(device_id="nvr-1", kind="nvr", parent="uplink"),
            Device(device_id="cam-1", kind="camera", parent=parent),
            Device(device_id="cam-2", kind="camera", parent="nvr-1"),
        ),
        cameras=(Camera(camera_id="cam-3", nvr_id="nvr-1"),),
    )


def machine(**more: str | None) -> Virtual:
    found = Virtual(now=T0)
    configure(found, **more)
    found.advance(T0)
    return found


def configure(one: Virtual, **more: str | None) -> None:
    one.configure(
        site(**more),
        routing=Routing(
            route=Route(receiver="soc", group_wait=timedelta(0), group_interval=timedelta(0)),
            receivers=(Receiver(name="soc", channels=(Channel(kind="recording"),)),),
        ),
    )


def say(
    one: Virtual,
    device: str,
    *,
    ended: bool = False,
    what: str = "device_offline",
    parent: str | None = "nvr-1",
) -> Decision:
    at = one.now
    made = one.feed(
        event_record(
            SecurityEvent(
                event_id=device_event_id("north", device, what, at, ended=ended),
                site_id="north",
                device_id=device,
                event_type=what,
                occurred_at=at,
                ended=ended,
                labels={} if parent is None else {"parent": parent},
            )
        )
    )
    (decision,) = messages(made, DECISIONS)
    assert isinstance(decision, Decision)
    return decision


def alert(one: Virtual, device: str) -> Alert:
    found = [each for each in one.alerts().values() if each.device_id == device]
    return found[-1]


def told_of(one: Virtual) -> list[tuple[str | None, str]]:
    """The device and the type of what each notification was about."""
    alerts = one.alerts()
    found = [alerts[each.request.alerts[0].alert_id] for each in one.delivered]
    return [(alert.device_id, alert.event_type) for alert in found]


def statuses(one: Virtual) -> list[str]:
    return [told.status for told in one.delivered]


def test_one_that_is_held_is_grouped_and_open_and_told_within_ten_seconds() -> None:
    one = machine()
    decision = say(one, "cam-1")
    assert (decision.result, decision.reason) == (Result.GROUPED, None)
    assert alert(one, "cam-1").quiet == "held"
    one.advance(T0 + HOLD - SECOND)
    assert statuses(one) == []
    one.advance(T0 + timedelta(seconds=10))
    assert statuses(one) == ["firing"]
    assert alert(one, "cam-1").quiet is None


def test_what_ends_while_it_is_held_is_never_spoken_of() -> None:
    one = machine()
    say(one, "cam-1")
    one.advance(T0 + 3 * SECOND)
    say(one, "cam-1", ended=True)
    one.advance(T0 + timedelta(hours=1))
    assert statuses(one) == []


def test_a_second_event_holds_nothing_anew() -> None:
    one = machine()
    say(one, "cam-1")
    one.advance(T0 + 8 * SECOND)
    say(one, "cam-1")
    one.advance(T0 + 10 * SECOND)
    assert statuses(one) == ["firing"]


def test_what_is_late_is_in_the_summary_and_not_held() -> None:
    one = machine()
    one.advance(T0 + timedelta(hours=1))
    at = T0
    event = SecurityEvent(
        event_id="late-1",
        site_id="north",
        device_id="cam-1",
        event_type="device_offline",
        occurred_at=at,
        labels={"parent": "nvr-1"},
    )
    (decision,) = messages(one.feed(event_record(event)), DECISIONS)
    assert decision.reason == "late"
    one.advance(T0 + timedelta(hours=2))
    assert [told.kind for told in one.delivered] == ["summary"]


@pytest.mark.parametrize("what", ["device_offline", "no_frames", "device_flapping"])
def test_whatever_watch_says_of_a_camera_is_explained_by_its_recorder(what: str) -> None:
    one = machine()
    say(one, "nvr-1", parent=None)
    decision = say(one, "cam-1", what=what)
    assert (decision.result, decision.reason) == (Result.SUPPRESSED, "inhibited")


def test_a_camera_of_the_other_list_has_its_recorder_too() -> None:
    one = machine()
    say(one, "nvr-1", parent=None)
    assert say(one, "cam-3").reason == "inhibited"


def test_what_others_say_of_a_camera_is_not_explained() -> None:
    one = machine()
    say(one, "nvr-1", parent=None)
    decision = say(one, "cam-1", parent=None)
    assert decision.result is Result.SENT


def test_a_recorder_that_only_lost_recordings_explains_nothing() -> None:
    one = machine()
    say(one, "nvr-1", what="missing_recording", parent=None)
    assert say(one, "cam-1").result is Result.GROUPED


def test_the_uplink_explains_the_recorder_and_the_cameras_even_alone() -> None:
    one = machine()
    say(one, "uplink", parent=None)
    assert say(one, "cam-1").reason == "inhibited"
    assert say(one, "nvr-1", parent="uplink").reason == "inhibited"
    one.advance(T0 + timedelta(minutes=1))
    assert statuses(one) == ["firing"]


def test_a_recorder_whose_own_alert_is_held_has_its_cameras_quiet() -> None:
    one = machine()
    say(one, "cam-1")
    one.advance(T0 + 8 * SECOND)
    say(one, "nvr-1", parent="uplink")
    one.advance(T0 + 16 * SECOND)
    assert statuses(one) == []
    assert alert(one, "cam-1").quiet == "inhibited"
    one.advance(T0 + 18 * SECOND)
    assert told_of(one) == [("nvr-1", "device_offline")]


def test_cameras_stay_quiet_for_a_while_after_their_recorder_is_back() -> None:
    one = machine()
    say(one, "nvr-1", parent=None)
    say(one, "cam-1")
    say(one, "cam-2")
    one.advance(T0 + timedelta(minutes=5))
    back = one.now
    say(one, "nvr-1", parent=None, ended=True)
    one.advance(back + BACK - 20 * SECOND)
    # One that is found down meanwhile is no other.
    assert say(one, "cam-3").reason == "inhibited"
    say(one, "cam-1", ended=True)
    assert statuses(one) == ["firing", "resolved"]
    one.advance(back + BACK + SECOND)
    assert statuses(one) == ["firing", "resolved", "firing", "firing"]
    assert {device for device, _ in told_of(one)[2:]} == {"cam-2", "cam-3"}


def test_a_recorder_that_falls_again_meanwhile_has_them_quiet_until_it_is_back() -> None:
    one = machine()
    say(one, "nvr-1", parent=None)
    say(one, "cam-1")
    one.advance(T0 + timedelta(minutes=5))
    say(one, "nvr-1", parent=None, ended=True)
    one.advance(T0 + timedelta(minutes=6))
    say(one, "nvr-1", parent=None)
    one.advance(T0 + timedelta(minutes=30))
    assert statuses(one) == ["firing", "resolved", "firing"]
    say(one, "nvr-1", parent=None, ended=True)
    one.advance(T0 + timedelta(minutes=30) + BACK + SECOND)
    assert statuses(one)[3:] == ["resolved", "firing"]


def test_a_camera_that_leaves_its_recorder_in_the_document_is_told() -> None:
    one = machine()
    say(one, "nvr-1", parent=None)
    say(one, "cam-1")
    one.advance(T0 + timedelta(minutes=1))
    configure(one, parent=None)
    one.advance(T0 + timedelta(minutes=2))
    assert statuses(one) == ["firing", "firing"]
    assert alert(one, "cam-1").quiet is None


def test_a_device_that_flaps_is_not_told_as_down_as_well() -> None:
    one = machine()
    say(one, "nvr-1", parent=None)
    say(one, "nvr-1", what="device_flapping", parent=None)
    assert alert(one, "nvr-1").event_type == "device_flapping"
    one.advance(T0 + timedelta(hours=5))
    # Its own alert explains that it is down: of the two only the one that says so is repeated.
    assert [what for _, what in told_of(one)] == [
        "device_offline",
        "device_flapping",
        "device_flapping",
    ]
