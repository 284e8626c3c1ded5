"""PostgreSQL as the role `api`: every query runs in a scope of named sites."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg
from psycopg import sql
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from api.problems import DatabaseUnavailable
from infra.db.pool import AsyncConnection, account_scope, make_pool, site_rows, site_scope
from infra.db.target import Role

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Database", "OutOfScope", "Row", "held_by_nobody", "hold", "within"]

log = logging.getLogger("watchfloor.api.database")

WAIT_S: Final = 3.0
SEARCH_WAIT_S: Final = 10.0
"""For a place among searches; one is ended by the role's statement timeout at the latest."""
CONNECTIONS: Final = 12
"""A connection is held while its answer is made into rows, and so for longer the busier this
process is: with four, they and not a core were what 200 requests a second waited for."""
SEARCHES: Final = 5
"""So many of them at most are held by searches, which may have to wait for a disk: a queue that is
in memory is answered meanwhile."""
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


_held: ContextVar[frozenset[str] | None] = ContextVar("watchfloor-sites", default=None)
"""The sites of whoever asks. None: every site, which is also the server's own work's."""


class OutOfScope(Exception):
    """A defect: a request's query is about sites that are not its principal's."""


@contextlib.contextmanager
def held_by_nobody() -> Iterator[None]:
    """A request, before it is known who asks: its queries see no site."""
    token = _held.set(frozenset())
    try:
        yield
    finally:
        _held.reset(token)


def hold(sites: frozenset[str] | None) -> None:
    """From here on the request's queries are about these sites at most; None: about any."""
    _held.set(sites)


NO_SITE: Final = "*"
"""What is of no one site is kept under it; no request can name it, for it is no site's id."""


def within(sites: Collection[str]) -> Collection[str]:
    """These sites. Raises OutOfScope where whoever asks may not see one of them."""
    held = _held.get()
    if held is not None and (beyond := set(sites) - held - {NO_SITE}):
        raise OutOfScope(f"{len(beyond)} sites more than whoever asks may see")
    return sites


class Database:
    """A small pool. It opens without a server, and takes one up whenever it comes."""

    def __init__(self, settings: Settings) -> None:
        self._pool = make_pool(settings, Role.API, min_size=1, max_size=CONNECTIONS, timeout=WAIT_S)
        self._searches = asyncio.Semaphore(SEARCHES)

    async def open(self) -> None:
        """Start connecting; returns at once."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close(timeout=2)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except AWAY as error:
            # The first line: psycopg's messages name the host and never a password.
            log.warning("the database does not answer: %s", str(error).splitlines()[:1])
            raise DatabaseUnavailable from error

    @contextlib.asynccontextmanager
    async def sites(self, sites: Collection[str]) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees those sites.

        Raises DatabaseUnavailable, and OutOfScope for a site that whoever asks may not see: what
        a request forgets to check ends here.
        """
        wanted = within(sites)
        async with self._connection() as connection, site_scope(connection, wanted) as seen:
            yield seen

    @contextlib.asynccontextmanager
    async def accounts(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees accounts, and no site's rows. Raises DatabaseUnavailable."""
        async with self._connection() as connection, account_scope(connection) as seen:
            yield seen

    async def rows(
        self,
        sites: Collection[str],
        query: Query,
        values: Mapping[str, Any],
    ) -> list[Row]:
        """All rows that those sites have. Raises as `sites` does."""
        wanted = within(sites)
        async with self._connection() as connection:
            return await site_rows(connection, wanted, query, values)

    async def search(
        self,
        sites: Collection[str],
        query: Query,
        values: Mapping[str, Any],
    ) -> list[Row]:
        """As `rows`, for what may read far back: it waits where other searches do.

        Raises DatabaseUnavailable too where they keep it waiting for SEARCH_WAIT_S.
        """
        async with self.searching():
            return await self.rows(sites, query, values)

    @contextlib.asynccontextmanager
    async def searching(self) -> AsyncIterator[None]:
        """A place among searches. Raises DatabaseUnavailable where none gets free."""
        try:
            async with asyncio.timeout(SEARCH_WAIT_S):
                await self._searches.acquire()
        except TimeoutError as error:
            log.warning("%d searches keep others waiting", SEARCHES)
            raise DatabaseUnavailable from error
        try:
            yield
        finally:
            self._searches.release()

    async def answers(self) -> bool:
        """Whether it does, within the pool's wait."""
        try:
            async with self._pool.connection() as connection:
                await connection.execute("SELECT 1")
        except AWAY:
            return False
        return True
