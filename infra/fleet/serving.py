"""The fleet's HTTP: one listener a device on loopback, h11 for the protocol, faults in between."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

import h11

from infra.fleet.answers import Said, answer_of
from infra.fleet.device import SimDevice
from infra.fleet.script import FleetFault, Now, Timed, faults_at

__all__ = ["Fleet"]

HUGE: Final = 200_000_000
MOST_REQUEST: Final = 65_536
REALM: Final = "simulated"
IDLE_S: Final = 60.0
MOST_NONCES: Final = 100

LAUGHS: Final = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12))
    + b"]><lolz>&m;</lolz>"
)


class Fleet:
    """Devices that answer. now: the time in UTC; elapsed: seconds since the start.

    one_time: a digest's number is good for one request, as with some vendors. asked: how many
    requests each device had, by its id.
    """

    def __init__(
        self,
        script: Iterable[Timed] = (),
        *,
        now: Callable[[], datetime],
        elapsed: Callable[[], float],
        one_time: bool = False,
    ) -> None:
        self.script = tuple(script)
        self.asked: dict[str, int] = {}
        self._now = now
        self._elapsed = elapsed
        self._servers: list[asyncio.Server] = []
        self._one_time = one_time
        self._nonces = [secrets.token_hex(16)]
        self._open: set[asyncio.Task[None]] = set()

    async def add(
        self,
        device_id: str,
        kind: str,
        *,
        channels: int = 0,
        port: int = 0,
        username: str = "admin",
        password: str = "simulated",  # noqa: S107  printed for whoever tries the fleet
        rtsp_port: int = 0,
        names_host: str = "",
    ) -> SimDevice:
        """A device more, at `127.0.0.1:port`; port 0: a free one. Raises OSError."""
        device: SimDevice | None = None

        async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if device is None or task is None:
                return
            self._open.add(task)
            try:
                await self._meet(device, reader, writer)
            except (OSError, h11.ProtocolError, TimeoutError, EOFError):
                pass
            except asyncio.CancelledError:
                # asyncio's own wrapper of this callback reports a cancelled one as an error.
                return
            finally:
                self._open.discard(task)
                writer.transport.abort()

        server = await asyncio.start_server(met, "127.0.0.1", port, backlog=64)
        self._servers.append(server)
        device = SimDevice(
            device_id=device_id,
            kind=kind,
            port=server.sockets[0].getsockname()[1],
            channels=channels,
            username=username,
            password=password,
            rtsp_port=rtsp_port,
            names_host=names_host,
        )
        return device

    async def close(self) -> None:
        """Cut every connection and close every listener."""
        for server in self._servers:
            server.close()
        for task in tuple(self._open):
            task.cancel()
        if self._open:
            await asyncio.wait(tuple(self._open))
        for server in self._servers:
            with contextlib.suppress(OSError):
                await server.wait_closed()
        self._servers.clear()

    async def _meet(
        self, device: SimDevice, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        now = faults_at(self.script, device.device_id, self._elapsed())
        if FleetFault.DOWN in now.kinds:
            return
        wire = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_REQUEST)
        while True:
            asked = await _request(wire, reader)
            if asked is None:
                return
            self.asked[device.device_id] = self.asked.get(device.device_id, 0) + 1
            request, body = asked
            now = faults_at(self.script, device.device_id, self._elapsed())
            if now.delay_s > 0:
                await asyncio.sleep(now.delay_s)
            if FleetFault.DOWN in now.kinds:
                return
            if await self._fail(now, writer):
                await _finish(reader, writer)
                return
            said, headers = self._answer(device, request, body, now)
            writer.write(
                wire.send(h11.Response(status_code=said.status, headers=_head(said, headers)))
                or b""
            )
            writer.write(wire.send(h11.Data(data=said.body)) or b"")
            writer.write(wire.send(h11.EndOfMessage()) or b"")
            await writer.drain()
            if wire.our_state is not h11.DONE or wire.their_state is not h11.DONE:
                await _finish(reader, writer)
                return
            wire.start_next_cycle()

    async def _fail(self, now: Now, writer: asyncio.StreamWriter) -> bool:
        """Whether an answer that is none was given."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nConnection: close\r\n"
        if FleetFault.GARBAGE in now.kinds:
            writer.write((hashlib.sha256(b"garbage").digest() + b"\r\n\r\n") * 64)
        elif FleetFault.NONSENSE in now.kinds:
            writer.write(head + b"\r\n<html><body>It works!</body></html>")
        elif FleetFault.BOMB in now.kinds:
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(LAUGHS) + LAUGHS)
        elif FleetFault.REDIRECT in now.kinds:
            writer.write(
                b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/\r\n"
                b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
        elif FleetFault.DRIP in now.kinds:
            writer.write(head + b"\r\n")
            while True:
                writer.write(b"<")
                await writer.drain()
                await asyncio.sleep(1.0)
        elif FleetFault.HUGE in now.kinds:
            # Without its length, so that whoever reads must count for itself.
            writer.write(head + b"\r\n<a>")
            for _ in range(HUGE // MOST_REQUEST):
                writer.write(b" " * MOST_REQUEST)
                await writer.drain()
        else:
            return False
        return True

    def _answer(
        self, device: SimDevice, request: h11.Request, body: bytes, now: Now
    ) -> tuple[Said, list[tuple[str, str]]]:
        method, path = request.method.decode(), request.target.decode("latin-1")
        if FleetFault.WRONG_AUTH in now.kinds:
            device = replace(device, password=secrets.token_hex(8))
        if device.kind != "onvif":
            offered = next((v.decode() for k, v in request.headers if k == b"authorization"), "")
            if not self._let_in(device, method, path, offered):
                offer = f'Digest realm="{REALM}", qop="auth", nonce="{self._issue()}", opaque=""'
                return Said(401, b"<html>401 Unauthorized</html>", "text/html"), [
                    ("WWW-Authenticate", offer),
                    ("WWW-Authenticate", f'Basic realm="{REALM}"'),
                ]
        return answer_of(device, method, path, body, now, self._now()), []

    def _let_in(self, device: SimDevice, method: str, path: str, offered: str) -> bool:
        scheme, _, rest = offered.partition(" ")
        if scheme.lower() == "basic":
            pair = base64.b64encode(f"{device.username}:{device.password}".encode())
            return hmac.compare_digest(rest.strip().encode(), pair)
        if scheme.lower() != "digest":
            return False
        said = {k.lower(): a or b for k, a, b in _DIGEST.findall(rest)}
        nonce = said.get("nonce", "")
        if said.get("username") != device.username or nonce not in self._nonces:
            return False
        if said.get("uri") != path:
            return False
        # RFC 7616, section 3.4, with MD5, which is what these devices speak.
        ours = _md5(f"{device.username}:{REALM}:{device.password}")
        theirs = _md5(f"{method}:{path}")
        between = f"{said.get('nc', '')}:{said.get('cnonce', '')}:{said.get('qop', '')}"
        wanted = _md5(f"{ours}:{nonce}:{between}:{theirs}")
        if self._one_time:
            self._nonces.remove(nonce)
        return hmac.compare_digest(said.get("response", "").encode(), wanted.encode())

    def _issue(self) -> str:
        if self._one_time:
            self._nonces = [*self._nonces[-MOST_NONCES:], secrets.token_hex(16)]
        return self._nonces[-1]


_DIGEST: Final = re.compile(r'(\w{1,40})=(?:"([^"]{0,1000})"|([^\s,]{1,1000}))')


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _head(said: Said, more: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("Content-Type", said.kind), ("Content-Length", str(len(said.body))), *more]


async def _finish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that this is all, and wait until the other side has it: to cut would lose the rest."""
    await writer.drain()
    writer.write_eof()
    async with asyncio.timeout(IDLE_S):
        while await reader.read(MOST_REQUEST):
            pass


async def _request(
    wire: h11.Connection, reader: asyncio.StreamReader
) -> tuple[h11.Request, bytes] | None:
    """The next request and its body; None at the end. Raises TimeoutError for an idle one."""
    request: h11.Request | None = None
    body = b""
    async with asyncio.timeout(IDLE_S):
        while True:
            event = wire.next_event()
            if event is h11.NEED_DATA:
                wire.receive_data(await reader.read(MOST_REQUEST))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
                if len(body) > MOST_REQUEST:
                    return None
            elif isinstance(event, h11.EndOfMessage):
                return (request, body) if request is not None else None
            else:
                return None
