"""Alerts and their history, as archive wrote them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct
from psycopg import sql

from api.database import Database, Row
from schemas.alert import AlertState

__all__ = [
    "ActivityKey",
    "RankKey",
    "Sort",
    "TimeKey",
    "activity",
    "alert",
    "alerts",
    "handovers",
    "led",
    "page",
    "sites_of",
]

SELECT: Final = sql.SQL("SELECT * FROM alert WHERE site_id = ANY(%(sites)s)")
KEYS: Final = sql.SQL(
    "SELECT site_id, alert_id, revision, rank, opened_at FROM alert WHERE site_id = ANY(%(sites)s)"
)

# Each site's highest by the index of what is unresolved, of these the highest, and only then their
# rows. The state is said in the index's own words, or the index is not taken.
QUEUE: Final = sql.SQL(
    """
    WITH highest AS (
        SELECT k.site_id, k.alert_id
        FROM unnest(%(sites)s::text[]) AS s(site_id)
        CROSS JOIN LATERAL (
            SELECT site_id, rank, alert_id FROM alert
            WHERE alert.site_id = s.site_id AND state <> 'resolved'{conditions}
            ORDER BY rank DESC, alert_id LIMIT %(limit)s
        ) AS k
        ORDER BY k.rank DESC, k.alert_id LIMIT %(limit)s
    )
    SELECT {columns} FROM highest
    JOIN alert ON alert.site_id = highest.site_id AND alert.alert_id = highest.alert_id
    WHERE alert.site_id = ANY(%(sites)s)
    ORDER BY rank DESC, alert_id
    """
)
QUEUE_ROWS: Final = sql.SQL("alert.*")
QUEUE_KEYS: Final = sql.SQL(
    "alert.site_id, alert.alert_id, alert.revision, alert.rank, alert.opened_at"
)
UNRESOLVED: Final = frozenset({AlertState.OPEN.value, AlertState.ACKNOWLEDGED.value})

FILTERS: Final = {
    "state": sql.SQL("state = ANY(%(state)s)"),
    "severity": sql.SQL("severity = ANY(%(severity)s)"),
    "camera_id": sql.SQL("camera_id = %(camera_id)s"),
    "zone_id": sql.SQL("zone_id = %(zone_id)s"),
    "device_id": sql.SQL("device_id = %(device_id)s"),
    "type": sql.SQL("event_type = %(type)s"),
    "min_rank": sql.SQL("rank >= %(min_rank)s"),
}


class Sort(StrEnum):
    """The order of a list of alerts."""

    RANK = "rank"
    """The queue: the highest rank first. An alert whose rank changes moves."""
    NEWEST = "newest"
    """By when it was opened, which never changes: pages neither skip nor repeat."""


class RankKey(Struct, frozen=True, array_like=True):
    """Where a page by rank ended."""

    rank: int
    alert_id: str


class TimeKey(Struct, frozen=True, array_like=True):
    """Where a page by opening ended."""

    opened_at: datetime
    alert_id: str


class ActivityKey(Struct, frozen=True, array_like=True):
    """Where a page of a history ended."""

    at: datetime
    activity_id: str


AFTER: Final = {
    # The plain bound lets the index be used under row-level security (infra/db/README.md).
    Sort.RANK: sql.SQL(
        "rank <= %(after_rank)s AND (rank < %(after_rank)s OR alert_id > %(after_id)s)"
    ),
    Sort.NEWEST: sql.SQL(
        "opened_at <= %(after_at)s AND (opened_at < %(after_at)s OR alert_id > %(after_id)s)"
    ),
}
ORDER: Final = {
    Sort.RANK: sql.SQL(" ORDER BY rank DESC, alert_id LIMIT %(limit)s"),
    Sort.NEWEST: sql.SQL(" ORDER BY opened_at DESC, alert_id LIMIT %(limit)s"),
}


async def page(
    database: Database,
    sites: Collection[str],
    filters: dict[str, Any],
    sort: Sort,
    after: RankKey | TimeKey | None,
    limit: int,
    *,
    keys: bool = False,
) -> list[Row]:
    """Alerts of those sites in that order; at most `limit`.

    keys: only which, at which revision, and where in the order.
    """
    values: dict[str, Any] = {"sites": sorted(sites), "limit": limit, **filters}
    conditions = [FILTERS[name] for name in filters]
    if after is not None:
        conditions.append(AFTER[sort])
        values["after_id"] = after.alert_id
        if isinstance(after, RankKey):
            values["after_rank"] = after.rank
        else:
            values["after_at"] = after.opened_at
    query: sql.Composed
    if sort is Sort.RANK and UNRESOLVED.issuperset(filters.get("state", AlertState)):
        narrowed = sql.SQL("").join(sql.SQL(" AND ") + one for one in conditions)
        query = QUEUE.format(conditions=narrowed, columns=QUEUE_KEYS if keys else QUEUE_ROWS)
    else:
        query = sql.SQL(" AND ").join([KEYS if keys else SELECT, *conditions]) + ORDER[sort]
    return await database.rows(sites, query, values)


async def alert(database: Database, sites: Collection[str], alert_id: str) -> Row | None:
    """One alert, or None."""
    rows = await database.rows(
        sites,
        SELECT + sql.SQL(" AND alert_id = %(alert_id)s LIMIT 1"),
        {"sites": sorted(sites), "alert_id": alert_id},
    )
    return rows[0] if rows else None


async def alerts(
    database: Database, sites: Collection[str], alert_ids: Collection[str]
) -> list[Row]:
    """These alerts, in no order; those that there are."""
    return await database.rows(
        sites,
        SELECT + sql.SQL(" AND alert_id = ANY(%(alerts)s)"),
        {"sites": sorted(sites), "alerts": sorted(alert_ids)},
    )


async def activity(
    database: Database,
    sites: Collection[str],
    alert_id: str,
    after: ActivityKey | None,
    limit: int,
) -> list[Row]:
    """An alert's history, oldest first; at most `limit` entries."""
    query: sql.SQL | sql.Composed = sql.SQL(
        "SELECT activity_id, alert_id, site_id, kind, at, actor, cause, detail FROM alert_activity "
        "WHERE site_id = ANY(%(sites)s) AND alert_id = %(alert_id)s"
    )
    values: dict[str, Any] = {"sites": sorted(sites), "alert_id": alert_id, "limit": limit}
    if after is not None:
        query += sql.SQL(
            " AND at >= %(after_at)s AND (at > %(after_at)s OR activity_id > %(after_id)s)"
        )
        values |= {"after_at": after.at, "after_id": after.activity_id}
    return await database.rows(
        sites, query + sql.SQL(" ORDER BY at, activity_id LIMIT %(limit)s"), values
    )


async def sites_of(
    database: Database, sites: Collection[str], alert_ids: Collection[str]
) -> dict[str, str]:
    """The site of each of these alerts, among those sites."""
    rows = await database.rows(
        sites,
        "SELECT alert_id, site_id FROM alert "
        "WHERE site_id = ANY(%(sites)s) AND alert_id = ANY(%(alerts)s)",
        {"sites": sorted(sites), "alerts": sorted(alert_ids)},
    )
    return {row["alert_id"]: row["site_id"] for row in rows}


async def led(database: Database, sites: Collection[str], alert_id: str) -> list[Row]:
    """The places of the alerts that this one leads, each once; at most a thousand, as alerts."""
    return await database.rows(
        sites,
        "SELECT DISTINCT zone_id, CASE WHEN zone_id IS NULL THEN device_id END AS device_id "
        "FROM alert WHERE site_id = ANY(%(sites)s) AND incident = %(alert_id)s LIMIT 1000",
        {"sites": sorted(sites), "alert_id": alert_id},
    )


async def handovers(
    database: Database, sites: Collection[str], after: ActivityKey | None, limit: int
) -> list[Row]:
    """Notes from one shift to the next, the newest first, with the alerts that they are about."""
    query: sql.SQL | sql.Composed = sql.SQL(
        "SELECT a.activity_id AS handover_id, a.site_id, a.at, a.actor, a.detail AS text, a.shift, "
        "ARRAY(SELECT b.alert_id FROM alert_activity b WHERE b.site_id = a.site_id "
        "AND b.kind = 'handed_over' AND b.at = a.at AND b.cause = a.cause AND b.alert_id <> '' "
        "ORDER BY b.alert_id) AS alert_ids "
        "FROM alert_activity a "
        "WHERE a.site_id = ANY(%(sites)s) AND a.kind = 'handed_over' AND a.alert_id = ''"
    )
    values: dict[str, Any] = {"sites": sorted(sites), "limit": limit}
    if after is not None:
        query += sql.SQL(
            " AND a.at <= %(after_at)s AND (a.at < %(after_at)s OR a.activity_id > %(after_id)s)"
        )
        values |= {"after_at": after.at, "after_id": after.activity_id}
    return await database.rows(
        sites, query + sql.SQL(" ORDER BY a.at DESC, a.activity_id LIMIT %(limit)s"), values
    )
