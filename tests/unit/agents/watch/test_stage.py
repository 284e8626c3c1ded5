"""The watch chain: polls in, health and events out, state in two tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from agents.runtime.state import decode_row
from agents.watch.stage import BREAKERS, POLLS
from infra.conformance.drive import probe_record
from infra.conformance.virtual import Virtual, messages
from schemas.device import Breaker, CameraState, DeviceSeverity, Probe, ProbeKind
from schemas.document import Camera, Channel, Device, Receiver, Route, Routing, Site
from topics.catalogue import ALERTS, DEVICE_HEALTH, EVENTS
from topics.partitioner import partition_for
from topics.record import OutRecord

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)


def machine() -> Virtual:
    found = Virtual(now=T0)
    found.configure(
        Site(site_id="north", devices=(Device(device_id="nvr-1", kind="nvr"),)),
        routing=Routing(
            route=Route(receiver="soc", group_wait=timedelta(0), group_interval=timedelta(0)),
            receivers=(Receiver(name="soc", channels=(Channel(kind="recording"),)),),
        ),
    )
    found.advance(T0)
    return found


def poll(seconds: float, **more: Any) -> OutRecord:
    fields: dict[str, Any] = {
        "site_id": "north",
        "device_id": "nvr-1",
        "kind": ProbeKind.TCP,
        "at": T0 + timedelta(seconds=seconds),
        "ok": True,
        "latency_ms": 80.0,
    }
    return probe_record(Probe(**{**fields, **more}))


def test_each_poll_is_told_as_health_under_the_device_s_key() -> None:
    one = machine()
    made = one.feed(poll(0))
    (health,) = messages(made, DEVICE_HEALTH)
    assert health.severity is DeviceSeverity.NORMAL
    (record,) = [out for out in made if out.topic is DEVICE_HEALTH]
    assert record.key == b"north/nvr-1"
    # Who follows one device reads one partition of both.
    assert partition_for(record.key, 4) == partition_for(poll(0).key or b"", 4)


def test_the_fall_and_the_return_are_events_keyed_by_site() -> None:
    one = machine()
    made = one.feed(poll(0, latency_ms=9000.0))
    (event,) = messages(made, EVENTS)
    assert not event.ended
    assert [out.key for out in made if out.topic is EVENTS] == [b"north"]
    assert not messages(one.feed(poll(60)), EVENTS)
    one.advance(T0 + timedelta(seconds=120))
    (event,) = messages(one.feed(poll(120)), EVENTS)
    assert event.ended
    states = [alert.state.value for alert in messages(one.outputs, ALERTS)]
    assert (states[0], states[-1]) == ("open", "resolved")
    assert [told.status for told in one.delivered] == ["firing", "resolved"]


def test_the_same_poll_again_says_nothing_twice() -> None:
    one = machine()
    first = one.feed(poll(0, latency_ms=9000.0))
    assert messages(first, EVENTS)
    assert one.feed(poll(0, latency_ms=9000.0)) == []


def test_what_capture_reports_of_frames_passes_by() -> None:
    one = machine()
    assert one.feed(poll(0, kind=ProbeKind.FRAMES, ok=False)) == []


def test_a_poll_from_the_future_is_a_dead_letter() -> None:
    one = machine()
    (letter,) = one.feed(poll(301))
    assert letter.topic.name == "device.probes.v1.dlq"
    assert one.feed(poll(300))


def test_the_state_is_in_its_two_tables() -> None:
    one = machine()
    one.feed(poll(0, latency_ms=9000.0))
    rows = {
        spec.name: one.watch.store.get(spec.table, 0, spec.row("north/nvr-1"))
        for spec in (POLLS, BREAKERS)
    }
    assert set(rows) == {"watch.poll_state", "watch.circuit_breaker_state"}
    polls, breakers = rows["watch.poll_state"], rows["watch.circuit_breaker_state"]
    assert polls is not None
    assert breakers is not None
    assert decode_row(POLLS, polls).severity is DeviceSeverity.CRITICAL
    assert decode_row(BREAKERS, breakers).state is Breaker.OPEN


def known(one: Virtual) -> dict[str, set[str]]:
    """The devices in each table."""
    return {
        spec.name.partition(".")[2]: {
            name.removeprefix(spec.prefix)
            for name, _ in one.watch.store.scan(spec.table, 0, spec.prefix, None, 100)
        }
        for spec in (POLLS, BREAKERS)
    }


def test_a_device_that_nobody_polls_any_more_is_forgotten_unless_somebody_waits_for_it() -> None:
    one = machine()
    one.feed(poll(0))
    one.feed(poll(0, device_id="nvr-2", latency_ms=9000.0))
    both = {"north/nvr-1", "north/nvr-2"}
    assert known(one) == {"poll_state": both, "circuit_breaker_state": both}
    for days in (29, 31):
        later = T0 + timedelta(days=days)
        one.advance(later)
        one.feed(poll(days * 86_400, device_id="nvr-3"))
        one.advance(later + timedelta(seconds=1))
        left = {"north/nvr-2", "north/nvr-3"} | ({"north/nvr-1"} if days < 30 else set())
        assert known(one) == {"poll_state": left, "circuit_breaker_state": left}
    # It was told that it is down, and so is its return.
    one.feed(poll(31 * 86_400 + 60, device_id="nvr-2"))
    one.advance(T0 + timedelta(days=31, seconds=120))
    (event,) = messages(one.feed(poll(31 * 86_400 + 120, device_id="nvr-2")), EVENTS)
    assert event.ended


def channels(seconds: float, **facts: Any) -> OutRecord:
    return poll(seconds, kind=ProbeKind.CHANNELS, ok=not facts.get("disks_failed"), facts=facts)


def test_a_broken_disk_is_an_alert_of_its_own_and_its_recorder_stays_normal() -> None:
    one = machine()
    one.feed(poll(0))
    made = one.feed(channels(1, disks=2, disks_failed=1))
    (event,) = messages(made, EVENTS)
    assert (event.event_type, event.device_id, event.ended) == ("disk_error", "nvr-1", False)
    assert not messages(made, DEVICE_HEALTH)
    (health,) = messages(one.feed(poll(240)), DEVICE_HEALTH)
    assert health.severity is DeviceSeverity.NORMAL
    assert one.feed(channels(241, disks=2, disks_failed=1)) == []
    for n in range(2, 6):
        one.advance(T0 + timedelta(seconds=240 * n + 1))
        one.feed(channels(240 * n + 1, disks=2, disks_failed=0))
    states = [alert.state.value for alert in messages(one.outputs, ALERTS)]
    assert (states[0], states[-1]) == ("open", "resolved")
    assert [told.status for told in one.delivered] == ["firing", "resolved"]


def test_the_same_facts_again_say_nothing_twice() -> None:
    one = machine()
    assert messages(one.feed(channels(0, disks_failed=1)), EVENTS)
    assert one.feed(channels(0, disks_failed=1)) == []


def test_a_covered_lens_is_an_alert_of_its_camera_that_resolves_by_itself() -> None:
    one = machine()
    one.configure(
        Site(site_id="north", cameras=(Camera(camera_id="gate", stream="rtsp://10.0.0.2/a"),)),
        routing=one.configuration.routing,
    )

    def look(seconds: float, covered: bool) -> list[OutRecord]:
        one.advance(T0 + timedelta(seconds=seconds))
        return one.feed(
            poll(
                seconds,
                device_id="gate",
                kind=ProbeKind.FRAMES,
                state=CameraState.CONNECTED,
                facts={"covered_lens": covered},
            )
        )

    made = [out for n in range(4) for out in look(10 * n, True)]
    (event,) = messages(made, EVENTS)
    assert (event.event_type, event.camera_id, event.ended) == ("covered_lens", "gate", False)
    made = [out for n in range(4, 12) for out in look(10 * n, False)]
    (event,) = messages(made, EVENTS)
    assert event.ended
    alerts = messages(one.outputs, ALERTS)
    assert (alerts[0].camera_id, alerts[0].severity.value) == ("gate", "high")
    assert (alerts[0].state.value, alerts[-1].state.value) == ("open", "resolved")
    assert [told.status for told in one.delivered] == ["firing", "resolved"]
