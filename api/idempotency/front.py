"""`Idempotency-Key` in front of every write: a dependency asks, and middleware remembers."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Request, Response
from msgspec import Struct
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.account.identity import principal_of
from api.body import READ_SECONDS, collect
from api.context import Api, ApiDep
from api.guard import SAFE_METHODS
from api.idempotency.schemas import Known
from api.idempotency.service import fingerprint, name_of
from api.problems import BodyTimeout, FieldError, Invalid

__all__ = ["HEADER", "ONCE", "Claim", "Remembering", "install", "key_of", "who"]

HEADER: Final = "Idempotency-Key"
MAX_KEY: Final = 200
MAX_BODY: Final = 8 * 1_048_576
"""As much as any write takes that goes through here."""

OWN: Final = ("/v1/events/cv", "/internal/notify", "/v1/auth/")
"""What sees to its keys itself, for its answer may come without a database, or for who asks may be
nobody's principal; and what has none: who signs in again wants another session."""
SECRET: Final = ("/v1/tokens", "/v1/users", "/v1/me")
"""Whose answers may hold a secret that is told once: that they were given is remembered, and they
are not."""
KEPT_HEADERS: Final = ("content-type", "location", "retry-after")
REPLAYED: Final = "Idempotency-Replayed"


class Claim(Struct, frozen=True):
    """A key that this request has taken. secret: its answer is not kept."""

    name: str
    fingerprint: str
    secret: bool


class Replay(Exception):
    """The write was done before: this is its first answer."""

    def __init__(self, known: Known) -> None:
        super().__init__("done before")
        self.known = known


def key_of(connection: HTTPConnection) -> str | None:
    """The request's key; the draft has it in quotes, and most send it without. Raises Invalid."""
    given = connection.headers.getlist(HEADER)
    if not given:
        return None
    key = given[0]
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if len(given) > 1 or not 0 < len(key) <= MAX_KEY or not (key.isascii() and key.isprintable()):
        detail = f"has to be given once: 1 to {MAX_KEY} printable ASCII characters"
        raise Invalid([FieldError(field=f"header.{HEADER}", detail=detail)])
    return key


async def who(connection: HTTPConnection) -> str:
    """Whose key it is: the same from another session, and with another token of it.

    Raises Unauthenticated: nobody's write is remembered.
    """
    principal = await principal_of(connection)
    return f"{principal.kind}/{principal.id}"


async def once(connection: HTTPConnection, api: ApiDep) -> None:
    """Take the key of a write, or answer as the first time. Raises Replay and what `judge` does."""
    path = connection.scope["path"]
    if (
        not isinstance(connection, Request)
        or connection.method in SAFE_METHODS
        or path.startswith(OWN)
    ):
        return
    key = key_of(connection)
    if key is None:
        return
    asker = await who(connection)
    asked = fingerprint(await _body(connection))
    name = name_of(asker, connection.method, path, key)
    known = await api.keys.claim(name, asked)
    if known is not None:
        raise Replay(known)
    connection.state.claim = Claim(name, asked, path.startswith(SECRET))


async def _body(request: Request) -> bytes:
    try:
        async with asyncio.timeout(READ_SECONDS):
            body = await collect(request.stream(), limit=MAX_BODY)
    except TimeoutError as error:
        raise BodyTimeout(READ_SECONDS) from error
    # Where Starlette keeps a body that was read whole: the endpoint reads it again from there.
    request._body = body
    return body


ONCE: Final = Depends(once)
OnceDep = Annotated[None, ONCE]


async def _on_replay(_: Request, error: Exception) -> Response:
    assert isinstance(error, Replay)
    known = error.known
    assert known.status is not None
    return Response(
        known.body, status_code=known.status, headers={**known.headers, REPLAYED: "true"}
    )


class Remembering:
    """ASGI middleware: keeps the answer to a write that took a key, before it is sent.

    An answer that says that nothing was done (400 and above) gives the key free again.
    """

    def __init__(self, app: ASGIApp, api: Api) -> None:
        self.app = app
        self.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold the answer back until it is safe."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        held: list[Message] = []

        async def hold(message: Message) -> None:
            if "claim" not in state:
                await send(message)
                return
            held.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await self._keep(state.pop("claim"), held)
                for one in held:
                    await send(one)
                held.clear()

        try:
            await self.app(scope, receive, hold)
        finally:
            if "claim" in state:
                # It failed, or its client left: whatever was done, nobody was told of it.
                await asyncio.shield(self.api.keys.release(state.pop("claim").name))

    async def _keep(self, claim: Claim, held: list[Message]) -> None:
        status = held[0]["status"]
        if status >= 400:
            await self.api.keys.release(claim.name)
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in held[0].get("headers", ())
        }
        known = Known(
            fingerprint=claim.fingerprint,
            status=status,
            headers={name: headers[name] for name in KEPT_HEADERS if name in headers},
            body=None if claim.secret else b"".join(one.get("body", b"") for one in held[1:]),
        )
        await self.api.keys.finish(claim.name, known)


def install(app: FastAPI, api: Api) -> None:
    """Have `app` remember; its routers are included with `ONCE` among their dependencies."""
    app.add_exception_handler(Replay, _on_replay)
    app.add_middleware(Remembering, api=api)
