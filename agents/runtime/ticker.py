"""Ticks: the owner of a partition writes the time to it, once a second."""

from __future__ import annotations

import asyncio
from datetime import datetime

from agents.runtime.ownership import Ownership
from agents.runtime.service import RoleContext
from schemas.tick import Tick
from topics.declare import Topic
from topics.record import OutRecord, make

__all__ = ["TickerService", "tick_record"]


def tick_record(topic: Topic, partition: int, now: datetime, source: str) -> OutRecord:
    """The tick for one partition."""
    return make(
        topic,
        Tick(now=now),
        id=f"{topic.name}/{partition}/{now.isoformat()}",
        time=now,
        source=source,
        key=None,
        partition=partition,
    )


class TickerService:
    """Writes one tick a second to each partition of `topic` that this worker owns."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.name = f"ticker {topic.name}"

    async def run(self, ctx: RoleContext) -> None:
        """Tick until cancelled; a tick that the broker does not take is not made up for."""
        owned: Ownership = ctx.ownership(self.topic)
        source = f"watchfloor/{ctx.role}"
        while True:
            now = ctx.now()
            if owned.partitions:
                await ctx.emitter.emit(
                    [tick_record(self.topic, n, now, source) for n in sorted(owned.partitions)]
                )
            # On the second, so that workers on one machine wake the disk together.
            await asyncio.sleep(1.0 - ctx.now().microsecond / 1e6)
