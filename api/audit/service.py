"""Acts, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from api.audit import repository
from api.audit.repository import ActKey
from api.audit.schemas import ActView
from api.paging import Cursor, Page, fingerprint

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["every"]


async def every(api: Api, filters: dict[str, Any], cursor: str | None, limit: int) -> Page[ActView]:
    """A page of them, the newest first. Raises BadCursor and DatabaseUnavailable."""
    query = fingerprint("audit", filters)
    after = None if cursor is None else Cursor.decode(cursor, ActKey, query)
    async with api.database.accounts() as connection:
        rows = await repository.page(connection, filters, after, limit + 1)
    items = tuple(msgspec.convert(row, ActView) for row in rows[:limit])
    more = None
    if len(rows) > limit:
        more = Cursor(query, ActKey(items[-1].at, items[-1].audit_id)).encode()
    return Page(items=items, next=more)
