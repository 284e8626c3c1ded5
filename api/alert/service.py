"""Alerts: the queue, one alert's story and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from api.alert import repository
from api.alert.repository import ActivityKey, RankKey, Sort, TimeKey
from api.alert.schemas import ActivityView, AlertView, snapshot_url, view
from api.database import Row, within
from api.event import service as events
from api.paging import Cursor, Page, fingerprint
from api.problems import DatabaseUnavailable, NotFound
from api.sharing import Shared
from schemas.alert import AlertState

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["Pages", "activity", "by_id", "page", "picture_row", "queue"]

QUEUE: Final = 200

LIVE_STATES: Final = (AlertState.OPEN, AlertState.ACKNOWLEDGED)


def _view(row: Row) -> AlertView:
    # At once: by way of an Alert a page would be made twice.
    row["snapshot_url"] = snapshot_url(row["alert_id"], row["snapshot"])
    return msgspec.convert(row, AlertView)


Pages = Shared[tuple[frozenset[str], Sort, bytes, str | None, int], msgspec.Raw]
"""Pages that are being read: a shift's desks ask for the same first page at the same time."""


async def page(
    api: Api,
    sites: frozenset[str],
    filters: dict[str, Any],
    sort: Sort,
    cursor: str | None,
    limit: int,
) -> msgspec.Raw:
    """A `Page[AlertView]` of those sites, as JSON. Raises BadCursor and DatabaseUnavailable."""
    # Whoever has another's page has asked for nothing: what may be seen is looked at here as well.
    within(sites)
    asked = msgspec.json.encode(filters, order="deterministic")

    async def read() -> msgspec.Raw:
        return msgspec.Raw(
            msgspec.json.encode(await _page(api, sites, filters, sort, cursor, limit))
        )

    return await api.pages.get((sites, sort, asked, cursor, limit), read)


async def _page(
    api: Api,
    sites: frozenset[str],
    filters: dict[str, Any],
    sort: Sort,
    cursor: str | None,
    limit: int,
) -> Page[AlertView]:
    query = fingerprint(sort, {**filters, "sites": sorted(sites)})
    after: RankKey | TimeKey | None = None
    if cursor is not None and sort is Sort.RANK:
        after = Cursor.decode(cursor, RankKey, query)
    elif cursor is not None:
        after = Cursor.decode(cursor, TimeKey, query)
    rows = await repository.page(api.database, sites, filters, sort, after, limit + 1)
    items = tuple(_view(row) for row in rows[:limit])
    more = None
    if len(rows) > limit:
        last = items[-1]
        if sort is Sort.RANK:
            more = Cursor(query, RankKey(last.rank, last.alert_id)).encode()
        else:
            more = Cursor(query, TimeKey(last.opened_at, last.alert_id)).encode()
    return Page(items=items, next=more)


async def by_id(api: Api, sites: frozenset[str], alert_id: str) -> AlertView:
    """One alert of those sites, as it is now: archive may be a moment behind. Raises NotFound."""
    recent = api.live.recent(alert_id)
    if recent is not None and recent.site_id in sites:
        return view(recent)
    row = await repository.alert(api.database, sites, alert_id)
    if row is None:
        raise NotFound("alert", alert_id)
    return _view(row)


async def queue(api: Api, sites: frozenset[str]) -> tuple[list[AlertView], bool, bool]:
    """The unresolved alerts by rank, as they are now; whether that is all; whether archive helped.

    What archive has is joined with what was read lately, so that neither an archive that lags nor
    a database that is away makes the queue look empty.
    """
    history = True
    rows: list[Row] = []
    try:
        filters = {"state": [state.value for state in LIVE_STATES]}
        rows = await repository.page(api.database, sites, filters, Sort.RANK, None, QUEUE + 1)
    except DatabaseUnavailable:
        history = False
    alerts = {alert.alert_id: alert for alert in map(_view, rows)}
    for alert in api.live.alerts(sites):
        known = alerts.get(alert.alert_id)
        if known is None or known.revision < alert.revision:
            alerts[alert.alert_id] = view(alert)
    unresolved = [a for a in alerts.values() if a.state is not AlertState.RESOLVED]
    unresolved.sort(key=lambda alert: (-alert.rank, alert.alert_id))
    return unresolved[:QUEUE], len(unresolved) <= QUEUE, history


async def activity(
    api: Api, sites: frozenset[str], alert_id: str, cursor: str | None, limit: int
) -> Page[ActivityView]:
    """A page of an alert's history, oldest first. Raises NotFound and BadCursor."""
    await by_id(api, sites, alert_id)
    query = fingerprint("activity", {"alert_id": alert_id, "sites": sorted(sites)})
    after = None if cursor is None else Cursor.decode(cursor, ActivityKey, query)
    rows = await repository.activity(api.database, sites, alert_id, after, limit + 1)
    items = tuple(msgspec.convert(row, ActivityView) for row in rows[:limit])
    more = None
    if len(rows) > limit:
        more = Cursor(query, ActivityKey(items[-1].at, items[-1].activity_id)).encode()
    return Page(items=items, next=more)


async def picture_row(api: Api, sites: frozenset[str], alert_id: str, position: int | None) -> Row:
    """Where the alert's best picture is. Raises NotFound where there is none yet."""
    alert = await by_id(api, sites, alert_id)
    if alert.snapshot is None:
        raise NotFound("picture of alert", alert_id, "None of its events has one.")
    return await events.picture_row(api, frozenset((alert.site_id,)), alert.snapshot, position)
