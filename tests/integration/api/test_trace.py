"""One trace: a request, its event, the decision, the alert, the notification and its outcome."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from agents.runtime.follower import Follower
from infra.local_token import bearer
from infra.sandbox import Sandbox, publish, sandbox
from infra.settings import Settings
from schemas.document import Channel, Receiver, Route, Routing
from tests.integration.api.support import document, run_in_thread, wait_until
from topics.catalogue import ACTIVITY as HISTORY
from topics.catalogue import ALERTS, COMMANDS, DECISIONS, EVENTS, NOTIFY_REQUESTS, NOTIFY_RESULTS

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

WAITED_FOR = (EVENTS, DECISIONS, ALERTS, NOTIFY_REQUESTS, NOTIFY_RESULTS)


@pytest.fixture(scope="module")
def box(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    """Decide, act and a façade; a group waits a second, so that its timer tells somebody."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
    )
    routing = Routing(
        route=Route(receiver="desk", group_wait=timedelta(seconds=1)),
        receivers=(Receiver(name="desk", channels=(Channel(kind="log"),)),),
    )
    env = {"WATCHFLOOR_LOG_FORMAT": "json"}
    roles = ("decide", "act")
    with sandbox(settings, "trace", roles=roles, api=True, env=env, ready_s=240) as found:
        publish(found.settings, replace(document(), routing=routing))
        yield found


def traced(box: Sandbox, trace: str) -> dict[str, int]:
    """How many records of each topic carry that trace."""
    found: dict[str, int] = {}

    async def look() -> None:
        topics = [*WAITED_FOR, COMMANDS, HISTORY]
        async with Follower(box.settings, topics, start="earliest", client_id="look") as follower:
            ends = await follower.end_offsets()
            async for chunk in follower.chunks(timeout=0.2):
                for record in chunk:
                    parts = record.headers.get("traceparent", b"").decode().split("-")
                    if trace in parts:
                        name = record.topic.name
                        found[name] = found.get(name, 0) + 1
                reached = follower.positions()
                if all(reached.get(part, 0) >= end for part, end in ends.items() if end):
                    return

    run_in_thread(look)
    return found


def client_of(box: Sandbox) -> httpx.Client:
    return httpx.Client(base_url=box.url, timeout=40, trust_env=False, headers=bearer(box.settings))


def post(client: httpx.Client, trace: str) -> httpx.Response | None:
    body = {
        "event_type": uuid.uuid4().hex[:12],
        "camera_id": "gate",
        "zone_id": "dock",
        "timestamp_utc": datetime.now(UTC).isoformat(),
    }
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Request-ID": f"r-{trace[:8]}"}
    found = client.post("/v1/events/cv", json=body, headers=headers)
    early = found.status_code in (202, 503) or found.json().get("reason") == "unknown_zone"
    return None if early else found


def test_a_request_is_followed_to_the_notification_and_its_outcome(box: Sandbox) -> None:
    with client_of(box) as client:
        asked: list[str] = []

        def answered() -> httpx.Response | None:
            # While the configuration is on its way an event is refused: each try has its own trace.
            asked.append(uuid.uuid4().hex)
            return post(client, asked[-1])

        answer: httpx.Response = wait_until(answered, "the event is decided", 90)
        trace = asked[-1]
        assert answer.headers["traceparent"].split("-")[1] == trace
        assert answer.headers["x-request-id"] == f"r-{trace[:8]}"
        names = {topic.name for topic in WAITED_FOR}

        def told() -> Any:
            return names <= traced(box, trace).keys()

        wait_until(told, "the notification's outcome carries the trace", 90)
        # What an analyst asks has a trace of its own, and so has what became of it.
        other = uuid.uuid4().hex
        acknowledged = client.post(
            f"/v1/alerts/{answer.json()['alert_id']}/commands",
            params={"wait": "25s"},
            json={"kind": "ack", "actor": "kim"},
            headers={"traceparent": f"00-{other}-00f067aa0ba902b7-01"},
        )
        assert acknowledged.status_code == 200, acknowledged.text
        assert traced(box, other).keys() >= {COMMANDS.name, HISTORY.name, ALERTS.name}


def test_the_facade_and_the_roles_log_json(box: Sandbox) -> None:

    with client_of(box) as client:
        client.get("/v1/sites", headers={"X-Request-ID": "looked-for-1"})

    def line() -> Any:
        for text in (box.folder / "api.log").read_text().splitlines():
            found = json.loads(text)
            if found.get("request_id") == "looked-for-1":
                return found
        return None

    found = wait_until(line, "the request's line")
    assert (found["route"], found["status"], found["process"]) == ("/v1/sites", 200, "api")
    for role in ("decide", "act"):
        lines = (box.folder / f"{role}.log").read_text().splitlines()
        assert lines
        assert {json.loads(text)["process"] for text in lines} == {role}
