"""RTSP: OPTIONS, and DESCRIBE where the address names a stream (RFC 2326, sections 10.1, 10.2).

A reader of our own, and bounded: a client library would set up the stream, and believe the
device's word on how much is to come.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agents.watch.drivers.base import Driver, DriverError, Fact, Fault, Limits, Outcome, Target
from agents.watch.drivers.challenge import answer
from agents.watch.drivers.net import Place, Stream, connected, fault_of, place_of, tls_context
from schemas.device import ProbeKind

__all__ = ["DRIVERS", "Rtsp"]

_STATUS: Final = re.compile(rb"RTSP/1\.[0-9] ([0-9]{3})(?: [^\r\n]*)?\r?\n\Z")
MOST_HEADERS: Final = 100


@dataclass(frozen=True)
class _Answer:
    """headers: by lower-case name, repeated ones with a newline between."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Rtsp:
    """Asks a camera what it can do and, where the address has a path, what it streams."""

    name = "rtsp"
    probe = ProbeKind.RTSP

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """See `Driver`."""
        place = place_of(target.address, "rtsp")
        if place.scheme not in ("rtsp", "rtsps"):
            raise DriverError(Fault.ADDRESS, "no rtsp or rtsps")
        context = tls_context(target) if place.scheme == "rtsps" else None
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with connected(place, limits, tls=context) as stream:
            talk = _Talk(stream, place, target, limits)
            found = await talk.ask("OPTIONS")
            latency_ms = 1000 * (loop.time() - begun)
            facts: dict[str, Fact] = {}
            if found.status < 400 and place.path not in ("", "/"):
                found = await talk.ask("DESCRIBE")
                if found.status == 200:
                    facts["media"] = _media(found)
        if found.status in (401, 403):
            detail = f"it answered {found.status}"
            raise DriverError(Fault.CREDENTIALS, detail, latency_ms=latency_ms)
        if 300 <= found.status < 400:
            raise DriverError(Fault.REDIRECT, "to another stream", latency_ms=latency_ms)
        if found.status != 200:
            detail = f"it answered {found.status}"
            raise DriverError(Fault.STATUS, detail, latency_ms=latency_ms)
        return Outcome(ok=True, latency_ms=latency_ms, facts=facts)


def _media(found: _Answer) -> int:
    """How many media a description has (SDP, RFC 8866). Raises DriverError for no description."""
    if not found.body.lstrip().startswith(b"v="):
        raise DriverError(Fault.GARBAGE, "its description is no SDP")
    return sum(line.startswith(b"m=") for line in found.body.splitlines())


class _Talk:
    """Requests on one connection, one after the other."""

    def __init__(self, stream: Stream, place: Place, target: Target, limits: Limits) -> None:
        host = f"[{place.host}]" if ":" in place.host else place.host
        self._uri = f"{place.scheme}://{host}:{place.port}{place.path or '/'}"
        self._stream = stream
        self._target = target
        self._limits = limits
        self._sequence = 0

    async def ask(self, method: str) -> _Answer:
        """The answer to a request; asked again with credentials where it wants some."""
        found = await self._once(method, None)
        if found.status != 401 or self._target.password is None:
            return found
        authorization = answer(
            found.headers.get("www-authenticate", "").split("\n"),
            method,
            self._uri,
            self._target.username or "",
            self._target.password,
            secrets.token_hex(16),
        )
        return found if authorization is None else await self._once(method, authorization)

    async def _once(self, method: str, authorization: str | None) -> _Answer:
        self._sequence += 1
        lines = [f"{method} {self._uri} RTSP/1.0", f"CSeq: {self._sequence}"]
        lines += ["User-Agent: watchfloor"]
        if method == "DESCRIBE":
            lines.append("Accept: application/sdp")
        if authorization is not None:
            lines.append(f"Authorization: {authorization}")
        request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        try:
            async with asyncio.timeout(self._limits.step_s):
                self._stream.writer.write(request)
                await self._stream.writer.drain()
                return await self._read()
        except (OSError, EOFError, TimeoutError) as error:
            raise fault_of(error) from None

    async def _read(self) -> _Answer:
        status = _STATUS.match(await self._line())
        if status is None:
            raise DriverError(Fault.GARBAGE, "its answer is no RTSP")
        headers: dict[str, str] = {}
        for _ in range(MOST_HEADERS):
            line = (await self._line()).strip()
            if not line:
                break
            name, colon, value = line.partition(b":")
            if not colon:
                raise DriverError(Fault.GARBAGE, "a header without a colon")
            key, text = name.decode("latin-1").strip().lower(), value.decode("latin-1").strip()
            headers[key] = f"{headers[key]}\n{text}" if key in headers else text
        else:
            raise DriverError(Fault.TOO_LARGE, f"more than {MOST_HEADERS} headers")
        length = headers.get("content-length", "0")
        if not re.fullmatch(r"[0-9]{1,18}", length):
            raise DriverError(Fault.GARBAGE, "its length is no number")
        if int(length) > self._limits.body:
            raise DriverError(Fault.TOO_LARGE, f"more than {self._limits.body} bytes")
        body = await self._stream.reader.readexactly(int(length))
        return _Answer(int(status[1]), headers, body)

    async def _line(self) -> bytes:
        try:
            line = await self._stream.reader.readline()
        except ValueError:
            # asyncio's own word for a line beyond the reader's limit.
            raise DriverError(Fault.TOO_LARGE, "a line without an end") from None
        if not line.endswith(b"\n"):
            raise EOFError
        return line


DRIVERS: Final[tuple[Driver, ...]] = (Rtsp(),)
