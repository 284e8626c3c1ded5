"""Cameras' last known states, as archive wrote them."""

from __future__ import annotations

from collections.abc import Collection

from api.database import Database, Row

__all__ = ["states"]


async def states(database: Database, sites: Collection[str]) -> list[Row]:
    """Capture's newest word about each camera of those sites that archive has written."""
    return await database.rows(
        sites,
        "SELECT site_id, device_id, at, ok, state, error, last_seen_at, gap_s, frames, sent, "
        "width, height, fps FROM device_state "
        "WHERE site_id = ANY(%(sites)s) AND kind = 'frames'",
        {"sites": sorted(sites)},
    )
