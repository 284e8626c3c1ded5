"""The stream's messages, heard by those whose site and scope they are, and by nobody else."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.account.identity import Role, Scope
from api.stream.hub import UNAUTHENTICATED
from api.stream.schemas import StreamMessage
from schemas.device import CameraState
from tests.integration.api.access_table import MARK, MESSAGES, SITE
from tests.integration.api.callers import signed, user
from tests.integration.api.support import Stack, alert_record, probe_record
from topics.catalogue import ALERTS
from topics.record import tombstone

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def test_every_message_says_here_what_it_takes() -> None:
    assert set(MESSAGES) == {kind.__struct_config__.tag for kind in get_args(StreamMessage)}


async def heard_until(socket: ClientConnection, alert_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while not found or found[-1].get("alert", {}).get("alert_id") != alert_id:
        found.append(msgspec.json.decode(await socket.recv()))
    return found


def listeners(stack: Stack, stranger: dict[str, str]) -> Iterator[tuple[str, Any]]:
    place = (stack.settings, stack.url)
    for name, scopes, sites in (
        ("everything", tuple(Scope), None),
        ("north", tuple(Scope), {SITE}),
        ("south", tuple(Scope), {"south"}),
        ("alerts", (Scope.ALERTS_READ,), None),
    ):
        yield name, signed(*place, f"{MARK}-listens-{name}", scopes, sites)
    yield "stranger", stranger


async def test_messages_reach_those_whose_site_and_scope_they_are(
    floor: Stack, stranger: dict[str, str]
) -> None:
    name = uuid.uuid4().hex
    now = datetime.now(UTC)
    both = {"everything", "alerts"}
    heard: dict[str, list[dict[str, Any]]] = {}
    sockets: dict[str, ClientConnection] = {}
    for who, headers in listeners(floor, stranger):
        sockets[who] = await connect(floor.ws_url, additional_headers=headers)
    try:
        for who, socket in sockets.items():
            first = [msgspec.json.decode(await socket.recv()) for _ in range(2)]
            kinds = [one["type"] for one in first]
            assert kinds == (["hello", "alerts"] if who == "alerts" else ["hello", "cameras"])
            expected = {"north": [SITE], "south": ["south"], "stranger": []}.get(who)
            if expected is not None:
                assert first[0]["sites"] == expected
                assert {one["site_id"] for one in first[1]["cameras"]} == set(expected)

        def produce() -> None:
            floor.produce(
                probe_record(CameraState.CONNECTED, now),
                alert_record(f"{name}-gone", SITE),
                tombstone(ALERTS, key=f"{name}-gone", id="gone", time=now, source="test"),
            )
            for site in (SITE, "south", "elsewhere"):
                floor.produce(alert_record(f"{name}-{site}", site))

        await asyncio.to_thread(produce)
        last = {"north": SITE, "south": "south"}
        for who, socket in sockets.items():
            heard[who] = await heard_until(socket, f"{name}-{last.get(who, 'elsewhere')}")
    finally:
        for socket in sockets.values():
            await socket.close()
    for who, messages in heard.items():
        told = {one["type"] for one in messages}
        if who == "alerts":
            assert told <= {"alerts", "alert", "alert_removed"}
        alerts = {
            one["alert"]["alert_id"]
            for one in messages
            if one["type"] == "alert" and name in one["alert"]["alert_id"]
        }
        removed = {one["alert_id"] for one in messages if one["type"] == "alert_removed"}
        queue = [a for one in messages if one["type"] == "alerts" for a in one["alerts"]]
        cameras = {one["camera"]["site_id"] for one in messages if one["type"] == "camera"}
        if who in both:
            assert f"{name}-{SITE}" in alerts
            assert f"{name}-south" in alerts
        else:
            mine = last.get(who, "elsewhere")
            assert alerts - {f"{name}-gone"} == {f"{name}-{mine}"}
            assert {a["site_id"] for a in queue} <= {mine}
            assert cameras <= {mine}
            assert (f"{name}-gone" in removed) is (who == "north")


async def to_the_end(socket: ClientConnection) -> None:
    while True:
        await socket.recv()


@pytest.mark.parametrize("how", ["signed out", "other sites", "disabled", "revoked"])
async def test_a_listener_whose_credential_is_taken_back_is_closed(floor: Stack, how: str) -> None:
    name = f"{MARK}-listens-{how.replace(' ', '-')}"
    with floor.client() as client:
        if how == "revoked":
            headers = signed(floor.settings, floor.url, name)
            kept = {one["name"]: one["token_id"] for one in client.get("/v1/tokens").json()}
        else:
            headers = user(floor.settings, floor.url, name, Role.VIEWER)
            kept = {one["name"]: one["user_id"] for one in client.get("/v1/users").json()}
        async with connect(floor.ws_url, additional_headers=headers) as socket:
            await socket.recv()
            answer = {
                "signed out": lambda: client.post("/v1/auth/logout", headers=headers),
                "other sites": lambda: client.patch(
                    f"/v1/users/{kept[name]}", json={"sites": ["south"]}
                ),
                "disabled": lambda: client.patch(
                    f"/v1/users/{kept[name]}", json={"disabled": True}
                ),
                "revoked": lambda: client.delete(f"/v1/tokens/{kept[name]}"),
            }[how]()
            assert answer.status_code in (200, 204), answer.text
            with pytest.raises(ConnectionClosed) as closed:
                await to_the_end(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == UNAUTHENTICATED
