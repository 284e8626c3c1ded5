"""The stream: what is there, what changes, who may listen, and who is too slow."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api import examples
from infra.local_token import bearer
from schemas.alert import Alert, AlertState, RankPart
from schemas.device import CameraState
from tests.integration.api.support import Stack, probe_record
from topics.catalogue import ALERTS
from topics.record import OutRecord, make, tombstone

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def alert(alert_id: str, **fields: Any) -> Alert:
    known = msgspec.structs.asdict(examples.ALERT)
    known.pop("snapshot_url")
    return Alert(**{**known, "alert_id": alert_id, **fields})


def record(found: Alert) -> OutRecord:
    return make(
        ALERTS,
        found,
        id=f"{found.alert_id}.{found.revision}",
        time=found.updated_at,
        source="test",
        key=found.alert_id,
    )


async def hear(socket: ClientConnection, kind: str, **wanted: Any) -> dict[str, Any]:
    """The next message of a kind with those fields somewhere in its part."""
    async with asyncio.timeout(20):
        while True:
            message: dict[str, Any] = msgspec.json.decode(await socket.recv())
            part = message.get("alert") or message.get("camera") or message
            if message["type"] == kind and all(part.get(k) == v for k, v in wanted.items()):
                return message


async def emit(stack: Stack, *records: OutRecord) -> None:
    await asyncio.to_thread(stack.produce, *records)


async def test_a_listener_hears_what_is_there_and_then_what_changes(stack: Stack) -> None:
    name = uuid.uuid4().hex
    stack.archive("alerts", [alert(f"{name}-old", rank=3)])
    await emit(stack, record(alert(f"{name}-done", state=AlertState.RESOLVED)))
    async with stack.listen() as socket:
        hello = await hear(socket, "hello")
        assert hello["sites"] == ["north", "south"]
        cameras = (await hear(socket, "cameras"))["cameras"]
        assert [(c["site_id"], c["camera_id"]) for c in cameras] == [
            ("north", "fence"),
            ("north", "gate"),
            ("south", "gate"),
        ]
        assert (await hear(socket, "pipeline"))["state"] == "blind"
        queue = await hear(socket, "alerts")
        ids = [a["alert_id"] for a in queue["alerts"]]
        assert f"{name}-old" in ids
        assert f"{name}-done" not in ids
        assert queue["history"] is True

        await emit(stack, record(alert(f"{name}-new", revision=2, rank=80)))
        heard = await hear(socket, "alert", alert_id=f"{name}-new")
        assert (heard["alert"]["rank"], heard["alert"]["site_name"]) == (80, "North yard")
        # An older revision is not told, the next one is.
        await emit(
            stack,
            record(alert(f"{name}-new", revision=1, rank=1)),
            record(alert(f"{name}-new", revision=3, rank=81)),
        )
        assert (await hear(socket, "alert", alert_id=f"{name}-new"))["alert"]["revision"] == 3
        gone = tombstone(
            ALERTS,
            key=f"{name}-new",
            id="gone",
            time=datetime.now(UTC),
            source="test",
        )
        await emit(stack, gone)
        assert (await hear(socket, "alert_removed"))["alert_id"] == f"{name}-new"

        now = datetime.now(UTC)
        await emit(stack, probe_record(CameraState.LOST, now))
        lost = (await hear(socket, "camera", camera_id="gate", state="lost"))["camera"]
        assert lost["last_frame_at"] is not None

    async with stack.listen() as socket:
        reasons = (await hear(socket, "pipeline"))["reasons"]
        assert "camera_lost" in {reason["code"] for reason in reasons}


async def test_one_site_is_heard_of_alone(stack: Stack) -> None:
    name = uuid.uuid4().hex
    async with stack.listen("?site_id=south") as socket:
        assert (await hear(socket, "hello"))["sites"] == ["south"]
        queue = await hear(socket, "alerts")
        assert {a["site_id"] for a in queue["alerts"]} <= {"south"}
        await emit(
            stack,
            record(alert(f"{name}-n")),
            record(alert(f"{name}-s", site_id="south")),
        )
        async with asyncio.timeout(20):
            while True:
                message = msgspec.json.decode(await socket.recv())
                if message["type"] == "alert":
                    assert message["alert"]["site_id"] == "south"
                    if message["alert"]["alert_id"] == f"{name}-s":
                        return


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("?site_id=west", {}, 404),
        ("?site_id=a%2Fb", {}, 404),
        ("", {"Origin": "http://example.com"}, 403),
        ("", {"Origin": "null"}, 403),
    ],
)
async def test_who_may_not_listen(
    stack: Stack, query: str, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with connect(
            stack.ws_url + query, additional_headers={**bearer(stack.settings), **headers}
        ):
            pass
    assert caught.value.response.status_code == status


async def read_to_the_end(socket: ClientConnection) -> None:
    while True:
        await socket.recv()


async def test_a_slow_listener_is_dropped_and_a_quick_one_hears_everything(stack: Stack) -> None:
    name = uuid.uuid4().hex
    text = "so it is " * 200
    count = 4_000
    filler = [
        record(
            alert(
                f"{name}-filler",
                revision=n + 1,
                reasons=(RankPart(name="severity", points=1, reason=text),),
            )
        )
        for n in range(count)
    ]
    async with (
        stack.listen(max_queue=1, max_size=None) as slow,
        stack.listen(max_size=None) as quick,
    ):
        await hear(slow, "alerts")
        await hear(quick, "alerts")

        async def read() -> int:
            heard = 0
            while True:
                message = msgspec.json.decode(await quick.recv())
                found = message.get("alert", {})
                if found.get("alert_id") == f"{name}-filler":
                    heard += 1
                    if found["revision"] == count:
                        return heard

        async with asyncio.timeout(60):
            reading = asyncio.create_task(read())
            for begin in range(0, count, 500):
                await emit(stack, *filler[begin : begin + 500])
            assert await reading == count
            with pytest.raises(ConnectionClosed) as caught:
                await read_to_the_end(slow)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1013
    assert "slow" in caught.value.rcvd.reason
