"""What a zone's policy says of an event, before any window: the first reason that applies."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from agents.dedupe.schedule import active
from agents.runtime.configuration import SiteConfig
from schemas.decision import Result
from schemas.event import SecurityEvent

__all__ = ["AHEAD", "BEHIND", "LATE", "judge"]

AHEAD: Final = timedelta(minutes=5)
BEHIND: Final = timedelta(hours=24)
LATE: Final = timedelta(minutes=10)

Verdict = tuple[Result, str]


def judge(event: SecurityEvent, site: SiteConfig | None, now: datetime) -> Verdict | None:
    """The result and the reason that end the event here, or None where it may go on.

    The order is the table's in `conformance/README.md`. An event without a zone (a device's
    health) skips the zone's rules.
    """
    if event.occurred_at > now + AHEAD or event.occurred_at < now - BEHIND:
        return Result.REJECTED, "timestamp_out_of_range"
    if site is None:
        return Result.REJECTED, "unknown_zone"
    if event.zone_id is None:
        return _site(site)
    zone = site.zones.get(event.zone_id)
    if zone is None:
        return Result.REJECTED, "unknown_zone"
    if event.camera_id not in zone.camera_ids:
        return Result.REJECTED, "camera_not_mapped_to_zone"
    off = _site(site)
    if off is not None:
        return off
    if event.label is not None and zone.labels and event.label not in zone.labels:
        return Result.SUPPRESSED, "label_not_in_zone"
    if event.confidence is not None and event.confidence < zone.min_confidence:
        return Result.SUPPRESSED, "below_min_confidence"
    if not active(zone.active_schedule, site.site.timezone, event.occurred_at):
        return Result.SUPPRESSED, "outside_active_schedule"
    return None


def _site(site: SiteConfig) -> Verdict | None:
    return None if site.site.enabled else (Result.SUPPRESSED, "site_disabled")
