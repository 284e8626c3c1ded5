"""A namespace with roles of its own, events for it, and what came out of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from agents.runtime.emitter import Emitter
from agents.runtime.follower import Follower
from agents.runtime.record import Record
from infra.sandbox import Sandbox
from infra.settings import Settings
from schemas.base import Severity, decode
from schemas.document import Camera, Channel, ConfigRecord, Receiver, Route, Routing, Site, Zone
from schemas.event import SecurityEvent
from schemas.ids import result_id
from schemas.notification import NotifyRequest, NotifyResult, Outcome
from topics import admin
from topics.catalogue import CONFIG, EVENTS, NOTIFY_REQUESTS, NOTIFY_RESULTS
from topics.declare import Topic
from topics.record import OutRecord, make

SITES = ("north", "south", "east", "west", "depot", "tower")
CAMERAS = tuple(f"cam-{n}" for n in range(5))
ROUTING = Routing(
    route=Route(receiver="soc", group_interval=timedelta(hours=1)),
    receivers=(Receiver(name="soc", channels=(Channel(kind="recording"),)),),
)


def site(site_id: str, *, window: float = 0.0) -> Site:
    """A site with one zone over all its cameras."""
    return Site(
        site_id=site_id,
        cameras=tuple(Camera(camera_id=one) for one in CAMERAS),
        zones=(
            Zone(
                zone_id="yard",
                camera_ids=CAMERAS,
                severity=Severity.CRITICAL,
                dedupe_window_sec=window,
            ),
        ),
    )


def config_records(sites: Sequence[Site], routing: Routing = ROUTING) -> list[OutRecord]:
    """A document's records."""
    at = datetime.now(UTC)

    def record(key: str, document: ConfigRecord) -> OutRecord:
        return make(CONFIG, document, id=f"{key}/1", time=at, source="test", key=key)

    return [
        *(
            record(one.site_id, ConfigRecord(revision=1, author="test", at=at, site=one))
            for one in sites
        ),
        record("routing", ConfigRecord(revision=1, author="test", at=at, routing=routing)),
    ]


def event(number: int, at: datetime) -> SecurityEvent:
    """The event of that number: sites and cameras in turn."""
    return SecurityEvent(
        event_id=f"event-{number}",
        site_id=SITES[number % len(SITES)],
        camera_id=CAMERAS[number // len(SITES) % len(CAMERAS)],
        zone_id="yard",
        event_type="intrusion",
        occurred_at=at,
    )


def event_record(one: SecurityEvent) -> OutRecord:
    """Its record."""
    return make(EVENTS, one, id=one.event_id, time=one.occurred_at, source="test", key=one.site_id)


@contextlib.contextmanager
def namespace(bootstrap: str, folder: Path, **settings: Any) -> Iterator[Sandbox]:
    """Topics of a test's own; roles started in it end with the block."""
    base = Settings(state_dir=folder / "state", kafka_url=bootstrap)
    inside = base.in_namespace(f"test-{uuid4().hex[:8]}")
    # A short session: a worker that was killed is missed sooner.
    inside = replace(
        inside,
        session_timeout=timedelta(seconds=3),
        origins={**inside.origins, "session_timeout": "test"},
        **settings,
    )
    inside.state_dir.mkdir(mode=0o700, parents=True)
    admin.ensure(inside)
    with contextlib.ExitStack() as stack:
        yield Sandbox(inside, folder, {}, stack)


@contextlib.asynccontextmanager
async def emitting(settings: Settings) -> AsyncIterator[Emitter]:
    """A producer like every other."""
    emitter = Emitter(settings, "test")
    await emitter.start()
    try:
        yield emitter
    finally:
        await emitter.stop()


async def answer_requests(settings: Settings, emitter: Emitter) -> None:
    """Say of every notification that it was delivered, until cancelled: what act would do."""
    async with Follower(settings, [NOTIFY_REQUESTS]) as follower:
        async for chunk in follower.chunks(timeout=0.2):
            results = []
            for record in chunk:
                request = decode(record.value or b"", NotifyRequest)
                result = NotifyResult(
                    result_id=result_id(request.notification_id, 1),
                    notification_id=request.notification_id,
                    site_id=request.site_id,
                    receiver=request.receiver,
                    outcome=Outcome.DELIVERED,
                    attempt=1,
                    at=request.requested_at,
                    channel_kind="recording",
                    event_ids=request.event_ids,
                )
                results.append(
                    make(
                        NOTIFY_RESULTS,
                        result,
                        id=result.result_id,
                        time=result.at,
                        source="test",
                        key=result.site_id,
                    )
                )
            if results:
                await emitter.emit(results)


class Gathering:
    """Everything on some topics, gathered while a test goes on."""

    def __init__(self, settings: Settings, topics: Sequence[Topic]) -> None:
        self._settings = settings
        self._topics = topics
        self.records: dict[str, list[Record]] = defaultdict(list)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Gathering:
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _read(self) -> None:
        async with Follower(self._settings, self._topics) as follower:
            async for chunk in follower.chunks(timeout=0.2):
                for record in chunk:
                    self.records[record.topic.name].append(record)

    def messages(self, topic: Topic) -> list[Any]:
        """The messages of a topic so far."""
        return [one.message() for one in self.records[topic.name] if one.value is not None]

    async def until(self, what: str, condition: Any, timeout: float = 30.0) -> None:
        """Return once `condition()` holds; fail after `timeout` seconds."""
        deadline = monotonic() + timeout
        while not condition():
            assert self._task is not None
            if self._task.done():
                self._task.result()
            counts = {topic: len(records) for topic, records in self.records.items()}
            assert monotonic() < deadline, f"{what}: not within {timeout:.0f} s; read {counts}"
            await asyncio.sleep(0.05)
