"""The load: events at a steady rate, and which of them the broker has taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaError, Message, Producer
from msgspec.structs import replace

from infra.drills.events import event_record, events, poison
from schemas.event import SecurityEvent
from topics.record import OutRecord

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Load"]

PATIENCE_S: Final = 90
"""How long a record is tried: longer than any broker is away in a drill."""
SILENCE_S: Final = 12.0
"""So long without a confirmation, and another connection is tried."""
UNSENT: Final = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})


class Load:
    """Sends to `security.events.v1` with librdkafka, idempotent, `acks=all`.

    poison_every: one of so many records is spoilt; 0: none. Ids that the broker refused or that
    timed out are `unsure`: they may lie on the topic or not.
    """

    def __init__(self, settings: Settings, seed: int, *, poison_every: int = 0) -> None:
        self._prefix = f"{settings.namespace}." if settings.namespace else ""
        self._config: dict[str, Any] = {
            **settings.kafka_client_config(producer=True),
            "client.id": "watchfloor-drill",
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": PATIENCE_S * 1000,
            "reconnect.backoff.max.ms": 1000,
            "linger.ms": 5,
            "enable.metrics.push": False,
            "log_level": 2,
        }
        self._producer = Producer(self._config)
        self._heard = monotonic()
        self._events: Iterator[SecurityEvent] = events(seed)
        self._poison_every = poison_every
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._renewing = threading.Lock()
        self._taken: dict[str, float] = {}
        self._pictures: dict[str, float] = {}
        self._sent: set[str] = set()
        self._poison: set[str] = set()
        self._poisoned = 0
        self._numbered = 0
        self._stop = threading.Event()
        self._rate = 0.0
        self._held: Callable[[], bool] = lambda: False
        self._thread: threading.Thread | None = None
        self.recent: list[SecurityEvent] = []

    @property
    def sent(self) -> int:
        """How many records were sent, whether taken or not."""
        return self._numbered

    def taken(self) -> dict[str, float]:
        """Event id to when the broker said yes, seconds since the epoch."""
        with self._lock:
            return dict(self._taken)

    def others_taken(self) -> dict[str, float]:
        """The same of the records that are no events, by their `ce_id`."""
        with self._lock:
            return dict(self._pictures)

    def poisoned(self) -> frozenset[str]:
        """The spoilt records that the broker has."""
        with self._lock:
            return frozenset(self._poison)

    def unsure(self) -> frozenset[str]:
        """What was sent, and not confirmed."""
        with self._lock:
            return frozenset(self._sent - self._taken.keys())

    def start(self, rate: float, held: Callable[[], bool] = lambda: False) -> None:
        """Go on sending, so many events a second, until `stop`; none while it is `held`."""
        self._rate = rate
        self._held = held
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = PATIENCE_S) -> None:
        """Send no more, and return once everything that was sent is taken or given up."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        deadline = monotonic() + timeout
        while len(self._producer) and monotonic() < deadline:
            self._producer.flush(1.0)
            self._renew()

    def send(self, number: int) -> None:
        """Send so many at once; they are taken when `stop` returns."""
        for _ in range(number):
            self._next()

    def send_again(self, sent: list[SecurityEvent]) -> None:
        """Send events that were sent before, under their ids: whoever sends may be redelivered."""
        for event in sent:
            self._produce(event_record(event), event.event_id)

    def poll(self) -> None:
        """Hear what the broker has taken; while the load runs it does so by itself."""
        self._producer.poll(0)

    def send_other(self, record: OutRecord, name: str) -> None:
        """Send a record of another topic; `others_taken` has its name when the broker has it."""

        def report(error: KafkaError | None, _: Message) -> None:
            if self._confirmed(error):
                with self._lock:
                    self._pictures[name] = time()

        self._raw(record, report)

    def _run(self) -> None:
        begun = monotonic()
        for done in count(1):
            while self._held() and not self._stop.is_set():
                self._producer.poll(0.05)
                begun += 0.05
            if self._stop.is_set():
                return
            self._next()
            self._producer.poll(0)
            ahead = begun + done / self._rate - monotonic()
            if ahead > 0:
                self._producer.poll(min(ahead, 0.05))
                ahead = begun + done / self._rate - monotonic()
            if ahead > 0:
                sleep(ahead)

    def _next(self) -> None:
        with self._turn:
            self._numbered += 1
            stamped = replace(next(self._events), occurred_at=datetime.now(UTC))
            if self._poison_every and self._numbered % self._poison_every == 0:
                self._spoil(stamped)
                return
            self.recent.append(stamped)
            self._produce(event_record(stamped), stamped.event_id)

    def _spoil(self, event: SecurityEvent) -> None:
        spoilt = poison(self._poisoned, event)
        self._poisoned += 1

        def report(error: KafkaError | None, _: Message) -> None:
            if self._confirmed(error):
                with self._lock:
                    self._poison.add(spoilt.name)

        self._raw(spoilt.record, report)

    def _produce(self, record: OutRecord, name: str) -> None:
        with self._lock:
            self._sent.add(name)

        def report(error: KafkaError | None, _: Message) -> None:
            if self._confirmed(error):
                with self._lock:
                    self._taken.setdefault(name, time())

        self._raw(record, report)

    def _confirmed(self, error: KafkaError | None) -> bool:
        if error is None:
            self._heard = monotonic()
        return error is None

    def _renew(self) -> None:
        """A producer that hears nothing any more is replaced (see `agents.runtime.lines`); what it
        has is sent again by the next."""
        with self._renewing:
            if not len(self._producer):
                self._heard = monotonic()
            if monotonic() - self._heard < SILENCE_S:
                return
            silent, self._producer = self._producer, Producer(self._config)
            self._heard = monotonic()
        silent.purge()
        silent.flush(1.0)

    def _raw(self, record: OutRecord, report: Any) -> None:
        self._renew()

        def told(error: KafkaError | None, message: Message) -> None:
            if error is not None and error.code() in UNSENT:
                self._raw(record, report)
            else:
                report(error, message)

        while True:
            try:
                self._producer.produce(
                    self._prefix + record.topic.name,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=told,
                )
            except BufferError:
                self._producer.poll(0.05)
            else:
                return
