"""HTTP to vendors and to people's own endpoints: checked addresses, bounded answers, no redirects.

Each request resolves its host once, checks what comes back, and connects to that address with the
host's own name in the Host header and in the certificate's check. Redirects are not followed: a
target that was checked must not name another. Proxies of the environment are not used, because
what a proxy connects to cannot be checked here.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import certifi
import httpx
import msgspec

from agents.notify.errors import ChannelError, ChannelTimeoutError
from agents.notify.places import origin
from agents.notify.targets import Policy, Resolver, resolve

__all__ = ["MOST_ANSWER", "Answer", "Web", "origin", "retry_after"]

MOST_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read. A vendor's is some hundred."""

MOST_CLIENTS: Final = 16
"""One for each set of authorities that is believed."""

MOST_WAIT: Final = 3600.0
"""Seconds. Whoever asks for more quiet than that is asked again after an hour."""

# It logs every request with its whole URL, where people put their tokens.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Answer:
    """status; headers by lower-case name; body: at most MOST_ANSWER bytes; whole: all of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool
    target: str

    def json(self) -> dict[str, Any]:
        """The JSON object in the body. Raises ChannelError where there is none, or not all."""
        if not self.whole:
            raise ChannelError(f"{self.target} answered more than anybody needs", faulty=True)
        try:
            value = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise ChannelError(f"{self.target} answered {self.status} and no JSON", faulty=True)
        return value

    def check(self, *, now: datetime, detail: str = "") -> None:
        """Raise ChannelError for any status but a 2xx. detail: the vendor's own reason.

        429 and 503 say when to come back; a 4xx says that the same again is refused again, save
        for those that are about the moment (408, 425, 429).
        """
        if 200 <= self.status < 300:
            return
        reason = f"{self.target} answered {self.status}" + (f": {detail}" if detail else "")
        after = retry_after(self.headers.get("retry-after", ""), now)
        if self.status == 429:
            raise ChannelError(reason, retry_after=after if after is not None else 30.0)
        if self.status == 503 and after is not None:
            raise ChannelError(reason, retry_after=after)
        if 400 <= self.status < 500 and self.status not in (401, 403, 404, 408, 425):
            raise ChannelError(reason, final=True)
        raise ChannelError(reason, faulty=self.status >= 500)


def retry_after(value: str, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for, 1 to MOST_WAIT; None where it says nothing.

    Either a number of seconds or a date (RFC 9110, section 10.2.3).
    """
    text = value.strip()[:64]
    if re.fullmatch(r"[0-9]{1,12}", text):
        return min(MOST_WAIT, max(1.0, float(text)))
    try:
        at = parsedate_to_datetime(text)
        seconds = (at - now).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(MOST_WAIT, max(1.0, seconds))


@lru_cache(maxsize=16)
def _trust(ca_file: str | None, modified: float) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    if ca_file is None:
        context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Whose certificates are believed: the system's and Mozilla's, or those of a PEM file alone.

    Raises ChannelError for a file that is none.
    """
    try:
        return _trust(ca_file, Path(ca_file).stat().st_mtime if ca_file else 0.0)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ChannelError(f"ca_file: {type(error).__name__}: it is no readable PEM file") from None


class Web:
    """Makes requests. resolver: names to addresses; the system's where None.

    alive: asked right before a request is sent; what it raises is raised, and nothing is sent.
    """

    def __init__(self, *, resolver: Resolver | None = None) -> None:
        self._resolver = resolver
        self.alive: Callable[[], None] = lambda: None
        self._clients: dict[ssl.SSLContext, httpx.AsyncClient] = {}

    async def close(self) -> None:
        """Close what connections are open."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    def _client(self, context: ssl.SSLContext) -> httpx.AsyncClient:
        client = self._clients.get(context)
        if client is None:
            if len(self._clients) >= MOST_CLIENTS:
                # It holds no connections between requests, so that there is nothing to close.
                self._clients.pop(next(iter(self._clients)))
            client = self._clients[context] = httpx.AsyncClient(
                verify=context,
                follow_redirects=False,
                trust_env=False,
                # A kept connection belongs to an address, and the next request to it may be for
                # another name, whose certificate nobody looked at.
                limits=httpx.Limits(max_connections=200, max_keepalive_connections=0),
                timeout=60.0,
            )
        return client

    async def request(
        self,
        method: str,
        url: str,
        *,
        policy: Policy,
        limit: float,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        ca_file: str | None = None,
    ) -> Answer:
        """Ask once. limit: seconds for all of it, from the name to the answer's last byte.

        data: form fields; files: name, bytes and type by field, sent as multipart with them.
        Raises ChannelError, ChannelTimeoutError where the time is over.
        """
        try:
            target = origin(url)
        except ValueError:
            raise ChannelError("its `url` is no http(s) URL", final=True) from None
        client = self._client(trust(ca_file))
        try:
            async with asyncio.timeout(limit):
                return await self._ask(
                    client,
                    target,
                    method,
                    url,
                    policy,
                    {"headers": dict(headers or {}), "content": content}
                    if data is None
                    else {"headers": dict(headers or {}), "data": dict(data), "files": files},
                )
        except (TimeoutError, httpx.TimeoutException):
            raise ChannelTimeoutError(f"{target} did not answer in {limit:g} s") from None
        except httpx.HTTPError as error:
            raise ChannelError(f"{target}: {_reason(error)}", faulty=True) from None
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise ChannelError(f"{target}: {type(error).__name__}", final=True) from None

    async def _ask(
        self,
        client: httpx.AsyncClient,
        target: str,
        method: str,
        url: str,
        policy: Policy,
        body: dict[str, Any],
    ) -> Answer:
        parsed = httpx.URL(url)
        port = parsed.port or (443 if parsed.scheme == "https" else 80)
        addresses = await resolve(parsed.host, port, policy, resolver=self._resolver)
        body["headers"] |= {
            "Host": parsed.netloc.decode("ascii"),
            "User-Agent": "watchfloor",
            # A compressed answer may be small on the wire and huge in memory.
            "Accept-Encoding": "identity",
        }
        for position, address in enumerate(addresses):
            request = client.build_request(
                method,
                # A user in the URL would become a header that nobody asked for.
                parsed.copy_with(host=address, username=None, password=None, fragment=None),
                extensions={"sni_hostname": parsed.host},
                **body,
            )
            self.alive()
            try:
                response = await client.send(request, stream=True)
            except httpx.ConnectError as error:
                if position + 1 < len(addresses) and not _about_trust(error):
                    continue
                raise
            try:
                return await _read(response, target)
            finally:
                await response.aclose()
        raise ChannelError(f"{target}: nobody answers", faulty=True)


async def _read(response: httpx.Response, target: str) -> Answer:
    found = bytearray()
    whole = not response.headers.get("content-encoding", "")
    try:
        async for part in response.aiter_raw():
            found += part
            if len(found) > MOST_ANSWER:
                del found[MOST_ANSWER:]
                whole = False
                break
    except httpx.RemoteProtocolError:
        # The status was there; what was to follow was not.
        whole = False
    return Answer(
        response.status_code,
        {name.lower(): value for name, value in response.headers.items()},
        bytes(found),
        whole,
        target,
    )


def _about_trust(error: BaseException) -> bool:
    """Whether the certificate is at fault: another address would show the same one."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, ssl.SSLCertVerificationError):
            return True
        at = at.__cause__ or at.__context__
    return False


def _reason(error: httpx.HTTPError) -> str:
    if _about_trust(error):
        return "its certificate is not believed"
    return type(error).__name__
