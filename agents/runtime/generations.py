"""Who may write a changelog: generations, fences, and what a late writer left behind.

A worker that lost its partitions may not know it yet, and append rows to a changelog that has a
new owner: it was stopped for longer than its session, and goes on where it was. So every row says
of which generation of the consumer group its writer is (`wf_generation`), and a new owner appends
a fence before it recovers: what comes after the fence from an older generation is ignored by
whoever reads the changelog. It is not harmless yet: compaction keeps the last row of a key, and
that would be the late one. So the owner appends its own row again over each that was ignored
(`Fences.stale`), and looks out for late writers while it runs (`Sole`).

Compaction must leave that much time: changelogs have a `min.compaction.lag.ms`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from topics.headers import headers_of

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = [
    "FENCE",
    "HEADER",
    "FencedError",
    "Fences",
    "Sole",
    "epoch",
    "fence_key",
    "fence_value",
    "foreign_keys",
    "generation_of",
]

HEADER: Final = "wf_generation"
"""The header of a changelog's record: the writer's generation, as ASCII digits."""
FENCE: Final = "fence"
"""The row that a fence is; a stage's rows have a colon in their keys."""
MOST_DIGITS: Final = 40
READ_S: Final = 10.0


class FencedError(RuntimeError):
    """A changelog has rows of a newer generation: its partition is another worker's now."""


def fence_key(partition: int) -> bytes:
    """The key of a partition's fence on its changelogs."""
    return f"{partition}/{FENCE}".encode()


def fence_value(generation: int) -> bytes:
    """The value of a fence, for people: msgpack of {"generation": "n"}; its header counts.

    msgpack's own integers end at 64 bits.
    """
    return msgspec.msgpack.encode({"generation": str(generation)})


def generation_of(headers: Iterable[tuple[str, bytes | None]] | None) -> int | None:
    """A record's generation, or None where it has none, or one that is no number."""
    for name, value in headers or ():
        if name == HEADER and value is not None:
            digits = value[: MOST_DIGITS + 1]
            return int(digits) if len(digits) <= MOST_DIGITS and digits.isdigit() else None
    return None


def epoch(generation: int, in_force: int) -> int:
    """What a new owner writes as its generation on a changelog where `in_force` is the newest.

    That is the consumer group's own, unless the changelog has a newer one: a group that was
    deleted, or forgotten by the broker after a week without members, counts from 1 again. Whoever
    uses that branch has to know that it owns the partition now, by a heartbeat that the broker
    answered after `in_force` was read: a late writer could otherwise put itself above its
    successor. Sums keep the order of the new count, because `in_force` never falls.
    """
    return generation if generation >= in_force else in_force + generation


class Fences:
    """What of one changelog partition is admitted, and what a late writer left.

    generation: the newest seen. stale: keys whose last record was ignored; the owner appends its
    own row of each again, or a tombstone where it has none, and they leave by being read again.

    A row of a newer generation stands for its writer's fence, which compaction may have taken:
    nobody writes rows before its fence is confirmed. A record without a generation is of a release
    that knew of none; it is admitted wherever it stands, and moves no fence. Refusing it would
    throw away whatever an older release did after somebody went back to it; admitting it risks
    that one of its workers is stopped for longer than its session in the very minute of an upgrade.
    """

    def __init__(
        self, generation: int = 0, stale: Iterable[bytes] = (), offset: int | None = None
    ) -> None:
        self.generation = generation
        self.stale = set(stale)
        self.offset = -1 if offset is None else offset

    def admit(self, offset: int, key: bytes, generation: int | None) -> bool:
        """Whether the record counts; to be called in the log's order, once an offset.

        What is read a second time counts no more: it was taken the first time.
        """
        if offset <= self.offset:
            return False
        self.offset = offset
        if generation is not None:
            if generation < self.generation:
                self.stale.add(key)
                return False
            self.generation = generation
        if self.stale:
            self.stale.discard(key)
        return True


class Sole:
    """Whether an owner is the only one who writes a changelog partition.

    Its own records follow each other without a hole; in a hole somebody else has written. `after`:
    the offset of its own fence, or None where the next records are the first that count.
    """

    def __init__(self, after: int | None = None) -> None:
        self._next = None if after is None else after + 1

    def observe(self, first: int, last: int, count: int) -> list[range]:
        """The offsets among which foreign records are, after own ones were confirmed.

        first, last: the least and the greatest offset of `count` own records. A range may hold own
        records beside foreign ones: they were sent as one, and something came in between.
        Confirmations of records that were seen before, or that overtake one another, say nothing.
        """
        begin = first if self._next is None else self._next
        if last < begin:
            return []
        self._next = last + 1
        found = [range(begin, first)] if first > begin else []
        if last - first + 1 > count:
            found.append(range(first, last + 1))
        return found


class _Seen(NamedTuple):
    offset: int
    key: bytes | None
    generation: int | None


async def foreign_keys(
    settings: Settings,
    topic: str,
    partition: int,
    ranges: Sequence[range],
    *,
    generation: int,
) -> set[bytes]:
    """The keys that others than the owner wrote in these ranges of a changelog partition.

    topic: its whole name, the namespace included. generation: the owner's; records that carry it
    are its own. The fence's key is among the keys where somebody wrote a fence.

    Raises FencedError where a record is of a newer generation: then it is the caller who is late.
    Raises KafkaException where the broker does not answer within 10 s.
    """
    if not ranges:
        return set()
    found = await asyncio.to_thread(_read, settings, topic, partition, ranges)
    keys: set[bytes] = set()
    for record in found:
        if record.generation is not None and record.generation > generation:
            raise FencedError(
                f"{topic}/{partition}: generation {record.generation} writes at {record.offset}, "
                f"and this worker is of generation {generation}: it has lost the partition"
            )
        if record.generation != generation and record.key is not None:
            keys.add(record.key)
    return keys


def _read(settings: Settings, topic: str, partition: int, ranges: Sequence[range]) -> list[_Seen]:
    config: dict[str, Any] = {
        **settings.kafka_client_config(),
        "group.id": f"foreign-{uuid.uuid4()}",
        "client.id": "watchfloor-fences",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
        "enable.metrics.push": False,
        "log_level": 4,
    }
    consumer = Consumer(config)
    try:
        found: list[_Seen] = []
        for span in ranges:
            consumer.assign([TopicPartition(topic, partition, span.start)])
            found += _read_span(consumer, span)
        return found
    finally:
        consumer.close()


def _read_span(consumer: Consumer, span: range) -> list[_Seen]:
    found: list[_Seen] = []
    deadline = monotonic() + READ_S
    while True:
        left = deadline - monotonic()
        messages = consumer.consume(500, min(1.0, left)) if left > 0 else None
        if messages is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the changelog was not read"))
        for message in messages:
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                return found
            if error is not None:
                raise KafkaException(error)
            offset, headers = message.offset(), headers_of(message)
            assert offset is not None
            # Compaction may have taken the last of the range: whatever comes after it ends it.
            if offset >= span.stop:
                return found
            found.append(_Seen(offset, message.key(), generation_of(headers)))
            if offset == span.stop - 1:
                return found
