"""Zones, as the configuration that every role follows has them."""

from __future__ import annotations

from agents.runtime.configuration import Configuration, SiteConfig
from api.zone.schemas import ScheduleView, WindowView, ZoneView
from schemas.document import Zone

__all__ = ["every"]


def every(
    configuration: Configuration, sites: frozenset[str], camera_id: str | None = None
) -> list[ZoneView]:
    """The zones of those sites, by site and id; of one camera, where it is named."""
    found = (configuration.sites.get(site_id) for site_id in sorted(sites))
    return [
        _view(zone, config)
        for config in found
        if config is not None
        for _, zone in sorted(config.zones.items())
        if camera_id is None or camera_id in zone.camera_ids
    ]


def _view(zone: Zone, config: SiteConfig) -> ZoneView:
    schedule = zone.active_schedule
    return ZoneView(
        zone_id=zone.zone_id,
        site_id=config.site.site_id,
        camera_ids=zone.camera_ids,
        severity=zone.severity,
        active_schedule=ScheduleView(
            timezone=schedule.timezone or config.site.timezone or "UTC",
            windows=tuple(
                WindowView(days=window.days, start=window.start, end=window.end)
                for window in schedule.windows
            ),
        ),
        alert_destinations=zone.alert_destinations,
        suppression_window_sec=zone.suppression_window_sec,
        dedupe_window_sec=zone.dedupe_window_sec,
        polygons=zone.polygons,
        labels=zone.labels,
        min_confidence=zone.min_confidence,
        dwell_sec=zone.dwell_sec,
    )
