"""The broker that everybody runs against: topics, records in, and what came out and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from infra.errors import WatchfloorError

__all__ = ["Field", "last_stamp"]

LIMIT_S: Final = 30.0

Given = tuple[bytes, bytes] | tuple[bytes, bytes, int]
"""Key and value, and the partition where it is not to be chosen by the key."""
Headers = Sequence[tuple[str, bytes]]
APPEND_TIME: Final = "message.timestamp.type"


class Field:
    """Topics of a bench's own broker. Everything blocks, with a limit.

    Raises KafkaException where the broker does not do what is asked of it.
    """

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._common: dict[str, Any] = {"bootstrap.servers": bootstrap, "log_level": 2}
        self._admin = AdminClient(self._common)

    def make(self, name: str, partitions: int, config: Mapping[str, str] | None = None) -> None:
        """Make a topic whose records bear the time at which the broker appended them."""
        wanted = {APPEND_TIME: "LogAppendTime", **(config or {})}
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=wanted)
        for future in self._admin.create_topics([topic], operation_timeout=LIMIT_S).values():
            future.result()
        deadline = monotonic() + LIMIT_S
        while len(self.ends(name)) < partitions:
            # Made is not known everywhere: who asks too early is told that there is no topic.
            if monotonic() > deadline:
                raise WatchfloorError(f"bench: {name}: it was made, and is not there")
            sleep(0.05)

    def drop(self, names: Iterable[str]) -> None:
        """Remove topics: their records are disk that the next run needs."""
        for future in self._admin.delete_topics(list(names), operation_timeout=LIMIT_S).values():
            try:
                future.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise

    def names(self) -> list[str]:
        """Every topic."""
        return list(self._admin.list_topics(timeout=LIMIT_S).topics)

    def stamp_appends(self, names: Sequence[str]) -> None:
        """Have the broker stamp the records of topics that others made."""
        entry = ConfigEntry(
            APPEND_TIME, "LogAppendTime", incremental_operation=AlterConfigOpType.SET
        )
        resources = [
            ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry]) for name in names
        ]
        if resources:
            for future in self._admin.incremental_alter_configs(resources).values():
                future.result()

    def ends(self, name: str) -> list[int]:
        """The end offset of each partition of a topic, in their order; empty for no topic."""
        deadline = monotonic() + LIMIT_S
        while True:
            try:
                return self._ends(name)
            except KafkaException:
                # Of a topic that was made a moment ago, leaders and their epochs are not known yet.
                if monotonic() > deadline:
                    raise
                sleep(0.1)

    def _ends(self, name: str) -> list[int]:
        topic = self._admin.list_topics(name, timeout=LIMIT_S).topics[name]
        if topic.error is not None or not topic.partitions:
            return []
        newest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {TopicPartition(name, number): newest for number in topic.partitions}
        found = self._admin.list_offsets(asked, request_timeout=LIMIT_S)
        ends = {place.partition: future.result().offset for place, future in found.items()}
        return [ends[number] for number in sorted(ends)]

    def count(self, name: str) -> int:
        """How many records a topic was ever given."""
        return sum(self.ends(name))

    def fill(self, name: str, records: Iterable[Given], headers: Headers = ()) -> int:
        """Produce records; how many. Raises WatchfloorError where not all are confirmed."""
        with self.producer(linger_ms=50) as producer:
            return pour(producer, name, records, headers)

    @contextmanager
    def producer(self, *, linger_ms: float = 0.0) -> Iterator[Producer]:
        """An idempotent producer with the one partitioner that everybody uses."""
        producer = Producer(
            {
                **self._common,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "linger.ms": linger_ms,
                "queue.buffering.max.messages": 200_000,
            }
        )
        yield producer
        producer.flush(LIMIT_S)

    @contextmanager
    def reader(self, name: str, *, from_start: bool) -> Iterator[Consumer]:
        """A consumer of all partitions of a topic, outside of any group."""
        consumer = Consumer(
            {
                **self._common,
                "group.id": "unused",
                "enable.auto.commit": False,
                "enable.partition.eof": False,
            }
        )
        try:
            ends = self.ends(name)
            consumer.assign(
                [
                    TopicPartition(name, number, 0 if from_start else end)
                    for number, end in enumerate(ends)
                ]
            )
            yield consumer
        finally:
            consumer.close()

    def records(self, name: str) -> Iterator[Any]:
        """Every record of a topic that is there now, in no order among partitions."""
        left = self.count(name)
        with self.reader(name, from_start=True) as consumer:
            while left > 0:
                # It waits for as many as are asked for, or for the whole time.
                messages = consumer.consume(min(left, 10_000), timeout=LIMIT_S)
                if not messages:
                    raise WatchfloorError(f"bench: {name}: {left} records are not to be had")
                left -= len(messages)
                yield from messages

    def last_append_ms(self, names: Iterable[str]) -> float:
        """When the newest record of any of these topics was appended, ms since 1970; else 0."""
        newest = 0.0
        for name in names:
            ends = self.ends(name)
            places = [TopicPartition(name, n, end - 1) for n, end in enumerate(ends) if end]
            newest = max(newest, self._newest(places))
        return newest

    def _newest(self, places: list[TopicPartition]) -> float:
        consumer = Consumer({**self._common, "group.id": "unused", "enable.auto.commit": False})
        try:
            consumer.assign(places)
            missing, newest = {place.partition for place in places}, 0.0
            while missing:
                message = consumer.poll(LIMIT_S)
                if message is None or message.error() is not None:
                    raise WatchfloorError(f"bench: {places[0].topic}: its end cannot be read")
                missing.discard(message.partition())
                newest = max(newest, last_stamp(message.timestamp()))
            return newest
        finally:
            consumer.close()


def last_stamp(stamp: tuple[int, int]) -> float:
    """The ms of a librdkafka timestamp, of whichever type; 0 for one that is not there."""
    kind, at = stamp
    return float(at) if kind else 0.0


def pour(producer: Producer, name: str, records: Iterable[Given], headers: Headers = ()) -> int:
    """Produce and wait for the broker. Raises WatchfloorError where it did not take all."""
    more: dict[str, Any] = {"headers": list(headers)} if headers else {}
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: Any) -> None:
        if error is not None:
            failed.append(error)

    sent = 0
    for key, value, *chosen in records:
        if chosen:
            more["partition"] = chosen[0]
        while True:
            try:
                producer.produce(name, value, key, on_delivery=delivered, **more)
                break
            except BufferError:
                producer.poll(0.05)
        sent += 1
        if sent % 1_000 == 0:
            producer.poll(0)
    left = producer.flush(LIMIT_S)
    if failed or left:
        why = failed[0].str() if failed else "no answer"
        raise WatchfloorError(f"bench: {name}: {len(failed) + left} of {sent} records: {why}")
    return sent
