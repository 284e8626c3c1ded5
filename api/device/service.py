"""Devices: their health, what their polls said, its changes, and how long they were up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec

from agents.runtime.configuration import Configuration
from api.database import Row
from api.device import repository
from api.device.repository import ChangeKey, DeviceKey, Today
from api.device.schemas import (
    ChangeView,
    ChildView,
    DayView,
    DeviceDetail,
    DeviceView,
    Health,
    ProbeView,
    UptimeView,
)
from api.device.uptime import (
    OVERDUE,
    Change,
    Day,
    Tally,
    known_until,
    last_days,
    mean,
    outages,
    tallies,
)
from api.paging import Cursor, Page, fingerprint
from api.problems import NotFound
from schemas.device import DeviceSeverity

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["by_id", "every", "history", "uptime"]

MAX_CHANGES: Final = 50_000
"""A device that is polled every minute and changes each time makes that many in a month."""

SHARE_DIGITS: Final = 6
SECOND_DIGITS: Final = 3


async def every(
    api: Api, sites: frozenset[str], filters: dict[str, Any], cursor: str | None, limit: int
) -> Page[DeviceView]:
    """A page of those sites' devices, by site and id. Raises BadCursor."""
    query = fingerprint("devices", {**filters, "sites": sorted(sites)})
    after = None if cursor is None else Cursor.decode(cursor, DeviceKey, query)
    rows = await repository.page(api.database, sites, filters, after, limit + 1)
    items = await _views(api, sites, rows[:limit])
    more = None
    if len(rows) > limit:
        more = Cursor(query, DeviceKey(items[-1].site_id, items[-1].device_id)).encode()
    return Page(items=items, next=more)


async def by_id(api: Api, site_id: str, device_id: str) -> DeviceDetail:
    """One device, with its newest polls and what is behind it. Raises NotFound."""
    row = await _row(api, site_id, device_id)
    (view,) = await _views(api, frozenset((site_id,)), [row])
    probes = await repository.probes(api.database, site_id, device_id)
    children = await repository.children(api.database, site_id, device_id)
    return DeviceDetail(
        **msgspec.structs.asdict(view),
        probes=tuple(msgspec.convert(probe, ProbeView) for probe in probes),
        children=tuple(
            msgspec.convert({**child, "severity": child["severity"] or Health.UNKNOWN}, ChildView)
            for child in children
        ),
    )


async def history(
    api: Api,
    site_id: str,
    device_id: str,
    span: tuple[datetime | None, datetime | None],
    cursor: str | None,
    limit: int,
) -> Page[ChangeView]:
    """A page of a device's changes, the newest first. Raises NotFound and BadCursor."""
    await _row(api, site_id, device_id)
    query = fingerprint("changes", {"site": site_id, "device": device_id, "span": span})
    after = None if cursor is None else Cursor.decode(cursor, ChangeKey, query)
    rows = await repository.history(api.database, site_id, device_id, span, after, limit + 1)
    items = tuple(msgspec.convert(row, ChangeView) for row in rows[:limit])
    more = None
    if len(rows) > limit:
        more = Cursor(query, ChangeKey(items[-1].at)).encode()
    return Page(items=items, next=more)


async def uptime(api: Api, site_id: str, device_id: str, days: int) -> UptimeView:
    """How long a device was up, today and on the days before it. Raises NotFound."""
    row = await _row(api, site_id, device_id)
    now = api.now()
    zone = _zone(api.configuration, site_id)
    spans = last_days(now, zone, days)
    found = await repository.changes(
        api.database, site_id, device_id, spans[0].begin, MAX_CHANGES + 1
    )
    until = known_until(now, row["next_poll_at"])
    return await asyncio.to_thread(_uptime, row, zone, spans, found, until)


def _uptime(
    row: Row, zone: ZoneInfo, days: Sequence[Day], found: Sequence[Row], until: datetime
) -> UptimeView:
    complete = len(found) <= MAX_CHANGES
    changes = [
        Change(one["at"], DeviceSeverity(one["severity"])) for one in reversed(found[:MAX_CHANGES])
    ]
    begin, end = days[0].begin, days[-1].end
    by_day = tallies(changes, days, until)
    whole = Tally(*map(sum, zip(*map(astuple, by_day), strict=True)))
    # Where the oldest changes are missing, what the first ones are part of is not known.
    told = changes if complete else _from_normal(changes)
    all_ = outages(told)
    begun = [one for one in all_ if begin <= one.critical_at < end]
    ended = [one for one in all_ if one.normal_at is not None and begin <= one.normal_at < end]
    return UptimeView(
        site_id=row["site_id"],
        device_id=row["device_id"],
        timezone=zone.key,
        from_=begin,
        to=end,
        days=tuple(
            DayView(date=day.date, from_=day.begin, to=day.end, **_figures(tally))
            for day, tally in zip(days, by_day, strict=True)
        ),
        **_figures(whole),
        outages=len(begun),
        repaired=len(ended),
        mttd_s=_seconds(mean([(o.critical_at - o.failed_at).total_seconds() for o in begun])),
        mttr_s=_seconds(
            mean([(o.normal_at - o.critical_at).total_seconds() for o in ended if o.normal_at])
        ),
        complete=complete,
    )


def _figures(tally: Tally) -> dict[str, Any]:
    return {
        "up": _share(tally.up),
        "down_s": _seconds(tally.down_s),
        "suspect_s": _seconds(tally.suspect_s),
        "unknown_s": _seconds(tally.unknown_s),
    }


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, SHARE_DIGITS)


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, SECOND_DIGITS)


def _from_normal(changes: list[Change]) -> list[Change]:
    normal = (n for n, one in enumerate(changes) if one.severity is DeviceSeverity.NORMAL)
    return changes[next(normal, len(changes)) :]


async def _row(api: Api, site_id: str, device_id: str) -> Row:
    row = await repository.device(api.database, site_id, device_id)
    if row is None:
        raise NotFound("device", device_id)
    return row


def _zone(configuration: Configuration, site_id: str) -> ZoneInfo:
    config = configuration.site(site_id)
    return ZoneInfo((config.site.timezone if config else None) or "UTC")


async def _views(api: Api, sites: frozenset[str], rows: Sequence[Row]) -> tuple[DeviceView, ...]:
    """Rows with their share of today."""
    if not rows:
        return ()
    now = api.now()
    zones = {row["site_id"]: _zone(api.configuration, row["site_id"]) for row in rows}
    begins = {site: last_days(now, zone, 1)[0].begin for site, zone in zones.items()}
    spans = [
        Today(
            row["site_id"],
            row["device_id"],
            begins[row["site_id"]],
            known_until(now, row["next_poll_at"]),
        )
        for row in rows
        if row["severity"] is not None
    ]
    found = await repository.today(api.database, sites, spans)
    seconds = {(one["site_id"], one["device_id"]): one for one in found}
    return tuple(_view(row, seconds.get((row["site_id"], row["device_id"])), now) for row in rows)


def _view(row: Row, today: Row | None, now: datetime) -> DeviceView:
    due = row["next_poll_at"]
    told = {
        **row,
        "severity": row["severity"] or Health.UNKNOWN,
        "consecutive_failures": row["consecutive_failures"] or 0,
        "load_shed": bool(row["load_shed"]),
        "failures": row["failures"] or 0,
        "overdue": due is not None and now - due > OVERDUE,
    }
    if today is not None and today["known_s"] > 0:
        told["up_today"] = _share(1.0 - today["down_s"] / today["known_s"])
    return msgspec.convert(told, DeviceView)
