"""Which partitions of a topic this replica owns, as the consumer group says."""

from __future__ import annotations

import asyncio

from topics.declare import Topic

__all__ = ["Ownership"]


class Ownership:
    """The partitions of one topic that this replica owns now.

    Nobody but the consumer group decides: a service that serves what it owns follows `changed`.
    """

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self._owned: frozenset[int] = frozenset()
        self._event = asyncio.Event()

    @property
    def partitions(self) -> frozenset[int]:
        """What is owned now."""
        return self._owned

    def set(self, partitions: frozenset[int]) -> None:
        """Called by the runtime on each rebalance."""
        if partitions != self._owned:
            self._owned = partitions
            self._event.set()
            self._event = asyncio.Event()

    async def changed(self, known: frozenset[int]) -> frozenset[int]:
        """Return what is owned as soon as that differs from `known`."""
        while self._owned == known:
            await self._event.wait()
        return self._owned
