"""The alerts that are watched on their way to listeners."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from schemas.alert import Alert, AlertState, RankPart
from schemas.base import Severity
from topics.catalogue import ALERTS
from topics.record import OutRecord, make

__all__ = ["Heard", "alert", "name_in", "record"]

PREFIX: Final = "bench-watched-"
MARK: Final = f'"alert_id":"{PREFIX}'


class Heard(Struct, frozen=True):
    """How many have heard of an alert, and when the last one did."""

    count: int
    last: float


def alert(number: int, now: datetime | None = None) -> Alert:
    """An alert of ordinary size."""
    at = now or datetime.now(UTC)
    return Alert(
        alert_id=f"{PREFIX}{number:04}",
        site_id="site-00",
        state=AlertState.OPEN,
        severity=Severity.HIGH,
        event_type="object_in_zone",
        rank=70,
        reasons=tuple(
            RankPart(name=name, points=20, reason="a sentence that an analyst reads about it")
            for name in ("severity", "hour", "verdicts")
        ),
        opened_at=at,
        updated_at=at,
        first_event=at,
        last_event=at,
        events=1,
        repeats=0,
        revision=1,
        site_name="The site",
        camera_id="cam-00",
        camera_name="Camera 0",
        zone_id="zone-0",
        label="person",
        event_ids=("6c0c0b1e-3f0c-5d0e-9a53-9d2f6f4d2a11",),
    )


def record(alert: Alert) -> OutRecord:
    """An alert's state, as decide writes it."""
    return make(
        ALERTS,
        alert,
        id=f"{alert.alert_id}/{alert.revision}",
        time=alert.updated_at,
        source="watchfloor/bench",
        key=alert.alert_id,
    )


def name_in(message: str) -> str | None:
    """The watched alert that a message is about; most messages are not decoded for it."""
    begin = message.find(MARK, 0, 200)
    if begin < 0:
        return None
    first = begin + len(MARK) - len(PREFIX)
    return message[first : message.index('"', first)]
