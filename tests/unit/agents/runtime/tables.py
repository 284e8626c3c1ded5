"""A Faust app with tables and no broker, and chunks of their changelogs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faust
from faust.types import TP

from agents.runtime.chunks import Chunk
from agents.runtime.generations import HEADER
from agents.runtime.recovery import ChunkTableManager
from agents.runtime.store import RowTable, TableStore


@dataclass
class Rec:
    """As aiokafka's DefaultRecord, as far as it is looked at."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 0


def app(folder: Path) -> faust.App:
    """An app as a role's, without anything to connect to."""
    made = faust.App(
        "test",
        broker="kafka://127.0.0.1:1",
        store="rocksdb://",
        datadir=str(folder),
        Table=RowTable,
        TableManager=ChunkTableManager,
        web_enabled=False,
        autodiscover=False,
    )
    # Faust takes the working directory for its own where it is told none.
    os.makedirs(folder, exist_ok=True)
    return made


def tables(made: faust.App, *names: str) -> TableStore:
    """Tables of that app."""
    found = {
        name: made.Table(name, partitions=4, key_type=bytes, value_type=bytes) for name in names
    }
    return TableStore(found)


def changelog(made: faust.App, table: str, partition: int) -> TP:
    """The partition of a table's changelog."""
    found: Any = made.tables[table]
    return TP(found.changelog_topic_name, partition)


def chunk(
    tp: TP,
    rows: Iterable[tuple[str, bytes | None]],
    *,
    first: int = 0,
    generation: int | None = None,
    at: int = 0,
) -> Chunk:
    """A chunk of rows, from an offset on. at: ms since the epoch."""
    headers = () if generation is None else ((HEADER, str(generation).encode()),)
    records = [
        Rec(first + n, f"{tp.partition}/{key}".encode(), value, headers, at)
        for n, (key, value) in enumerate(rows)
    ]
    return Chunk(tp, records)
