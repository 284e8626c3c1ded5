"""The only way out to Kafka: librdkafka, idempotent, `acks=all`, `murmur2_random`."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from topics.record import OutRecord

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["BrokerError", "EmitError", "Emitter", "RefusedError"]

log = logging.getLogger("watchfloor.emitter")

MESSAGE_TIMEOUT_MS: Final = 5_000
"""Below the session timeout of 6 s, so that nothing is sent after the local lease ended."""

UNKNOWN_TOPIC_MS: Final = 4_000
"""Below the message's own limit (30 s by default, above it): a topic that is missing would look
like a broker that is away, and be waited for without an end."""

RECONNECT_MS: Final = 1_000
"""10 s by default: that long after a broker came back, nobody would know."""

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
    caller's input waits. One thread polls librdkafka for delivery reports.
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
        self._config = config
        self._producer: Producer | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.emitted = 0
        self.retried = 0

    async def start(self) -> None:
        """Open the producer; it connects on its own, and again after every break."""
        self._producer = Producer(self._config)
        self._thread = threading.Thread(target=self._poll, name="emitter", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Close it; whoever still waits in `emit` is told that it was not confirmed."""
        self._stop.set()
        # Whoever is told from here on finds nothing to send with again.
        producer, self._producer = self._producer, None
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5)
        if producer is not None:
            await asyncio.to_thread(producer.flush, 2)
            producer.purge()
            await asyncio.to_thread(producer.flush, 1)

    def _poll(self) -> None:
        while not self._stop.is_set():
            producer = self._producer
            if producer is not None:
                producer.poll(0.1)

    async def emit(self, records: Sequence[OutRecord]) -> None:
        """Return when the broker has confirmed all records.

        Raises RefusedError for records that are themselves at fault (the others are confirmed
        then), and BrokerError where the cluster's set-up is.
        """
        await self.append(records)

    async def append(self, records: Sequence[OutRecord]) -> dict[tuple[str, int], int]:
        """As `emit`; the greatest offset of each topic (without namespace) and partition."""
        reached: dict[tuple[str, int], int] = {}
        pending = list(records)
        refused: list[tuple[OutRecord, str]] = []
        attempt = 0
        while pending:
            errors = await self._send(pending, reached)
            again: list[OutRecord] = []
            for record, error in zip(pending, errors, strict=True):
                if error is None:
                    self.emitted += 1
                elif error.code() in HOPELESS:
                    raise BrokerError(f"{record.topic}: {error.str()}")
                elif error.code() in BLAMED and len(pending) == 1:
                    refused.append((record, error.str()))
                else:
                    again.append(record)
            if again and any(e and e.code() in BLAMED for e in errors):
                # A refused batch takes its innocent neighbours with it: halves are asked apart,
                # in their order, until one that is refused stands alone.
                middle = len(again) // 2
                for half in (again[:middle], again[middle:]):
                    try:
                        reached.update(await self.append(half))
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
        return reached

    async def _send(
        self, records: Sequence[OutRecord], reached: dict[tuple[str, int], int]
    ) -> list[KafkaError | None]:
        """Send all in order; each one's error, or None where it was confirmed."""
        producer = self._producer
        if producer is None:
            raise EmitError("the emitter is not started")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        errors: list[KafkaError | None] = [None] * len(records)
        left = len(records)
        lock = threading.Lock()

        def finished() -> None:
            if not done.done():
                done.set_result(None)

        def finish(index: int) -> Callable[[KafkaError | None, Any], None]:
            topic = records[index].topic.name

            def report(error: KafkaError | None, message: Any) -> None:
                nonlocal left
                with lock:
                    errors[index] = error
                    if error is None:
                        place = (topic, message.partition())
                        reached[place] = max(reached.get(place, 0), message.offset())
                    left -= 1
                    last = left == 0
                if last:
                    loop.call_soon_threadsafe(finished)

            return report

        for index, record in enumerate(records):
            report = finish(index)
            while True:
                try:
                    producer.produce(
                        self._prefix + record.topic.name,
                        key=record.key,
                        value=record.value,
                        headers=list(record.headers),
                        on_delivery=report,
                        partition=-1 if record.partition is None else record.partition,
                    )
                    break
                except BufferError:
                    await asyncio.sleep(0.005)
                except KafkaException as error:
                    report(error.args[0], None)
                    break
        await done
        return errors
