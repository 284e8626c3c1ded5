"""What a zone's policy says of an event, before any window: the first reason that applies."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from msgspec import Struct

from agents.dedupe.schedule import Weekly, compiled
from agents.runtime.configuration import SiteConfig
from schemas.base import Severity
from schemas.decision import Result
from schemas.document import Zone
from schemas.event import SecurityEvent

__all__ = [
    "AHEAD",
    "BEHIND",
    "LATE",
    "Reach",
    "Verdict",
    "ZonePolicy",
    "judge",
    "not_applied",
    "policy_of",
    "reach",
]

AHEAD: Final = timedelta(minutes=5)
BEHIND: Final = timedelta(hours=24)
LATE: Final = timedelta(minutes=10)

Verdict = tuple[Result, str]

OUT_OF_RANGE: Final = (Result.REJECTED, "timestamp_out_of_range")
UNKNOWN_ZONE: Final = (Result.REJECTED, "unknown_zone")
NOT_MAPPED: Final = (Result.REJECTED, "camera_not_mapped_to_zone")
SITE_DISABLED: Final = (Result.SUPPRESSED, "site_disabled")
NOT_IN_ZONE: Final = (Result.SUPPRESSED, "label_not_in_zone")
BELOW: Final = (Result.SUPPRESSED, "below_min_confidence")
OUTSIDE: Final = (Result.SUPPRESSED, "outside_active_schedule")


class Reach(Struct, frozen=True, gc=False):
    """Event times that are taken at a processing time, both ends inside."""

    oldest: datetime
    newest: datetime


@lru_cache(maxsize=64)
def reach(now: datetime) -> Reach:
    """The reach of `now`; the same for all events between two ticks."""
    return Reach(now - BEHIND, now + AHEAD)


class ZonePolicy:
    """A zone's rules, ready to be asked; made once a revision. Windows in microseconds."""

    __slots__ = (
        "cameras",
        "dedupe_us",
        "labels",
        "min_confidence",
        "schedule",
        "severity",
        "suppression_us",
    )

    def __init__(self, zone: Zone, timezone: str | None) -> None:
        self.cameras = frozenset(zone.camera_ids)
        self.labels = frozenset(zone.labels)
        self.min_confidence = zone.min_confidence
        self.schedule: Weekly = compiled(zone.active_schedule, timezone)
        self.severity: Severity = zone.severity
        self.dedupe_us = round(zone.dedupe_window_sec * 1e6)
        self.suppression_us = round(zone.suppression_window_sec * 1e6)


def policy_of(site: SiteConfig, zone_id: str) -> ZonePolicy | None:
    """The policy of that zone of the site; None: it has no such zone."""
    known: dict[str, ZonePolicy] | None = site.derived.get("zones")
    if known is None:
        known = site.derived["zones"] = {
            zone.zone_id: ZonePolicy(zone, site.site.timezone) for zone in site.site.zones
        }
    return known.get(zone_id)


def judge(
    event: SecurityEvent, site: SiteConfig | None, zone: ZonePolicy | None, taken: Reach
) -> Verdict | None:
    """The result and the reason that end the event here, or None where it may go on.

    taken: the reach of the processing time. zone: the policy of the event's zone; None where it
    names none, or one that is unknown. The order is the table's in `conformance/README.md`. An
    event without a zone (a device's health) skips the zone's rules.
    """
    occurred_at = event.occurred_at
    if not taken.oldest <= occurred_at <= taken.newest:
        return OUT_OF_RANGE
    if site is None:
        return UNKNOWN_ZONE
    if zone is None:
        if event.zone_id is not None:
            return UNKNOWN_ZONE
        return None if site.site.enabled else SITE_DISABLED
    if event.camera_id not in zone.cameras:
        return NOT_MAPPED
    if not site.site.enabled:
        return SITE_DISABLED
    label, confidence = event.label, event.confidence
    if label is not None and zone.labels and label not in zone.labels:
        return NOT_IN_ZONE
    if confidence is not None and confidence < zone.min_confidence:
        return BELOW
    schedule = zone.schedule
    if not schedule.always and not schedule.active(occurred_at):
        return OUTSIDE
    return None


def not_applied(event: SecurityEvent, zone: ZonePolicy | None) -> str | None:
    """Which rules an event was let past because it lacks the field that they go by."""
    if zone is None:
        if event.camera_id is None and event.device_id is None:
            return "it names no camera and no device: it is an alert of its own"
        return None
    if event.label is not None and event.confidence is not None:
        return None
    missing = [
        f"no {field}: {rule} was not applied"
        for field, rule, applies in (
            ("label", "labels", event.label is None and bool(zone.labels)),
            ("confidence", "min_confidence", event.confidence is None),
        )
        if applies
    ]
    return "; ".join(missing) or None
