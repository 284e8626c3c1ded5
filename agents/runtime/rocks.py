"""A partition's database: RocksDB set up for many small tables, and what is kept beside rows."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import rocksdict
from rocksdict import Rdict

__all__ = [
    "NOTE_KEY",
    "OFFSET_KEY",
    "Note",
    "PartitionStats",
    "open_database",
    "open_read_only",
    "partition_stats",
    "read_note",
    "scan",
    "touched",
]

MEBI: Final = 1024 * 1024
CACHE_BYTES: Final = 32 * MEBI
"""Blocks of all tables of a worker. Indexes and filters stay outside: kept in a cache that is
full, each look-up reads one again (measured: 54 µs instead of 10 for a row, 60 instead of 2.5
for a row that is not there)."""
BUFFERS_BYTES: Final = 12 * MEBI
"""Rows of all tables of a worker that are not in files yet. What is seldom written (a clock, once
a second) fills its own share for hours: up to here a worker's memory grows, so it is not far."""
BUFFER_BYTES: Final = 2 * MEBI
OPEN_FILES: Final = 64
NOTE_KEY: Final = b"__watchfloor\0note"
OFFSET_KEY: Final = b"__faust\0offset__"
"""Faust's own, see `faust.stores.rocksdb.Store.offset_key`."""
OWN_KEYS: Final = frozenset({NOTE_KEY, OFFSET_KEY})


class Note(msgspec.Struct, frozen=True):
    """What is kept beside a partition's rows.

    generation, stale: see `Fences`; digits, since msgpack's own integers end at 64 bits.
    written: seconds since the epoch; what was on the changelog until then is in the store.
    """

    generation: str = "0"
    stale: tuple[bytes, ...] = ()
    written: float = 0.0


class PartitionStats(NamedTuple):
    """A partition of a table.

    rows: RocksDB's estimate; rows that were written again count twice until they are compacted.
    disk, memory: bytes. offset: how far the changelog is in it. written: as in the note.
    """

    table: str
    partition: int
    rows: int
    disk: int
    memory: int
    offset: int | None
    generation: int
    written: float | None


@cache
def _shared() -> tuple[Any, Any]:
    """One block cache and one bound on write buffers for all tables of this process."""
    return (
        rocksdict.Cache(CACHE_BYTES),
        rocksdict.WriteBufferManager(BUFFERS_BYTES, False),
    )


def _options() -> Any:
    block_cache, buffers = _shared()
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_max_open_files(OPEN_FILES)
    options.set_write_buffer_size(BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_write_buffer_manager(buffers)
    options.set_target_file_size_base(16 * MEBI)
    options.set_compression_type(rocksdict.DBCompressionType.lz4())
    # Its own log of what it does is 10 files of any size, and a thread that counts, a database.
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(MEBI)
    options.set_stats_dump_period_sec(0)
    options.set_stats_persist_period_sec(0)
    tables = rocksdict.BlockBasedOptions()
    # 10 bits a key: 1 % false positives; a look-up of a row that is not there costs 1 µs with it.
    tables.set_bloom_filter(10, block_based=False)
    tables.set_block_cache(block_cache)
    options.set_block_based_table_factory(tables)
    return options


def open_database(path: Path) -> Any:
    """Open it, made where it is missing. Raises Exception where RocksDB cannot."""
    return Rdict(str(path), _options())


def open_read_only(path: Path) -> Any:
    """A partition's database beside whoever writes it. Raises OSError where there is none."""
    if not (path / "CURRENT").is_file():
        raise FileNotFoundError(f"{path} is no table's partition")
    try:
        return Rdict(str(path), _options(), access_type=rocksdict.AccessType.read_only(False))
    except Exception as error:
        raise OSError(f"{path}: {error}") from error


def read_note(db: Any) -> Note | None:
    data = db.get(NOTE_KEY)
    return None if data is None else msgspec.msgpack.decode(data, type=Note)


def touched(path: Path) -> float | None:
    """When a partition's files were last written; None where there are none."""
    times = [file.stat().st_mtime for suffix in ("*.log", "*.sst") for file in path.glob(suffix)]
    return max(times, default=None)


def scan(
    db: Any, after: bytes | None, limit: int, prefix: bytes = b""
) -> list[tuple[bytes, bytes]]:
    """At most `limit` rows in order: keys that begin with `prefix` and come after `after`."""
    begin = prefix if after is None or after < prefix else after
    found: list[tuple[bytes, bytes]] = []
    if limit <= 0:
        return found
    for key, value in db.items(from_key=begin):
        if not key.startswith(prefix):
            break
        if key in OWN_KEYS or key == after:
            continue
        found.append((key, value))
        if len(found) >= limit:
            break
    return found


def partition_stats(table: str, partition: int, db: Any) -> PartitionStats:
    """What is known of a partition without reading it."""
    note, offset = read_note(db), db.get(OFFSET_KEY)
    return PartitionStats(
        table=table,
        partition=partition,
        rows=db.property_int_value("rocksdb.estimate-num-keys") or 0,
        disk=db.property_int_value("rocksdb.live-sst-files-size") or 0,
        memory=sum(
            db.property_int_value(f"rocksdb.{name}") or 0
            for name in ("cur-size-all-mem-tables", "estimate-table-readers-mem")
        ),
        offset=None if offset is None else int(offset),
        generation=0 if note is None else int(note.generation),
        written=None if note is None else note.written,
    )
