"""The SQL of people's browsers. In a transaction of `account_scope`; elsewhere there are none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg.rows import dict_row
from psycopg.sql import SQL

from infra.db.pool import AsyncConnection
from schemas.base import Severity

__all__ = ["Kept", "add", "every", "one", "owner", "remove", "remove_gone", "reseal", "seals"]

_KEPT = SQL("subscription_id, key, least_severity, label, language, made_at, taken_at, gone_at")


class Kept(Struct, frozen=True, kw_only=True):
    """A browser, without where and how it is pushed to.

    key: the public part of the key that it takes pushes of. taken_at: when it last took one.
    gone_at: when it was found gone.
    """

    subscription_id: str
    key: str
    least: Severity
    label: str
    language: str
    made_at: datetime
    taken_at: datetime | None = None
    gone_at: datetime | None = None


def _kept(row: Mapping[str, Any]) -> Kept:
    fields = dict(row)
    return Kept(least=Severity(fields.pop("least_severity")), **fields)


async def every(connection: AsyncConnection, account_id: str) -> list[Kept]:
    """Somebody's browsers, the newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            SQL(
                "SELECT {} FROM push_subscription WHERE account_id = %s "
                "ORDER BY made_at DESC, subscription_id"
            ).format(_KEPT),
            (account_id,),
        )
        return [_kept(row) for row in await cursor.fetchall()]


async def one(connection: AsyncConnection, account_id: str, subscription_id: str) -> Kept | None:
    """One of somebody's browsers."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            SQL(
                "SELECT {} FROM push_subscription WHERE account_id = %s AND subscription_id = %s"
            ).format(_KEPT),
            (account_id, subscription_id),
        )
        row = await cursor.fetchone()
    return None if row is None else _kept(row)


async def owner(connection: AsyncConnection, subscription_id: str) -> str | None:
    """Whose it is."""
    cursor = await connection.execute(
        "SELECT account_id FROM push_subscription WHERE subscription_id = %s", (subscription_id,)
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def add(
    connection: AsyncConnection, account_id: str, session_id: str, browser: Kept, sealed: bytes
) -> bool:
    """Keep a browser, or what it says anew; False where it is somebody else's.

    It stays as old as it is, and counts as there again.
    """
    cursor = await connection.execute(
        "INSERT INTO push_subscription AS p (subscription_id, account_id, session_id, key, sealed, "
        "least_severity, label, language, made_at) VALUES (%(subscription_id)s, %(account_id)s, "
        "%(session_id)s, %(key)s, %(sealed)s, %(least)s, %(label)s, %(language)s, %(made_at)s) "
        "ON CONFLICT (subscription_id) DO UPDATE SET session_id = EXCLUDED.session_id, "
        "key = EXCLUDED.key, sealed = EXCLUDED.sealed, least_severity = EXCLUDED.least_severity, "
        "label = EXCLUDED.label, language = EXCLUDED.language, gone_at = NULL "
        "WHERE p.account_id = EXCLUDED.account_id",
        {
            "subscription_id": browser.subscription_id,
            "account_id": account_id,
            "session_id": session_id,
            "key": browser.key,
            "sealed": sealed,
            "least": browser.least.value,
            "label": browser.label,
            "language": browser.language,
            "made_at": browser.made_at,
        },
    )
    return cursor.rowcount == 1


async def remove(connection: AsyncConnection, account_id: str, subscription_id: str) -> bool:
    """Remove one of somebody's browsers; whether there was one."""
    cursor = await connection.execute(
        "DELETE FROM push_subscription WHERE account_id = %s AND subscription_id = %s",
        (account_id, subscription_id),
    )
    return cursor.rowcount == 1


async def remove_gone(connection: AsyncConnection, account_id: str) -> None:
    """Remove those of somebody's browsers that were found gone."""
    await connection.execute(
        "DELETE FROM push_subscription WHERE account_id = %s AND gone_at IS NOT NULL",
        (account_id,),
    )


async def seals(connection: AsyncConnection) -> list[tuple[str, str, bytes]]:
    """Of every browser: whose it is, its id, and what is sealed; locked, so that none changes."""
    cursor = await connection.execute(
        "SELECT account_id, subscription_id, sealed FROM push_subscription "
        "ORDER BY subscription_id FOR UPDATE"
    )
    return [
        (str(account), str(id_), bytes(sealed)) for account, id_, sealed in await cursor.fetchall()
    ]


async def reseal(connection: AsyncConnection, subscription_id: str, sealed: bytes) -> None:
    """The same subscription, sealed anew."""
    await connection.execute(
        "UPDATE push_subscription SET sealed = %s WHERE subscription_id = %s",
        (sealed, subscription_id),
    )
