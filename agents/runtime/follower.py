"""A plain consumer: for configuration, sinks with offsets of their own, and the façade.

Stages read through Faust. What only follows a topic, or commits by its own rule, reads here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from agents.runtime.record import Record
from topics.declare import Topic
from topics.headers import headers_of

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Follower", "kept_up", "to_record"]

log = logging.getLogger("watchfloor.follower")

T = TypeVar("T")

NEW_TOPIC_S: Final = 10.0
NO_LEADER: Final = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})

AGAIN_S: Final = 1.0
QUIET_S: Final = 15.0
"""Where nothing was heard for so long, it is asked whether the broker can be reached at all."""
ANSWER_S: Final = 2.0
ENDS_S: Final = 10.0
"""For the ends of all partitions together; who asked for them has other things to do."""
COMMIT_S: Final = 10.0
"""For a commit to be answered. librdkafka's own wait has no end where it has lost its broker."""
LOOK_S: Final = 0.005
EARLY: Final = 1000
"""Messages that may come while a commit is waited for."""

Start = Literal["earliest", "latest"] | int


def to_record(topic: Topic, message: Message) -> Record:
    """Our record of librdkafka's message."""
    partition, offset = message.partition(), message.offset()
    assert partition is not None
    assert offset is not None
    return Record(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp_ms=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers={name: value for name, value in headers_of(message) if value is not None},
    )


def _places(parts: Iterable[TopicPartition]) -> frozenset[tuple[str, int, int]]:
    return frozenset((part.topic, part.partition, part.offset) for part in parts)


def _end(consumer: Consumer, part: TopicPartition) -> int:
    """The end of a partition; a topic that was made just now has no leader for a moment."""
    deadline = monotonic() + NEW_TOPIC_S
    while True:
        try:
            end: int = consumer.get_watermark_offsets(part, timeout=30)[1]
        except KafkaException as error:
            if error.args[0].code() not in NO_LEADER or monotonic() > deadline:
                raise
            sleep(0.05)
        else:
            return end


class Follower:
    """Follows topics in order of their partitions.

    group: with one, partitions are shared by its members and `commit` keeps the position; without
    one every partition (or `partitions`) is read. start: where a partition without a committed
    position begins: earliest, latest, or a timestamp in ms since the epoch.

    quiet: a broker that is away is expected, and not logged.

    A consumer of librdkafka's can lose its broker for good (see `lines`): one that hears nothing,
    and is not answered either, is replaced by another that goes on where it was.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[Topic],
        *,
        group: str | None = None,
        start: Start = "earliest",
        partitions: Iterable[int] | None = None,
        client_id: str = "watchfloor-follower",
        quiet: bool = False,
    ) -> None:
        self._prefix = f"{settings.namespace}." if settings.namespace else ""
        self._topics = {self._prefix + topic.name: topic for topic in topics}
        self._group = group
        self._start = start
        self._partitions = None if partitions is None else frozenset(partitions)
        self._handed: dict[tuple[str, int], int] = {}
        self._begun: dict[tuple[str, int], int] = {}
        self._early: list[Message] = []
        self._asked: frozenset[tuple[str, int, int]] | None = None
        self._failed: KafkaError | None = None
        self._heard = monotonic()
        # A thread of its own: a poll that waits must not hold one of the loop's few.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=client_id)
        self._config: dict[str, Any] = {
            **settings.kafka_client_config(),
            "client.id": client_id,
            "group.id": self._prefix + group if group else f"follower-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "on_commit": self._on_commit,
            "auto.offset.reset": start if isinstance(start, str) else "earliest",
            "session.timeout.ms": 6000 if group else 45_000,
            "max.poll.interval.ms": 600_000,
            "fetch.wait.max.ms": 500,
            "fetch.max.bytes": 16 * 1024 * 1024,
            "queued.max.messages.kbytes": 32 * 1024,
            # Positions reach the end where compaction or a transaction left no record there.
            "enable.partition.eof": True,
            "enable.metrics.push": False,
            "log_level": 2 if quiet else 4,
            "logger": log,
        }
        self._away_level = logging.DEBUG if quiet else logging.WARNING
        self._consumer: Consumer | None = None

    async def __aenter__(self) -> Self:
        self._consumer = await self._in_thread(self._open)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self._in_thread(consumer.close)
            self._executor.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _open(self) -> Consumer:
        consumer = Consumer(self._config)
        self._heard = monotonic()
        if self._group is not None:
            lost = self._forget
            consumer.subscribe(list(self._topics), on_revoke=lost, on_lost=lost)
            return consumer
        parts = self._first_parts(consumer)
        self._begun = {(part.topic, part.partition): part.offset for part in parts}
        consumer.assign(parts)
        return consumer

    def _first_parts(self, consumer: Consumer) -> list[TopicPartition]:
        """What is read, and from where on."""
        parts: list[TopicPartition] = []
        for name in self._topics:
            found = consumer.list_topics(name, timeout=30).topics[name]
            if found.error is not None:
                consumer.close()
                raise KafkaException(found.error)
            parts += [
                TopicPartition(name, number)
                for number in sorted(found.partitions)
                if self._partitions is None or number in self._partitions
            ]
        if isinstance(self._start, int):
            for part in parts:
                part.offset = self._start
            parts = consumer.offsets_for_times(parts, timeout=30)
        elif self._start == "latest":
            # The end is pinned now: what is produced after __aenter__ returned will be seen.
            for part in parts:
                part.offset = _end(consumer, part)
        else:
            for part in parts:
                part.offset = OFFSET_BEGINNING
        for part in parts:
            if part.offset < 0 and part.offset != OFFSET_BEGINNING:
                # Nothing is that new: pinned too, since OFFSET_END is looked up at some later time.
                part.offset = _end(consumer, part)
        return parts

    def _look(self, consumer: Consumer) -> None:
        """Nothing is heard: stay with a consumer that the broker answers, else make another."""
        try:
            consumer.list_topics(next(iter(self._topics)), timeout=ANSWER_S)
        except KafkaException as error:
            text = "the broker is not reached (%s): trying another connection"
            log.log(self._away_level, text, error)
        else:
            self._heard = monotonic()
            return
        self._replace(consumer)

    def _replace(self, consumer: Consumer) -> None:
        """Go on with another consumer."""
        self._early.clear()
        if self._group is not None:
            # It begins with what was committed.
            self._handed.clear()
            self._consumer = self._open()
        else:
            self._consumer = Consumer(self._config)
            self._heard = monotonic()
            self._consumer.assign(
                [
                    TopicPartition(*part, self._handed.get(part, begun))
                    for part, begun in self._begun.items()
                ]
            )
        # It would wait for brokers that it does not find.
        threading.Thread(target=consumer.close, name="closing", daemon=True).start()

    def _forget(self, consumer: Consumer, parts: list[TopicPartition]) -> None:
        """What another member owns now is no longer ours to commit: it would take it back."""
        if consumer is not self._consumer:
            return
        lost = {(part.topic, part.partition) for part in parts}
        for place in lost:
            self._handed.pop(place, None)
        self._early = [one for one in self._early if (one.topic(), one.partition()) not in lost]

    async def chunks(
        self, *, max_records: int = 500, timeout: float = 1.0
    ) -> AsyncIterator[list[Record]]:
        """Yield what has come, at most `max_records`; an empty list when `timeout` s passed.

        While the broker is away it yields empty lists; it never raises for that.
        """
        while self._consumer is not None:
            yield await self._in_thread(lambda: self._read(max_records, timeout))

    def _read(self, max_records: int, timeout: float) -> list[Record]:
        consumer = self._consumer
        if consumer is None:
            return []
        messages, self._early = self._early[:max_records], self._early[max_records:]
        if not messages:
            # The first message ends the wait, so that a single record is handed on at once.
            first = consumer.poll(timeout)
            messages = [] if first is None else [first]
            if first is not None and max_records > 1:
                messages += consumer.consume(max_records - 1, 0)
        records: list[Record] = []
        for message in messages:
            name = message.topic()
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                place, end = (str(name), message.partition() or 0), message.offset() or 0
                self._handed[place] = max(self._handed.get(place, 0), end)
                self._heard = monotonic()
                continue
            if error is not None:
                log.log(self._away_level, "%s", error)
                continue
            assert name is not None
            record = to_record(self._topics[name], message)
            self._handed[(name, record.partition)] = record.offset + 1
            records.append(record)
        if records:
            self._heard = monotonic()
        elif monotonic() - self._heard > QUIET_S:
            self._look(consumer)
        return records

    def _offsets(self) -> list[TopicPartition]:
        return [TopicPartition(name, part, at) for (name, part), at in self._handed.items()]

    async def commit(self) -> None:
        """Commit everything that was handed out. Raises KafkaException where that failed.

        Where the broker does not answer it takes COMMIT_S, and another consumer begins with what
        was committed before.
        """
        offsets = self._offsets()
        if offsets:
            await self._in_thread(lambda: self._commit(offsets))

    def _commit(self, offsets: list[TopicPartition]) -> None:
        consumer = self._consumer
        if consumer is None:
            return
        self._asked, self._failed = _places(offsets), None
        consumer.commit(offsets=offsets, asynchronous=True)
        deadline = monotonic() + COMMIT_S
        # The answer comes by a poll; where others keep coming instead, it may come by a later one.
        while self._asked is not None and len(self._early) < EARLY:
            message = consumer.poll(LOOK_S)
            if message is not None:
                self._early.append(message)
            elif self._asked is not None and monotonic() > deadline:
                log.log(self._away_level, "a commit is not answered: trying another connection")
                self._asked = None
                self._replace(consumer)
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        self._asked = None
        if self._failed is not None:
            raise KafkaException(self._failed)

    def _on_commit(self, error: KafkaError | None, parts: list[TopicPartition]) -> None:
        """A commit is answered; called by `poll`."""
        failed = error or next((part.error for part in parts if part.error is not None), None)
        if _places(parts) == self._asked:
            self._asked, self._failed = None, failed
        elif failed is not None:
            log.log(self._away_level, "offsets not committed: %s", failed)

    def positions(self) -> dict[tuple[Topic, int], int]:
        """The next offset of each partition that was read from; its end, once that was reached."""
        return {(self._topics[name], part): at for (name, part), at in self._handed.items()}

    def begun(self) -> dict[tuple[Topic, int], int]:
        """From which offset each partition is read. Without a group only."""
        return {(self._topics[name], part): at for (name, part), at in self._begun.items()}

    async def end_offsets(self, *, cached: bool = False) -> dict[tuple[Topic, int], int]:
        """The end of each assigned partition now; cached: as the last fetch told it.

        Asking the broker waits behind the consumer's own fetches, up to half a second a partition.
        """

        def read() -> dict[tuple[Topic, int], int]:
            ends: dict[tuple[Topic, int], int] = {}
            consumer = self._consumer
            if consumer is None:
                return ends
            deadline = monotonic() + ENDS_S
            for part in consumer.assignment():
                left = max(0.1, deadline - monotonic())
                with contextlib.suppress(KafkaException):
                    _, high = consumer.get_watermark_offsets(part, timeout=left, cached=cached)
                    if high >= 0:
                        ends[(self._topics[part.topic], part.partition)] = high
            return ends

        return await self._in_thread(read)


async def kept_up(follow: Callable[[], Awaitable[None]]) -> None:
    """Follow again where the broker broke it off: a topic's leader moves, and its readers go on."""
    while True:
        try:
            await follow()
        except KafkaException as error:
            log.warning("following is broken off: %s", error)
        await asyncio.sleep(AGAIN_S)
