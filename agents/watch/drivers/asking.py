"""A poll's HTTP requests to one device: bounded in bytes, time and number, sent nowhere else.

The log-in goes by the answers' heads alone: httpx's own reads the whole body of a refusal before
it tries again with a password, and a device may make that endless. Redirects are failures:
a device that was checked must not name another. A password is offered once; what is refused then
ends the poll, since vendors lock an account after a handful of refusals.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from agents.watch.drivers.base import DriverError, Fault, Limits, Target
from agents.watch.drivers.challenge import answer
from agents.watch.drivers.net import Place, addresses_of, place_of, tls_context

__all__ = ["Device", "Reply", "asking"]

REFUSED: Final = 401
PORTS: Final = {"http": 80, "https": 443}
_AWAY: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})

# It logs every request with its whole URL.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer that is neither a redirect nor a refusal. body: the whole of it."""

    status: int
    body: bytes

    @property
    def fine(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300


@asynccontextmanager
async def asking(target: Target, limits: Limits) -> AsyncIterator[Device]:
    """The device of a target, for one poll.

    Raises DriverError for an address that is none, and `timeout` once `target.timeout_s` is over.
    """
    place = place_of(target.address, "http")
    if place.scheme not in ("http", "https"):
        raise DriverError(Fault.ADDRESS, "no http(s) URL")
    device = Device(place, target, limits)
    try:
        async with asyncio.timeout(target.timeout_s):
            yield device
    except TimeoutError:
        raise DriverError(
            Fault.TIMEOUT, f"not done in {target.timeout_s:g} s", latency_ms=device.latency_ms
        ) from None
    except DriverError as error:
        if error.latency_ms is None:
            error.latency_ms = device.latency_ms
        raise
    finally:
        await device.close()


class Device:
    """What a driver asks through. latency_ms: how long the first answer's head took.

    refused: the log-in that HTTP has was sent, and refused.
    """

    def __init__(self, place: Place, target: Target, limits: Limits) -> None:
        self._place = place
        self._address = ""
        self._limits = limits
        self._user = target.username
        self._password = target.password or ""
        self._offers: list[str] = []
        self._asked = 0
        self.latency_ms: float | None = None
        self.refused = False
        self._client = httpx.AsyncClient(
            verify=tls_context(target),
            follow_redirects=False,
            trust_env=False,
            # A connection whose refusal nobody read to its end is of no more use; and devices
            # close kept ones without a word.
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
            timeout=httpx.Timeout(limits.step_s),
        )

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    async def get(self, path: str) -> Reply:
        """Ask for a path, with its query. Raises DriverError."""
        return await self._ask("GET", path, None, {})

    async def post(self, path: str, content: bytes, content_type: str) -> Reply:
        """Send something to a path. Raises DriverError."""
        return await self._ask("POST", path, content, {"Content-Type": content_type})

    async def _ask(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        try:
            async with asyncio.timeout(self._limits.step_s):
                return await self._logged_in(method, path, content, headers)
        except (TimeoutError, httpx.TimeoutException):
            raise DriverError(
                Fault.TIMEOUT, f"no whole answer in {self._limits.step_s:g} s"
            ) from None
        except httpx.HTTPError as error:
            raise _named(error) from None
        except (httpx.InvalidURL, UnicodeError, ValueError):
            raise DriverError(Fault.ADDRESS, "its address cannot be asked") from None

    async def _logged_in(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        if not self._address:
            # Once a poll: what was checked is what is asked, to its end.
            self._address = (await addresses_of(self._place))[0]
        request = self._request(method, path, content, headers)
        known = request.headers.get("authorization", "")
        reply = await self._send(request)
        if reply is None and self._user is None:
            raise DriverError(Fault.CREDENTIALS, "it wants a name and a password")
        # Where a log-in is known, it was believed in this very poll: what is refused now is the
        # number that it was made with, which some devices take once.
        if reply is None and not known.startswith("Basic"):
            reply = await self._send(self._request(method, path, content, headers))
        if reply is None:
            self.refused = True
            raise DriverError(Fault.CREDENTIALS, "it refuses the name and the password")
        return reply

    def _request(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Request:
        """A request, logged in where a refusal has told how."""
        place = self._place
        request = self._client.build_request(
            method,
            httpx.URL(path, scheme=place.scheme, host=self._address, port=place.port),
            content=content,
            headers={
                "Host": _netloc(place),
                "User-Agent": "watchfloor",
                # A compressed answer may be small on the wire and huge in memory.
                "Accept-Encoding": "identity",
                "Connection": "close",
                **headers,
            },
            extensions={"sni_hostname": place.host},
        )
        if self._offers:
            uri = request.url.raw_path.decode("ascii")
            user = self._user or ""
            said = answer(self._offers, method, uri, user, self._password, secrets.token_hex(16))
            if said is None:
                raise DriverError(Fault.GARBAGE, "it wants a log-in of a kind that nobody knows")
            request.headers["Authorization"] = said
        return request

    async def _send(self, request: httpx.Request) -> Reply | None:
        """The reply; None for a refusal, whose offers are kept."""
        self._asked += 1
        if self._asked > self._limits.answers:
            raise DriverError(Fault.TOO_LARGE, f"more than {self._limits.answers} requests")
        loop = asyncio.get_running_loop()
        began = loop.time()
        response = await self._client.send(request, stream=True)
        try:
            if self.latency_ms is None:
                self.latency_ms = (loop.time() - began) * 1000.0
            if response.status_code == REFUSED:
                self._offers = response.headers.get_list("www-authenticate")
                if not self._offers:
                    self.refused = "authorization" in request.headers
                    raise DriverError(Fault.CREDENTIALS, "it refuses, and offers no log-in")
                return None
            if 300 <= response.status_code < 400:
                raise DriverError(Fault.REDIRECT, f"it answered {response.status_code}")
            return Reply(status=response.status_code, body=await self._read(response))
        finally:
            await response.aclose()

    async def _read(self, response: httpx.Response) -> bytes:
        most = self._limits.body
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise DriverError(Fault.GARBAGE, "its answer is compressed, which nobody asked for")
        said = response.headers.get("content-length", "")
        if said.isdecimal() and (len(said) > 18 or int(said) > most):
            raise DriverError(Fault.TOO_LARGE, f"an answer of more than {most} bytes")
        found = bytearray()
        async for part in response.aiter_raw():
            found += part
            if len(found) > most:
                raise DriverError(Fault.TOO_LARGE, f"an answer of more than {most} bytes")
        return bytes(found)


def _netloc(place: Place) -> str:
    host = f"[{place.host}]" if ":" in place.host else place.host
    return host if place.port == PORTS[place.scheme] else f"{host}:{place.port}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def _named(error: httpx.HTTPError) -> DriverError:
    """What failed, by name. What httpx says is not repeated: it holds addresses."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return DriverError(Fault.CERTIFICATE, cause.verify_message or "it is not believed")
            case ssl.SSLError():
                return DriverError(Fault.TLS, cause.reason or "no TLS")
            case socket.gaierror():
                return DriverError(Fault.UNREACHABLE, "its name means nothing")
            case ConnectionRefusedError():
                return DriverError(Fault.REFUSED, "nobody listens there")
            case OSError() if cause.errno in _AWAY:
                return DriverError(Fault.UNREACHABLE, "there is no way to it")
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
        return DriverError(Fault.GARBAGE, "its answer is no HTTP")
    if isinstance(error, httpx.ConnectError):
        return DriverError(Fault.UNREACHABLE, "nobody answers")
    return DriverError(Fault.REFUSED, "the connection was cut")
