"""What Kafka says of the roles' consumer groups: who is in them, and where they stand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from api.health.lag import Ends, Partition

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Broker", "BrokerAway", "GroupSeen"]

log = logging.getLogger("watchfloor.api.health")

TIMEOUT_S: Final = 5.0
PATIENCE_S: Final = 10.0
"""A connection that does not answer is not replaced before it is so old."""


class BrokerAway(Exception):
    """Kafka did not answer."""


@dataclass(frozen=True)
class GroupSeen:
    """members: None where the broker did not say; committed: the next offset by partition."""

    members: int | None = None
    committed: Ends = field(default_factory=dict)


class Broker:
    """Asks Kafka, each question with a time limit. Names are without the namespace."""

    def __init__(self, settings: Settings) -> None:
        self._prefix = f"{settings.namespace}." if settings.namespace else ""
        self._config: dict[str, Any] = {
            **settings.kafka_client_config(),
            "client.id": "watchfloor-api-health",
            "socket.timeout.ms": int(TIMEOUT_S * 1000),
            "enable.metrics.push": False,
            "log_level": 4,
            "logger": log,
        }
        self._connect()

    def _connect(self) -> None:
        self._admin = AdminClient(self._config)
        self._since = monotonic()

    def _away(self, error: Exception) -> BrokerAway:
        # A client can lose its broker for good (see `agents.runtime.lines`).
        if monotonic() - self._since > PATIENCE_S:
            self._connect()
        return BrokerAway(str(error))

    async def ends(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Where each partition of these topics ends. Raises BrokerAway."""
        wanted = {self._prefix + topic for topic in topics}
        try:
            metadata = await asyncio.to_thread(self._admin.list_topics, timeout=TIMEOUT_S)
            parts = {
                TopicPartition(name, number): OffsetSpec.latest()  # type: ignore[no-untyped-call]
                for name, topic in metadata.topics.items()
                if name in wanted
                for number in topic.partitions
            }
            if not parts:
                return {}
            asked = self._admin.list_offsets(parts, request_timeout=TIMEOUT_S)
            found = await _all(asked)
        except (KafkaException, TimeoutError) as error:
            raise self._away(error) from error
        return {
            (part.topic.removeprefix(self._prefix), part.partition): result.offset
            for part, result in found.items()
        }

    async def group(self, name: str) -> GroupSeen:
        """A consumer group. Raises BrokerAway; a group that never was has no members."""
        full = self._prefix + name
        try:
            described = await _all(
                self._admin.describe_consumer_groups([full], request_timeout=TIMEOUT_S)
            )
            offsets = await _all(
                self._admin.list_consumer_group_offsets(
                    [ConsumerGroupTopicPartitions(full)], request_timeout=TIMEOUT_S
                )
            )
        except (KafkaException, TimeoutError) as error:
            raise self._away(error) from error
        if full not in described or full not in offsets:
            return GroupSeen(members=0)
        return GroupSeen(
            members=len(described[full].members),
            committed={
                (part.topic.removeprefix(self._prefix), part.partition): part.offset
                for part in offsets[full].topic_partitions or ()
                if part.offset >= 0
            },
        )


async def _all(asked: dict[Any, Future[Any]]) -> dict[Any, Any]:
    """The answers; a question about something that does not exist has none."""
    found = {}
    for key, future in asked.items():
        try:
            async with asyncio.timeout(TIMEOUT_S + 1):
                found[key] = await asyncio.wrap_future(future)
        except KafkaException as error:
            if error.args[0].name() not in {"GROUP_ID_NOT_FOUND", "UNKNOWN_TOPIC_OR_PART"}:
                raise
    return found
