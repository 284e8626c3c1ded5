"""The stage: an admitted event gets its names, and is set against its camera's history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from agents.dedupe.stage import Admitted
from agents.runtime.configuration import SiteConfig
from agents.runtime.stage import Context, Effect, Forward, Stage
from agents.runtime.state import TableSpec
from schemas.base import Severity
from schemas.decision import StageVerdict
from schemas.event import SecurityEvent

__all__ = ["ENRICH", "Enriched", "History", "Names", "learn", "share_of_hour"]

MEMORY: Final = 0.98
"""Yesterday counts 2% less than today, so that a camera's habits are those of about 7 weeks."""


class Names(Struct, frozen=True, kw_only=True):
    """What people call the ids."""

    site: str | None = None
    camera: str | None = None
    device: str | None = None


class History(Struct, frozen=True, kw_only=True):
    """A camera's admitted events by hour of its site's day, and its newest one by place and type.

    hours: 24 weights. day: the ordinal of the last day that was counted. days: weight of the days
    that were seen at all.
    """

    hours: tuple[float, ...] = (0.0,) * 24
    day: int = 0
    days: float = 0.0
    newest: dict[str, datetime] = {}


class Enriched(Struct, frozen=True, kw_only=True):
    """An admitted event with its context.

    hour_share: how usual this hour is for the camera, 1 is its average hour; None before it has a
    history of a week. last_same: the newest earlier event of this place and type.
    """

    event: SecurityEvent
    severity: Severity
    late: bool
    names: Names
    hour_share: float | None
    last_same: datetime | None
    stages: tuple[StageVerdict, ...]


HISTORY: Final = TableSpec(name="enrich.history", value=History)
ENRICH = Stage(name="enrich", reads=(Admitted,), writes=(), state=(HISTORY,))


def learn(history: History, at: datetime, local: datetime, what: str) -> History:
    """The history with an event at `at`, whose wall clock at the site reads `local`.

    A late event counts for its hour, and takes no newer one back.
    """
    day = local.toordinal()
    passed = max(0, day - history.day) if history.day else 0
    fade = MEMORY**passed
    hours = [weight * fade for weight in history.hours]
    hours[local.hour] += 1.0
    days = history.days * fade + (1.0 if passed or not history.day else 0.0)
    newest = dict(history.newest)
    newest[what] = max(at, newest.get(what, at))
    if len(newest) > 200:
        oldest = min(newest, key=lambda name: newest[name])
        del newest[oldest]
    return History(hours=tuple(hours), day=max(day, history.day), days=days, newest=newest)


def share_of_hour(history: History, local: datetime) -> float | None:
    """How usual the hour is: its weight over the average hour's, neighbours counted half.

    None with less than a week seen: everything is new to a camera that was just hung up.
    """
    total = sum(history.hours)
    if history.days < 6.5 or total <= 0:
        return None
    hour = local.hour
    weight = (
        history.hours[hour] + 0.5 * (history.hours[hour - 1] + history.hours[(hour + 1) % 24])
    ) / 2
    return weight / (total / 24)


def _names(event: SecurityEvent, site: SiteConfig | None) -> Names:
    if site is None:
        return Names()
    camera = site.cameras.get(event.camera_id or "")
    device = site.devices.get(event.device_id or event.camera_id or "")
    return Names(
        site=site.site.name,
        camera=(camera.name if camera is not None else None)
        or (device.name if device is not None else None),
        device=device.name if device is not None else None,
    )


@ENRICH.on(Admitted)
def on_admitted(ctx: Context, item: Admitted) -> Iterable[Effect]:
    """Add names and history."""
    event = item.event
    site = ctx.configuration.site(event.site_id)
    zone = ZoneInfo((None if site is None else site.site.timezone) or "UTC")
    local = event.occurred_at.astimezone(zone)
    key = f"{event.site_id}/{event.camera_id or event.device_id or ''}"
    what = f"{event.zone_id or ''}/{event.event_type}"
    history = ctx.get(HISTORY, key) or History()
    before = history.newest.get(what)
    ctx.put(HISTORY, key, learn(history, event.occurred_at, local, what))
    names = _names(event, site)
    verdict = StageVerdict(stage="enrich", verdict="pass", detail=names.camera or names.device)
    yield Forward(
        Enriched(
            event=event,
            severity=item.severity,
            late=item.late,
            names=names,
            hour_share=share_of_hour(history, local),
            last_same=before if before is not None and before <= event.occurred_at else None,
            stages=(*item.stages, verdict),
        )
    )
