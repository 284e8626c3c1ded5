"""Many listeners to the stream, and one that reads nothing, in a process of their own.

`python -m infra.bench.api.listeners URL COUNT`: says `ready` once each has its queue; then for each
line it reads, which is an alert's id, how many have heard of it and when the last one did. The
token is in the environment, where other users of the machine do not see it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import sys
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from infra.bench.api.load import headers
from infra.bench.api.watched import Heard, name_in

AT_ONCE: Final = 25
READY_S: Final = 240.0


class Listeners:
    """What all of them heard."""

    def __init__(self, url: str, count: int) -> None:
        self._url = url
        self._count = count
        self._heard: dict[str, Heard] = {}
        self._ready = 0
        self._all_ready = asyncio.Event()

    async def run(self) -> None:
        """Until the input ends."""
        slow = _silent(self._url)
        doors = asyncio.Semaphore(AT_ONCE)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            tasks = [asyncio.create_task(self._listen(session, doors)) for _ in range(self._count)]
            waiting = asyncio.create_task(self._all_ready.wait())
            await asyncio.wait(
                [waiting, *tasks], return_when=asyncio.FIRST_COMPLETED, timeout=READY_S
            )
            if self._all_ready.is_set():
                print("ready", flush=True)
                await self._answer()
            for task in (waiting, *tasks):
                task.cancel()
            await asyncio.gather(waiting, *tasks, return_exceptions=True)
        slow.close()

    async def _listen(self, session: aiohttp.ClientSession, doors: asyncio.Semaphore) -> None:
        async with doors:
            line = await session.ws_connect(
                self._url, max_msg_size=0, compress=0, headers=headers()
            )
            async for message in line:
                if '"type":"alerts"' in message.data[:40]:
                    break
        self._ready += 1
        if self._ready == self._count:
            self._all_ready.set()
        async for message in line:
            name = name_in(message.data)
            if name is not None:
                before = self._heard.get(name, Heard(0, 0.0))
                self._heard[name] = Heard(before.count + 1, monotonic())

    async def _answer(self) -> None:
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            found = self._heard.get(line.strip(), Heard(0, 0.0))
            print(f"{found.count} {found.last!r}", flush=True)


def _silent(url: str) -> socket.socket:
    """A listener that is let in and never reads: what is sent to it stays with the server."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect((parts.hostname, parts.port or 80))
    key = base64.b64encode(os.urandom(16)).decode()
    line.sendall(
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        f"Sec-WebSocket-Version: 13\r\nAuthorization: {headers()['Authorization']}\r\n\r\n".encode()
    )
    return line


if __name__ == "__main__":
    asyncio.run(Listeners(sys.argv[1], int(sys.argv[2])).run())
