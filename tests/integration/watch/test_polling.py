"""Devices are polled, and what that says of them is on the topics: a real broker, real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from agents.runtime.configuration import Configuration
from agents.runtime.emitter import Emitter
from agents.runtime.follower import Follower
from agents.runtime.ownership import Ownership
from agents.runtime.service import RoleContext
from agents.watch.poller import Rules
from agents.watch.service import PollService
from infra.settings import Settings
from schemas.device import Assignment, Breaker, DeviceHealth, DeviceSeverity, Probe
from schemas.event import SecurityEvent
from tests.integration.runtime.support import emitting, namespace
from topics.catalogue import ASSIGNMENTS, DEVICE_HEALTH, EVENTS, PROBES
from topics.record import make, tombstone

pytestmark = pytest.mark.kafka

SITE = "north"
DEADLINE = 90.0
SPEED = 30
"""How much quicker the poller's clock goes than the wall's: five failures take five minutes."""


class Listener:
    """A device that takes connections, on a port that stays its own."""

    def __init__(self) -> None:
        self.port = 0
        self.taken = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _take(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        writer.close()


class Seen:
    """What is on the topics."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.messages: list[Any] = []

    async def collect(self) -> None:
        async with Follower(self._settings, [PROBES, DEVICE_HEALTH, EVENTS]) as follower:
            async for chunk in follower.chunks(timeout=0.1):
                self.messages += [record.message() for record in chunk]

    def health(self, device: str) -> list[DeviceHealth]:
        found = [one for one in self.messages if isinstance(one, DeviceHealth)]
        return [one for one in found if one.device_id == device]

    def probes(self, device: str) -> list[Probe]:
        found = [one for one in self.messages if isinstance(one, Probe)]
        return [one for one in found if one.device_id == device]

    def events(self) -> list[SecurityEvent]:
        return [one for one in self.messages if isinstance(one, SecurityEvent)]

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = monotonic() + DEADLINE
        while not condition():
            assert monotonic() < deadline, self.messages[-4:]
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def seeing(settings: Settings) -> AsyncIterator[Seen]:
    seen = Seen(settings)
    task = asyncio.create_task(seen.collect())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.wait({task})


@contextlib.asynccontextmanager
async def polling(
    settings: Settings, emitter: Emitter, now: Callable[[], datetime]
) -> AsyncIterator[None]:
    """The service, with every partition and a clock of the test's own."""
    owned = Ownership(ASSIGNMENTS)
    owned.set(frozenset(range(ASSIGNMENTS.partitions)))
    context = RoleContext(
        role="watch",
        settings=settings,
        emitter=emitter,
        now=now,
        configuration=Configuration(),
        ownership=lambda _topic: owned,
        report=lambda _name, _problem: None,
    )
    task = asyncio.create_task(PollService(rules=Rules(timeout_s=2.0)).run(context))
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def assign(emitter: Emitter, device: str, address: str, driver: str = "tcp") -> None:
    one = Assignment(site_id=SITE, device_id=device, kind="nvr", address=address, driver=driver)
    at = datetime.now(UTC)
    key = f"{SITE}/{device}"
    await emitter.emit([make(ASSIGNMENTS, one, id=key, time=at, source="test", key=key)])


def fast_clock() -> Callable[[], datetime]:
    """SPEED times as quick as the wall's, and far enough behind it never to get ahead."""
    begun, start = datetime.now(UTC) - timedelta(hours=3), monotonic()
    return lambda: begun + timedelta(seconds=SPEED * (monotonic() - start))


async def test_a_device_that_dies_is_critical_and_one_that_is_back_is_well(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    device = Listener()
    await device.start()
    with namespace(kafka_bootstrap, tmp_path) as box:
        # Time is the runner's in it: it has the stage, and does not poll by itself.
        box.start("watch", WATCHFLOOR_TIME="outside")
        await asyncio.to_thread(box.wait_ready)
        async with (
            emitting(box.settings) as emitter,
            seeing(box.settings) as seen,
            polling(box.settings, emitter, fast_clock()),
        ):
            await assign(emitter, "nvr-1", f"127.0.0.1:{device.port}")
            await seen.until(lambda: bool(seen.health("nvr-1")))
            assert seen.health("nvr-1")[-1].severity is DeviceSeverity.NORMAL
            assert not seen.events()

            await device.stop()
            await seen.until(
                lambda: (
                    seen.health("nvr-1")[-1].severity is DeviceSeverity.CRITICAL
                    and len(seen.events()) == 1
                )
            )
            down = seen.health("nvr-1")[-1]
            assert down.breaker is Breaker.OPEN
            assert down.error == "refused: nobody listens there"
            assert down.consecutive_failures >= 5
            severities = [one.severity for one in seen.health("nvr-1")]
            assert DeviceSeverity.SUSPECT in severities
            assert seen.events()[0].event_type == "device_offline"
            assert not seen.events()[0].ended

            await device.start()
            await seen.until(
                lambda: (
                    seen.health("nvr-1")[-1].severity is DeviceSeverity.NORMAL
                    and len(seen.events()) == 2
                )
            )
            assert seen.events()[1].ended
            gone = tombstone(
                ASSIGNMENTS,
                key=f"{SITE}/nvr-1",
                id="gone",
                time=datetime.now(UTC),
                source="test",
            )
            await emitter.emit([gone])
        await device.stop()
    polls = [one.at for one in seen.probes("nvr-1")]
    assert len(polls) == len(set(polls))
    ids = [(one.site_id, one.device_id, one.at) for one in seen.health("nvr-1")]
    assert len(ids) == len(set(ids))


async def test_a_worker_of_the_role_polls_and_a_restart_keeps_the_plan(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    device = Listener()
    await device.start()
    with namespace(kafka_bootstrap, tmp_path) as box:
        async with emitting(box.settings) as emitter, seeing(box.settings) as seen:
            await assign(emitter, "nvr-1", f"127.0.0.1:{device.port}")
            await assign(emitter, "lost", "127.0.0.1:1", driver="no-such-driver")
            first = box.start("watch")
            await seen.until(lambda: bool(seen.health("nvr-1")))
            known = seen.health("nvr-1")[-1]
            assert known.severity is DeviceSeverity.NORMAL
            await asyncio.to_thread(first.stop)

            box.start("watch", instance="watch-2")
            await assign(emitter, "nvr-2", f"127.0.0.1:{device.port}")
            await seen.until(lambda: bool(seen.health("nvr-2")))
            # It is due in two minutes at the earliest: it was not forgotten, or it would be new.
            assert len(seen.probes("nvr-1")) == 1
            assert not seen.probes("lost")
            report = box.report("watch-2") or {}
            assert "no-such-driver" in report["services"]["polls"]
            lines = [
                'watchfloor_watch_devices{kind="nvr",state="normal"} 2.0',
                'watchfloor_watch_devices{kind="camera",state="critical"} 0.0',
                'watchfloor_watch_breakers{state="closed"} 2.0',
                'watchfloor_watch_breakers{state="open"} 0.0',
                'watchfloor_watch_polls_total{driver="tcp",fault="none"} 1.0',
                'watchfloor_watch_poll_seconds_count{driver="tcp"} 1.0',
            ]
            # They are counted every few seconds.
            await seen.until(lambda: set(lines) <= set(box.metrics("watch-2").splitlines()))
    await device.stop()
