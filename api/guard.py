"""What stands in front of every request: which host it names, which page asks, what goes back.

Browsers send a user's cookies with whatever a page asks for. This middleware keeps web pages of
other origins out: by the Host header (a page whose name was rebound to this machine still sends its
own name) and by the Origin header of whatever changes something or opens the stream (CORS does not
hold back a WebSocket). Until it is known who asks, a request sees no site (`api.database`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.database import held_by_nobody
from api.handlers import defect
from api.problems import CrossOrigin, MisdirectedHost, Problem, respond

__all__ = ["Guard", "host_allowed", "is_loopback_host", "origin_allowed", "origin_of"]

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
HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
SECURE: Final = frozenset({"https", "wss"})


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


def host_allowed(host: str, hosts: Collection[str]) -> bool:
    """Whether a Host header names loopback or one of `hosts`: names, addresses, `*.example.org`."""
    if is_loopback_host(host):
        return True
    name = (_hostname(host) or "").rstrip(".")
    # A wildcard stands for one label, as in a certificate.
    return bool(name) and (name in hosts or "*." + name.partition(".")[2] in hosts)


def origin_allowed(origin: str | None, host: str) -> bool:
    """Whether a page of `origin` may change things on `host`; programs send no origin at all."""
    if origin is None:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


def origin_of(url: str | None) -> str | None:
    """The origin of a URL that settings name."""
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _headers(pictures_from: str | None) -> tuple[tuple[bytes, bytes], ...]:
    if pictures_from is None:
        return HEADERS
    policy = CONTENT_SECURITY_POLICY.replace("img-src 'self'", f"img-src 'self' {pictures_from}")
    return ((HEADERS[0][0], policy.encode()), *HEADERS[1:])


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    found = [value for key, value in headers if key.lower() == name]
    # Two Host headers are how a proxy and a server are made to disagree: neither is believed.
    return found[0].decode("latin-1") if len(found) == 1 else ("" if found else None)


class Guard:
    """ASGI middleware; it also adds the security headers to every response, a defect's included.

    hosts: which names it answers to beside loopback's. pictures_from: an origin whose pictures the
    pages may show beside this server's own.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str] = (), pictures_from: str | None = None
    ) -> None:
        self.app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._headers = _headers(pictures_from)

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
                secure = (HSTS,) if scope["scheme"] in SECURE else ()
                added = (*self._headers, DEFAULT_CACHE, *secure)
                headers += [pair for pair in added if pair[0] not in present]
                message["headers"] = headers
            await send(message)

        if refusal is None:
            try:
                with held_by_nobody():
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
        if not host_allowed(host, self._hosts):
            return MisdirectedHost(
                f"The Host header is {host[:200]!r}; this server does not answer to that name."
            )
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        origin = _header(scope["headers"], b"origin")
        if changes and not origin_allowed(origin, host):
            return CrossOrigin(f"A page of {(origin or '')[:200]!r} may not do that here.")
        return None
