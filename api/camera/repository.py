"""Cameras' last known states, as archive wrote them."""

from __future__ import annotations

from collections.abc import Collection

from api.database import Database, Row

__all__ = ["last_picture", "states"]


async def states(database: Database, sites: Collection[str]) -> list[Row]:
    """Capture's newest word about each camera of those sites that archive has written."""
    return await database.rows(
        sites,
        "SELECT site_id, device_id, at, ok, state, error, last_seen_at, gap_s, frames, sent, "
        "width, height, fps FROM device_state "
        "WHERE site_id = ANY(%(sites)s) AND kind = 'frames'",
        {"sites": sorted(sites)},
    )


async def last_picture(database: Database, sites: Collection[str], camera_id: str) -> Row | None:
    """The newest picture of a camera among those of its events, or None."""
    rows = await database.rows(
        sites,
        "SELECT snapshot_id, blob_key, captured_at FROM snapshot WHERE site_id = ANY(%(sites)s) "
        "AND camera_id = %(camera)s ORDER BY captured_at DESC LIMIT 1",
        {"sites": sorted(sites), "camera": camera_id},
    )
    return rows[0] if rows else None
