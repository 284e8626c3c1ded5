"""Reading a topic from anywhere in it, for people: tail, dead letters, what is configured.

No group and no commit: reading leaves no trace. Values are bytes as they are; whether they decode
is for the caller to find out.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from topics.admin import TopicError
from topics.headers import headers_of
from topics.plan import prefix_of

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["RawRecord", "Start", "count", "read", "read_one"]

LIMIT_S: Final = 15.0
CHUNK: Final = 500
POLL_S: Final = 0.25

LEADERLESS: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
    }
)
AWAY: Final = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT})
"""librdkafka goes on trying by itself: who follows waits."""

Start = Literal["earliest", "latest"] | datetime


@dataclass(frozen=True, kw_only=True)
class RawRecord:
    """A record as it lies on the broker. topic: without the namespace. headers: in order."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    def header(self, name: str) -> str | None:
        """A header as text; the last one where it comes twice."""
        for key, value in reversed(self.headers):
            if key == name:
                return value.decode("utf-8", "replace")
        return None


def read(
    settings: Settings,
    topics: Sequence[str],
    *,
    start: Start = "earliest",
    follow: bool = False,
    partitions: Mapping[str, Sequence[tuple[int, int]]] | None = None,
) -> Iterator[RawRecord]:
    """The records of these topics, each partition in order.

    topics: names without the namespace. start: where, or the time from which on (broker time).
    follow: go on at the end, until the caller stops; else what is there when it is called.
    partitions: instead of start, per topic the (partition, offset) to begin at.
    Raises TopicError for a topic that is not there and a broker that does not answer.
    """
    prefix = prefix_of(settings.namespace)
    consumer = _consumer(settings)
    try:
        wanted = [
            part
            for topic in topics
            for part in (
                [TopicPartition(prefix + topic, p, o) for p, o in partitions.get(topic, ())]
                if partitions is not None
                else _begin(consumer, prefix + topic, start)
            )
        ]
        ends = {} if follow else _ends(consumer, wanted)
        left = {(p.topic, p.partition) for p in wanted}
        if not follow:
            left = {key for key in left if ends[key] > 0}
            wanted = [p for p in wanted if (p.topic, p.partition) in left]
        consumer.assign(wanted)
        while left:
            for message in consumer.consume(CHUNK, POLL_S):
                where = (str(message.topic()), int(message.partition() or 0))
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        if not follow:
                            left.discard(where)
                    elif not (follow and error.code() in AWAY):
                        raise TopicError(f"{where[0]}: {error.str()}")
                    continue
                if where not in left:
                    continue
                record = _record(message, prefix)
                if follow or record.offset < ends[where]:
                    yield record
                if not follow and record.offset + 1 >= ends[where]:
                    left.discard(where)
    except KafkaException as failure:
        raise TopicError(f"the broker does not answer: {failure.args[0].str()}") from failure
    finally:
        consumer.close()


def read_one(settings: Settings, topic: str, partition: int, offset: int) -> RawRecord:
    """The record at a place. Raises TopicError where there is none (any more)."""
    deadline = time.monotonic() + LIMIT_S
    low, high = _span(settings, topic, partition)
    if low <= offset < high:
        for record in read(settings, [topic], partitions={topic: [(partition, offset)]}):
            if record.offset == offset:
                return record
            if record.offset > offset or time.monotonic() > deadline:
                break
    there = f"it has {low} to {high - 1}" if high > low else "it is empty"
    raise TopicError(f"{topic}: no record at partition {partition}, offset {offset}; {there}")


def count(settings: Settings, topics: Sequence[str]) -> dict[str, int]:
    """How many records each of these topics has; compacted ones at most so many."""
    prefix = prefix_of(settings.namespace)
    consumer = _consumer(settings)
    try:
        found: dict[str, int] = {}
        for topic in topics:
            spans = [_watermarks(consumer, part) for part in _parts(consumer, prefix + topic)]
            found[topic] = sum(high - low for low, high in spans)
        return found
    except KafkaException as failure:
        raise TopicError(f"the broker does not answer: {failure.args[0].str()}") from failure
    finally:
        consumer.close()


def _consumer(settings: Settings) -> Consumer:
    return Consumer(
        {
            **settings.kafka_client_config(),
            "client.id": "watchfloor-reader",
            "group.id": f"reader-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "enable.metrics.push": False,
            "fetch.wait.max.ms": 100,
            "log_level": 3,
        }
    )


def _parts(consumer: Consumer, name: str) -> list[TopicPartition]:
    found = consumer.list_topics(name, timeout=LIMIT_S).topics[name]
    if found.error is not None:
        raise TopicError(
            f"{name}: there is no such topic",
            hint="'watchfloor up' makes the topics; 'watchfloor topics list' names them.",
        )
    return [TopicPartition(name, number) for number in sorted(found.partitions)]


def _begin(consumer: Consumer, name: str, start: Start) -> list[TopicPartition]:
    parts = _parts(consumer, name)
    if isinstance(start, datetime):
        at = int(start.timestamp() * 1000)
        asked = [TopicPartition(name, part.partition, at) for part in parts]
        return list(consumer.offsets_for_times(asked, timeout=LIMIT_S))
    offset = OFFSET_BEGINNING if start == "earliest" else OFFSET_END
    return [TopicPartition(name, part.partition, offset) for part in parts]


def _watermarks(consumer: Consumer, part: TopicPartition) -> tuple[int, int]:
    """Where a partition begins and ends. A topic that was made just now has no leader yet."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(part, timeout=LIMIT_S)
        except KafkaException as failure:
            if failure.args[0].code() not in LEADERLESS or time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)
        else:
            return low, high


def _ends(consumer: Consumer, parts: Sequence[TopicPartition]) -> dict[tuple[str, int], int]:
    """Where each partition ends now; 0 where it is empty."""
    found = {}
    for part in parts:
        low, high = _watermarks(consumer, part)
        found[(part.topic, part.partition)] = high if high > low else 0
    return found


def _span(settings: Settings, topic: str, partition: int) -> tuple[int, int]:
    consumer = _consumer(settings)
    try:
        name = prefix_of(settings.namespace) + topic
        if partition not in {part.partition for part in _parts(consumer, name)}:
            raise TopicError(f"{topic}: there is no partition {partition}")
        low, high = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=LIMIT_S)
        return low, high
    except KafkaException as failure:
        raise TopicError(f"the broker does not answer: {failure.args[0].str()}") from failure
    finally:
        consumer.close()


def _record(message: Any, prefix: str) -> RawRecord:
    return RawRecord(
        topic=str(message.topic()).removeprefix(prefix),
        partition=message.partition(),
        offset=message.offset(),
        timestamp_ms=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=tuple((name, value or b"") for name, value in headers_of(message)),
    )
