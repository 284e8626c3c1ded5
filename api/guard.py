"""What stands in front of every request: which host it names, which page asks, what goes back.

Until there are accounts, whoever reaches the port may do everything. So the server listens on
loopback only, and this middleware keeps web pages of other origins out: by the Host header (a page
whose name was rebound to 127.0.0.1 still sends its own name) and by the Origin header of whatever
changes something or opens the stream (CORS does not hold back a WebSocket).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.handlers import defect
from api.problems import CrossOrigin, MisdirectedHost, Problem, respond

__all__ = ["Guard", "is_loopback_host", "origin_allowed"]

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # The code that an authenticator is shown is made in the page, as a picture.
        "img-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
DEFAULT_CACHE: Final = (b"cache-control", b"no-store")


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def is_loopback_host(host: str) -> bool:
    """Whether a Host header, with or without a port, names loopback: by number or `localhost`."""
    name = _hostname(host)
    if not name:
        return False
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def origin_allowed(origin: str | None, host: str) -> bool:
    """Whether a page of `origin` may change things on `host`; programs send no origin at all."""
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    found = [value for key, value in headers if key.lower() == name]
    # Two Host headers are how a proxy and a server are made to disagree: neither is believed.
    return found[0].decode("latin-1") if len(found) == 1 else ("" if found else None)


class Guard:
    """ASGI middleware; it also adds the security headers to every response, a defect's included."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = list(message.get("headers", ()))
                present = {name.lower() for name, _ in headers}
                headers += [pair for pair in (*HEADERS, DEFAULT_CACHE) if pair[0] not in present]
                message["headers"] = headers
            await send(message)

        if refusal is None:
            try:
                await self.app(scope, receive, send_with_headers)
            except ClientDisconnect:
                return
            except Exception as error:
                if started or scope["type"] != "http":
                    raise
                await defect(scope, error)(scope, receive, send_with_headers)
        elif scope["type"] == "http":
            await respond(refusal)(scope, receive, send_with_headers)
        else:
            # Before it was accepted, a close is the handshake's 403.
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.document.title})

    def _refusal(self, scope: Scope) -> Problem | None:
        host = _header(scope["headers"], b"host") or ""
        if not is_loopback_host(host):
            return MisdirectedHost(
                f"The Host header is {host[:200]!r}; use localhost or 127.0.0.1."
            )
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        origin = _header(scope["headers"], b"origin")
        if changes and not origin_allowed(origin, host):
            return CrossOrigin(f"A page of {(origin or '')[:200]!r} may not do that here.")
        return None
