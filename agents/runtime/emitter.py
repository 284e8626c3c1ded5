"""The only way out to Kafka: librdkafka, idempotent, `acks=all`, `murmur2_random`."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException

from agents.runtime.lines import Client, Line
from topics.record import OutRecord

if TYPE_CHECKING:
    from confluent_kafka import Producer

    from infra.settings import Settings

__all__ = ["BrokerError", "EmitError", "Emitter", "Place", "RefusedError", "Span"]

log = logging.getLogger("watchfloor.emitter")

MESSAGE_TIMEOUT_MS: Final = 5_000
"""Below the session timeout of 6 s, so that nothing is sent after the local lease ended."""

UNKNOWN_TOPIC_MS: Final = 4_000
"""Below the message's own limit (30 s by default, above it): a topic that is missing would look
like a broker that is away, and be waited for without an end."""

RECONNECT_MS: Final = 1_000
"""10 s by default: that long after a broker came back, nobody would know."""

MANY: Final = 64
"""From so many records on, a batch goes by the producer that waits for company."""
LINGER_MS: Final = 5
"""For so long it does: librdkafka's own default. Handing over a thousand records takes a few
milliseconds, and without it they leave in dozens of requests: half of the broker's time, and a
third of ours (measured). A few records go by the other one, at once."""

LOOK_S: Final = 0.002
"""Between two looks for the reports of many."""

PATIENCE_S: Final = 2 * MESSAGE_TIMEOUT_MS / 1000
"""A producer is not replaced before it is so old."""

RETRY_DELAYS: Final = (0.1, 0.2, 0.5, 1.0, 2.0)

BLAMED: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError.INVALID_MSG,
    }
)
"""Errors that are the record's own fault: sending it again changes nothing."""

HOPELESS: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.FENCED_INSTANCE_ID,
    }
)
"""Errors of the cluster's set-up: trying on would hide them."""


Place = tuple[str, int]
"""A topic, without namespace, and a partition."""


class Span(NamedTuple):
    """Where records of one partition are: the first and last offset, and how many they are.

    Where they are fewer than the offsets between, somebody else wrote there meanwhile.
    """

    first: int
    last: int
    records: int

    def joined(self, other: Span | None) -> Span:
        """With another of the same partition."""
        if other is None:
            return self
        return Span(
            min(self.first, other.first), max(self.last, other.last), self.records + other.records
        )


class EmitError(RuntimeError):
    """Records that the broker did not confirm."""


class RefusedError(EmitError):
    """The broker refuses these records, and would again. refused: (record, reason)."""

    def __init__(self, refused: Sequence[tuple[OutRecord, str]]) -> None:
        self.refused = tuple(refused)
        first = self.refused[0]
        super().__init__(f"{first[0].topic}: {first[1]} ({len(self.refused)} records refused)")


class BrokerError(EmitError):
    """The cluster is not set up for what we send: rights, or a topic that is missing."""


class Emitter:
    """Emits records; `emit` returns when the broker has confirmed all of them.

    While the broker is away, `emit` goes on trying until it is cancelled: nothing is dropped, the
    caller's input waits. Who has to have records in order waits for the first before the next.
    """

    def __init__(self, settings: Settings, client_id: str) -> None:
        self._prefix = f"{settings.namespace}." if settings.namespace else ""
        config: dict[str, Any] = {
            **settings.kafka_client_config(),
            "client.id": client_id,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 0,
            "message.timeout.ms": MESSAGE_TIMEOUT_MS,
            "topic.metadata.propagation.max.ms": UNKNOWN_TOPIC_MS,
            "reconnect.backoff.max.ms": RECONNECT_MS,
            "message.max.bytes": 8 * 1024 * 1024,
            "queue.buffering.max.kbytes": 128 * 1024,
            "enable.metrics.push": False,
            "log_level": 4,
            "logger": log,
        }
        self._few = Line("emitter", config, PATIENCE_S)
        self._many = Line("bulk-emitter", {**config, "linger.ms": LINGER_MS}, PATIENCE_S, many=True)
        self._open = False
        self.emitted = 0
        self.retried = 0

    async def start(self, *, many: bool = False) -> None:
        """Open it; it connects on its own, and again after every break.

        many: batches of many will come. Their line connects now, and not when the first of them
        waits for it: what is behind a restart would stand still for half a second (measured).
        """
        self._open = True
        self._few.client()
        if many:
            self._many.client()

    async def stop(self) -> None:
        """Close it; whoever still waits in `emit` is told that it was not confirmed."""
        self._open = False
        await asyncio.gather(self._few.stop(), self._many.stop())

    def _line(self, count: int) -> Line:
        if not self._open:
            raise EmitError("the emitter is not started")
        # Most roles never emit many at once: that line is not opened before.
        return self._few if count < MANY else self._many

    async def emit(self, records: Sequence[OutRecord]) -> None:
        """Return when the broker has confirmed all records.

        Raises RefusedError for records that are themselves at fault (the others are confirmed
        then), and BrokerError where the cluster's set-up is.
        """
        await self._deliver(records, None)

    async def append(self, records: Sequence[OutRecord]) -> dict[Place, Span]:
        """As `emit`; where the records are, by topic (without namespace) and partition."""
        spans: dict[Place, Span] = {}
        await self._deliver(records, spans)
        return spans

    async def _deliver(self, records: Sequence[OutRecord], spans: dict[Place, Span] | None) -> None:
        """As `emit`, noting in `spans` where they are."""
        pending = list(records)
        refused: list[tuple[OutRecord, str]] = []
        attempt = 0
        while pending:
            errors = await self._send(pending, spans)
            self.emitted += len(pending) - len(errors)
            if not errors:
                break
            again: list[OutRecord] = []
            blamed = False
            for index, error in sorted(errors.items()):
                record = pending[index]
                if error.code() in HOPELESS:
                    raise BrokerError(f"{record.topic}: {error.str()}")
                if error.code() in BLAMED and len(pending) == 1:
                    refused.append((record, error.str()))
                else:
                    blamed = blamed or error.code() in BLAMED
                    again.append(record)
            if blamed:
                # A refused batch takes its innocent neighbours with it: halves are asked apart,
                # in their order, until one that is refused stands alone.
                middle = len(again) // 2
                for half in (again[:middle], again[middle:]):
                    try:
                        await self._deliver(half, spans)
                    except RefusedError as part:
                        refused.extend(part.refused)
                again = []
            pending = again
            if pending:
                self.retried += len(pending)
                delay = RETRY_DELAYS[min(attempt, len(RETRY_DELAYS) - 1)]
                attempt += 1
                log.warning("%d records not confirmed, trying again in %.1f s", len(pending), delay)
                await asyncio.sleep(delay)
        if refused:
            raise RefusedError(refused)

    async def _send(
        self, records: Sequence[OutRecord], spans: dict[Place, Span] | None
    ) -> dict[int, KafkaError]:
        """Send all in order; the errors of those that were not confirmed, by index."""
        line = self._line(len(records))
        client = line.client()
        client.flights += 1
        try:
            errors = await self._fly(client, records, spans)
        finally:
            client.flights -= 1
        if any(error.code() == KafkaError._MSG_TIMED_OUT for error in errors.values()):
            line.timed_out(client)
        return errors

    async def _fly(
        self,
        client: Client,
        records: Sequence[OutRecord],
        spans: dict[Place, Span] | None,
    ) -> dict[int, KafkaError]:
        producer = client.producer
        flight = _Flight(asyncio.get_running_loop())
        errors: dict[int, KafkaError] = {}
        prefix = self._prefix
        report = flight.report if spans is None else flight.report_place
        last, name = None, ""
        for index, record in enumerate(records):
            if record.topic is not last:
                last, name = record.topic, prefix + record.topic.name
            partition, headers = record.partition, record.headers
            while True:
                try:
                    producer.produce(
                        name,
                        record.value,
                        record.key,
                        -1 if partition is None else partition,
                        report,
                        headers=list(headers) if headers else None,
                    )
                    break
                except BufferError:
                    producer.poll(0)
                    await asyncio.sleep(0.005)
                except KafkaException as error:
                    errors[index] = error.args[0]
                    break
        await flight.landed(len(records) - len(errors), client.producer if client.many else None)
        if flight.failed:
            errors.update(_whose(records, prefix, flight.failed))
        for (topic, partition), offsets in flight.offsets.items():
            place = (topic.removeprefix(prefix), partition)
            span = Span(min(offsets), max(offsets), len(offsets))
            if spans is not None:
                spans[place] = span.joined(spans.get(place))
        return errors


class _Flight:
    """Records under way: one delivery report for all of them costs a third of one for each.

    `report` is called by librdkafka's poll, in the client's thread, in the loop's, or in both at
    once: what it does is one step of the interpreter's each. Everything else is the loop's.
    """

    __slots__ = ("_done", "_expected", "_loop", "_reports", "failed", "offsets")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._done: asyncio.Future[None] = loop.create_future()
        self._reports: list[None] = []
        self._expected = -1
        self.failed: list[tuple[KafkaError, str, bytes | None, bytes | None]] = []
        self.offsets: dict[tuple[str, int], list[int]] = {}

    def report(self, error: KafkaError | None, message: Any) -> None:
        """One record's outcome."""
        if error is not None:
            self.failed.append((error, message.topic(), message.key(), message.value()))
        self._reports.append(None)
        if len(self._reports) == self._expected:
            self._loop.call_soon_threadsafe(self._finish)

    def report_place(self, error: KafkaError | None, message: Any) -> None:
        """One record's outcome, and where it is."""
        if error is None:
            place = (message.topic(), message.partition())
            self.offsets.setdefault(place, []).append(message.offset())
        self.report(error, message)

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)

    async def landed(self, expected: int, producer: Producer | None) -> None:
        """Return once so many have been reported. producer: one that is to be polled for them."""
        self._expected = expected
        if producer is not None:
            while len(self._reports) < expected:
                producer.poll(0)
                if len(self._reports) < expected:
                    await asyncio.sleep(LOOK_S)
        # The last report may have come before it was known to be the last.
        if len(self._reports) == expected:
            self._finish()
        await self._done


def _whose(
    records: Sequence[OutRecord],
    prefix: str,
    failed: Iterable[tuple[KafkaError, str, bytes | None, bytes | None]],
) -> dict[int, KafkaError]:
    """Which records the failures are of. Those that look the same are the same to everyone."""
    places: dict[tuple[str, bytes | None, bytes | None], deque[int]] = {}
    for index, record in enumerate(records):
        look = (prefix + record.topic.name, record.key or None, record.value or None)
        places.setdefault(look, deque()).append(index)
    return {
        places[(topic, key or None, value or None)].popleft(): error
        for error, topic, key, value in failed
    }
