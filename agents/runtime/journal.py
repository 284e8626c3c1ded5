"""The changelog, written before the store: a chunk's rows are all in it, or none of them is.

Faust writes a row to its local store at once and to the changelog some time later. A worker that
dies in between is right about the row, and its successor, which has the changelog alone, never
hears of it: the redelivered record finds its own id and writes nothing. So the changelog comes
first here, by the same producer as the outputs. And since a chunk's rows are spread over the
changelogs of several tables, a chunk is first written whole, as one record: after a crash in
between, whoever owns the partition next finishes it from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from schemas.base import Message
from topics.declare import KeyKind, Topic
from topics.record import OutRecord

if TYPE_CHECKING:
    from agents.runtime.app import FaustStore

__all__ = ["Confirms", "Journal", "Row"]

Row = tuple[str, str, bytes | None]
"""Table, key, encoded value; None removes."""

CHUNK: Final = "chunk"
"""The row that holds the newest chunk; a stage's rows have a colon in their keys."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""A chunk above this is not written whole: the changelog's limit for a record is 8 MiB."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Row])


class Confirms(Protocol):
    """The way to the broker, as the journal needs it."""

    async def append(self, records: Sequence[OutRecord]) -> Mapping[tuple[str, int], int]:
        """As `emit`; the greatest offset of each topic and partition."""


class Journal:
    """A chain's changelogs. table: the one whose changelog holds the chunks.

    name(table): the changelog topic of a table, without the namespace.
    """

    def __init__(
        self, emitter: Confirms, store: FaustStore, table: str, name: Callable[[str], str]
    ) -> None:
        self._emitter = emitter
        self._store = store
        self._table = table
        self._name = name
        self._topics: dict[str, Topic] = {}
        self._whole: set[int] = set()
        self._owed: dict[int, list[Row]] = {}

    def forget(self) -> None:
        """Partitions have moved: what is in the store is another's work now."""
        self._whole.clear()

    def prepare(self, partition: int) -> None:
        """Finish the newest chunk of a partition that was just taken over, in the store.

        To be called in the context of one of the partition's records.
        """
        if partition in self._whole:
            return
        data = self._store.get(self._table, partition, CHUNK)
        rows = [] if data is None else _decoder.decode(data)
        for table, key, value in rows:
            self._store.write(table, partition, key, value)
        self._owed[partition] = rows
        self._whole.add(partition)

    def chunk(self, partition: int, rows: Sequence[Row]) -> list[Row]:
        """The rows to be written: first the one that holds them all, then each.

        Removals of rows that are not there are left out: timers come and go within a chunk.
        To be called in the context of one of the partition's records.
        """
        changes = [
            row
            for row in rows
            if row[2] is not None or self._store.get(row[0], partition, row[1]) is not None
        ]
        if not changes:
            return []
        whole = _encoder.encode(changes)
        return [(self._table, CHUNK, whole if len(whole) <= MOST_BYTES else None), *changes]

    async def append(self, partition: int, rows: Sequence[Row]) -> Mapping[tuple[str, int], int]:
        """Return once the changelogs have the chunk; the offsets up to which they go.

        1. The rows of a chunk that its owner may not have finished.
        2. This chunk, whole.
        3. Its rows.
        """
        if not rows:
            return {}
        owed = self._owed.get(partition)
        if owed:
            await self._emitter.append([self._record(partition, row) for row in owed])  # 1
        self._owed.pop(partition, None)
        await self._emitter.append([self._record(partition, rows[0])])  # 2
        return await self._emitter.append([self._record(partition, row) for row in rows[1:]])  # 3

    def write(
        self, partition: int, rows: Sequence[Row], reached: Mapping[tuple[str, int], int]
    ) -> None:
        """Write rows that the changelogs have to the store, and how far those go."""
        for table, key, value in rows:
            self._store.write(table, partition, key, value)
        for table in {row[0] for row in rows}:
            offset = reached.get((self._name(table), partition))
            if offset is not None:
                self._store.reached(table, partition, offset)

    def _record(self, partition: int, row: Row) -> OutRecord:
        table, key, value = row
        topic = self._topics.get(table)
        if topic is None:
            topic = self._topics[table] = Topic(
                name=self._name(table),
                key=KeyKind.NONE,
                value=Message,
                keep=None,
                compact=True,
                owner="runtime",
                promise="the rows of a table",
            )
        return OutRecord(
            topic=topic,
            key=self._store.key(partition, key),
            value=value,
            headers=(),
            partition=partition,
        )
