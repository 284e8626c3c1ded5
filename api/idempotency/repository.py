"""First answers, in PostgreSQL, where they outlive this server and reach its replicas."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from psycopg.types.json import Jsonb

from api.database import Database
from api.idempotency.schemas import Known

__all__ = ["claim", "finish", "forget", "release"]

EVERY: Final = ("*",)
"""What a write under a key belongs to: it may be about several sites, or about none."""


async def claim(
    database: Database, name: str, fingerprint: str, now: datetime, stale: datetime
) -> Known | None:
    """Take the name, where it is free, or was taken before `stale` by one who never finished.

    None: it is taken now. Otherwise what is known of it.
    """
    taken = await database.rows(
        EVERY,
        "INSERT INTO idempotency (site_id, name, fingerprint, at) "
        "SELECT unnest(%(sites)s::text[]), %(name)s, %(fingerprint)s, %(now)s "
        "ON CONFLICT (site_id, name) DO UPDATE SET at = EXCLUDED.at "
        "WHERE idempotency.site_id = ANY(%(sites)s) "
        "AND idempotency.status IS NULL AND idempotency.at < %(stale)s "
        "AND idempotency.fingerprint = EXCLUDED.fingerprint RETURNING name",
        {
            "sites": list(EVERY),
            "name": name,
            "fingerprint": fingerprint,
            "now": now,
            "stale": stale,
        },
    )
    if taken:
        return None
    rows = await database.rows(
        EVERY,
        "SELECT fingerprint, status, headers, body FROM idempotency "
        "WHERE site_id = ANY(%(sites)s) AND name = %(name)s",
        {"sites": list(EVERY), "name": name},
    )
    # Between the two it may have been released: whoever asks again finds it free.
    return msgspec.convert(rows[0], Known) if rows else Known(fingerprint=fingerprint)


async def finish(database: Database, name: str, known: Known) -> None:
    """Keep the answer."""
    async with database.sites(EVERY) as connection:
        await connection.execute(
            "UPDATE idempotency SET status = %(status)s, headers = %(headers)s, body = %(body)s "
            "WHERE site_id = ANY(%(sites)s) AND name = %(name)s",
            {
                "sites": list(EVERY),
                "name": name,
                "status": known.status,
                "headers": Jsonb(dict(known.headers)),
                "body": known.body,
            },
        )


async def release(database: Database, name: str) -> None:
    """Nothing was done: the name is free again."""
    async with database.sites(EVERY) as connection:
        await connection.execute(
            "DELETE FROM idempotency WHERE site_id = ANY(%(sites)s) AND name = %(name)s",
            {"sites": list(EVERY), "name": name},
        )


async def forget(database: Database, before: datetime) -> None:
    """Forget what was asked before then."""
    async with database.sites(EVERY) as connection:
        await connection.execute(
            "DELETE FROM idempotency WHERE site_id = ANY(%(sites)s) AND at < %(before)s",
            {"sites": list(EVERY), "before": before},
        )
