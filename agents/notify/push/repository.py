"""The SQL of act's subscriptions: by two functions, which are all that archive's role may call.

They belong to `watchfloor_definer` (docs/adr/0012-web-push.md): no table is read from here.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct

from agents.notify.push.selection import Wanted
from infra.db.pool import AsyncConnection
from schemas.base import Severity

__all__ = ["Sealed", "tell", "wanted"]


class Sealed(Struct, frozen=True, kw_only=True):
    """A subscription as it is kept."""

    id: str
    account_id: str
    sealed: bytes
    least: Severity
    language: str


async def wanted(connection: AsyncConnection, asked: Wanted) -> list[Sealed]:
    """Those of people who may see the site, those that took something last first."""
    cursor = await connection.execute(
        "SELECT subscription_id, account_id, sealed, least_severity, language "
        "FROM push_targets(%s, %s::text[], %s)",
        (asked.site, None if asked.users is None else list(asked.users), asked.key),
    )
    return [
        Sealed(id=id_, account_id=account, sealed=sealed, least=Severity(least), language=language)
        for id_, account, sealed, least, language in await cursor.fetchall()
    ]


async def tell(
    connection: AsyncConnection, taken: Collection[str], gone: Collection[str], at: datetime
) -> None:
    """Write down which took a push, and which were found gone."""
    await connection.execute(
        "SELECT push_told(%s::text[], %s::text[], %s)", (sorted(taken), sorted(gone), at)
    )
