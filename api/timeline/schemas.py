"""What is answered about a stretch of time."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from schemas.alert import AlertState
from schemas.base import Severity, UtcTime

__all__ = ["AlertSpan", "Condition", "Lane", "Moment", "Span", "TimelineView"]


class Condition(StrEnum):
    """What was wrong for a while: two are a device's health, the rest a camera's sight."""

    SUSPECT = "suspect"
    CRITICAL = "critical"
    NO_FRAMES = "no_frames"
    """A gap: capture had no frames of it."""
    FROZEN_PICTURE = "frozen_picture"
    COVERED_LENS = "covered_lens"


class Lane(Struct, frozen=True, kw_only=True):
    """A camera's events, a count a bucket. camera_id: null for those that have no camera."""

    site_id: str
    camera_id: str | None
    events: tuple[int, ...]


class Moment(Struct, frozen=True, kw_only=True):
    """An event. pictures: how many it has (`GET /v1/events/{event_id}/snapshots`)."""

    event_id: str
    site_id: str
    camera_id: str | None
    zone_id: str | None
    device_id: str | None
    event_type: str
    at: UtcTime
    severity: Severity | None
    label: str | None
    alert_id: str | None
    pictures: int


class AlertSpan(Struct, frozen=True, kw_only=True):
    """An alert from its opening until it was resolved. picture: whether there is one."""

    alert_id: str
    site_id: str
    camera_id: str | None
    zone_id: str | None
    device_id: str | None
    event_type: str
    severity: Severity
    state: AlertState
    rank: int
    opened_at: UtcTime
    acknowledged_at: UtcTime | None
    resolved_at: UtcTime | None
    resolution: str | None
    picture: bool


class Span(Struct, frozen=True, kw_only=True):
    """Something was wrong with a device or camera. to: null where it still is, or was at the end.

    from: null where it began before anything that is known.
    """

    site_id: str
    device_id: str
    condition: Condition
    from_: UtcTime | None = field(name="from")
    to: UtcTime | None
    error: str | None = None


class TimelineView(Struct, frozen=True, kw_only=True):
    """A stretch of time, half open.

    bucket_s: seconds of one bucket; bucket n begins at `from` + n * bucket_s. lanes: every event is
    counted there; at most 100 cameras, those with most events. events: one by one where there are
    few enough, else empty with `events_complete` false. alerts: those that were open at some time
    in it, the worst first; spans: the newest first.
    """

    from_: UtcTime = field(name="from")
    to: UtcTime
    bucket_s: float
    buckets: int
    lanes: tuple[Lane, ...]
    lanes_complete: bool
    events: tuple[Moment, ...]
    events_complete: bool
    alerts: tuple[AlertSpan, ...]
    alerts_complete: bool
    spans: tuple[Span, ...]
    spans_complete: bool
