"""PostgreSQL as the role `api`: every query runs in a scope of named sites."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from api.problems import DatabaseUnavailable
from infra.db.pool import AsyncConnection, account_scope, make_pool, site_scope
from infra.db.target import Role

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Database", "Row"]

log = logging.getLogger("watchfloor.api.database")

WAIT_S: Final = 3.0
Row = dict[str, Any]
Query = LiteralString | sql.SQL | sql.Composed

AWAY: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.UndefinedTable,
    psycopg.errors.InsufficientPrivilege,
    PoolTimeout,
    PoolClosed,
    TooManyRequests,
)
"""A server that is away, busy beyond the statement timeout, or not migrated yet."""


class Database:
    """A small pool. It opens without a server, and takes one up whenever it comes."""

    def __init__(self, settings: Settings) -> None:
        self._pool = make_pool(settings, Role.API, min_size=1, max_size=4, timeout=WAIT_S)

    async def open(self) -> None:
        """Start connecting; returns at once."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close(timeout=2)

    @contextlib.asynccontextmanager
    async def sites(self, sites: Collection[str]) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees those sites. Raises DatabaseUnavailable."""
        try:
            async with self._pool.connection() as connection, site_scope(connection, sites) as seen:
                yield seen
        except AWAY as error:
            # The first line: psycopg's messages name the host and never a password.
            log.warning("the database does not answer: %s", str(error).splitlines()[:1])
            raise DatabaseUnavailable from error

    @contextlib.asynccontextmanager
    async def accounts(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees accounts, and no site's rows. Raises DatabaseUnavailable."""
        try:
            async with self._pool.connection() as connection, account_scope(connection) as seen:
                yield seen
        except AWAY as error:
            log.warning("the database does not answer: %s", str(error).splitlines()[:1])
            raise DatabaseUnavailable from error

    async def rows(
        self,
        sites: Collection[str],
        query: Query,
        values: Mapping[str, Any],
    ) -> list[Row]:
        """All rows that those sites have. Raises DatabaseUnavailable."""
        async with self.sites(sites) as connection, connection.cursor(row_factory=dict_row) as cur:
            await cur.execute(query, values)
            return await cur.fetchall()

    async def answers(self) -> bool:
        """Whether it does, within the pool's wait."""
        try:
            async with self._pool.connection() as connection:
                await connection.execute("SELECT 1")
        except AWAY:
            return False
        return True
