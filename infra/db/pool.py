"""Connections as one of our roles, and the sites that a transaction sees."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import msgspec
import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from infra.db.target import Role, target_of

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = [
    "AsyncConnection",
    "Pool",
    "account_scope",
    "connect",
    "make_pool",
    "site_rows",
    "site_scope",
    "site_scope_sync",
]

AsyncConnection = psycopg.AsyncConnection[tuple[Any, ...]]
Connection = psycopg.Connection[tuple[Any, ...]]
Pool = AsyncConnectionPool[AsyncConnection]

TRUSTED_S: Final = 1.0
"""For so long after it answered, a connection is handed out without being asked again."""

SET_SITES = "SELECT set_config('watchfloor.sites', %s::text[]::text, true)"
SET_ACCOUNTS = (
    "SELECT set_config('watchfloor.purpose', 'accounts', true), "
    "set_config('watchfloor.sites', '{*}', true)"
)


def make_pool(
    settings: Settings, role: Role, *, min_size: int = 1, max_size: int = 8, timeout: float = 10.0
) -> Pool:
    """A closed pool of connections as `role`: `async with make_pool(…) as pool`.

    Each has its schema first, UTC, the role's statement timeout, and no transaction open (so that
    `site_scope` is where one begins). timeout: seconds that `pool.connection()` waits before
    psycopg_pool.PoolTimeout. A connection that died is noticed when it is handed out, unless it was
    alive a second before: under load a question before each query would be a fifth of its cost.
    """
    return AsyncConnectionPool(
        target_of(settings).connection(role),
        connection_class=psycopg.AsyncConnection[tuple[Any, ...]],
        kwargs={"autocommit": True},
        min_size=min_size,
        max_size=max_size,
        timeout=timeout,
        open=False,
        check=_Alive().check,
        configure=_read_json,
        name=role.value,
    )


async def _read_json(connection: AsyncConnection) -> None:
    """Columns of JSON by the library that reads all other JSON here; it is several times faster."""
    set_json_loads(msgspec.json.decode, connection)


class _Alive:
    """When each connection was last known to answer."""

    def __init__(self) -> None:
        self._at: WeakKeyDictionary[AsyncConnection, float] = WeakKeyDictionary()

    async def check(self, connection: AsyncConnection) -> None:
        """Ask a connection that was idle. Raises psycopg.OperationalError for a dead one."""
        now = asyncio.get_running_loop().time()
        if now - self._at.get(connection, -TRUSTED_S) >= TRUSTED_S:
            await AsyncConnectionPool.check_connection(connection)
            self._at[connection] = now


@contextlib.contextmanager
def connect(settings: Settings, role: Role) -> Iterator[Connection]:
    """One connection as `role`, closed at the end."""
    with psycopg.connect(target_of(settings).connection(role), autocommit=True) as connection:
        yield connection


@contextlib.asynccontextmanager
async def site_scope(
    connection: AsyncConnection, sites: Collection[str]
) -> AsyncIterator[AsyncConnection]:
    """A transaction that sees these sites and no others; an empty set sees nothing.

    The setting is the transaction's: whoever gets the connection next starts with none. Raises
    RuntimeError inside another transaction, whose set it would replace.
    """
    _refuse_nesting(connection.info.transaction_status)
    async with connection.transaction():
        await connection.execute(SET_SITES, (_checked(sites),))
        yield connection


@contextlib.asynccontextmanager
async def account_scope(connection: AsyncConnection) -> AsyncIterator[AsyncConnection]:
    """A transaction that sees accounts, sessions, tokens and keys, and no site's rows.

    `*`, which is no site, is in its set: what it owes to `audit.v1` is in the outbox under it.
    Raises RuntimeError inside another transaction.
    """
    _refuse_nesting(connection.info.transaction_status)
    async with connection.transaction():
        await connection.execute(SET_ACCOUNTS)
        yield connection


async def site_rows(
    connection: AsyncConnection, sites: Collection[str], query: Any, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """All rows of one query that sees these sites and no others, in one round trip.

    What a pipeline sends is one transaction until it is synchronised, so the setting ends with the
    query. Were it not so, the query would see nothing. Raises RuntimeError inside a transaction.
    """
    _refuse_nesting(connection.info.transaction_status)
    async with connection.cursor(row_factory=dict_row) as cursor:
        async with connection.pipeline():
            await connection.execute(SET_SITES, (_checked(sites),))
            await cursor.execute(query, values)
        return await cursor.fetchall()


@contextlib.contextmanager
def site_scope_sync(connection: Connection, sites: Collection[str]) -> Iterator[Connection]:
    """`site_scope` for code without a loop."""
    _refuse_nesting(connection.info.transaction_status)
    with connection.transaction():
        connection.execute(SET_SITES, (_checked(sites),))
        yield connection


def _refuse_nesting(status: TransactionStatus) -> None:
    if status is not TransactionStatus.IDLE:
        raise RuntimeError("a site scope begins its own transaction; this connection is in one")


def _checked(sites: Collection[str]) -> list[str]:
    if isinstance(sites, str):
        raise TypeError("a set of sites, not one site's name: its letters would be sites")
    return sorted(set(sites))
