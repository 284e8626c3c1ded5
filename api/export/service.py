"""Exports: rows as they are read, from one site to the next, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from api.database import Database
from api.export import repository
from api.export.repository import TABLES, Span
from api.export.schemas import COLUMNS, After, ExportFormat, ExportKind
from api.export.writing import Writer
from api.problems import BadCursor, TooManyExports

__all__ = ["BATCH", "Exports", "after_of", "batches", "parse_after", "written"]

BATCH: Final = 1_000
AT_ONCE: Final = 4
MAX_AFTER: Final = 600

_time = TypeAdapter(AwareDatetime)

Rows = list[tuple[Any, ...]]


class Exports:
    """How many are under way. Bounded: each keeps a core busy while its client reads fast."""

    def __init__(self, *, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._count = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One of a few at a time. Raises TooManyExports."""
        self.require()
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1

    def require(self) -> None:
        """Raises TooManyExports where there is no room now."""
        if self._count >= self._at_once:
            raise TooManyExports(self._at_once)


def parse_after(text: str, kind: ExportKind) -> After:
    """The last row that a client has: `SITE,TIME,ID` of its columns, `SITE,ID` for a device.

    Raises BadCursor.
    """
    timed = TABLES[kind].at is not None
    parts = text.split(",", 2 if timed else 1)
    if len(text) > MAX_AFTER or len(parts) != (3 if timed else 2) or not all(parts):
        words = "SITE,TIME,ID" if timed else "SITE,ID"
        raise BadCursor(f"after has to be {words} of the last row that you have.")
    at: datetime | None = None
    if timed:
        try:
            at = _time.validate_python(parts[1])
        except ValidationError as error:
            raise BadCursor("after has no time as of RFC 3339 in it.") from error
    return After(parts[0], at, parts[-1])


def after_of(kind: ExportKind, row: tuple[Any, ...]) -> After:
    """What the next page comes after."""
    table, columns = TABLES[kind], COLUMNS[kind]
    at = None if table.at is None else row[columns.index(table.at)]
    return After(row[columns.index("site_id")], at, row[columns.index(table.id)])


async def batches(
    database: Database,
    kind: ExportKind,
    sites: Collection[str],
    span: Span,
    after: After | None,
    *,
    limit: int | None = None,
    batch: int = BATCH,
) -> AsyncIterator[Rows]:
    """All rows of those sites after that one, site by site. Raises DatabaseUnavailable."""
    left = limit
    for site_id in sorted(sites):
        if after is not None and site_id < after.site_id:
            continue
        last = after if after is not None and after.site_id == site_id else None
        while left is None or left > 0:
            wanted = batch if left is None else min(batch, left)
            rows = await repository.page(database, kind, site_id, span, last, wanted)
            if rows:
                yield rows
                last = after_of(kind, rows[-1])
            if left is not None:
                left -= len(rows)
            if len(rows) < wanted:
                break


async def written(
    found: AsyncIterator[Rows], kind: ExportKind, form: ExportFormat, *, gzip: bool
) -> AsyncIterator[bytes]:
    """The rows as they are sent; writing and compressing are done beside the loop."""
    writer = Writer(COLUMNS[kind], form, gzip=gzip)
    head = writer.begin()
    if head:
        yield head
    async for rows in found:
        data = await asyncio.to_thread(writer.rows, rows)
        if data:
            yield data
    tail = writer.end()
    if tail:
        yield tail
