"""Conditional requests: an answer that the client has already is not sent again.

Every answer in JSON to a GET has a tag of its content. Clients keep it and ask each time whether it
still holds (`private, no-cache`): what one may see can change with every request. An answer that
says otherwise itself, a picture or what is never kept, is left as it is.
"""

from __future__ import annotations

import hashlib
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Conditional", "matches", "tag_of"]

OK: Final = 200
NOT_MODIFIED: Final = 304
MAX_CANDIDATES: Final = 100
CACHE: Final = (
    (b"cache-control", b"private, no-cache"),
    # Of two who share a browser, one must not be told what is the other's.
    (b"vary", b"Authorization, Cookie"),
)


def tag_of(body: bytes) -> str:
    """A strong entity tag."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether an If-None-Match header names the tag, by RFC 9110's weak comparison."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    candidates = if_none_match.split(",")[:MAX_CANDIDATES]
    return tag in {candidate.strip().removeprefix("W/") for candidate in candidates}


class Conditional:
    """ASGI middleware: tags JSON answers, and answers 304 where the client has them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold an answer's start back until its body is known."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self.app(scope, receive, send)
            return
        held: Message | None = None

        async def send_tagged(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _taggable(message):
                held = message
                return
            if held is not None:
                start, held = held, None
                if message["type"] == "http.response.body" and not message.get("more_body", False):
                    message = _tag(scope, start, message)
                await send(start)
            await send(message)

        await self.app(scope, receive, send_tagged)


def _taggable(start: Message) -> bool:
    headers = {name.lower(): value for name, value in start.get("headers", ())}
    return (
        start["status"] == OK
        and headers.get(b"content-type", b"").split(b";")[0] == b"application/json"
        and not headers.keys() & {b"etag", b"cache-control"}
    )


def _tag(scope: Scope, start: Message, body: Message) -> Message:
    """Tag the answer; the body that is to be sent."""
    tag = tag_of(body.get("body", b""))
    given = [value for name, value in scope["headers"] if name.lower() == b"if-none-match"]
    known = matches(b",".join(given).decode("latin-1") if given else None, tag)
    headers = [*start.get("headers", ()), (b"etag", tag.encode()), *CACHE]
    if known:
        start["status"] = NOT_MODIFIED
        headers = [pair for pair in headers if pair[0] not in {b"content-type", b"content-length"}]
        body = {**body, "body": b""}
    start["headers"] = headers
    return body
