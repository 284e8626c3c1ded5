"""Devices as they are configured, with their health as archive wrote it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from psycopg import sql

from api.database import Database, Row

__all__ = [
    "ChangeKey",
    "DeviceKey",
    "Today",
    "changes",
    "children",
    "device",
    "history",
    "page",
    "probes",
    "today",
]

MAX_CHILDREN: Final = 1_000

DEVICES: Final = sql.SQL(
    # A camera is listed under the document's cameras, as a device that is watched, or as both.
    "SELECT * FROM ("
    "SELECT coalesce(d.site_id, c.site_id) AS site_id, "
    "coalesce(d.device_id, c.camera_id) AS device_id, coalesce(d.kind, 'camera') AS kind, "
    "coalesce(c.name, d.name) AS name, d.driver, coalesce(d.parent, c.nvr_id) AS parent "
    "FROM (SELECT * FROM device WHERE site_id = ANY(%(sites)s)) d "
    "FULL JOIN (SELECT * FROM camera_config WHERE site_id = ANY(%(sites)s)) c "
    "ON c.site_id = d.site_id AND c.camera_id = d.device_id) one "
    "LEFT JOIN (SELECT site_id, component AS device_id, severity, at, since, next_poll_at, error, "
    "last_latency_ms AS latency_ms, consecutive_failures, load_shed_mode AS load_shed "
    "FROM poll_state WHERE site_id = ANY(%(sites)s)) p USING (site_id, device_id) "
    "LEFT JOIN (SELECT site_id, target_service AS device_id, state AS breaker, "
    "opened_at AS breaker_opened_at, failure_count AS failures, last_failure_at "
    "FROM circuit_breaker_state WHERE site_id = ANY(%(sites)s)) b USING (site_id, device_id) "
    "WHERE true"
)

FILTERS: Final = {
    "kind": sql.SQL("kind = ANY(%(kind)s)"),
    "severity": sql.SQL("coalesce(severity, 'unknown') = ANY(%(severity)s)"),
}


class DeviceKey(Struct, frozen=True, array_like=True):
    """Where a page of devices ended."""

    site_id: str
    device_id: str


class ChangeKey(Struct, frozen=True, array_like=True):
    """Where a page of a device's changes ended."""

    at: datetime


class Today(Struct, frozen=True):
    """Of which device, and from when to when."""

    site_id: str
    device_id: str
    begin: datetime
    until: datetime


async def page(
    database: Database,
    sites: Collection[str],
    filters: dict[str, Any],
    after: DeviceKey | None,
    limit: int,
) -> list[Row]:
    """Devices of those sites by site and id; at most `limit`."""
    values: dict[str, Any] = {"sites": sorted(sites), "limit": limit, **filters}
    conditions = [FILTERS[name] for name in filters]
    if after is not None:
        conditions.append(sql.SQL("(site_id, device_id) > (%(after_site)s, %(after_id)s)"))
        values |= {"after_site": after.site_id, "after_id": after.device_id}
    return await database.rows(
        sites,
        sql.SQL(" AND ").join([DEVICES, *conditions])
        + sql.SQL(" ORDER BY site_id, device_id LIMIT %(limit)s"),
        values,
    )


async def device(database: Database, site_id: str, device_id: str) -> Row | None:
    """One device, or None where its site's document has none of that id."""
    rows = await database.rows(
        (site_id,),
        DEVICES + sql.SQL(" AND device_id = %(device)s LIMIT 1"),
        {"sites": [site_id], "device": device_id},
    )
    return rows[0] if rows else None


async def children(database: Database, site_id: str, device_id: str) -> list[Row]:
    """The devices that are behind one, by id."""
    return await database.rows(
        (site_id,),
        DEVICES + sql.SQL(" AND parent = %(device)s ORDER BY device_id LIMIT %(limit)s"),
        {"sites": [site_id], "device": device_id, "limit": MAX_CHILDREN},
    )


async def probes(database: Database, site_id: str, device_id: str) -> list[Row]:
    """The newest look of each kind at a device."""
    return await database.rows(
        (site_id,),
        "SELECT kind, at, ok, error, latency_ms, state, last_seen_at, gap_s, "
        "coalesce(facts, '{}') AS facts FROM device_state "
        "WHERE site_id = ANY(%(sites)s) AND device_id = %(device)s ORDER BY kind",
        {"sites": [site_id], "device": device_id},
    )


async def history(
    database: Database,
    site_id: str,
    device_id: str,
    span: tuple[datetime | None, datetime | None],
    after: ChangeKey | None,
    limit: int,
) -> list[Row]:
    """A device's changes in a half-open span, the newest first; at most `limit`."""
    since, until = span
    query: sql.SQL | sql.Composed = sql.SQL(
        "SELECT c.at, c.severity, c.error, (SELECT min(n.at) FROM device_change n "
        "WHERE n.site_id = c.site_id AND n.device_id = c.device_id AND n.at > c.at) AS until "
        "FROM device_change c WHERE c.site_id = ANY(%(sites)s) AND c.device_id = %(device)s"
    )
    values: dict[str, Any] = {"sites": [site_id], "device": device_id, "limit": limit}
    for name, condition, value in (
        ("since", sql.SQL(" AND c.at >= %(since)s"), since),
        ("until", sql.SQL(" AND c.at < %(until)s"), until),
        ("after", sql.SQL(" AND c.at < %(after)s"), after.at if after else None),
    ):
        if value is not None:
            query += condition
            values[name] = value
    return await database.rows(
        (site_id,), query + sql.SQL(" ORDER BY c.at DESC LIMIT %(limit)s"), values
    )


async def changes(
    database: Database, site_id: str, device_id: str, since: datetime, limit: int
) -> list[Row]:
    """Its changes since then, and before that from the last time on that it was normal.

    The newest first; at most `limit`.
    """
    return await database.rows(
        (site_id,),
        "SELECT at, severity FROM device_change "
        "WHERE site_id = ANY(%(sites)s) AND device_id = %(device)s AND at >= coalesce("
        "(SELECT max(at) FROM device_change WHERE site_id = ANY(%(sites)s) "
        "AND device_id = %(device)s AND severity = 'normal' AND at <= %(since)s), '-infinity') "
        "ORDER BY at DESC LIMIT %(limit)s",
        {"sites": [site_id], "device": device_id, "since": since, "limit": limit},
    )


async def today(database: Database, sites: Collection[str], spans: Sequence[Today]) -> list[Row]:
    """Of each device, how many seconds of its span are known, and how many it was down."""
    values: dict[str, Any] = {
        "sites": sorted(sites),
        "site": [one.site_id for one in spans],
        "device": [one.device_id for one in spans],
        "begin": [one.begin for one in spans],
        "until": [one.until for one in spans],
    }
    return await database.rows(
        sites,
        "WITH asked AS (SELECT * FROM unnest(%(site)s::text[], %(device)s::text[], "
        "%(begin)s::timestamptz[], %(until)s::timestamptz[]) "
        "AS a(site_id, device_id, begin, until)), "
        "span AS (SELECT a.site_id, a.device_id, c.severity, greatest(c.at, a.begin) AS begin, "
        "least(lead(c.at) OVER (PARTITION BY c.site_id, c.device_id ORDER BY c.at), a.until) "
        "AS until FROM asked a "
        # Once a device, and not once a row of it: the last change before its day.
        "CROSS JOIN LATERAL (SELECT coalesce((SELECT b.at FROM device_change b "
        "WHERE b.site_id = a.site_id AND b.device_id = a.device_id AND b.at <= a.begin "
        "AND b.site_id = ANY(%(sites)s) ORDER BY b.at DESC LIMIT 1), a.begin) AS at OFFSET 0) f "
        "CROSS JOIN LATERAL (SELECT b.site_id, b.device_id, b.severity, b.at FROM device_change b "
        "WHERE b.site_id = a.site_id AND b.device_id = a.device_id AND b.at >= f.at "
        "AND b.at < a.until AND b.site_id = ANY(%(sites)s) OFFSET 0) c), "
        "held AS (SELECT site_id, device_id, severity, "
        "greatest(extract(epoch FROM until - begin), 0)::float8 AS seconds FROM span) "
        "SELECT site_id, device_id, sum(seconds) AS known_s, "
        "coalesce(sum(seconds) FILTER (WHERE severity = 'critical'), 0) AS down_s "
        "FROM held GROUP BY site_id, device_id",
        values,
    )
