"""What is answered about zones."""

from __future__ import annotations

from msgspec import Struct

from schemas.base import Severity

__all__ = ["ScheduleView", "WindowView", "ZoneView"]


class WindowView(Struct, frozen=True, kw_only=True):
    """A window of a week; one that ends before it starts ends on the next day."""

    days: tuple[str, ...]
    start: str
    end: str


class ScheduleView(Struct, frozen=True, kw_only=True):
    """timezone: the one that counts (the zone's, else the site's, else UTC). No windows: always."""

    timezone: str
    windows: tuple[WindowView, ...]


class ZoneView(Struct, frozen=True, kw_only=True):
    """A zone's policy. polygons: camera to points in 0..1; a camera without one: all of it."""

    zone_id: str
    site_id: str
    camera_ids: tuple[str, ...]
    severity: Severity
    active_schedule: ScheduleView
    alert_destinations: tuple[str, ...]
    suppression_window_sec: float
    dedupe_window_sec: float
    polygons: dict[str, tuple[tuple[float, float], ...]]
    labels: tuple[str, ...]
    min_confidence: float
    dwell_sec: float
