"""What is posted and what is answered about events."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from api.query import CLEAN
from schemas.base import ID_PATTERN, Score, Severity, UtcTime
from schemas.decision import Result, StageVerdict
from schemas.detection import Box
from schemas.event import EventSource

__all__ = ["Accepted", "Answer", "CvEvent", "EventView", "SnapshotView", "VendorTaken"]

CleanLabel = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=63,
        pattern=CLEAN,
        description="1 to 63 characters, none of them a control character",
    ),
]
Confidence = Annotated[Score, Meta(description="a number from 0 to 1")]
Id = Annotated[
    str,
    Meta(
        # ID_PATTERN's `$` also matches before a line break at the end.
        pattern=ID_PATTERN + r"(?!\n)",
        max_length=63,
        description="1 to 63 of A-Z a-z 0-9 . _ -, a letter or digit first",
    ),
]
Instant = Annotated[
    datetime, Meta(description="a time as of RFC 3339, for example 2026-03-02T10:00:00Z")
]
Grade = Annotated[Severity, Meta(description="critical, high, medium, low or info")]


class CvEvent(Struct, frozen=True, kw_only=True):
    """An event of a camera's or a recorder's own analytics.

    A zone's event has camera_id and zone_id; a device's event has device_id and severity, and no
    zone. timestamp_utc: RFC 3339; without an offset it is UTC, as its name says; without it, now.
    ended: a device is back to normal. media, raw_payload: taken for compatibility with other
    relays, and not kept. Fields that are not named here are ignored, because vendors send many.
    """

    event_type: CleanLabel
    vendor: Annotated[str, Meta(max_length=100, pattern=CLEAN)] | None = None
    camera_id: Id | None = None
    zone_id: Id | None = None
    timestamp_utc: Instant | None = None
    confidence: Confidence | None = None
    label: CleanLabel | None = None
    media: Any = None
    raw_payload: Any = None
    event_id: Annotated[str, Meta(min_length=1, max_length=200, pattern=CLEAN)] | None = None
    site_id: Id | None = None
    device_id: Id | None = None
    severity: Grade | None = None
    ended: bool = False
    labels: Annotated[
        dict[CleanLabel, Annotated[str, Meta(max_length=200, pattern=CLEAN)]], Meta(max_length=32)
    ] = field(default_factory=dict)


class Answer(Struct, frozen=True, kw_only=True):
    """The final decision about an event. reason: for suppressed, rejected and failed.

    detail: which field was refused and what is allowed in it, where that is the reason.
    """

    event_id: str
    site_id: str
    result: Result
    reason: str | None
    alert_id: str | None
    detail: str | UnsetType = UNSET


class Accepted(Struct, frozen=True, kw_only=True):
    """The event is safe in Kafka; its decision takes longer. `location` will have it."""

    event_id: str
    site_id: str
    location: str
    detail: str = "The event was taken; its decision is not there yet."


class VendorTaken(Struct, frozen=True, kw_only=True):
    """What came of a device's own message that is not exactly one event.

    events: each event's answer. heartbeats: the device is there, and nothing happened. ended: what
    was over, of which nobody is told.
    """

    events: tuple[Answer | Accepted, ...] = ()
    heartbeats: int = 0
    ended: int = 0


class SnapshotView(Struct, frozen=True, kw_only=True):
    """One picture of an event. position: -3 to -1 before the completing frame, 0, 1 to 3 after.

    box: where the object is, for position 0. width, height: pixels.
    """

    position: int
    captured_at: UtcTime | None
    width: int | None
    height: int | None
    url: str
    box: Box | None = None


class EventView(Struct, frozen=True, kw_only=True):
    """An event and what became of it; result and the rest are null until it is decided."""

    event_id: str
    site_id: str
    event_type: str
    occurred_at: UtcTime
    source: EventSource
    camera_id: str | None
    zone_id: str | None
    device_id: str | None
    severity: Severity | None
    label: str | None
    confidence: float | None
    vendor: str | None
    track_id: str | None
    first_frame: int | None
    frame: int | None
    box: Box | None
    result: Result | None
    reason: str | None
    alert_id: str | None
    decided_at: UtcTime | None
    stages: tuple[StageVerdict, ...] = ()
