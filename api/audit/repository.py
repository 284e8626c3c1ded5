"""The SQL of acts. It works in a transaction of `account_scope`; elsewhere the table is empty."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from psycopg.rows import dict_row
from psycopg.sql import SQL

from infra.db.pool import AsyncConnection

__all__ = ["ActKey", "page"]

FILTERS: Final = {
    "kind": SQL("kind = ANY(%(kind)s)"),
    "actor": SQL("actor = %(actor)s"),
    "target": SQL("target = %(target)s"),
    "since": SQL("at >= %(since)s"),
    "until": SQL("at < %(until)s"),
}
AFTER: Final = SQL("at <= %(after_at)s AND (at < %(after_at)s OR audit_id > %(after_id)s)")


class ActKey(Struct, frozen=True, array_like=True):
    """Where a page of acts ended."""

    at: datetime
    audit_id: str


async def page(
    connection: AsyncConnection, filters: dict[str, Any], after: ActKey | None, limit: int
) -> list[dict[str, Any]]:
    """Acts, the newest first; at most `limit`."""
    conditions = [SQL("true"), *(FILTERS[name] for name in filters)]
    values: dict[str, Any] = {**filters, "limit": limit}
    if after is not None:
        conditions.append(AFTER)
        values |= {"after_at": after.at, "after_id": after.audit_id}
    query = SQL(
        "SELECT audit_id, at, kind, actor, actor_id, target, detail, address FROM audit "
        "WHERE {} ORDER BY at DESC, audit_id LIMIT %(limit)s"
    ).format(SQL(" AND ").join(conditions))
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
