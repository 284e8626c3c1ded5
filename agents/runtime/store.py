"""The tables' local stores: RocksDB a table and partition, read and written without an event.

Faust brings them up to date from their changelogs (see `recovery`), and says which partitions are
ours; rows go straight to the partition's own database here, a chunk's rows of a table in one
batch together with the offset up to which its changelog is in it. A batch is in the store whole or
not at all, so the offset never says more than is there.

Writes go through RocksDB's log and are not synced. A killed process then loses nothing and
re-reads nothing, and a machine that loses power loses the newest batches, offsets included, which
the changelog has. Without the log, a killed worker had to read again whatever was not flushed,
hours of it in a small table; measured, the log costs 0.1 to 0.3 µs a row in batches of 10 and more.
Only what recovery reads in bulk is not logged, which takes half the time on a busy disk; it is
flushed before the first write that is.
"""

from __future__ import annotations

import gc
import logging
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

import msgspec
from faust import Table
from faust.stores import rocksdb
from faust.types import TP
from rocksdict import WriteBatch, WriteOptions

from agents.runtime.chunks import Chunk
from agents.runtime.generations import (
    FENCE,
    Fences,
    fence_key,
    fence_value,
    generation_of,
)
from agents.runtime.rocks import (
    NOTE_KEY,
    OFFSET_KEY,
    Note,
    PartitionStats,
    open_database,
    partition_stats,
    read_note,
    scan,
    touched,
)
from topics.plan import CHANGELOG_TOMBSTONES

__all__ = [
    "Applied",
    "RowStore",
    "RowTable",
    "StoreError",
    "TableStore",
    "row_key",
]

log = logging.getLogger("watchfloor.store")

NOTE_EVERY_S: Final = 60.0
STALE_AFTER: Final = CHANGELOG_TOMBSTONES / 2
"""A store that was away for longer is read anew: tombstones that it has not seen may be gone
from the changelog, and what they removed would be there again."""

Row = tuple[str, str, bytes | None]
"""Table, key, encoded value; None removes."""


class StoreError(RuntimeError):
    """A table's local store cannot be written; what was to be written is on its changelog."""


class Applied(NamedTuple):
    """What became of a changelog's chunk. ignored: rows of late writers."""

    rows: int
    ignored: int


def row_key(partition: int, key: str) -> bytes:
    """A row's key in its table and on its changelog: with its partition, as Faust had them."""
    return f"{partition}/{key}".encode()


class RowStore(rocksdb.Store):
    """A table's store. What Faust itself calls of it is upstream's; rows go by partition."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._marks: dict[int, Fences] = {}
        self._noted: dict[int, Note] = {}
        self._unlogged: set[int] = set()
        # The stubs have a method where the library has a property.
        options: Any = WriteOptions()
        options.disable_wal = True
        self._without_log = options

    # Rows

    def get_row(self, partition: int, key: bytes) -> bytes | None:
        """The row, or None."""
        try:
            value: bytes | None = self._dbs[partition].get(key)
        except KeyError:
            value = self._db_for_partition(partition).get(key)
        return value

    def write_rows(
        self, partition: int, rows: Iterable[tuple[bytes, bytes | None]], offset: int | None
    ) -> None:
        """Write rows that the changelog has, and how far it goes, in one batch.

        A value of None removes. offset: of the changelog's last record that is in the store then;
        None leaves it where it is. Raises StoreError where RocksDB could not write.
        """
        batch = WriteBatch(raw_mode=True)
        fences = self.fences(partition)
        fence = fence_key(partition)
        for key, value in rows:
            if value is None:
                batch.delete(key)
            elif key != fence:
                batch.put(key, value)
            if fences.stale:
                fences.stale.discard(key)
        if offset is not None:
            batch.put(OFFSET_KEY, str(offset).encode())
            fences.offset = max(fences.offset, offset)
        self._write(partition, batch, fences, time.time(), logged=True)

    def apply_chunk(self, chunk: Chunk, *, logged: bool = True) -> Applied:
        """Write what a changelog's chunk says, and how far that is, in one batch.

        Rows of late writers are left out. logged: False where much more is to come, see above.
        Raises StoreError where RocksDB could not write.
        """
        partition = chunk.tp.partition
        batch = WriteBatch(raw_mode=True)
        put, delete = batch.put, batch.delete
        fences = self.fences(partition)
        admit, fence = fences.admit, fence_key(partition)
        headers: Any = None
        generation: int | None = None
        rows = ignored = 0
        for record in chunk.records:
            if record.headers != headers:
                headers = record.headers
                generation = generation_of(headers)
            key = record.key
            if key is None or not admit(record.offset, key, generation):
                ignored += 1
            elif key != fence:
                rows += 1
                value = record.value
                if value is None:
                    delete(key)
                else:
                    put(key, value)
        batch.put(OFFSET_KEY, str(chunk.last).encode())
        fences.offset = max(fences.offset, chunk.last)
        at = chunk.records[-1].timestamp / 1000
        self._write(partition, batch, fences, at, logged=logged)
        return Applied(rows, ignored)

    def scan_rows(
        self, partition: int, after: bytes | None, limit: int, prefix: bytes = b""
    ) -> list[tuple[bytes, bytes]]:
        """At most `limit` rows in order of their keys; `after`: the last one of the page before."""
        return scan(self._db_for_partition(partition), after, limit, prefix)

    def fences(self, partition: int) -> Fences:
        """What is in force on the partition's changelog, as far as the store has it."""
        fences = self._marks.get(partition)
        if fences is None:
            db = self._db_for_partition(partition)
            note, offset = read_note(db) or Note(), db.get(OFFSET_KEY)
            have = None if offset is None else int(offset)
            fences = Fences(int(note.generation), note.stale, have)
            self._marks[partition], self._noted[partition] = fences, note
        return fences

    def flush(self, turn: int, turns: int) -> None:
        """Have what is only in memory written to files, soon; of `turns` partitions, of one."""
        for partition in sorted(self._dbs)[turn::turns]:
            self._dbs[partition].flush(False)

    def statistics(self) -> list[PartitionStats]:
        """Each partition that is open here."""
        return [
            partition_stats(self.table_name, partition, db)
            for partition, db in sorted(self._dbs.items())
        ]

    def _write(
        self, partition: int, batch: Any, fences: Fences, at: float, *, logged: bool
    ) -> None:
        noted = self._noted[partition]
        if (
            str(fences.generation) != noted.generation
            or fences.stale != set(noted.stale)
            or at > noted.written + NOTE_EVERY_S
        ):
            stale = tuple(sorted(fences.stale))
            noted = Note(str(fences.generation), stale, max(at, noted.written))
            batch.put(NOTE_KEY, msgspec.msgpack.encode(noted))
        try:
            db = self._db_for_partition(partition)
            if not logged:
                self._unlogged.add(partition)
                db.write(batch, self._without_log)
            else:
                if partition in self._unlogged:
                    # After a crash, the log would be replayed over a hole.
                    db.flush(True)
                    self._unlogged.discard(partition)
                db.write(batch)
        except Exception as error:
            # They say what was to be written; what is in the store counts.
            self._marks.pop(partition, None)
            raise StoreError(
                f"table {self.table_name}, partition {partition}: its store at "
                f"{self.partition_path(partition)} cannot be written: {error}"
            ) from error
        self._noted[partition] = noted

    # Databases

    def _open_for_partition(self, partition: int) -> Any:
        path = self.partition_path(partition)
        last = touched(path)
        try:
            db = open_database(path)
        except Exception as error:
            if "Corruption" not in str(error):
                raise
            log.warning("%s: damaged, read anew from its changelog: %s", path, error)
            shutil.rmtree(path)
            return open_database(path)
        note = read_note(db)
        as_of = last if note is None else note.written
        if as_of is None or db.get(OFFSET_KEY) is None:
            return db
        age = timedelta(seconds=max(0.0, time.time() - as_of))
        if age > STALE_AFTER:
            log.warning("%s: %d days old, read anew from its changelog", path, age.days)
            db.close()
            del db
            shutil.rmtree(path)
            db = open_database(path)
        return db

    def _close(self, partition: int) -> None:
        db = self._dbs.pop(partition, None)
        self._marks.pop(partition, None)
        self._noted.pop(partition, None)
        self._unlogged.discard(partition)
        if db is not None:
            db.close()

    def revoke_partitions(self, table: Any, tps: set[TP]) -> None:
        """Close the databases of partitions that are another worker's now.

        Upstream leaves that to the garbage collector: the lock stays as long as anything refers to
        the database.
        """
        for tp in tps:
            if tp.topic in table.changelog_topic.topics:
                self._close(tp.partition)

    async def stop(self) -> None:
        """Close every database."""
        for partition in tuple(self._dbs):
            self._close(partition)
        gc.collect()


class RowTable(Table[Any, Any]):
    """A Faust table that is kept in a `RowStore`: the app's `Table` setting names it."""

    def _new_store(self) -> Any:
        return RowStore(
            "rocksdb://",
            self.app,
            self,
            table_name=self.name,
            key_type=self.key_type,
            key_serializer=self.key_serializer,
            value_serializer=self.value_serializer,
            value_type=self.value_type,
            loop=self.loop,
        )


class TableStore:
    """A worker's tables as the stages' state needs them (`state.Store`), and in batches."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        self._tables = tables
        self._stores: dict[str, RowStore] = {}

    @staticmethod
    def key(partition: int, key: str) -> bytes:
        """A row's key in its table and on its changelog."""
        return row_key(partition, key)

    def of(self, table: str) -> RowStore:
        """A table's store. Raises KeyError for no table."""
        store = self._stores.get(table)
        if store is None:
            store = self._stores[table] = self._tables[table].data
        return store

    @property
    def names(self) -> tuple[str, ...]:
        """The tables."""
        return tuple(self._tables)

    def get(self, table: str, partition: int, key: str) -> bytes | None:
        """The row, or None."""
        name = f"{partition}/{key}".encode()
        try:
            # The way of every record of every stage: two calls less are a third of its time.
            value: bytes | None = self._stores[table]._dbs[partition].get(name)
        except KeyError:
            return self.of(table).get_row(partition, name)
        return value

    def write(self, table: str, partition: int, key: str, value: bytes | None) -> None:
        """Keep the row; None removes it."""
        self.of(table).write_rows(partition, [(row_key(partition, key), value)], None)

    def write_rows(self, partition: int, rows: Sequence[Row], reached: Mapping[str, int]) -> None:
        """Write a chunk's rows: one batch a table, with how far its changelog goes.

        reached: the offset of the last of these rows on each table's changelog.
        """
        grouped: dict[str, list[tuple[bytes, bytes | None]]] = {table: [] for table in reached}
        for table, key, value in rows:
            grouped.setdefault(table, []).append((f"{partition}/{key}".encode(), value))
        for table, own in grouped.items():
            self.of(table).write_rows(partition, own, reached.get(table))

    def scan(
        self, table: str, partition: int, prefix: str, after: str | None, limit: int
    ) -> list[tuple[str, bytes]]:
        """At most `limit` rows whose keys begin with `prefix`, in order, after the key `after`."""
        begin = f"{partition}/"
        found = self.of(table).scan_rows(
            partition,
            None if after is None else row_key(partition, after),
            limit,
            row_key(partition, prefix),
        )
        return [(key.decode().removeprefix(begin), value) for key, value in found]

    def generation(self, table: str, partition: int) -> int:
        """The generation in force on a changelog: the owner's own, once it has recovered."""
        return self.of(table).fences(partition).generation

    def offset(self, table: str, partition: int) -> int:
        """The last offset of its changelog that is in the table; -1 where none is."""
        return self.of(table).fences(partition).offset

    def stale(self, table: str, partition: int) -> list[tuple[str, bytes | None]]:
        """Rows to be appended to a changelog again: late writers have written over them there.

        The fence is among them where it was written over; once appended, `write_rows` takes them
        off the list.
        """
        store = self.of(table)
        fences = store.fences(partition)
        begin = f"{partition}/"
        found: list[tuple[str, bytes | None]] = []
        for key in sorted(fences.stale):
            name = key.decode("utf-8", "replace").removeprefix(begin)
            value = (
                fence_value(fences.generation) if name == FENCE else store.get_row(partition, key)
            )
            found.append((name, value))
        return found

    def mark_stale(self, table: str, partition: int, keys: Iterable[bytes]) -> None:
        """A late writer was seen to write over these keys on the changelog."""
        self.of(table).fences(partition).stale.update(keys)

    def flush(self, turn: int, turns: int) -> None:
        """The same for every table."""
        for name in self._tables:
            self.of(name).flush(turn, turns)

    def statistics(self) -> list[PartitionStats]:
        """Each partition of each table that is open here."""
        return [stats for name in self._tables for stats in self.of(name).statistics()]
