"""Which request it is: its id and its trace, from the first header to the last record.

`X-Request-ID` and `traceparent` (W3C Trace Context) are taken where they are right, else made, and
said in the answer. What a request makes the pipeline do carries its trace: `carried` puts it into a
record's headers, and every stage hands it on, to the notification and its outcome.
"""

from __future__ import annotations

import hashlib
import logging
import re
import uuid
from collections.abc import Iterable
from contextvars import ContextVar
from time import perf_counter
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.logs import ABOUT, REQUESTS, About
from topics.record import OutRecord, traced, traceparent

__all__ = ["Correlated", "Correlation", "carried", "correlate", "route_of"]

log = logging.getLogger(REQUESTS)

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TRACEPARENT: Final = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.{0,200})?"
)
SWITCHED: Final = 101


class Correlation(Struct, frozen=True):
    """A request's id and its trace; span: this server's part in it."""

    request_id: str
    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        """As the header has it."""
        return f"00-{self.trace_id}-{self.span_id}-01"


_current: ContextVar[Correlation | None] = ContextVar("watchfloor-correlation", default=None)


def correlate(request_id: str | None, parent: str | None, made: str) -> Correlation:
    """What a request is known by. made: an id, for a request that brings none or a wrong one.

    Without a trace of its own it has the one that follows from its id, so that a client that asks
    again with the same id goes on with the same trace.
    """
    if request_id is None or _REQUEST_ID.fullmatch(request_id) is None:
        request_id = made
    span = hashlib.sha256(f"span:{made}".encode()).hexdigest()[:16]
    found = None if parent is None else _TRACEPARENT.fullmatch(parent)
    # A release of the format that is not known yet may say more; the first one does not.
    if found is not None and (found[1] != "00" or found[3] is None):
        return Correlation(request_id, found[2], span)
    return Correlation(request_id, hashlib.sha256(request_id.encode()).hexdigest()[:32], span)


def carried(record: OutRecord) -> OutRecord:
    """The record with the trace of the request that is being answered."""
    current = _current.get()
    return record if current is None else traced(record, traceparent(current.trace_id))


def route_of(scope: Scope) -> str:
    """The address as it is declared: what was asked for may be somebody's secret."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "(none)"


def _only(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    found = [value for key, value in headers if key.lower() == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


def _principal(scope: Scope) -> str | None:
    name = getattr(scope.get("state", {}).get("principal"), "name", None)
    return name if isinstance(name, str) else None


class Correlated:
    """ASGI middleware, in front of all others: also a refusal has its id, and its line."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say which request it is while it is answered, and log how that ended."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        begun = perf_counter()
        current = correlate(
            _only(scope["headers"], b"x-request-id"),
            _only(scope["headers"], b"traceparent"),
            uuid.uuid4().hex,
        )
        about = About(
            request_id=current.request_id,
            trace_id=current.trace_id,
            method=scope.get("method", "GET")[:20],
        )
        status: int | None = None

        async def send_with_ids(message: Message) -> None:
            nonlocal status
            if message["type"] in {
                "http.response.start",
                "websocket.accept",
                "websocket.http.response.start",
            }:
                status = message.get("status", SWITCHED)
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", current.request_id.encode()),
                    (b"traceparent", current.traceparent.encode()),
                ]
            await send(message)

        here, there = _current.set(current), ABOUT.set(about)
        try:
            await self.app(scope, receive, send_with_ids)
        finally:
            _current.reset(here)
            ABOUT.reset(there)
            self._said(scope, about, status, perf_counter() - begun)

    def _said(self, scope: Scope, about: About, status: int | None, seconds: float) -> None:
        about = replace(
            about,
            route=route_of(scope),
            status=status,
            duration_ms=round(seconds * 1000, 3),
            principal=_principal(scope),
        )
        log.info(
            "%s %s %s %.0f ms",
            about.method,
            about.route,
            "left" if status is None else status,
            seconds * 1000,
            extra={"about": about},
        )
