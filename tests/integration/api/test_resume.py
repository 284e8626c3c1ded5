"""A listener that was away goes on where it was; who looks at the same alert; who says too much."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from infra.settings import Settings
from schemas.alert import Activity, ActivityKind
from tests.integration.api.callers import actor, signed
from tests.integration.api.support import Stack, is_ready, serving, wait_until
from tests.integration.api.test_stream import alert, emit, hear, read_to_the_end, record
from topics.catalogue import ACTIVITY
from topics.record import OutRecord, make

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def act(name: str, alert_id: str, site: str = "north") -> OutRecord:
    found = Activity(
        activity_id=name,
        alert_id=alert_id,
        site_id=site,
        kind=ActivityKind.COMMENTED,
        at=datetime.now(UTC),
        actor="anna",
        cause="c",
    )
    return make(ACTIVITY, found, id=name, time=found.at, source="test", key=site)


async def messages(socket: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    async with asyncio.timeout(30):
        while True:
            yield msgspec.json.decode(await socket.recv())


async def heard_until(socket: ClientConnection, last: str) -> list[str]:
    """The names of what is told of alerts (`id.revision`) and their history, up to `last`."""
    found = []
    async for message in messages(socket):
        if message["type"] == "activity":
            found.append(message["activity"]["activity_id"])
        elif message["type"] == "alert":
            found.append(f"{message['alert']['alert_id']}.{message['alert']['revision']}")
        if found and found[-1] == last:
            return found
    raise AssertionError


async def token_after(socket: ClientConnection, last: str) -> str:
    async for message in messages(socket):
        if message.get("activity", {}).get("activity_id") == last:
            return str(message["resume"])
    raise AssertionError


async def test_what_was_missed_is_told_once_by_a_server_that_was_started_meanwhile(
    stack: Stack, api_settings: Settings
) -> None:
    name = uuid.uuid4().hex
    one = f"{name}-alert"
    with serving(api_settings) as before:
        await asyncio.to_thread(wait_until, lambda: is_ready(before), "it is ready", 120)
        async with before.listen() as socket:
            await hear(socket, "alerts")
            await emit(stack, record(alert(one, revision=1)))
            await hear(socket, "alert", alert_id=one)
            await emit(stack, act(f"{name}-1", one))
            token = await token_after(socket, f"{name}-1")
    # Nobody listens, and nobody reads for this listener. Decide may write an entry twice.
    await emit(stack, record(alert(one, revision=2)), record(alert(one, revision=3)))
    await emit(stack, act(f"{name}-2", one), act(f"{name}-2", one), act(f"{name}-3", one))
    with serving(api_settings) as after:
        await asyncio.to_thread(wait_until, lambda: is_ready(after), "it is ready", 120)
        for server in (after, stack):
            async with server.listen(f"?resume={token}") as socket:
                assert (await hear(socket, "hello"))["resumed"] is True
                last = f"{uuid.uuid4().hex}-last"
                await emit(stack, act(last, one))
                heard = await heard_until(socket, last)
            ours = [item.removeprefix(f"{name}-") for item in heard if item.startswith(name)]
            # Each partition in its order; between two topics there is none.
            assert [item for item in ours if item.startswith("alert")] == ["alert.2", "alert.3"]
            assert [item for item in ours if not item.startswith("alert")] == ["2", "3"]


async def test_too_old_a_token_is_told_to_reload_and_gets_the_queue(
    stack: Stack, api_settings: Settings
) -> None:
    name = uuid.uuid4().hex
    with serving(api_settings, journal_entries=2) as small:
        await asyncio.to_thread(wait_until, lambda: is_ready(small), "it is ready", 120)
        async with small.listen() as socket:
            await hear(socket, "alerts")
            await emit(stack, act(f"{name}-0", "x"))
            token = await token_after(socket, f"{name}-0")
            await emit(stack, *(act(f"{name}-{n}", "x") for n in range(1, 5)))
            await token_after(socket, f"{name}-4")
        async with small.listen(f"?resume={token}") as socket:
            assert (await hear(socket, "hello"))["resumed"] is False
            assert (await hear(socket, "reload"))["reason"] == "too_old"
            queue = await hear(socket, "alerts")
        async with small.listen(f"?resume={queue['resume']}") as socket:
            assert (await hear(socket, "hello"))["resumed"] is True


@pytest.mark.parametrize(
    ("query", "reason"), [("resume=nonsense", "other_stream"), ("site_id=south", "other_sites")]
)
async def test_a_token_of_something_else_is_told_to_reload(
    stack: Stack, query: str, reason: str
) -> None:
    async with stack.listen() as socket:
        token = (await hear(socket, "alerts"))["resume"]
    if "resume" not in query:
        query += f"&resume={token}"
    async with stack.listen(f"?{query}") as socket:
        assert (await hear(socket, "reload"))["reason"] == reason
        assert "resume" in await hear(socket, "alerts")


async def say(socket: ClientConnection, alert_id: str | None) -> None:
    await socket.send(msgspec.json.encode({"type": "looking", "alert_id": alert_id}).decode())


async def test_who_looks_at_the_same_alert_is_seen_and_only_there(stack: Stack) -> None:
    north, south = f"{uuid.uuid4().hex}-n", f"{uuid.uuid4().hex}-s"
    stack.archive("alerts", [alert(north), alert(south, site_id="south")])
    kim, lee = (signed(stack.settings, stack.url, name) for name in ("kim-looks", "lee-looks"))
    async with (
        connect(stack.ws_url, additional_headers=kim) as one,
        # Another window of the same person is no company.
        connect(stack.ws_url, additional_headers=kim) as again,
        connect(stack.ws_url, additional_headers=lee) as other,
        stack.listen("?site_id=south") as elsewhere,
    ):
        await say(again, north)
        assert (await hear(again, "presence"))["names"] == []
        await say(one, north)
        assert (await hear(one, "presence"))["names"] == []
        # Of another site's alert nothing is told, and nobody learns of who asks.
        await say(elsewhere, north)
        await say(elsewhere, south)
        assert (await hear(elsewhere, "presence")) == {
            "type": "presence",
            "alert_id": south,
            "names": [],
        }
        await say(other, north)
        for socket, name in ((one, "lee-looks"), (other, "kim-looks")):
            found = await hear(socket, "presence", alert_id=north)
            assert found["names"] == [actor(name)]
        await other.close()
        assert (await hear(one, "presence", alert_id=north))["names"] == []


@pytest.mark.parametrize(
    "said", [['{"type":"subscribe"}'], ['{"type":"looking","alert_id":null}'] * 40]
)
async def test_who_says_something_else_or_too_much_is_closed(stack: Stack, said: list[str]) -> None:
    async with stack.listen() as socket:
        await hear(socket, "hello")
        with contextlib.suppress(ConnectionClosed):
            for message in said:
                await socket.send(message)
        async with asyncio.timeout(20):
            with pytest.raises(ConnectionClosed) as caught:
                await read_to_the_end(socket)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1008
