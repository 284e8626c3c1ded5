"""What searches read is brought into the server's memory."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.bench.api.data import TABLES, Say
from infra.db.target import target_of

if TYPE_CHECKING:
    import psycopg

    from infra.settings import Settings

__all__ = ["bring_into_memory"]

SEARCHED: Final = (
    "event_by_camera",
    "event_by_zone",
    "event_by_type",
    "event_pkey",
    "decision_pkey",
)
"""The indexes that the bench's searches walk along."""
CHUNK: Final = 64 * 1024**2
PLACE: Final = "SELECT current_setting('data_directory') || '/' || pg_relation_filepath('event')"
READ: Final = """
SELECT c.relname, t.relname, (
    SELECT string_agg(pg_get_indexdef(i.indexrelid, k, true)
        || CASE WHEN i.indoption[k - 1] & 1 = 1 THEN ' DESC' ELSE '' END, ', ' ORDER BY k)
    FROM generate_series(1, i.indnkeyatts) AS k)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relnamespace = current_schema()::regnamespace AND c.relname = ANY (%s)
"""


def bring_into_memory(settings: Settings, say: Say) -> None:
    """Have the server read what searches read, into its own buffers as far as they go."""
    import psycopg

    target = target_of(settings)
    with psycopg.connect(target.maintenance(), autocommit=True) as connection:
        connection.execute(f"SET search_path = {target.schema}".encode())
        _read_files(connection, say)
        for setting in ("seqscan", "bitmapscan", "sort"):
            connection.execute(f"SET enable_{setting} = off".encode())
        for name, table, order in connection.execute(READ, (list(SEARCHED),)).fetchall():
            say(f"reading the index {name}")
            _run(connection, f"(SELECT FROM {table} ORDER BY {order}) AS one")
        for table in TABLES:
            say(f"reading the table {table}")
            # By place: a scan of the whole would go through a few buffers of its own.
            _run(connection, f"{table} WHERE ctid >= '(0,0)'")


def _read_files(connection: psycopg.Connection[Any], say: Say) -> None:
    """In their order, which a disk gives five times as fast as page by page."""
    found = connection.execute(PLACE).fetchone()
    assert found is not None
    files = [path for path in Path(found[0]).parent.glob("*") if path.is_file()]
    total = sum(path.stat().st_size for path in files)
    done = 0
    for path in files:
        with contextlib.suppress(FileNotFoundError), path.open("rb", buffering=0) as file:
            while piece := len(file.read(CHUNK)):
                done += piece
                say(f"reading the files: {done / 1e9:.1f} of {total / 1e9:.1f} GB")


def _run(connection: psycopg.Connection[Any], source: str) -> None:
    """Count what is there. The source is made of names that the catalogue told."""
    connection.execute(f"SELECT count(*) FROM {source}".encode())  # noqa: S608
