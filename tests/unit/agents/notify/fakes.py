"""What takes the place of senders and of the service's time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from agents.notify.errors import ChannelError, ChannelTimeoutError
from agents.notify.passes import Attempt
from agents.notify.senders.base import Job, Report, Sender, Taken
from agents.notify.service import DeliveryService
from agents.notify.web import Web
from schemas.document import Channel, Receiver
from tests.unit.agents.notify.parts import T0, Recorder, context

SECRET = "never-to-be-seen"


class Fake:
    """Takes, refuses, hangs or breaks, by the channel's name; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = asyncio.Event()
        self.reports: dict[str, Report | None] = {}
        self.pictures: list[bytes | None] = []

    async def send(self, job: Job, web: Web) -> Taken:
        name = job.channel.name or job.channel.kind
        self.asked.append(f"{name} {job.request.notification_id}")
        if name.startswith("no"):
            raise ChannelError(f"{name} answered 500", faulty=name == "no-faulty")
        if name == "busy":
            raise ChannelError("busy answered 429", retry_after=40)
        if name == "never":
            raise ChannelError("never answered 400", final=True)
        if name == "late":
            raise ChannelTimeoutError("late did not answer in 10 s")
        if name == "defect":
            raise KeyError(SECRET)
        if name == "hang":
            await self.go_on.wait()
        if name == "picture":
            self.pictures.append(await job.picture())
        return Taken(reference=f"ref-{name}", confirm=name == "confirms")

    async def check(self, job: Job, web: Web, reference: str) -> Report | None:
        self.asked.append(f"check {reference}")
        if reference == "broken":
            raise KeyError(SECRET)
        return self.reports.get(reference)


def receiver(name: str, *channels: str, fanout: bool = False, **options: Any) -> Receiver:
    return Receiver(
        name=name,
        fanout=fanout,
        channels=tuple(Channel(kind="fake", name=one, options=options) for one in channels),
    )


def service(fake: Sender, *, kinds: tuple[str, ...] = ("fake",), **more: Any) -> DeliveryService:
    return DeliveryService(dict.fromkeys(kinds, fake), **more)


@asynccontextmanager
async def running(
    deliveries: DeliveryService, *receivers: Receiver, out: Any = None, **more: Any
) -> AsyncIterator[Recorder]:
    recorder = out or Recorder()
    task = asyncio.create_task(deliveries.run(context(recorder, *receivers, **more)))
    try:
        yield recorder
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def one_pass(
    fake: Fake, of: Attempt, *receivers: Receiver, deliveries: DeliveryService | None = None
) -> Any:
    used = deliveries or service(fake)
    async with running(used, *receivers) as out:
        used.start_work(of)
        await out.until(lambda: bool(out.results))
    return out.results[0]


class Clock:
    """The service's time."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> datetime:
        return self.now
