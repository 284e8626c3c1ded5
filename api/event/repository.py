"""Events, their decisions and their pictures, as archive wrote them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from psycopg import sql

from api.database import Database, Row

__all__ = ["EventKey", "decision", "event", "page", "snapshot", "snapshots"]

COLUMNS: Final = sql.SQL(
    """
    SELECT e.event_id, e.site_id, e.event_type, e.occurred_at, e.source, e.camera_id, e.zone_id,
           e.device_id, e.severity, e.label, e.confidence, e.vendor, e.track_id, e.first_frame,
           e.frame, e.box, d.result, d.reason, d.alert_id, d.decided_at,
           coalesce(d.stages, '[]'::jsonb) AS stages
    """
)
SELECT: Final = COLUMNS + sql.SQL(
    """
    FROM event e
    LEFT JOIN decision d ON d.site_id = e.site_id AND d.event_id = e.event_id
    WHERE e.site_id = ANY(%(sites)s)
    """
)

# Of few sites: each one's newest, as rows, for those that are too many are not. Of more: which
# events, and only then their rows. By site: each site's newest by its own index, of these the
# newest; an index that begins with the site has no order across sites, and all of their events
# would be sorted. Across: in the order of time until there are enough, whosever they are.
OF_FEW: Final = sql.SQL(
    """
    WITH found AS (
        SELECT k.*
        FROM unnest(%(sites)s::text[]) AS s(site_id)
        CROSS JOIN LATERAL (
            SELECT e.* FROM event e{decided}
            WHERE e.site_id = s.site_id{conditions}
            ORDER BY e.occurred_at DESC, e.event_id LIMIT %(limit)s
        ) AS k
        ORDER BY k.occurred_at DESC, k.event_id LIMIT %(limit)s
    )
    {columns}
    FROM found e
    LEFT JOIN decision d ON d.site_id = e.site_id AND d.event_id = e.event_id
    WHERE e.site_id = ANY(%(sites)s)
    ORDER BY e.occurred_at DESC, e.event_id
    """
)
BY_SITE: Final = sql.SQL(
    """
    SELECT k.site_id, k.event_id
    FROM unnest(%(sites)s::text[]) AS s(site_id)
    CROSS JOIN LATERAL (
        SELECT e.site_id, e.occurred_at, e.event_id FROM event e{decided}
        WHERE e.site_id = s.site_id{conditions}
        ORDER BY e.occurred_at DESC, e.event_id LIMIT %(limit)s
    ) AS k
    ORDER BY k.occurred_at DESC, k.event_id LIMIT %(limit)s
    """
)
ACROSS: Final = sql.SQL(
    """
    SELECT e.site_id, e.event_id FROM event e{decided}
    WHERE e.site_id = ANY(%(sites)s){conditions}
    ORDER BY e.occurred_at DESC, e.event_id LIMIT %(limit)s
    """
)
# OFFSET keeps it apart: joined freely, the planner takes few to match, and sorts all that do.
DECIDED: Final = sql.SQL(
    """
    CROSS JOIN LATERAL (
        SELECT FROM decision d
        WHERE d.site_id = e.site_id AND d.event_id = e.event_id{conditions} OFFSET 0
    ) AS d
    """
)
ROWS: Final = sql.SQL(
    """
    WITH found AS ({keys})
    {columns}
    FROM found
    JOIN event e ON e.site_id = found.site_id AND e.event_id = found.event_id
    LEFT JOIN decision d ON d.site_id = e.site_id AND d.event_id = e.event_id
    WHERE e.site_id = ANY(%(sites)s)
    ORDER BY e.occurred_at DESC, e.event_id
    """
)
FEW_SITES: Final = 4
"""By site, what was decided is looked up until each has a page; across, until all have one."""

FILTERS: Final[dict[str, sql.SQL]] = {
    "camera_id": sql.SQL("e.camera_id = %(camera_id)s"),
    "zone_id": sql.SQL("e.zone_id = %(zone_id)s"),
    "type": sql.SQL("e.event_type = %(type)s"),
    "since": sql.SQL("e.occurred_at >= %(since)s"),
    "until": sql.SQL("e.occurred_at < %(until)s"),
}
FILTERS_DECIDED: Final[dict[str, sql.SQL]] = {
    "result": sql.SQL("d.result = %(result)s"),
    "reason": sql.SQL("d.reason = %(reason)s"),
    "alert_id": sql.SQL("d.alert_id = %(alert_id)s"),
}


class EventKey(Struct, frozen=True, array_like=True):
    """Where a page of events ended."""

    occurred_at: datetime
    event_id: str


async def page(
    database: Database,
    sites: Collection[str],
    filters: dict[str, Any],
    after: EventKey | None,
    limit: int,
) -> list[Row]:
    """The newest events of those sites, by event time; at most `limit`."""
    values: dict[str, Any] = {"sites": sorted(sites), "limit": limit, **filters}
    conditions = [FILTERS[name] for name in filters if name in FILTERS]
    decided = [FILTERS_DECIDED[name] for name in filters if name in FILTERS_DECIDED]
    if after is not None:
        # The plain bound lets the index be used under row-level security (infra/db/README.md).
        conditions.append(
            sql.SQL(
                "e.occurred_at <= %(after_at)s "
                "AND (e.occurred_at < %(after_at)s OR e.event_id > %(after_id)s)"
            )
        )
        values |= {"after_at": after.occurred_at, "after_id": after.event_id}
    if "alert_id" in filters:
        # An alert's events are few, and found by the alert.
        query = sql.SQL(" AND ").join([SELECT, *conditions, *decided]) + sql.SQL(
            " ORDER BY e.occurred_at DESC, e.event_id LIMIT %(limit)s"
        )
    else:
        lookup = DECIDED.format(conditions=_and(decided)) if decided else sql.SQL("")
        parts = {"decided": lookup, "conditions": _and(conditions)}
        if len(sites) <= FEW_SITES:
            query = OF_FEW.format(columns=COLUMNS, **parts)
        else:
            keys = ACROSS if decided else BY_SITE
            query = ROWS.format(keys=keys.format(**parts), columns=COLUMNS)
    return await database.search(sites, query, values)


def _and(conditions: list[sql.SQL]) -> sql.Composed:
    return sql.SQL("").join(sql.SQL(" AND ") + one for one in conditions)


async def event(database: Database, sites: Collection[str], event_id: str) -> Row | None:
    """One event, or None."""
    rows = await database.rows(
        sites,
        SELECT + sql.SQL(" AND e.event_id = %(event_id)s LIMIT 1"),
        {"sites": sorted(sites), "event_id": event_id},
    )
    return rows[0] if rows else None


async def decision(database: Database, sites: Collection[str], event_id: str) -> Row | None:
    """What was decided about an event, or None."""
    rows = await database.rows(
        sites,
        "SELECT event_id, site_id, result, reason, alert_id FROM decision "
        "WHERE site_id = ANY(%(sites)s) AND event_id = %(event_id)s LIMIT 1",
        {"sites": sorted(sites), "event_id": event_id},
    )
    return rows[0] if rows else None


async def snapshots(database: Database, sites: Collection[str], event_id: str) -> list[Row]:
    """The pictures of an event, in order of time."""
    return await database.rows(
        sites,
        "SELECT position, captured_at, width, height, snapshot_id, blob_key FROM snapshot "
        "WHERE site_id = ANY(%(sites)s) AND event_id = %(event_id)s ORDER BY position",
        {"sites": sorted(sites), "event_id": event_id},
    )


async def snapshot(
    database: Database, sites: Collection[str], event_id: str, position: int | None
) -> Row | None:
    """One picture of an event; without a position the one closest to the completing frame."""
    rows = await database.rows(
        sites,
        "SELECT position, captured_at, width, height, snapshot_id, blob_key FROM snapshot "
        "WHERE site_id = ANY(%(sites)s) AND event_id = %(event_id)s "
        "AND (%(position)s::int IS NULL OR position = %(position)s) "
        "ORDER BY abs(position), position LIMIT 1",
        {"sites": sorted(sites), "event_id": event_id, "position": position},
    )
    return rows[0] if rows else None
