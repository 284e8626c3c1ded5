"""How far a consumer group is behind on a topic, by what it has committed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, TopicPartition

from topics.declare import Topic

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["GroupLag"]


class GroupLag:
    """Asks for one group's committed offsets, without being a member of it."""

    def __init__(self, settings: Settings, group: str) -> None:
        self._prefix = f"{settings.namespace}." if settings.namespace else ""
        config: dict[str, Any] = {
            **settings.kafka_client_config(),
            "group.id": self._prefix + group,
            "enable.auto.commit": False,
            "enable.metrics.push": False,
            "log_level": 4,
        }
        self._consumer = Consumer(config)

    def ask(self, topic: Topic) -> int:
        """Records of the topic that the group has not committed yet.

        Raises KafkaException where the broker does not answer.
        """
        name = self._prefix + topic.name
        partitions = self._consumer.list_topics(name, timeout=10).topics[name].partitions
        lag = 0
        for part in self._consumer.committed(
            [TopicPartition(name, number) for number in partitions], timeout=10
        ):
            low, high = self._consumer.get_watermark_offsets(part, timeout=10)
            lag += max(0, high - max(part.offset, low))
        return lag

    async def wait_drained(self, topics: list[Topic], limit: float) -> None:
        """Return when the group has committed everything. Raises TimeoutError after `limit` s."""
        async with asyncio.timeout(limit):
            while any([await asyncio.to_thread(self.ask, topic) for topic in topics]):
                await asyncio.sleep(0.1)

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()
