"""A stretch of time: what happened, what was open, and what could not be seen."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from api.database import Row
from api.problems import FieldError, Invalid
from api.timeline import repository
from api.timeline.buckets import Count, Told, bucket_of, conditions, lanes
from api.timeline.repository import Asked
from api.timeline.schemas import AlertSpan, Condition, Moment, Span, TimelineView

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["LONGEST", "before", "stretch", "timeline"]

LONGEST: Final = timedelta(days=31)
USUAL: Final = timedelta(hours=24)
MAX_LANES: Final = 100
MAX_EVENTS: Final = 500
MAX_ALERTS: Final = 500
MAX_SPANS: Final = 1_000
MAX_TOLD: Final = 5_000
BEFORE: Final = timedelta(days=7)
"""How far back what goes on at the beginning is looked for."""
SIGHT: Final = (Condition.NO_FRAMES, Condition.FROZEN_PICTURE, Condition.COVERED_LENS)


def stretch(
    begin: datetime | None,
    end: datetime | None,
    now: datetime,
    *,
    usual: timedelta = USUAL,
    longest: timedelta = LONGEST,
) -> tuple[datetime, datetime]:
    """From when to when: without an end until now, without a beginning `usual` before the end.

    Raises Invalid for one that ends before it begins, or is longer than `longest`.
    """
    end = end or now
    try:
        begin = begin or end - usual
    except OverflowError:
        raise Invalid([FieldError(field="query.to", detail="is too early")]) from None
    if begin >= end:
        raise Invalid([FieldError(field="query.from", detail="has to be before `to`")])
    if end - begin > longest:
        detail = f"may be at most {longest.days} days before `to`"
        raise Invalid([FieldError(field="query.from", detail=detail)])
    return begin, end


async def timeline(
    api: Api, sites: frozenset[str], camera_id: str | None, begin: datetime, end: datetime
) -> TimelineView:
    """All of it, each part bounded."""
    asked = Asked(sites=sites, camera_id=camera_id, begin=begin, end=end)
    database = api.database
    width, buckets = bucket_of(end - begin)
    counted = await repository.counts(database, asked, width, MAX_LANES + 1)
    found = lanes((Count(**row) for row in counted), buckets)
    total = sum(sum(lane.events) for lane in found)
    complete = len(found) <= MAX_LANES
    few = complete and total <= MAX_EVENTS
    events = await repository.events(database, asked, MAX_EVENTS) if few and total else []
    alerts = await repository.alerts(database, asked, MAX_ALERTS + 1)
    spans, all_spans = await _spans(api, asked)
    return TimelineView(
        from_=begin,
        to=end,
        bucket_s=width,
        buckets=buckets,
        lanes=found[:MAX_LANES],
        lanes_complete=complete,
        events=tuple(msgspec.convert(row, Moment) for row in events),
        events_complete=few,
        alerts=tuple(msgspec.convert(row, AlertSpan) for row in alerts[:MAX_ALERTS]),
        alerts_complete=len(alerts) <= MAX_ALERTS,
        spans=tuple(spans[:MAX_SPANS]),
        spans_complete=all_spans and len(spans) <= MAX_SPANS,
    )


def before(begin: datetime) -> datetime:
    """From when on what goes on at the beginning is looked for."""
    try:
        return begin - BEFORE
    except OverflowError:
        return begin


async def _spans(api: Api, asked: Asked) -> tuple[list[Span], bool]:
    changes = await repository.health(api.database, asked, MAX_SPANS + 1)
    since = before(asked.begin)
    told = await repository.conditions(api.database, asked, SIGHT, since, MAX_TOLD)
    spans = [_health(row) for row in changes]
    spans += conditions((_told(row) for row in told), asked.begin, asked.end)
    spans.sort(key=lambda span: span.from_ or asked.begin, reverse=True)
    return spans, len(changes) <= MAX_SPANS and len(told) < MAX_TOLD


def _health(row: Row) -> Span:
    return Span(
        site_id=row["site_id"],
        device_id=row["device_id"],
        condition=Condition(row["severity"]),
        from_=row["at"],
        to=row["until"],
        error=row["error"],
    )


def _told(row: Row) -> Told:
    return Told(
        site_id=row["site_id"],
        device_id=row["device_id"],
        condition=Condition(row["event_type"]),
        at=row["at"],
        ended=row["ended"],
    )
