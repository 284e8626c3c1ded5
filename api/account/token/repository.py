"""The SQL of service tokens. In a transaction of `account_scope`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from psycopg.rows import dict_row
from psycopg.sql import SQL

from api.account.identity import Scope
from api.account.records import ServiceToken
from infra.db.pool import AsyncConnection

__all__ = ["add", "by_hash", "by_id", "every", "remove", "remove_named"]

_COLUMNS: Final = SQL("token_id, name, scopes, sites, created_by, created_at, expires_at")


def _token(row: Mapping[str, Any]) -> ServiceToken:
    sites = row["sites"]
    return ServiceToken(
        token_id=row["token_id"],
        name=row["name"],
        # A scope of another release is one that nothing here asks for.
        scopes=frozenset(Scope(scope) for scope in row["scopes"] if scope in set(Scope)),
        sites=None if sites is None else frozenset(sites),
        created_by=row["created_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


async def every(connection: AsyncConnection) -> list[ServiceToken]:
    """All of them, by name; the expired ones too."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(SQL("SELECT {} FROM service_token ORDER BY name").format(_COLUMNS))
        return [_token(row) for row in await cursor.fetchall()]


async def by_hash(connection: AsyncConnection) -> dict[bytes, ServiceToken]:
    """All of them, by the hash of their text."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(SQL("SELECT hash, {} FROM service_token").format(_COLUMNS))
        return {bytes(row["hash"]): _token(row) for row in await cursor.fetchall()}


async def by_id(connection: AsyncConnection, token_id: str) -> ServiceToken | None:
    """One of them."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            SQL("SELECT {} FROM service_token WHERE token_id = %s").format(_COLUMNS), (token_id,)
        )
        row = await cursor.fetchone()
    return None if row is None else _token(row)


async def add(connection: AsyncConnection, token: ServiceToken, hash: bytes) -> bool:
    """Keep a token; False where its name is taken."""
    cursor = await connection.execute(
        SQL(
            "INSERT INTO service_token ({}, hash) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
        ).format(_COLUMNS),
        (
            token.token_id,
            token.name,
            sorted(scope.value for scope in token.scopes),
            None if token.sites is None else sorted(token.sites),
            token.created_by,
            token.created_at,
            token.expires_at,
            hash,
        ),
    )
    return cursor.rowcount == 1


async def remove(connection: AsyncConnection, token_id: str) -> bool:
    """Revoke a token; whether there was one."""
    cursor = await connection.execute("DELETE FROM service_token WHERE token_id = %s", (token_id,))
    return cursor.rowcount == 1


async def remove_named(connection: AsyncConnection, name: str) -> None:
    """Revoke the token of that name, where there is one."""
    await connection.execute("DELETE FROM service_token WHERE name = %s", (name,))
