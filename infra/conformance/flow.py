"""Between a live run and the broker: records in, what was published out, and whether all is done.

Roles commit an offset once what it caused is on the broker. So where every group has committed
everything, nothing is under way but deliveries, and act says how many of those there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from agents.decide import DECIDE_CHAIN
from agents.notify.stage import ACT_CHAIN
from agents.watch.stage import WATCH_CHAIN
from infra.errors import TimeLimitError
from schemas.alert import Alert
from schemas.base import decode
from schemas.decision import Decision
from schemas.device import DeviceHealth
from schemas.notification import NotifyRequest
from topics.admin import admin_client
from topics.catalogue import ALERTS, DECISIONS, DEVICE_HEALTH, NOTIFY_REQUESTS
from topics.declare import Topic
from topics.plan import partitions_of, prefix_of
from topics.record import OutRecord

if TYPE_CHECKING:
    from infra.sandbox import Sandbox

__all__ = ["CHAINS", "Flow", "Published", "answered"]

T = TypeVar("T")

CHAINS: Final = {"decide": DECIDE_CHAIN, "act": ACT_CHAIN, "watch": WATCH_CHAIN}
"""The roles that a live run drives."""

OUTPUTS: Final = (DECISIONS, ALERTS, NOTIFY_REQUESTS, DEVICE_HEALTH)
STILL_S: Final = 120.0
"""Without anything moving for so long, a run is stuck. A role that was killed is back in ten, and
in half a minute where thirty others want the processor (measured)."""
TURN_S: Final = 0.006
ANSWER_S: Final = 60.0
AGAIN_S: Final = 0.1
UNDER_WAY: Final = re.compile(r"^vmm_notifications_under_way (\S+)", re.MULTILINE)

Place = tuple[str, int]


def answered(ask: Callable[[], T]) -> T:
    """What a broker answers, once it does.

    One that has much to do may lose its leases for a moment, and says so of every partition (a
    leader's epoch that is fenced); whoever asks again is told. Raises TimeLimitError where it goes
    on refusing.
    """
    deadline = monotonic() + ANSWER_S
    while True:
        try:
            return ask()
        except KafkaException as error:
            if monotonic() > deadline:
                raise TimeLimitError(f"the broker does not answer: {error}") from error
            sleep(AGAIN_S)


@dataclass
class Published:
    """What the roles published since a case began, of its sites."""

    decisions: list[Decision] = field(default_factory=list)
    alerts: dict[str, Alert] = field(default_factory=dict)
    health: list[DeviceHealth] = field(default_factory=list)
    requests: dict[str, NotifyRequest] = field(default_factory=dict)


class Flow:
    """A live run's connection to its namespace. Blocks; close it at the end.

    look: called while it waits; raises where a role has died.
    """

    def __init__(self, box: Sandbox, look: Callable[[], None]) -> None:
        self._box = box
        self._look = look
        self._prefix = prefix_of(box.settings.namespace)
        self._count = box.settings.site_partitions
        client = {
            **box.settings.kafka_client_config(),
            "enable.metrics.push": False,
            "log_level": 3,
        }
        self._producer = Producer(
            {
                **box.settings.kafka_client_config(producer=True),
                "acks": "all",
                "linger.ms": 0,
                "enable.idempotence": True,
                "enable.metrics.push": False,
                "log_level": 3,
            }
        )
        self._admin: AdminClient = admin_client(box.settings)
        self._groups = {
            role: Consumer(
                {
                    **client,
                    "group.id": f"{self._prefix}watchfloor-{role}",
                    "enable.auto.commit": False,
                }
            )
            for role in CHAINS
        }
        self._reader = Consumer(
            {
                **client,
                "group.id": f"{self._prefix}conformance",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 20,
            }
        )
        self._read: dict[Place, int] = dict.fromkeys(self._places(OUTPUTS), 0)
        self._reader.assign([TopicPartition(name, part, 0) for name, part in self._read])
        self._topics = {self._prefix + topic.name: topic for topic in OUTPUTS}
        self._inputs: dict[str, list[Place]] = {}
        self._outputs: list[Place] = []
        self._requests: Place = ("", 0)
        self._asked = 0
        self.published = Published()
        self._sites: frozenset[str] = frozenset()

    def _places(self, topics: Iterable[Topic]) -> list[Place]:
        return [
            (self._prefix + topic.name, part)
            for topic in topics
            for part in range(partitions_of(topic, self._count))
        ]

    def close(self) -> None:
        """Close every connection."""
        self._producer.flush(5)
        for consumer in (*self._groups.values(), self._reader):
            consumer.close()
        # Clients without a way to be closed: they end with their last reference.
        del self._producer, self._admin

    def begin(self, sites: frozenset[str], partition: int, watched: Iterable[int]) -> None:
        """From now on what is published of these sites counts, and nothing else.

        partition: of what is keyed by site; watched: those of the devices that are polled.
        """
        self._sites = sites
        self.published = Published()
        parts = {"decide": [partition], "act": [partition], "watch": list(watched)}
        self._inputs = {
            role: [(self._prefix + topic.name, n) for topic in chain.reads for n in parts[role]]
            for role, chain in CHAINS.items()
        }
        self._outputs = [
            (self._prefix + NOTIFY_REQUESTS.name, partition),
            *((self._prefix + DEVICE_HEALTH.name, n) for n in parts["watch"]),
            *self._places([DECISIONS, ALERTS]),
        ]
        self._requests = (self._prefix + NOTIFY_REQUESTS.name, partition)
        self._asked = self._ends([self._requests])[self._requests]

    def send(self, *records: OutRecord) -> None:
        """Write records; returns when the broker has confirmed them."""
        failed: list[str] = []

        def confirmed(error: Any, _message: Any) -> None:
            if error is not None:
                failed.append(str(error))

        for record in records:
            self._producer.produce(
                self._prefix + record.topic.name,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                partition=-1 if record.partition is None else record.partition,
                on_delivery=confirmed,
            )
        left = self._producer.flush(30)
        if left or failed:
            raise TimeLimitError(f"the broker did not take a record: {failed or 'no answer'}")

    def settle(self) -> None:
        """Return when nothing is under way any more, and what came of it was read.

        Raises TimeLimitError where nothing moves for two minutes.
        """
        last: Any = None
        deadline = monotonic() + STILL_S
        inputs = [place for places in self._inputs.values() for place in places]
        ends: dict[Place, int] = {}
        behind: dict[str, int] = {}
        while True:
            now = self._ends(inputs)
            # What was done up to the same ends stays done.
            behind = self._behind(now, self._inputs if now != ends else behind)
            ends = now
            if not behind and self._rests(ends) and self._ends(inputs) == ends:
                self._catch_up(self._ends(self._outputs))
                return
            self._look()
            if (state := (ends, behind)) != last:
                last, deadline = state, monotonic() + STILL_S
            if monotonic() > deadline:
                raise TimeLimitError(
                    f"nothing moves for {STILL_S:.0f} s; behind: {behind or 'nobody'}; "
                    f"{self._under_way()} deliveries under way",
                    hint=f"The roles' logs are in {self._box.folder}.",
                )
            sleep(TURN_S)

    def _ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Where partitions end."""
        asked = {
            TopicPartition(name, part): OffsetSpec.latest()  # type: ignore[no-untyped-call]
            for name, part in places
        }

        def ask() -> dict[Place, int]:
            answers = self._admin.list_offsets(asked, request_timeout=10)
            return {(tp.topic, tp.partition): one.result().offset for tp, one in answers.items()}

        return answered(ask)

    def _behind(self, ends: Mapping[Place, int], roles: Iterable[str]) -> dict[str, int]:
        """How many records each of the roles has not done yet; only those that have some."""
        found: dict[str, int] = {}
        for role in roles:
            written = [place for place in self._inputs[role] if ends[place] > 0]
            if not written:
                continue
            asked = [TopicPartition(name, part) for name, part in written]
            try:
                parts = self._groups[role].committed(asked, timeout=10)
            except KafkaException:
                # A coordinator that moves or a group that forms: ask again.
                found[role] = -1
                continue
            left = sum(max(0, ends[(p.topic, p.partition)] - max(0, p.offset)) for p in parts)
            if left:
                found[role] = left
        return found

    def _rests(self, ends: Mapping[Place, int]) -> bool:
        """Whether no delivery is under way. Where nobody was to be told, there is none."""
        return ends[self._requests] == self._asked or self._under_way() == 0

    def _under_way(self) -> float:
        """How many deliveries act has begun, and has no outcome of; 1 where it does not say."""
        found = UNDER_WAY.search(self._box.metrics("act"))
        return 1.0 if found is None else float(found[1])

    def _catch_up(self, ends: Mapping[Place, int]) -> None:
        deadline = monotonic() + STILL_S
        while any(self._read[place] < end for place, end in ends.items()):
            for message in self._reader.consume(500, 0.02):
                if message.error() is None:
                    self._take(message)
            if monotonic() > deadline:
                raise TimeLimitError("what the roles published cannot be read")

    def _take(self, message: Message) -> None:
        name, part, offset = message.topic(), message.partition(), message.offset()
        assert name is not None
        assert part is not None
        assert offset is not None
        self._read[(name, part)] = offset + 1
        value = message.value()
        topic = self._topics[name]
        if value is None:
            if topic is ALERTS:
                self.published.alerts.pop((message.key() or b"").decode(), None)
            return
        one: Any = decode(value, topic.value)
        if one.site_id not in self._sites:
            return
        match one:
            case Decision():
                self.published.decisions.append(one)
            case Alert():
                self.published.alerts[one.alert_id] = one
            case DeviceHealth():
                self.published.health.append(one)
            case NotifyRequest():
                self.published.requests.setdefault(one.notification_id, one)
