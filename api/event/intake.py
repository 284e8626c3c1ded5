"""An event from outside, before it is one of ours: its shape, its site, its id. All pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from agents.runtime.configuration import SiteConfig
from api.body import digest
from api.event.schemas import CvEvent
from api.problems import FieldError, Invalid, NotFound, SiteAmbiguous
from schemas.event import EventSource, SecurityEvent
from schemas.ids import external_event_id

__all__ = ["Fresh", "check", "event_key", "find_site", "occurred_at", "to_event"]

MAX_NAMED = 50


class Fresh(Exception):
    """The body has neither an id nor a time: every delivery of it is an event of its own."""


def check(event: CvEvent) -> None:
    """Raise Invalid where fields that belong together are not together."""
    errors = []
    if event.ended and event.device_id is None:
        errors.append(
            FieldError(field="body.ended", detail="is a device's (device_id); a zone's is not told")
        )
    if event.device_id is not None:
        if event.zone_id is not None:
            errors.append(
                FieldError(field="body.zone_id", detail="a device's event (device_id) has no zone")
            )
        if event.severity is None:
            errors.append(
                FieldError(
                    field="body.severity",
                    detail="is required with device_id: critical, high, medium, low or info",
                )
            )
    else:
        errors.extend(
            FieldError(field=f"body.{name}", detail="is required unless device_id is given")
            for name in ("camera_id", "zone_id")
            if getattr(event, name) is None
        )
    if errors:
        raise Invalid(errors)


def find_site(event: CvEvent, sites: Mapping[str, SiteConfig]) -> str:
    """The event's site: the one it names, or the only one that has its zone (or device).

    Raises NotFound for a named site that does not exist, and SiteAmbiguous, which names the sites
    to choose from, where the zone exists at several or at none.
    """
    if event.site_id is not None:
        if event.site_id not in sites:
            raise NotFound("site", event.site_id)
        return event.site_id
    if event.zone_id is not None:
        kind, name = "zone", event.zone_id
        having = [key for key, config in sites.items() if event.zone_id in config.zones]
    else:
        kind, name = "device", event.device_id or ""
        having = [
            key
            for key, config in sites.items()
            if event.device_id in config.devices or event.device_id in config.cameras
        ]
    if len(having) == 1:
        return having[0]
    among = sorted(having or sites)
    where = f"{len(having)} sites have" if having else "No site has"
    shown = ", ".join(among[:MAX_NAMED]) or "none is configured"
    raise SiteAmbiguous(
        f"{where} a {kind} {name!r}: name site_id. Sites: {shown}.", sites=among[:MAX_NAMED]
    )


def occurred_at(event: CvEvent, now: datetime) -> datetime:
    """Event time in UTC. Raises Invalid where it has no place in years 1 to 9999 of UTC."""
    at = event.timestamp_utc
    if at is None:
        return now
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(
            [FieldError(field="body.timestamp_utc", detail="is before year 1 or after 9999 in UTC")]
        ) from error


def event_key(
    site: str, event: CvEvent, raw: Mapping[str, Any], idempotency_key: str | None
) -> str:
    """The event's id: by `Idempotency-Key`, else `event_id`, else a hash of the body.

    The three kinds never meet: a key that equals another sender's event_id is another event.
    Raises Fresh for a body that has neither an id nor a time of its own.
    """
    if idempotency_key is not None:
        return external_event_id(site, "idempotency-key", idempotency_key)
    if event.event_id is not None:
        return external_event_id(site, "event-id", event.event_id)
    if event.timestamp_utc is None:
        raise Fresh
    return external_event_id(site, "body", digest(raw))


def to_event(
    event: CvEvent, *, event_id: str, site: str, at: datetime, snapshots: int = 0
) -> SecurityEvent:
    """The record of `security.events.v1`. A zone's event takes its zone's severity, not its own.

    snapshots: how many pictures go with it.
    """
    device = event.device_id is not None
    return SecurityEvent(
        event_id=event_id,
        site_id=site,
        event_type=event.event_type,
        occurred_at=at,
        source=EventSource.EXTERNAL,
        camera_id=event.camera_id,
        zone_id=event.zone_id,
        device_id=event.device_id,
        severity=event.severity if device else None,
        label=event.label,
        confidence=event.confidence,
        vendor=event.vendor,
        labels=event.labels,
        ended=event.ended,
        snapshots=snapshots,
    )
