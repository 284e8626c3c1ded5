"""Who asks, as a connection says it, and what a scope keeps out."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from starlette.requests import HTTPConnection

from api import handlers
from api.account.identity import (
    ROLE_SCOPES,
    Principal,
    PrincipalDep,
    Role,
    Scope,
    credential_of,
    needs,
)
from api.problems import Unauthenticated

KIM = Principal(
    id="u-1",
    name="kim",
    kind="user",
    role=Role.VIEWER,
    scopes=ROLE_SCOPES[Role.VIEWER],
    sites=frozenset({"north"}),
    session_id="s-1",
)


def connection(*headers: tuple[str, str]) -> HTTPConnection:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return HTTPConnection({"type": "http", "headers": raw})


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), None),
        ((("authorization", "Bearer abc.d_e-f"),), "abc.d_e-f"),
        ((("authorization", "bearer abc"),), "abc"),
        ((("cookie", "other=1; watchfloor_access=abc"),), "abc"),
        # The header goes first: a program that sends one means it.
        ((("authorization", "Bearer one"), ("cookie", "watchfloor_access=two")), "one"),
        ((("cookie", "watchfloor_access="),), None),
    ],
)
def test_where_a_credential_is(headers: tuple[tuple[str, str], ...], expected: str | None) -> None:
    assert credential_of(connection(*headers)) == expected


@pytest.mark.parametrize(
    "headers",
    [
        (("authorization", "Basic a2ltOnB3"),),
        (("authorization", "Bearer"),),
        (("authorization", "Bearer a b"),),
        (("authorization", "Bearer one"), ("authorization", "Bearer two")),
        (("authorization", "Bearer " + "x" * 9000),),
        (("cookie", "watchfloor_access=" + "x" * 9000),),
    ],
)
def test_what_is_no_credential_is_refused(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(Unauthenticated):
        credential_of(connection(*headers))


def test_roles_contain_each_other() -> None:
    viewer, operator, admin = (ROLE_SCOPES[role] for role in Role)
    assert viewer < operator < admin == frozenset(Scope)
    assert Scope.ALERTS_ACT not in viewer
    assert Scope.USERS_ADMIN not in operator


class OnlyKim:
    """Knows one credential."""

    async def principal(self, credential: str) -> Principal:
        if credential != "kims":
            raise Unauthenticated("That token is not known.")
        return KIM

    def stands(self, principal: Principal) -> bool:
        return principal is KIM


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    handlers.install(app)
    app.state.api = type("Api", (), {"authority": OnlyKim()})()

    @app.get("/read", dependencies=[needs(Scope.ALERTS_READ)])
    async def read(principal: PrincipalDep) -> dict[str, Any]:
        return {"name": principal.name}

    @app.get("/act", dependencies=[needs(Scope.ALERTS_ACT)])
    async def act() -> dict[str, Any]:
        raise AssertionError("reached")

    @app.websocket("/stream", dependencies=[needs(Scope.ALERTS_READ)])
    async def stream(socket: WebSocket, principal: PrincipalDep) -> None:
        await socket.accept()
        await socket.close(reason=principal.name)

    return app


@pytest.mark.parametrize(
    ("path", "token", "status", "code"),
    [
        ("/read", "kims", 200, None),
        ("/read", None, 401, "unauthenticated"),
        ("/read", "foreign", 401, "unauthenticated"),
        ("/act", "kims", 403, "missing-scope"),
        ("/act", None, 401, "unauthenticated"),
    ],
)
async def test_a_route_asks_for_its_scope(
    app: FastAPI, path: str, token: str | None, status: int, code: str | None
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get(path, headers=headers)
    assert answer.status_code == status
    if code is not None:
        assert answer.json()["type"] == f"/v1/problems/{code}"
        assert (status == 401) == ("www-authenticate" in answer.headers)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"authorization", b"Bearer kims")], "kim"),
        ([(b"cookie", b"watchfloor_access=kims")], "kim"),
        ([(b"cookie", b"watchfloor_access=foreign")], 401),
        ([], 401),
    ],
)
async def test_a_websocket_asks_for_its_scope(
    app: FastAPI, headers: list[tuple[bytes, bytes]], expected: str | int
) -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/stream",
        "raw_path": b"/stream",
        "query_string": b"",
        "headers": headers,
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    await app(scope, receive, send)
    first = sent[0]["type"]
    if isinstance(expected, int):
        assert first == "websocket.http.response.start"
        assert sent[0]["status"] == expected
    else:
        assert first == "websocket.accept"
        assert sent[1]["reason"] == expected
