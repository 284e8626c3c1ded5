"""From what a recorder of the fleet says, by its driver's real polls, to the alerts about it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.watch.asking import Asking
from agents.watch.drivers.base import Limits
from agents.watch.drivers.registry import drivers_of
from infra.conformance.drive import probe_record
from infra.conformance.virtual import Virtual, messages
from infra.fleet.script import read_script
from infra.fleet.serving import Fleet
from schemas.device import Assignment, DeviceSeverity
from schemas.document import Channel, Device, Receiver, Route, Routing, Site
from schemas.event import SecurityEvent
from tests.integration.watch.vendors import NOON
from topics.catalogue import DEVICE_HEALTH, EVENTS

SCRIPT = """
- {at: 5m, for: 10m, device: nvr, fault: disk-failed}
- {at: 5m, for: 20m, device: nvr, fault: recording-gap, channel: 3}
- {at: 5m, for: 10m, device: nvr, fault: channel-lost, channel: 2}
"""
DOCUMENT = Site(site_id="north", devices=(Device(device_id="nvr", kind="nvr"),))
ROUTING = Routing(
    route=Route(receiver="soc", group_wait=timedelta(0), group_interval=timedelta(0)),
    receivers=(Receiver(name="soc", channels=(Channel(kind="recording"),)),),
)


async def _secret(name: str, site: str) -> str:
    return "admin:simulated"


@pytest.mark.parametrize("kind", ["isapi", "dahua"])
async def test_what_a_recorder_says_becomes_named_alerts_and_it_stays_normal(kind: str) -> None:
    clock = 0.0
    machine = Virtual(now=NOON)
    machine.configure(DOCUMENT, routing=ROUTING)
    fleet = Fleet(
        read_script(SCRIPT, ["nvr"]),
        now=lambda: NOON + timedelta(seconds=clock),
        elapsed=lambda: clock,
    )
    asking = Asking(_secret, Limits(), timeout_s=10.0)
    events: list[SecurityEvent] = []
    severities = set()
    try:
        one = await fleet.add("nvr", kind, channels=3, username="admin", password="simulated")
        assignment = Assignment(
            site_id="north",
            device_id="nvr",
            kind="nvr",
            address=f"127.0.0.1:{one.port}",
            driver=kind,
            credentials="nvr",
        )
        for minute in range(0, 50, 4):
            clock = 60.0 * minute
            at = NOON + timedelta(seconds=clock)
            machine.advance(at)
            probes = await asking.ask(assignment, drivers_of(kind), at, lambda: False)
            assert len(probes) == 2
            made = machine.feed(*map(probe_record, probes))
            events += messages(made, EVENTS)
            severities |= {health.severity for health in messages(made, DEVICE_HEALTH)}
    finally:
        await fleet.close()
    assert severities == {DeviceSeverity.NORMAL}
    told = {(event.event_type, event.ended): dict(event.labels) for event in events}
    assert len(told) == len(events)
    assert told == {
        ("disk_error", False): {"disks": "1"},
        ("disk_error", True): {"disks": "1"},
        ("missing_recording", False): {"channels": "3"},
        ("missing_recording", True): {"channels": "3"},
        ("channels_lost", False): {"channels": "2"},
        ("channels_lost", True): {"channels": "2"},
    }
    assert [told.status for told in machine.delivered].count("resolved") == 3
