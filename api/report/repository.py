"""Alerts and deliveries of a shift, counted by the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from psycopg import sql

from api.database import Database, Row

__all__ = ["Shift", "channels", "groups", "hours", "notifications", "totals"]


class Shift(Struct, frozen=True, kw_only=True):
    """Of which sites, from when (inclusive) to when (exclusive)."""

    sites: frozenset[str]
    begin: datetime
    end: datetime

    def values(self, **more: Any) -> dict[str, Any]:
        """As a query takes them."""
        return {"sites": sorted(self.sites), "begin": self.begin, "end": self.end, **more}


OPENED: Final = sql.SQL(
    " FROM alert WHERE site_id = ANY(%(sites)s) AND opened_at >= %(begin)s AND opened_at < %(end)s"
)
ACK: Final = sql.SQL("extract(epoch FROM acknowledged_at - opened_at)")
RESOLVE: Final = sql.SQL("extract(epoch FROM resolved_at - opened_at)")
FAILED: Final = ("failed", "timed_out", "expired")


async def totals(database: Database, shift: Shift) -> list[Row]:
    """The totals by severity, and in the row without one those of all."""
    return await database.search(
        shift.sites,
        sql.SQL(
            "SELECT severity, count(*) AS opened, count(acknowledged_at) AS acknowledged, "
            "count(*) FILTER (WHERE state = 'resolved') AS resolved, "
            "count(*) FILTER (WHERE state <> 'resolved') AS open, "
            "coalesce(sum(events), 0)::bigint AS events, "
            "coalesce(sum(repeats), 0)::bigint AS folded, "
            "percentile_cont(0.5) WITHIN GROUP (ORDER BY {ack}) AS ack_p50_s, "
            "percentile_cont(0.9) WITHIN GROUP (ORDER BY {ack}) AS ack_p90_s, "
            "percentile_cont(0.5) WITHIN GROUP (ORDER BY {resolve}) AS resolve_p50_s, "
            "percentile_cont(0.9) WITHIN GROUP (ORDER BY {resolve}) AS resolve_p90_s"
        ).format(ack=ACK + sql.SQL("::float8"), resolve=RESOLVE + sql.SQL("::float8"))
        + OPENED
        + sql.SQL(" GROUP BY GROUPING SETS ((severity), ())"),
        shift.values(),
    )


async def groups(database: Database, shift: Shift) -> list[Row]:
    """Alerts by site, zone, type, camera and resolution."""
    return await database.search(
        shift.sites,
        sql.SQL(
            "SELECT site_id, zone_id, event_type, camera_id, "
            "CASE WHEN state = 'resolved' THEN resolution END AS resolution, count(*) AS opened"
        )
        + OPENED
        + sql.SQL(" GROUP BY 1, 2, 3, 4, 5"),
        shift.values(),
    )


async def hours(database: Database, shift: Shift) -> list[Row]:
    """Alerts by the hour in which they were opened, counted from the beginning, and severity."""
    return await database.search(
        shift.sites,
        sql.SQL(
            "SELECT floor(extract(epoch FROM opened_at - %(begin)s) / 3600)::int AS number, "
            "severity, count(*) AS opened"
        )
        + OPENED
        + sql.SQL(" GROUP BY 1, 2"),
        shift.values(),
    )


DELIVERED: Final = sql.SQL(
    " FROM notification_log WHERE site_id = ANY(%(sites)s) AND created_at >= %(begin)s "
    "AND created_at < %(end)s AND attempt > 0"
)


async def channels(database: Database, shift: Shift) -> list[Row]:
    """Attempts by kind of channel."""
    return await database.search(
        shift.sites,
        sql.SQL(
            "SELECT coalesce(channel_kind, channel, 'none') AS channel_kind, "
            "count(*) FILTER (WHERE status = 'delivered') AS delivered, "
            "count(*) FILTER (WHERE status = ANY(%(failed)s)) AS failed"
        )
        + DELIVERED
        + sql.SQL(" GROUP BY 1 ORDER BY 1"),
        shift.values(failed=list(FAILED)),
    )


async def notifications(database: Database, shift: Shift) -> int:
    """How many notifications reached somebody."""
    rows = await database.search(
        shift.sites,
        sql.SQL("SELECT count(DISTINCT (site_id, notification_id)) AS sent")
        + DELIVERED
        + sql.SQL(" AND status = 'delivered'"),
        shift.values(),
    )
    return int(rows[0]["sent"])
