"""Devices by the thousand on loopback: they take connections, and answer a GET.

A hundred hosts share one port.

Run as `python -m infra.bench.watching.devices FILE`; prints its port. Each connection's time goes
to the file, seconds since the epoch as little-endian doubles: what was polled when is told by who
was polled, not by who polls.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from pathlib import Path
from time import time
from typing import BinaryIO, Final

__all__ = ["HOSTS", "read_times"]

HOSTS: Final = tuple(f"127.0.0.{number}" for number in range(1, 101))
"""A fleet's devices are not all at one host, which is asked by a few polls at a time. Linux has
all of 127.0.0.0/8 on its loopback."""

ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
BACKLOG: Final = 1024
FLUSH_S: Final = 0.5


def read_times(path: Path) -> list[float]:
    """When connections came, in order; what is still being written is left out."""
    data = path.read_bytes()
    whole = len(data) // 8
    return list(struct.unpack(f"<{whole}d", data[: 8 * whole]))


class _Device(asyncio.Protocol):
    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._out.write(struct.pack("<d", time()))

    def data_received(self, data: bytes) -> None:
        if self._transport is not None and b"\r\n\r\n" in data:
            self._transport.write(ANSWER)
            self._transport.close()


async def _serve(path: Path) -> None:
    with path.open("ab") as out:
        loop = asyncio.get_running_loop()
        first = await loop.create_server(lambda: _Device(out), HOSTS[0], 0, backlog=BACKLOG)
        port = first.sockets[0].getsockname()[1]
        await loop.create_server(lambda: _Device(out), HOSTS[1:], port, backlog=BACKLOG)
        print(port, flush=True)
        while True:
            await asyncio.sleep(FLUSH_S)
            out.flush()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
