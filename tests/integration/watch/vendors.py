"""Devices for the vendors' drivers: the fleet's, and raw ones that answer what a test says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from agents.watch.drivers.base import Driver, DriverError, Limits, Target
from infra.fleet.answers import SimDevice
from infra.fleet.script import read_script
from infra.fleet.serving import Fleet

NOON = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
"""A Wednesday, noon where the fleet stands: no midnight is near."""


def now() -> datetime:
    return NOON


@asynccontextmanager
async def device(
    kind: str, script: str = "", *, channels: int = 0
) -> AsyncIterator[tuple[Fleet, SimDevice]]:
    fleet = Fleet(read_script(script, ["one"]), now=now, elapsed=lambda: 1.0)
    try:
        yield fleet, await fleet.add("one", kind, channels=channels)
    finally:
        await fleet.close()


def target(one: SimDevice, **more: object) -> Target:
    given: dict[str, object] = {
        "site_id": "north",
        "device_id": one.device_id,
        "kind": "recorder" if one.channels else "camera",
        "address": f"127.0.0.1:{one.port}",
        "username": one.username,
        "password": one.password,
    }
    return Target(**(given | more))  # type: ignore[arg-type]


async def failure(driver: Driver, at: Target, limits: Limits | None = None) -> DriverError:
    with pytest.raises(DriverError) as caught:
        await driver.poll(at, limits or Limits())
    return caught.value


@asynccontextmanager
async def answering(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            answer(reader, writer)
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def routed(routes: dict[str, bytes]) -> AsyncIterator[int]:
    """A device that lets everybody in, and has what `routes` has; 400 to the rest."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            body = routes.get(head.split(b" ")[1].decode())
            status = b"200 OK" if body is not None else b"400 Bad Request"
            body = body if body is not None else b"Error\r\nBad Request!\r\n"
            writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def at(port: int) -> Target:
    return Target(
        site_id="north",
        device_id="one",
        kind="camera",
        address=f"http://127.0.0.1:{port}/",
        username="admin",
        password="hunter2-secret",
    )
