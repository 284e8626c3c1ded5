"""Who watches the watcher: a site whose polls stop arriving is one alert, until they come again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from agents.watch.schedule import longest_s
from agents.watch.watchdog import LOOK_AGAIN, STALLED, STALLED_AFTER
from infra.conformance.drive import probe_record
from infra.conformance.virtual import Virtual, messages
from schemas.device import Probe, ProbeKind
from schemas.document import Channel, Device, Polling, Receiver, Route, Routing, Site
from schemas.event import SecurityEvent
from topics.catalogue import EVENTS, PULSES
from topics.record import OutRecord

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def machine(*, driver: str | None = "tcp", polling: Polling | None = None) -> Virtual:
    found = Virtual(now=T0)
    configure(found, driver, polling or Polling())
    found.advance(T0)
    return found


def configure(one: Virtual, driver: str | None, polling: Polling | None = None) -> None:
    one.configure(
        Site(
            site_id="north",
            polling=polling or Polling(),
            devices=(
                Device(device_id="nvr-1", kind="nvr", address="10.0.0.1:80", driver=driver),
                Device(device_id="nvr-2", kind="nvr", address="10.0.0.2:80", driver=driver),
            ),
        ),
        routing=Routing(
            route=Route(receiver="soc", group_wait=timedelta(0), group_interval=timedelta(0)),
            receivers=(Receiver(name="soc", channels=(Channel(kind="recording"),)),),
        ),
    )


def poll(one: Virtual, device: str = "nvr-1") -> list[OutRecord]:
    probe = Probe(
        site_id="north", device_id=device, kind=ProbeKind.TCP, at=one.now, ok=True, latency_ms=9.0
    )
    return one.feed(probe_record(probe))


def stalls(outs: Sequence[OutRecord]) -> list[SecurityEvent]:
    return [event for event in messages(outs, EVENTS) if event.event_type == STALLED]


def test_a_site_s_polls_are_said_to_arrive_once_a_minute() -> None:
    one = machine()
    assert [pulse.at for pulse in messages(poll(one), PULSES)] == [T0]
    one.advance(T0 + 59 * SECOND)
    assert messages(poll(one, "nvr-2"), PULSES) == []
    one.advance(T0 + MINUTE)
    (record,) = [out for out in poll(one) if out.topic is PULSES]
    # Decide keeps what it knows of a site where the site's events are.
    assert record.key == b"north"


def test_what_stops_is_one_alert_and_what_comes_again_ends_it() -> None:
    one = machine()
    poll(one)
    one.advance(T0 + 5 * MINUTE)
    poll(one, "nvr-2")
    last = one.now
    one.advance(last + STALLED_AFTER)
    assert stalls(one.outputs) == []
    one.advance(last + STALLED_AFTER + LOOK_AGAIN + SECOND)
    (event,) = stalls(one.outputs)
    assert (event.device_id, event.ended, event.site_id) == ("watch", False, "north")
    assert [told.status for told in one.delivered] == ["firing"]
    # Nothing more is said of it while it lasts.
    one.advance(last + timedelta(hours=3))
    assert len(one.delivered) == 1
    poll(one)
    assert [event.ended for event in stalls(one.outputs)] == [False, True]
    assert [told.status for told in one.delivered] == ["firing", "resolved"]
    # And it is watched again.
    one.advance(one.now + STALLED_AFTER + LOOK_AGAIN + SECOND)
    assert [told.status for told in one.delivered] == ["firing", "resolved", "firing"]
    ids = [event.event_id for event in stalls(one.outputs)]
    assert len(set(ids)) == 3


def test_a_pulse_that_waited_behind_the_ticks_of_a_restart_is_no_stall() -> None:
    one = machine()
    poll(one)
    # Decide was away: its first tick is read before what waits.
    one.advance(T0 + STALLED_AFTER + SECOND)
    poll(one)
    one.advance(one.now + timedelta(minutes=10))
    assert stalls(one.outputs) == []


def test_polls_that_go_on_are_no_alert() -> None:
    one = machine()
    for number in range(40):
        one.advance(T0 + number * 6 * MINUTE)
        poll(one)
    assert stalls(one.outputs) == []


def test_a_site_without_polled_devices_is_not_missed() -> None:
    one = machine(driver=None)
    poll(one)
    one.advance(T0 + timedelta(hours=2))
    assert stalls(one.outputs) == []
    other = machine()
    poll(other)
    configure(other, None)
    other.advance(T0 + timedelta(hours=2))
    assert stalls(other.outputs) == []


def test_a_site_that_is_polled_once_an_hour_is_waited_for_longer() -> None:
    one = machine(polling=Polling(normal=timedelta(hours=1)))
    poll(one)
    longest = timedelta(seconds=longest_s(3600))
    one.advance(T0 + 3 * longest)
    assert stalls(one.outputs) == []
    one.advance(T0 + 3 * longest + LOOK_AGAIN + SECOND)
    assert len(stalls(one.outputs)) == 1
