"""What a drill sends: a document, and events of it, the same ones for the same seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.base import Severity
from schemas.document import (
    Camera,
    Channel,
    Document,
    Receiver,
    Route,
    Routing,
    Site,
    SiteNotifications,
    Zone,
)
from schemas.event import SecurityEvent
from topics.catalogue import EVENTS
from topics.record import OutRecord, make

__all__ = ["RECEIVER", "SITES", "Poison", "document", "event_record", "events", "poison"]

SITES: Final = ("north", "south", "east", "west", "depot", "tower")
"""They lie on all four partitions."""
CAMERAS: Final = tuple(f"cam-{n}" for n in range(3))
RECEIVER: Final = "desk"
FOLDING: Final = "gate"
FOLDS_S: Final = 30.0
SITUATION: Final = 300
"""After so many events their type is another: alerts go on being opened, and decisions to wait
for their notifications."""
SOURCE: Final = "watchfloor/drill"


def document(url: str) -> Document:
    """Six sites of three cameras, each seen by a zone that admits everything and one that folds.

    url: of the receiver's webhook. Groups are told every three seconds, so that notifications are
    under way all the time.
    """
    return Document(
        sites=tuple(_site(name) for name in SITES),
        routing=Routing(
            route=Route(receiver=RECEIVER, group_interval=timedelta(seconds=3)),
            receivers=(
                Receiver(name=RECEIVER, channels=(Channel(kind="webhook", options={"url": url}),)),
            ),
        ),
    )


def _site(name: str) -> Site:
    return Site(
        site_id=name,
        # The receiver is on loopback.
        notifications=SiteNotifications(allow_internal_targets=True),
        cameras=tuple(Camera(camera_id=one) for one in CAMERAS),
        zones=(
            Zone(zone_id="yard", camera_ids=CAMERAS, severity=Severity.CRITICAL),
            Zone(
                zone_id=FOLDING,
                camera_ids=CAMERAS,
                severity=Severity.CRITICAL,
                dedupe_window_sec=FOLDS_S,
            ),
        ),
    )


def events(seed: int, prefix: str = "event") -> Iterator[SecurityEvent]:
    """Events without end; who stamps them with a time does so by `structs.replace`.

    One in five is of the zone that folds.
    """
    chance = random.Random(f"{prefix}/{seed}")
    epoch = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    number = 0
    while True:
        yield SecurityEvent(
            event_id=f"{prefix}-{seed}-{number}",
            site_id=chance.choice(SITES),
            camera_id=chance.choice(CAMERAS),
            zone_id=FOLDING if chance.random() < 0.2 else "yard",
            event_type=f"drill-{number // SITUATION}",
            occurred_at=epoch,
        )
        number += 1


def event_record(event: SecurityEvent) -> OutRecord:
    """Its record."""
    return make(
        EVENTS,
        event,
        id=event.event_id,
        time=event.occurred_at,
        source=SOURCE,
        key=event.site_id,
    )


@dataclass(frozen=True)
class Poison:
    """A record that no stage can read. name: its `ce_id`."""

    name: str
    record: OutRecord


def poison(number: int, good: SecurityEvent) -> Poison:
    """The record of `good`, spoilt in one of six ways, in turn."""
    name = f"poison-{number}"
    record = event_record(good)
    body = json.loads(record.value or b"{}")
    headers = tuple((k, name.encode() if k == "ce_id" else v) for k, v in record.headers)
    match number % 6:
        case 0:
            value = b"\xff\xfe not JSON at all"
        case 1:
            value = json.dumps({**body, "site_id": "../../etc"}).encode()
        case 2:
            value = b"[" * 100_000
        case 3:
            value = json.dumps({**body, "occurred_at": "yesterday"}).encode()
        case 4:
            value = json.dumps([body]).encode()
        case _:
            value = json.dumps({**body, "event_id": name}).encode()
            headers = tuple((k, b"noon" if k == "ce_time" else v) for k, v in headers)
    return Poison(name, OutRecord(EVENTS, record.key, value, headers))
