"""The SQL of signing keys. In a transaction of `account_scope`."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from api.account.records import SigningKey
from infra.db.pool import AsyncConnection

__all__ = ["add", "every", "reseal", "retire", "sweep"]


async def every(connection: AsyncConnection) -> list[SigningKey]:
    """All of them, the newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT key_id, public, sealed, created_at, retired_at FROM signing_key "
            "ORDER BY created_at DESC, key_id"
        )
        return [SigningKey(**row) for row in await cursor.fetchall()]


async def add(connection: AsyncConnection, key: SigningKey) -> None:
    """Keep a key."""
    await connection.execute(
        "INSERT INTO signing_key (key_id, public, sealed, created_at) VALUES (%s, %s, %s, %s)",
        (key.key_id, Jsonb(dict(key.public)), key.sealed, key.created_at),
    )


async def retire(connection: AsyncConnection, besides: str, at: datetime) -> None:
    """Every other key is retired since then; one that was earlier stays so."""
    await connection.execute(
        "UPDATE signing_key SET retired_at = %s WHERE key_id <> %s "
        "AND (retired_at IS NULL OR retired_at > %s)",
        (at, besides, at),
    )


async def reseal(connection: AsyncConnection, key_id: str, sealed: bytes) -> None:
    """The same key, sealed anew."""
    await connection.execute(
        "UPDATE signing_key SET sealed = %s WHERE key_id = %s", (sealed, key_id)
    )


async def sweep(connection: AsyncConnection, before: datetime) -> None:
    """Remove keys that were retired before that."""
    await connection.execute("DELETE FROM signing_key WHERE retired_at < %s", (before,))
