"""The capture service over a real broker, in a namespace of its own."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from agents.capture.service import CaptureService
from agents.capture.sight import SightPolicy
from agents.capture.sources import Limits
from agents.runtime.configuration import Configuration
from agents.runtime.emitter import Emitter
from agents.runtime.follower import Follower
from agents.runtime.ownership import Ownership
from agents.runtime.record import Record
from agents.runtime.service import RoleContext
from infra.settings import Settings
from schemas.device import Assignment, CameraState, Probe
from schemas.event import EventSource, SecurityEvent
from schemas.frame import FrameMeta
from topics.catalogue import ASSIGNMENTS, EVENTS, FRAMES, PROBES, SNAPSHOTS
from topics.declare import Topic
from topics.record import OutRecord, make, tombstone

__all__ = ["QUICK", "SITE", "Impatient", "Rig", "camera"]

SITE = "north"
DEADLINE = 60.0
ATTENTIVE = SightPolicy(frozen=timedelta(seconds=2))
QUICK = Limits(connect=timedelta(seconds=5), silence=timedelta(seconds=4))


class Impatient(random.Random):
    """Dice that never make anybody wait long."""

    def random(self) -> float:
        return 0.01


def camera(name: str, source: str, **fields: Any) -> Assignment:
    """An assignment; detect_fps 60 and no gate unless it says otherwise."""
    values = {"detect_fps": 60.0, "gate": False, **fields}
    return Assignment(site_id=SITE, device_id=name, kind="camera", source=source, **values)


class Rig:
    """Runs the service, and collects what it writes."""

    def __init__(self, settings: Settings, emitter: Emitter) -> None:
        self.settings = settings
        self.emitter = emitter
        self.owned = Ownership(ASSIGNMENTS)
        self.records: list[Record] = []
        self.reports: list[str | None] = []

    @asynccontextmanager
    async def running(
        self, *, ahead: int = 256, partitions: frozenset[int] = frozenset(range(4))
    ) -> AsyncIterator[None]:
        """The service as the role runs it."""
        self.owned.set(partitions)
        context = RoleContext(
            role="capture",
            settings=self.settings,
            emitter=self.emitter,
            now=lambda: datetime.now(UTC),
            configuration=Configuration(),
            ownership=lambda _topic: self.owned,
            report=lambda _name, problem: self.reports.append(problem),
        )
        service = CaptureService(limits=QUICK, sight=ATTENTIVE, ahead=ahead, rng=Impatient())
        task = asyncio.create_task(service.run(context))
        try:
            yield
            assert not task.done(), task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def collect(self) -> None:
        """Read what the service writes, until cancelled."""
        async with Follower(self.settings, [FRAMES, SNAPSHOTS, PROBES]) as follower:
            async for chunk in follower.chunks(timeout=0.1):
                self.records += chunk

    async def detect(self) -> None:
        """Read frames and commit, as the detect role does."""
        async with Follower(self.settings, [FRAMES], group="watchfloor-detect") as follower:
            async for chunk in follower.chunks(timeout=0.1):
                if chunk:
                    await follower.commit()

    def commit_detect(self, partition: int, offset: int) -> None:
        """Move the detect role's committed offset."""
        prefix = f"{self.settings.namespace}."
        consumer = Consumer(
            {
                **self.settings.kafka_client_config(),
                "group.id": f"{prefix}watchfloor-detect",
                "enable.auto.commit": False,
            }
        )
        at = TopicPartition(f"{prefix}{FRAMES}", partition, offset)
        consumer.commit(offsets=[at], asynchronous=False)
        consumer.close()

    async def assign(self, *assignments: Assignment) -> None:
        at = datetime.now(UTC)
        await self.emitter.emit(
            [
                make(
                    ASSIGNMENTS,
                    one,
                    id=f"{one.device_id}/{one.revision}",
                    time=at,
                    source="test",
                    key=f"{one.site_id}/{one.device_id}",
                )
                for one in assignments
            ]
        )

    async def unassign(self, name: str) -> None:
        at = datetime.now(UTC)
        gone = tombstone(ASSIGNMENTS, key=f"{SITE}/{name}", id=name, time=at, source="test")
        await self.emitter.emit([gone])

    async def happen(self, name: str, event_id: str, frame: FrameMeta) -> None:
        """An event of the detector that completed on the frame."""
        event = SecurityEvent(
            event_id=event_id,
            site_id=SITE,
            camera_id=name,
            event_type="object_in_zone",
            occurred_at=frame.captured_at,
            source=EventSource.DETECTOR,
            frame=frame.seq,
        )
        record: OutRecord = make(
            EVENTS, event, id=event_id, time=event.occurred_at, source="test", key=SITE
        )
        await self.emitter.emit([record])

    def of(self, topic: Topic, name: str) -> list[Record]:
        key = f"{SITE}/{name}".encode()
        return [record for record in self.records if record.topic is topic and record.key == key]

    def frames(self, name: str) -> list[FrameMeta]:
        return [record.message() for record in self.of(FRAMES, name)]

    def probes(self, name: str) -> list[Probe]:
        return [record.message() for record in self.of(PROBES, name)]

    def states(self, name: str) -> list[CameraState | None]:
        """States in order, a repeated one once."""
        states: list[CameraState | None] = []
        for probe in self.probes(name):
            if not states or states[-1] is not probe.state:
                states.append(probe.state)
        return states

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, [
                (str(record.topic), record.key, record.offset) for record in self.records[-5:]
            ]
            await asyncio.sleep(0.02)
