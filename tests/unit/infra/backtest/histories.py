"""Recorded pasts for backtests: drawn by a seed, with everything that a rule looks at."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from schemas.base import Severity
from schemas.document import (
    Camera,
    Channel,
    Device,
    Document,
    Escalation,
    EscalationStep,
    Inhibition,
    Receiver,
    Route,
    Routing,
    Schedule,
    Silence,
    Site,
    SiteNotifications,
    Window,
    Zone,
)
from schemas.event import SecurityEvent
from tests.unit.agents.harness import T0

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def document(**zone: Any) -> Document:
    """Three zones over two cameras, one with a schedule, and a device; arguments: every zone's."""
    night = Schedule(windows=(Window(days=DAYS, start="09:00", end="11:30"),))
    zones = (
        Zone(zone_id="yard", camera_ids=("cam-1", "cam-2"), severity=Severity.HIGH),
        Zone(zone_id="gate", camera_ids=("cam-1",), severity=Severity.CRITICAL),
        Zone(zone_id="dock", camera_ids=("cam-2",), active_schedule=night, labels=("person",)),
    )
    given = {"dedupe_window_sec": 60.0, "suppression_window_sec": 10.0, **zone}
    return Document(
        sites=(
            Site(
                site_id="north",
                devices=(Device(device_id="nvr-1", kind="nvr"),),
                cameras=(Camera(camera_id="cam-1"), Camera(camera_id="cam-2")),
                zones=tuple(
                    Zone(**{**{n: getattr(z, n) for n in z.__struct_fields__}, **given})
                    for z in zones
                ),
            ),
        ),
        routing=Routing(
            route=Route(
                receiver="soc",
                group_by=("zone",),
                group_wait=timedelta(seconds=5),
                group_interval=timedelta(minutes=5),
                repeat_interval=timedelta(minutes=30),
                resolve_after=timedelta(minutes=20),
            ),
            receivers=(Receiver(name="soc", channels=(Channel(kind="recording"),)),),
        ),
    )


def strict() -> Document:
    """The same with everything that holds notifications back, and what brings them on again."""
    plain = document()
    site = replace(
        plain.sites[0], notifications=SiteNotifications(rate_limit_per_min=2), timezone="UTC"
    )
    routing = replace(
        plain.routing,
        route=Route(
            receiver="soc",
            group_wait=timedelta(seconds=5),
            resolve_after=timedelta(minutes=20),
            routes=(
                Route(
                    matchers=('zone="dock"',),
                    mute_schedules=(
                        Schedule(windows=(Window(days=DAYS, start="10:20", end="10:40"),)),
                    ),
                ),
                Route(matchers=('zone=~"y.*"',), group_by=("camera",), receiver="night"),
            ),
        ),
        receivers=(
            *plain.routing.receivers,
            Receiver(name="night", channels=(Channel(kind="recording"),)),
        ),
        inhibit=(
            Inhibition(source=('severity="critical"',), target=('zone="yard"',), equal=("camera",)),
        ),
        silences=(
            Silence(
                silence_id="works",
                matchers=('camera="cam-2"',),
                starts_at=T0 + timedelta(minutes=30),
                ends_at=T0 + timedelta(minutes=50),
                created_by="kim",
            ),
        ),
        escalations=(
            Escalation(steps=(EscalationStep(after=timedelta(minutes=7), receiver="night"),)),
        ),
    )
    return Document(sites=(site,), routing=routing)


def history(seed: int, count: int = 200) -> list[SecurityEvent]:
    """Events of two hours in the order in which they come: bursts, late ones, strangers."""
    draw = random.Random(seed)
    now, events = 0.0, []
    for number in range(count):
        now += draw.choice((0.4, 3.0, 3.0, 20.0, 90.0))
        behind = draw.choice((0.0, 0.0, 0.0, 4.0, 700.0))
        fields: dict[str, Any] = {
            "camera_id": draw.choice(("cam-1", "cam-2")),
            "zone_id": draw.choice(("yard", "yard", "gate", "dock", "nowhere")),
            "event_type": draw.choice(("intrusion", "object_in_zone")),
            "label": draw.choice((None, "person", "cat")),
            "confidence": draw.choice((None, 0.5, 0.9)),
        }
        if draw.random() < 0.1:
            fields = {"device_id": "nvr-1", "severity": Severity.LOW, "event_type": "disk_full"}
        events.append(
            SecurityEvent(
                event_id=f"event-{number}",
                site_id="north",
                occurred_at=T0 + timedelta(seconds=round(max(0.0, now - behind), 3)),
                **fields,
            )
        )
    return events
