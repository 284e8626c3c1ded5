"""What happened: the unit that decide works on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta, field

from schemas.base import (
    CameraId,
    DeviceId,
    Label,
    Message,
    Score,
    Severity,
    SiteId,
    UtcTime,
    ZoneId,
)
from schemas.detection import Box

__all__ = ["EventSource", "SecurityEvent"]


class EventSource(StrEnum):
    """Who says that it happened."""

    DETECTOR = "detector"
    """The detect role."""
    EXTERNAL = "external"
    """A camera's or recorder's own analytics, by POST /v1/events/cv."""
    WATCH = "watch"
    """The watch role: a device's health."""


class SecurityEvent(Message, frozen=True, kw_only=True):
    """Something that happened at a site.

    event_type: one of our own (`object_in_zone`, `loitering`, `line_crossing`, `crowding`,
    `motion`, `device_offline`, …) or a vendor's. occurred_at: event time. severity: a device's
    event has its own, a zone's event takes its zone's. confidence: 0..1, absent where the source
    gives none; likewise label. first_frame, frame: seq of the frames where the track was born and
    where the evidence was complete. labels: what else matchers may see.
    captured_at: capture time of the completing frame, detector_ms: its model's own time.
    ended: the device is back to normal. Such an event resolves the open alert of its site, device
    and type; where there is none, it opens none.
    """

    SCHEMA: ClassVar[str] = "event.v1"

    event_id: Annotated[str, Meta(min_length=1, max_length=200)]
    site_id: SiteId
    event_type: Label
    occurred_at: UtcTime
    source: EventSource = EventSource.EXTERNAL
    camera_id: CameraId | None = None
    zone_id: ZoneId | None = None
    device_id: DeviceId | None = None
    severity: Severity | None = None
    label: Label | None = None
    confidence: Score | None = None
    vendor: Annotated[str, Meta(max_length=100)] | None = None
    track_id: str | None = None
    first_frame: int | None = None
    frame: int | None = None
    box: Box | None = None
    snapshots: int = 0
    detector_ms: float | None = None
    ended: bool = False
    labels: Annotated[dict[str, Annotated[str, Meta(max_length=200)]], Meta(max_length=32)] = field(
        default_factory=dict
    )
