"""How far detect is behind, so that a file does not run away from it."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from topics.catalogue import FRAMES
from topics.partitioner import partition_for

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["AHEAD", "DETECT_GROUP", "Backlog"]

log = logging.getLogger("watchfloor.capture")

AHEAD: Final = 256
"""Frames that may wait for detect on a partition before a file waits as well."""

DETECT_GROUP: Final = "watchfloor-detect"

POLL: Final = 0.3
"""Seconds between two looks at the committed offsets; a look is two requests a partition."""


class Backlog:
    """Room on each partition of `camera.frames.v1`, from detect's committed offsets.

    Between two looks, what was spent since the last one began counts as not yet read: the room is
    never larger than it says. While the broker does not answer there is no new room.
    """

    def __init__(self, settings: Settings, ahead: int = AHEAD) -> None:
        prefix = f"{settings.namespace}." if settings.namespace else ""
        self._topic = prefix + FRAMES.name
        self._config: dict[str, Any] = {
            **settings.kafka_client_config(),
            "client.id": "watchfloor-capture-backlog",
            # Only asked for its offsets: a consumer that does not subscribe is no member.
            "group.id": prefix + DETECT_GROUP,
            "enable.auto.commit": False,
            "enable.metrics.push": False,
            "log_level": 4,
            "logger": log,
        }
        self._ahead = ahead
        self._partitions = 0
        self._room: dict[int, int] = {}
        self._spent: dict[int, int] = {}
        self._users: dict[int, int] = {}
        self._looked = asyncio.Event()
        self._wanted = asyncio.Event()

    def room(self, partition: int) -> int:
        """How many frames may be sent to it now."""
        return max(0, self._room.get(partition, 0) - self._spent.get(partition, 0))

    def spend(self, partition: int, frames: int) -> None:
        """So many frames are about to be sent to it."""
        self._spent[partition] = self._spent.get(partition, 0) + frames

    async def partition_of(self, key: str) -> int:
        """The partition of a camera's frames; waits until the broker has been asked."""
        while not self._partitions:
            self._wanted.set()
            await self.look(1.0)
        return partition_for(key.encode(), self._partitions)

    def follow(self, partition: int) -> None:
        """Somebody sends to that partition: look at it from now on."""
        self._users[partition] = self._users.get(partition, 0) + 1
        self._wanted.set()

    def leave(self, partition: int) -> None:
        """They do no longer."""
        self._users[partition] -= 1
        if not self._users[partition]:
            for book in (self._users, self._room, self._spent):
                book.pop(partition, None)

    async def look(self, seconds: float) -> None:
        """Return after the next look, or after so long."""
        looked = self._looked
        try:
            await asyncio.wait_for(looked.wait(), seconds)
        except TimeoutError:
            return

    async def run(self) -> None:
        """Look while somebody wants it, until cancelled."""
        loop = asyncio.get_running_loop()
        # A thread of its own: a broker that does not answer holds it for seconds.
        executor = ThreadPoolExecutor(1, thread_name_prefix="backlog")
        await self._wanted.wait()
        consumer = await loop.run_in_executor(executor, Consumer, self._config)
        try:
            while True:
                await self._wanted.wait()
                spent = {partition: self._spent.get(partition, 0) for partition in self._users}
                lags = await loop.run_in_executor(executor, self._ask, consumer, tuple(spent))
                for partition, lag in lags.items():
                    if partition in self._users:
                        self._room[partition] = self._ahead - lag
                        since = self._spent.get(partition, 0) - spent[partition]
                        self._spent[partition] = max(0, since)
                self._looked.set()
                self._looked = asyncio.Event()
                if not self._users:
                    self._wanted.clear()
                await asyncio.sleep(POLL)
        finally:
            executor.submit(consumer.close)
            executor.shutdown(wait=False)

    def _ask(self, consumer: Consumer, partitions: tuple[int, ...]) -> dict[int, int]:
        try:
            if not self._partitions:
                found = consumer.list_topics(self._topic, timeout=5).topics[self._topic]
                if found.error is None:
                    self._partitions = len(found.partitions)
            if not partitions:
                return {}
            asked = [TopicPartition(self._topic, number) for number in partitions]
            lags: dict[int, int] = {}
            for part in consumer.committed(asked, timeout=5):
                low, high = consumer.get_watermark_offsets(part, timeout=5)
                # Before its first commit a group stands at the beginning.
                lags[part.partition] = max(0, high - max(part.offset, low))
        except KafkaException as error:
            log.warning("detect's position is not known: %s", error)
            return {}
        return lags
