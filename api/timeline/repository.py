"""Events, alerts and changes of health in a stretch of time, as archive wrote them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from psycopg import sql

from api.database import Database, Row

__all__ = ["Asked", "alerts", "conditions", "counts", "events", "health"]


class Asked(Struct, frozen=True, kw_only=True):
    """Of which sites, and perhaps of one camera; from when (inclusive) to when (exclusive)."""

    sites: frozenset[str]
    camera_id: str | None
    begin: datetime
    end: datetime

    def values(self, **more: Any) -> dict[str, Any]:
        """As a query takes them."""
        return {
            "sites": sorted(self.sites),
            "camera": self.camera_id,
            "begin": self.begin,
            "end": self.end,
            **more,
        }


CAMERA: Final = sql.SQL(" AND camera_id = %(camera)s")
DEVICE: Final = sql.SQL(" AND device_id = %(camera)s")
NOTHING: Final = sql.SQL("")


async def counts(database: Database, asked: Asked, bucket_s: float, cameras: int) -> list[Row]:
    """Events by camera and bucket, of the `cameras` that have most of them."""
    return await database.search(
        asked.sites,
        sql.SQL(
            "WITH counted AS (SELECT site_id, camera_id, "
            "floor(date_part('epoch', occurred_at - %(begin)s) / %(bucket)s)::int AS bucket, "
            "count(*) AS events FROM event WHERE site_id = ANY(%(sites)s) "
            "AND occurred_at >= %(begin)s AND occurred_at < %(end)s{camera}"
            " GROUP BY 1, 2, 3), most AS (SELECT site_id, camera_id, sum(events) AS events "
            "FROM counted GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT %(cameras)s) "
            "SELECT c.site_id, c.camera_id, c.bucket, c.events FROM counted c JOIN most m "
            "ON m.site_id = c.site_id AND coalesce(m.camera_id, '') = coalesce(c.camera_id, '')"
        ).format(camera=CAMERA if asked.camera_id is not None else NOTHING),
        asked.values(bucket=bucket_s, cameras=cameras),
    )


async def events(database: Database, asked: Asked, limit: int) -> list[Row]:
    """The events, the newest first; at most `limit`."""
    return await database.search(
        asked.sites,
        sql.SQL(
            "SELECT e.event_id, e.site_id, e.camera_id, e.zone_id, e.device_id, e.event_type, "
            "e.occurred_at AS at, e.severity, e.label, d.alert_id, "
            "(SELECT count(*) FROM snapshot s WHERE s.site_id = e.site_id "
            "AND s.event_id = e.event_id) AS pictures "
            "FROM (SELECT * FROM event WHERE site_id = ANY(%(sites)s) "
            "AND occurred_at >= %(begin)s AND occurred_at < %(end)s{camera}"
            " ORDER BY occurred_at DESC, event_id LIMIT %(limit)s) e "
            "LEFT JOIN decision d ON d.site_id = ANY(%(sites)s) AND d.site_id = e.site_id "
            "AND d.event_id = e.event_id "
            "ORDER BY e.occurred_at DESC, e.event_id"
        ).format(camera=CAMERA if asked.camera_id is not None else NOTHING),
        asked.values(limit=limit),
    )


async def alerts(database: Database, asked: Asked, limit: int) -> list[Row]:
    """Alerts that were open at some time of it, the worst first; at most `limit`."""
    return await database.search(
        asked.sites,
        sql.SQL(
            "SELECT alert_id, site_id, camera_id, zone_id, device_id, event_type, severity, state, "
            "rank, opened_at, acknowledged_at, resolved_at, resolution, "
            "snapshot IS NOT NULL AS picture FROM alert WHERE site_id = ANY(%(sites)s) "
            "AND opened_at < %(end)s AND (resolved_at IS NULL OR resolved_at >= %(begin)s)"
        )
        + (CAMERA if asked.camera_id is not None else NOTHING)
        + sql.SQL(" ORDER BY rank DESC, alert_id LIMIT %(limit)s"),
        asked.values(limit=limit),
    )


async def health(database: Database, asked: Asked, limit: int) -> list[Row]:
    """When devices were not normal, the newest first; at most `limit`.

    A change holds until the next one; the last before the stretch belongs to it.
    """
    return await database.search(
        asked.sites,
        sql.SQL(
            "WITH known AS (SELECT site_id, component AS device_id FROM poll_state "
            "WHERE site_id = ANY(%(sites)s)"
        )
        + (sql.SQL(" AND component = %(camera)s") if asked.camera_id is not None else NOTHING)
        + sql.SQL(
            "), changes AS (SELECT c.site_id, c.device_id, c.severity, c.error, c.at, "
            "lead(c.at) OVER (PARTITION BY c.site_id, c.device_id ORDER BY c.at) AS until "
            "FROM known k CROSS JOIN LATERAL (SELECT coalesce((SELECT b.at FROM device_change b "
            "WHERE b.site_id = k.site_id AND b.device_id = k.device_id AND b.at <= %(begin)s "
            "AND b.site_id = ANY(%(sites)s) ORDER BY b.at DESC LIMIT 1), %(begin)s) AS at "
            "OFFSET 0) f CROSS JOIN LATERAL (SELECT b.site_id, b.device_id, b.severity, b.error, "
            # One more, which ends the last: it may be long after.
            "b.at FROM device_change b WHERE b.site_id = k.site_id AND b.device_id = k.device_id "
            "AND b.at >= f.at AND b.site_id = ANY(%(sites)s) AND b.at <= coalesce((SELECT n.at "
            "FROM device_change n WHERE n.site_id = k.site_id AND n.device_id = k.device_id "
            "AND n.at >= %(end)s AND n.site_id = ANY(%(sites)s) ORDER BY n.at LIMIT 1), %(end)s) "
            "OFFSET 0) c) SELECT site_id, device_id, severity, error, at, until FROM changes "
            "WHERE severity <> 'normal' AND at < %(end)s AND (until IS NULL OR until > %(begin)s) "
            "ORDER BY at DESC, site_id, device_id LIMIT %(limit)s"
        ),
        asked.values(limit=limit),
    )


async def conditions(
    database: Database, asked: Asked, types: Collection[str], since: datetime, limit: int
) -> list[Row]:
    """What watch told of cameras' sight from `since` to the end, the newest first."""
    return await database.search(
        asked.sites,
        sql.SQL(
            "SELECT site_id, device_id, event_type, occurred_at AS at, "
            "coalesce(ended, false) AS ended FROM event WHERE site_id = ANY(%(sites)s) "
            "AND event_type = ANY(%(types)s) AND source = 'watch' AND device_id IS NOT NULL "
            "AND occurred_at >= %(since)s AND occurred_at < %(end)s"
        )
        + (DEVICE if asked.camera_id is not None else NOTHING)
        + sql.SQL(" ORDER BY occurred_at DESC LIMIT %(limit)s"),
        asked.values(types=sorted(types), since=since, limit=limit),
    )
