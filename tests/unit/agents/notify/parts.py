"""A target that answers, fails, hangs and lies; a role's context; a request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from agents.notify.stage import Attempt
from agents.runtime.configuration import Configuration
from agents.runtime.ownership import Ownership
from agents.runtime.service import RoleContext
from infra.settings import Settings
from schemas.base import Severity, decode
from schemas.document import Channel, ConfigRecord, Receiver, Route, Routing
from schemas.notification import Line, NotifyRequest, NotifyResult, NotifyStatus
from tests.unit.agents.harness import T0
from topics.record import OutRecord


@dataclass
class Target:
    """A real HTTP server on loopback. replies: by path, what it does with a request."""

    base: str
    seen: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    hanging: int = 0

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.seen]


@asynccontextmanager
async def target() -> AsyncIterator[Target]:
    """`/ok` answers 204, `/status/N` answers N, `/hang` never, `/drip` a byte at a time."""
    found = Target("")

    async def handle(request: web.Request) -> web.StreamResponse:
        found.seen.append((request.path, await request.read(), dict(request.headers)))
        if request.path.startswith("/status/"):
            code = int(request.path.rpartition("/")[2])
            return web.Response(
                status=code, text="x" * 100, headers={"Location": f"{found.base}/ok"}
            )
        if request.path == "/hang":
            found.hanging += 1
            await asyncio.sleep(3600)
        return web.Response(status=204)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield found
    finally:
        await runner.cleanup()


@asynccontextmanager
async def liar(answer: bytes) -> AsyncIterator[str]:
    """Something that listens, and says `answer` to whatever it is told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


def request(name: str = "n-1", receiver: str = "soc") -> NotifyRequest:
    return NotifyRequest(
        notification_id=name,
        site_id="north",
        receiver=receiver,
        status=NotifyStatus.FIRING,
        group="g",
        flush=1,
        requested_at=T0,
        deadline=T0 + timedelta(minutes=5),
        alerts=(
            Line(
                alert_id="a-1",
                title="person at Gate (yard), North depot",
                severity=Severity.HIGH,
                rank=70,
                last_event=T0,
            ),
        ),
        total=1,
        event_ids=("e-1",),
    )


def attempt(name: str = "n-1", receiver: str = "soc", number: int = 1) -> Attempt:
    return Attempt(request=request(name, receiver), attempt=number)


def webhook(url: str, **options: Any) -> Channel:
    return Channel(kind="webhook", options={"url": url, **options})


class Recorder:
    """Takes what would go to Kafka."""

    def __init__(self) -> None:
        self.results: list[NotifyResult] = []

    async def emit(self, records: Sequence[OutRecord]) -> None:
        for record in records:
            self.results.append(decode(record.value or b"", NotifyResult))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.005)


def context(emitter: Recorder, *receivers: Receiver) -> RoleContext:
    configuration = Configuration()
    routing = Routing(route=Route(receiver="soc"), receivers=receivers)
    configuration.apply("routing", ConfigRecord(revision=1, author="t", at=T0, routing=routing))
    return RoleContext(
        role="act",
        settings=Settings(state_dir=Path("/nonexistent")),
        emitter=emitter,
        now=lambda: T0,
        configuration=configuration,
        ownership=Ownership,
        report=lambda name, problem: None,
    )
