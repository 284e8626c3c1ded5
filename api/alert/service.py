"""Alerts: the queue, one alert's story and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from api.alert import repository
from api.alert.pages import view_of
from api.alert.repository import ActivityKey, Sort
from api.alert.schemas import ActivityView, AlertView, view
from api.database import Row
from api.event import service as events
from api.paging import Cursor, Page, fingerprint
from api.problems import DatabaseUnavailable, NotFound
from schemas.alert import AlertState

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["activity", "by_id", "picture_row", "queue"]

QUEUE: Final = 200

LIVE_STATES: Final = (AlertState.OPEN, AlertState.ACKNOWLEDGED)


async def by_id(api: Api, sites: frozenset[str], alert_id: str) -> AlertView:
    """One alert of those sites, as it is now: archive may be a moment behind. Raises NotFound."""
    recent = api.live.recent(alert_id)
    if recent is not None and recent.site_id in sites:
        return view(recent)
    row = await repository.alert(api.database, sites, alert_id)
    if row is None:
        raise NotFound("alert", alert_id)
    return view_of(row)


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
    alerts = {alert.alert_id: alert for alert in map(view_of, rows)}
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
