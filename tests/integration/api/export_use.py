"""Exports a site's events and says what memory that took: `python export_use.py SITE`."""

from __future__ import annotations

import asyncio
import json
import resource
import sys

from api.database import Database
from api.export.repository import Span
from api.export.schemas import ExportFormat, ExportKind
from api.export.service import batches, written
from infra.settings import load


def most() -> int:
    """Bytes of memory that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def main(site: str) -> None:
    database = Database(load())
    await database.open()
    lines = size = before = 0
    found = batches(database, ExportKind.EVENTS, {site}, Span(), None)
    async for data in written(found, ExportKind.EVENTS, ExportFormat.NDJSON, gzip=False):
        lines += data.count(b"\n")
        size += len(data)
        # The first pages bring what is loaded once.
        before = before or (most() if lines >= 5_000 else 0)
    await database.close()
    print(json.dumps({"lines": lines, "bytes": size, "grown": most() - before}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
