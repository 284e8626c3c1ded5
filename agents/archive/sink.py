"""Rows into PostgreSQL, pictures into the blob store: whole chunks, and what cannot be stored."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, Self

import psycopg

from agents.archive.rows import Item, Picture, Poison, statements
from infra.blob.store import BlobStore
from infra.db.target import Role, Target

__all__ = ["AwayError", "Sink", "is_poison"]

UPLOADS: Final = 8
"""Pictures that are stored at a time; each waits for a disk or a server, not for a processor."""

UPLOAD_S: Final = 60.0
WRITE_S: Final = 90.0
"""Above the role's statement timeout, below it a server that vanished without a word."""


class AwayError(RuntimeError):
    """PostgreSQL or the blob store cannot take anything now; later it may."""


def is_poison(error: psycopg.Error) -> bool:
    """Whether the rows themselves are at fault, so that trying again changes nothing.

    SQLSTATE classes 22 (data), 23 (constraints) and 54 (limits, as an index entry that is too
    long): https://www.postgresql.org/docs/current/errcodes-appendix.html. Everything else is the
    server's state or our set-up, and blaming records for it would empty whole topics.
    """
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.DataError)
    return state[:2] in ("22", "23", "54")


class Sink:
    """Where archive writes. One connection, made when it is needed."""

    def __init__(self, target: Target, blobs: BlobStore) -> None:
        self._target = target
        self._blobs = blobs
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._uploads = ThreadPoolExecutor(UPLOADS, thread_name_prefix="archive-blobs")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()
        self._uploads.shutdown(wait=False, cancel_futures=True)

    async def store_pictures(self, pictures: Sequence[Picture]) -> None:
        """Store them all, or raise AwayError. Storing one again replaces it by itself."""
        loop = asyncio.get_running_loop()
        pending = [loop.run_in_executor(self._uploads, self._upload, p) for p in pictures]
        try:
            async with asyncio.timeout(UPLOAD_S * max(1, len(pictures) / UPLOADS)):
                outcomes = await asyncio.gather(*pending, return_exceptions=True)
        except TimeoutError as error:
            raise AwayError("the blob store does not answer") from error
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise AwayError(f"blob store: {outcome}") from outcome

    def _upload(self, picture: Picture) -> None:
        self._blobs.put(picture.key, picture.data, picture.content_type)

    async def store_rows(self, items: Sequence[Item]) -> list[Poison]:
        """Write the items' rows, and return those items that PostgreSQL can never take.

        In one transaction; where a row is refused, each half on its own, down to the row: one bad
        record among n costs about 2 log2(n) transactions, and its neighbours nothing. Raises
        AwayError; what was written by then is written again later, and changes nothing.
        """
        if not items:
            return []
        try:
            async with asyncio.timeout(WRITE_S):
                await self._transaction(items)
        except psycopg.Error as error:
            if not is_poison(error):
                await self._close()
                raise AwayError(f"PostgreSQL: {_first_line(error)}") from error
            if len(items) == 1:
                return [Poison(items[0].record, error)]
        except (TimeoutError, OSError) as error:
            await self._close()
            raise AwayError(f"PostgreSQL: {error or 'it does not answer'}") from error
        else:
            return []
        middle = len(items) // 2
        return await self.store_rows(items[:middle]) + await self.store_rows(items[middle:])

    async def _transaction(self, items: Sequence[Item]) -> None:
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connection = await psycopg.AsyncConnection.connect(
                self._target.connection(Role.ARCHIVE), autocommit=True
            )
        async with connection.transaction():
            for statement in statements(items):
                # The name is one of an enumeration's, and never a record's.
                await connection.execute(
                    f"SELECT archive_{statement.table.value}(%s::text::jsonb)".encode(),
                    (statement.rows.decode(),),
                )

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await connection.close()


def _first_line(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
