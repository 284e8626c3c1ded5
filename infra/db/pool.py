"""Connections as one of our roles, and the sites that a transaction sees."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection, Iterator
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus
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
    "site_scope",
    "site_scope_sync",
]

AsyncConnection = psycopg.AsyncConnection[tuple[Any, ...]]
Connection = psycopg.Connection[tuple[Any, ...]]
Pool = AsyncConnectionPool[AsyncConnection]

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
    psycopg_pool.PoolTimeout. A connection that died is noticed when it is handed out.
    """
    return AsyncConnectionPool(
        target_of(settings).connection(role),
        connection_class=psycopg.AsyncConnection[tuple[Any, ...]],
        kwargs={"autocommit": True},
        min_size=min_size,
        max_size=max_size,
        timeout=timeout,
        open=False,
        check=AsyncConnectionPool.check_connection,
        name=role.value,
    )


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
