"""What a shift report says. Every number's definition is in `api/report/README.md`."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from schemas.base import Severity, UtcTime

__all__ = [
    "CameraLine",
    "ChannelLine",
    "Format",
    "HourLine",
    "Precision",
    "RuleLine",
    "SeverityLine",
    "ShiftReport",
    "Totals",
]


class Format(StrEnum):
    """How the report is written."""

    JSON = "json"
    CSV = "csv"


class Precision(Struct, frozen=True, kw_only=True):
    """How alerts were judged. opened: all of them; true, false, benign: by their resolution.

    unjudged: open, resolved as duplicate or test, or ended by themselves. precision: true of those
    that were judged, 0..1; null where none was.
    """

    opened: int
    true: int
    false: int
    benign: int
    unjudged: int
    precision: float | None


class RuleLine(Precision, frozen=True, kw_only=True):
    """By rule: a zone and the type of event, or a type alone where there is no zone."""

    site_id: str
    zone_id: str | None
    event_type: str


class CameraLine(Precision, frozen=True, kw_only=True):
    """By camera; null for alerts that no camera saw."""

    site_id: str
    camera_id: str | None


class Totals(Struct, frozen=True, kw_only=True):
    """Alerts that were opened in the time, and what became of them until now. Times are seconds.

    ack_p50_s, ack_p90_s: from opening to acknowledgement, of those acknowledged; resolve_…: to
    resolution, of those resolved. events: admitted ones; folded: duplicates that made no alert.
    """

    opened: int
    acknowledged: int
    resolved: int
    open: int
    events: int
    folded: int
    ack_p50_s: float | None
    ack_p90_s: float | None
    resolve_p50_s: float | None
    resolve_p90_s: float | None


class SeverityLine(Totals, frozen=True, kw_only=True):
    """The same of one severity."""

    severity: Severity


class HourLine(Struct, frozen=True, kw_only=True):
    """Alerts opened in an hour, by severity; hours are counted from the beginning."""

    from_: UtcTime = field(name="from")
    opened: int
    critical: int
    high: int
    medium: int
    low: int
    info: int


class ChannelLine(Struct, frozen=True, kw_only=True):
    """Deliveries by kind of channel. failed: attempts that did not reach it."""

    channel_kind: str
    delivered: int
    failed: int


class ShiftReport(Struct, frozen=True, kw_only=True):
    """A shift. sites: those that it is about. at: when it was made. notifications: how many went
    out, on whatever channels."""

    sites: tuple[str, ...]
    from_: UtcTime = field(name="from")
    to: UtcTime
    at: UtcTime
    total: Totals
    precision: Precision
    severities: tuple[SeverityLine, ...]
    hours: tuple[HourLine, ...]
    rules: tuple[RuleLine, ...]
    cameras: tuple[CameraLine, ...]
    notifications: int
    channels: tuple[ChannelLine, ...]
