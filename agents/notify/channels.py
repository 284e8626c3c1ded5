"""The channels: one way out each, with a time limit, and no secret in what they say."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

import httpx

from schemas.base import encode
from schemas.document import Channel
from schemas.notification import NotifyRequest

__all__ = ["TIME_LIMIT_S", "ChannelError", "ChannelTimeoutError", "Sender", "senders", "target_of"]

TIME_LIMIT_S: Final = 10.0
MOST_REPLY: Final = 64 * 1024

log = logging.getLogger("watchfloor.notify")
# It logs every request with its whole URL, where people put their tokens.
logging.getLogger("httpx").setLevel(logging.WARNING)


class ChannelError(RuntimeError):
    """The channel did not take it; the message names the target without its secrets."""


class ChannelTimeoutError(ChannelError):
    """The channel did not answer in time."""


class Sender(Protocol):
    """Sends by one kind of channel."""

    async def send(self, channel: Channel, request: NotifyRequest, now: datetime) -> None:
        """Return once the channel took it. Raises ChannelError where it did not."""


def target_of(channel: Channel) -> str:
    """Where a channel goes, as it may be told: a URL's host, no path, no query, no user."""
    url = channel.options.get("url")
    if isinstance(url, str):
        try:
            parts = urlsplit(url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return f"{channel.name or channel.kind} (its `url` is none)"
        return f"{parts.scheme}://{parts.hostname or '?'}{port}"
    return channel.name or channel.kind


class LogSender:
    """Writes a line a alert to the log of the act role."""

    async def send(self, channel: Channel, request: NotifyRequest, now: datetime) -> None:
        """Write it."""
        for line in request.alerts:
            log.warning(
                "%s [%s] rank %d %s: %s (%s)",
                request.status.value,
                request.receiver,
                line.rank,
                line.severity.value,
                line.title,
                line.alert_id,
            )


class SilentSender:
    """Takes everything and sends nothing: for replays, and for conformance's recording channel."""

    async def send(self, channel: Channel, request: NotifyRequest, now: datetime) -> None:
        """Take it."""


class WebhookSender:
    """POSTs the request as JSON.

    With `secret: NAME` the body is signed: `X-Watchfloor-Signature: t=UNIX,v1=HEX`, the HMAC-SHA256
    of `UNIX.body`, so that a receiver can refuse what is forged or replayed.
    """

    def __init__(
        self, secrets: Mapping[str, str] | None = None, *, time_limit: float = TIME_LIMIT_S
    ) -> None:
        # Redirects are not followed: a target that was checked must not name another.
        self._client = httpx.AsyncClient(timeout=time_limit, follow_redirects=False)
        self._secrets = secrets
        self._limit = time_limit

    async def close(self) -> None:
        """Close what connections are open."""
        await self._client.aclose()

    def _secret(self, name: str) -> bytes:
        if self._secrets is not None:
            return self._secrets[name].encode()
        from infra.secrets import lookup

        return lookup(name).reveal().encode()

    async def send(self, channel: Channel, request: NotifyRequest, now: datetime) -> None:
        """POST it; any 2xx is a yes."""
        url = channel.options.get("url")
        target = target_of(channel)
        if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
            raise ChannelError(f"webhook {channel.name or ''}: `url` is missing or no http(s) URL")
        body = encode(request)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": request.notification_id,
            "User-Agent": "watchfloor",
        }
        name = channel.options.get("secret")
        if isinstance(name, str):
            stamp = str(int(now.timestamp()))
            signed = hmac.new(self._secret(name), f"{stamp}.".encode() + body, hashlib.sha256)
            headers["X-Watchfloor-Signature"] = f"t={stamp},v1={signed.hexdigest()}"
        try:
            async with asyncio.timeout(self._limit):
                async with self._client.stream("POST", url, content=body, headers=headers) as reply:
                    status = reply.status_code
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ChannelTimeoutError(f"{target} did not answer in {self._limit:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ChannelError(f"{target}: {type(error).__name__}") from error
        if not 200 <= status < 300:
            raise ChannelError(f"{target} answered {status}")


def senders(*, silent: bool) -> dict[str, Sender]:
    """A sender a kind. silent: nothing leaves the machine, whatever the document says."""
    quiet = SilentSender()
    if silent:
        return {"log": quiet, "webhook": quiet, "recording": quiet}
    return {"log": LogSender(), "webhook": WebhookSender(), "recording": quiet}
