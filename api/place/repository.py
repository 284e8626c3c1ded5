"""Pictures of plans."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from api.database import Database, Row
from api.place.image import Remade

__all__ = ["image", "images", "put_image", "remove_image"]


async def images(database: Database, sites: Collection[str]) -> list[Row]:
    """What there is of those sites, without the pictures themselves."""
    return await database.rows(
        sites,
        "SELECT site_id, plan_id, content_type, width, height, sha256, at FROM plan_image "
        "WHERE site_id = ANY(%(sites)s)",
        {"sites": sorted(sites)},
    )


async def image(
    database: Database, site_id: str, plan_id: str, known: Collection[str]
) -> Row | None:
    """A plan's picture, or None. known: hashes of pictures that need not be read again."""
    rows = await database.rows(
        (site_id,),
        "SELECT content_type, sha256, CASE WHEN sha256 = ANY(%(known)s) THEN NULL ELSE data END "
        "AS data FROM plan_image WHERE site_id = ANY(%(sites)s) AND plan_id = %(plan)s",
        {"sites": [site_id], "plan": plan_id, "known": sorted(known)},
    )
    return rows[0] if rows else None


async def put_image(
    database: Database, site_id: str, plan_id: str, image: Remade, at: datetime
) -> None:
    """Keep the picture in place of the one before."""
    await database.rows(
        (site_id,),
        "INSERT INTO plan_image (site_id, plan_id, content_type, width, height, sha256, data, at) "
        "VALUES (%(site)s, %(plan)s, %(type)s, %(width)s, %(height)s, %(sha256)s, %(data)s, %(at)s)"
        " ON CONFLICT (site_id, plan_id) DO UPDATE SET content_type = EXCLUDED.content_type, "
        "width = EXCLUDED.width, height = EXCLUDED.height, sha256 = EXCLUDED.sha256, "
        "data = EXCLUDED.data, at = EXCLUDED.at RETURNING plan_id",
        {
            "site": site_id,
            "plan": plan_id,
            "type": image.content_type,
            "width": image.width,
            "height": image.height,
            "sha256": image.sha256,
            "data": image.data,
            "at": at,
        },
    )


async def remove_image(database: Database, site_id: str, plan_id: str) -> bool:
    """Whether there was one."""
    rows = await database.rows(
        (site_id,),
        "DELETE FROM plan_image WHERE site_id = ANY(%(sites)s) AND plan_id = %(plan)s "
        "RETURNING plan_id",
        {"sites": [site_id], "plan": plan_id},
    )
    return bool(rows)
