"""The changelog, written before the store: a chunk's rows are all in it, or none of them is.

Faust writes a row to its local store at once and to the changelog some time later. A worker that
dies in between is right about the row, and its successor, which has the changelog alone, never
hears of it: the redelivered record finds its own id and writes nothing. So the changelog comes
first here, by the same producer as the outputs. And since a chunk's rows are spread over the
changelogs of several tables, a chunk is first written whole, as one record: after a crash in
between, whoever owns the partition next finishes it from there.

That record also holds what the chunk emits, and comes before it. Where ticks and events come
together, the same events run a second time may fall on the other side of a tick, and be decided
otherwise; what was once said must not be said differently by the next owner.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from agents.runtime.emitter import RefusedError
from agents.runtime.generations import FENCE, HEADER, Sole, fence_value
from agents.runtime.whole import Row, Said, Whole, read_whole, write_whole
from schemas.base import Message
from topics.declare import KeyKind, Topic
from topics.record import OutRecord

if TYPE_CHECKING:
    from agents.runtime.emitter import Place, Span

__all__ = ["Confirms", "Foreign", "Journal", "Plan", "Row", "Rows", "changelog_topic"]

log = logging.getLogger("watchfloor.journal")

CHUNK: Final = "chunk"
"""The row that holds the newest chunk; a stage's rows have a colon in their keys."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""A chunk above this is written as several records: the changelog's limit for one is 8 MiB."""

SHOW_AFTER_S: Final = 60.0
"""A changelog that was not written for so long gets its owner's fence again. A late writer is
found by the hole that it makes between own offsets, and that has to be before compaction takes
the good row under the late one (`topics.plan.CHANGELOG_LAG`)."""


class Plan(NamedTuple):
    """first: the chunk as it is written down, its rows' keys the journal's own. rows: each row."""

    first: list[Row]
    rows: list[Row]


def _page(number: int) -> str:
    """The key of a page of a chunk that is more than one record."""
    return f"{CHUNK}.{number}"


class Confirms(Protocol):
    """The way to the broker, as the journal needs it."""

    async def append(self, records: Sequence[OutRecord]) -> Mapping[Place, Span]:
        """As `emit`; where the records are."""


class Rows(Protocol):
    """The local store, as the journal needs it."""

    def key(self, partition: int, key: str) -> bytes:
        """A row's key in its table and on its changelog."""

    def get(self, table: str, partition: int, key: str) -> bytes | None:
        """The row, or None."""

    def write_rows(self, partition: int, rows: Sequence[Row], reached: Mapping[str, int]) -> None:
        """Write rows, and up to which offset of its changelog each table goes with them."""

    @property
    def names(self) -> tuple[str, ...]:
        """The tables."""

    def generation(self, table: str, partition: int) -> int:
        """The generation in force on a changelog: the owner's own, once it has recovered."""

    def offset(self, table: str, partition: int) -> int:
        """The last offset of its changelog that is in the table."""

    def stale(self, table: str, partition: int) -> list[tuple[str, bytes | None]]:
        """Rows that late writers have written over on the changelog."""

    def mark_stale(self, table: str, partition: int, keys: Iterable[bytes]) -> None:
        """A late writer was seen to write over these keys."""


Foreign = Callable[[str, int, Sequence[range], int], Awaitable[set[bytes]]]
"""The keys that others wrote: changelog (without namespace), partition, offsets, own generation."""


async def _nobody(_topic: str, _partition: int, _ranges: Sequence[range], _own: int) -> set[bytes]:
    return set()


class Journal:
    """A chain's changelogs. table: the one whose changelog holds the chunks.

    name(table): the changelog topic of a table, without the namespace. foreign: who else wrote,
    asked where own offsets have a hole: the owner of a partition is the only one who should.
    """

    def __init__(
        self,
        emitter: Confirms,
        store: Rows,
        table: str,
        name: Callable[[str], str],
        foreign: Foreign = _nobody,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._emitter = emitter
        self._store = store
        self._table = table
        self._name = name
        self._foreign = foreign
        self._clock = clock
        self._shown: dict[tuple[str, int], float] = {}
        self._whole: set[int] = set()
        self._owed: dict[int, Whole] = {}
        self._kept: set[int] = set()
        self._pages: dict[int, int] = {}
        self._headers: dict[tuple[str, int], tuple[tuple[str, bytes], ...]] = {}
        self._soles: dict[tuple[str, int], Sole] = {}
        self._suspect: set[tuple[str, int]] = set()

    def forget(self) -> None:
        """Partitions have moved: what is in the store is another's work now."""
        self._whole.clear()
        self._owed.clear()
        self._kept.clear()
        self._pages.clear()
        self._headers.clear()
        self._soles.clear()
        self._suspect.clear()
        self._shown.clear()

    def prepare(self, partition: int) -> None:
        """Finish the newest chunk of a partition that was just taken over, in the store."""
        if partition in self._whole:
            return
        for table in self._store.names:
            place = (table, partition)
            own = self._store.generation(table, partition)
            self._headers[place] = ((HEADER, str(own).encode()),)
            self._soles[place] = Sole(self._store.offset(table, partition))
            self._suspect.add(place)
            self._shown[place] = self._clock()

        def page(number: int) -> bytes | None:
            return self._store.get(self._table, partition, _page(number))

        data = self._store.get(self._table, partition, CHUNK)
        self._pages[partition] = next(number for number in count() if page(number + 1) is None)
        if data is not None or self._pages[partition]:
            self._kept.add(partition)
        whole = read_whole(data, page)
        self._store.write_rows(partition, whole.rows, {})
        if whole.rows or whole.outputs:
            self._owed[partition] = whole
        self._whole.add(partition)

    def chunk(self, partition: int, rows: Sequence[Row], outputs: Iterable[OutRecord] = ()) -> Plan:
        """What is to be written: first the chunk as a whole, then each of its rows.

        Removals of rows that are not there are left out: timers come and go within a chunk.
        outputs: what the chunk emits, held together with them. Where the owner before still owes
        something, a chunk without a change is written too: offsets pass what it owes with it.
        """
        changes = [
            row
            for row in rows
            if row[2] is not None or self._store.get(row[0], partition, row[1]) is not None
        ]
        again = self._again(partition) if self._suspect else []
        if not changes and not again and partition not in self._owed:
            return Plan([], [])
        again += self._fences(partition)
        head, *pages = write_whole(changes, outputs, MOST_BYTES)
        first: list[Row] = [
            (self._table, _page(number), page) for number, page in enumerate(pages, 1)
        ]
        first.append((self._table, CHUNK, head))
        return Plan(first, [*again, *self._unused(partition, len(pages)), *changes])

    def _unused(self, partition: int, pages: int) -> list[Row]:
        """Pages of the chunk before that this one does not write over."""
        before = self._pages.get(partition, 0)
        self._pages[partition] = pages
        return [(self._table, _page(number), None) for number in range(pages + 1, before + 1)]

    def _again(self, partition: int) -> list[Row]:
        """Rows that a late writer has written over: what they are is written once more."""
        places = [place for place in self._suspect if place[1] == partition]
        self._suspect.difference_update(places)
        return [
            (table, key, value)
            for table, _ in sorted(places)
            for key, value in self._store.stale(table, partition)
        ]

    def _fences(self, partition: int) -> list[Row]:
        """Own fences for changelogs that were not written for a while."""
        long_ago = self._clock() - SHOW_AFTER_S
        return [
            (table, FENCE, fence_value(self._store.generation(table, partition)))
            for (table, number), shown in self._shown.items()
            if number == partition and shown <= long_ago
        ]

    async def intend(self, partition: int, plan: Plan) -> Mapping[str, int]:
        """Return once the changelog says what is about to be done; how far its table's goes then.

        1. What the owner before may not have finished is: its outputs, then its rows.
        2. This chunk, whole, takes its place.
        """
        if not plan.first:
            return {}
        owed = self._owed.get(partition)
        if owed is not None:
            await self._emit_again(owed.outputs)
            if owed.rows:
                await self._send(partition, owed.rows)
            del self._owed[partition]
        return await self._send(partition, plan.first)

    async def _emit_again(self, outputs: Sequence[Said]) -> None:
        if not outputs:
            return
        try:
            await self._emitter.append([_output(said) for said in outputs])
        except RefusedError as refusal:
            # Their cause was told so by its worker, or will be when it comes again.
            log.warning("of the chunk before: %s", refusal)

    async def append(self, partition: int, plan: Plan) -> Mapping[str, int]:
        """Return once the changelogs have the chunk's rows; how far each table's goes."""
        return await self._send(partition, plan.rows) if plan.rows else {}

    async def _send(self, partition: int, rows: Sequence[Row]) -> Mapping[str, int]:
        """Append rows; the last offset of each table's. Looks into whoever wrote in between."""
        spans = await self._emitter.append([self._record(partition, row) for row in rows])
        reached = {}
        for table in {row[0] for row in rows}:
            name, place = self._name(table), (table, partition)
            span = spans.get((name, partition))
            if span is None:
                continue
            reached[table] = span.last
            self._shown[place] = self._clock()
            ranges = self._soles[place].observe(*span) if place in self._soles else []
            if ranges:
                own = self._store.generation(table, partition)
                keys = await self._foreign(name, partition, ranges, own)
                if keys:
                    log.warning("%s/%d: a late writer wrote %d rows", name, partition, len(keys))
                    self._store.mark_stale(table, partition, keys)
                    self._suspect.add(place)
        return reached

    def write(self, partition: int, plan: Plan, reached: Mapping[str, int]) -> None:
        """Write rows that the changelogs have to the store, and how far those go.

        The chunk is finished then, and nothing of it is owed to a start from this store: the
        store has no chunk, unless recovery brought one.
        """
        if not plan.first:
            return
        done = plan.rows
        if partition in self._kept:
            done = [*((table, key, None) for table, key, _ in plan.first), *done]
        self._store.write_rows(partition, done, reached)
        self._kept.discard(partition)

    def _record(self, partition: int, row: Row) -> OutRecord:
        table, key, value = row
        return OutRecord(
            topic=changelog_topic(self._name(table)),
            key=self._store.key(partition, key),
            value=value,
            headers=self._headers.get((table, partition), ()),
            partition=partition,
        )


def _output(said: Said) -> OutRecord:
    return OutRecord(
        changelog_topic(said.topic), said.key, said.value, said.headers, said.partition
    )


@cache
def changelog_topic(name: str) -> Topic:
    """The declaration of a changelog: its rows are nobody's messages."""
    return Topic(
        name=name,
        key=KeyKind.NONE,
        value=Message,
        keep=None,
        compact=True,
        owner="runtime",
        promise="the rows of a table",
    )
