"""`POST /v1/events/cv` with a real broker: decided once, answered to everybody who asks."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.local_token import local_token
from infra.settings import Settings
from schemas.decision import Decision, Result
from schemas.ids import decision_id, external_event_id
from tests.integration.api.support import (
    NOW,
    Decider,
    Stack,
    as_json,
    decision_record,
    is_ready,
    serving,
    wait_until,
)

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def event(**fields: Any) -> dict[str, Any]:
    """An event of its own: zone `dock` is at one site only."""
    return {
        "event_type": "intrusion",
        "camera_id": "gate",
        "zone_id": "dock",
        "timestamp_utc": "2026-03-02T10:00:00Z",
        "raw_payload": {"nonce": uuid.uuid4().hex},
        **fields,
    }


def metric(stack: Stack, name: str) -> float:
    with stack.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split()[0] == name)


def seen(decider: Decider, event_id: str) -> int:
    return sum(event.event_id == event_id for event in decider.seen)


@pytest.mark.parametrize(
    ("vendor", "result", "reason"),
    [
        ("sent", "sent", None),
        ("grouped", "grouped", None),
        ("suppressed:dedupe_window", "suppressed", "dedupe_window"),
        ("rejected:unknown_zone", "rejected", "unknown_zone"),
        ("failed:webhook_timeout", "failed", "webhook_timeout"),
    ],
)
def test_the_answer_is_the_decision(
    stack: Stack, decider: Decider, vendor: str, result: str, reason: str | None
) -> None:
    with stack.client() as client:
        answer = client.post("/v1/events/cv", json=event(vendor=vendor))
    assert answer.status_code == 200
    found = answer.json()
    assert (found["site_id"], found["result"], found["reason"]) == ("north", result, reason)
    assert (found["alert_id"] is not None) is (result == "sent")
    assert seen(decider, found["event_id"]) == 1


def test_what_arrives_is_what_was_posted(stack: Stack, decider: Decider) -> None:
    body = event(label="person", confidence=0.25, vendor="sent", labels={"lane": "2"})
    with stack.client() as client:
        found = client.post("/v1/events/cv", json=body).json()
    (arrived,) = [e for e in decider.seen if e.event_id == found["event_id"]]
    assert as_json(arrived) == {
        "event_id": found["event_id"],
        "site_id": "north",
        "event_type": "intrusion",
        "occurred_at": "2026-03-02T10:00:00Z",
        "camera_id": "gate",
        "zone_id": "dock",
        "label": "person",
        "confidence": 0.25,
        "vendor": "sent",
        "labels": {"lane": "2"},
    }


@pytest.mark.parametrize("by", ["body", "event_id", "key"])
def test_the_same_event_again_gets_the_first_result(
    stack: Stack, decider: Decider, by: str
) -> None:
    name = uuid.uuid4().hex
    first = event(vendor="suppressed:dedupe_window")
    headers = {"Idempotency-Key": name} if by == "key" else {}
    if by == "event_id":
        first["event_id"] = name
    # By id the rest of the body does not matter; by body its spelling does not; a key is of one.
    again = {
        "body": dict(reversed(first.items())),
        "event_id": {**first, "vendor": "sent"},
        "key": first,
    }[by]
    posted = metric(stack, "watchfloor_posted_events_total")
    received = metric(stack, "cv_events_received_total")
    suppressed = metric(stack, "cv_events_suppressed_total")
    with stack.client() as client:
        one = client.post("/v1/events/cv", json=first, headers=headers)
        two = client.post("/v1/events/cv", json=again, headers=headers)
    assert (one.status_code, two.status_code) == (200, 200)
    assert one.json() == two.json()
    assert one.json()["result"] == "suppressed"
    assert seen(decider, one.json()["event_id"]) == 1
    assert metric(stack, "watchfloor_posted_events_total") == posted + 2
    assert metric(stack, "cv_events_received_total") == received + 1
    assert metric(stack, "cv_events_suppressed_total") == suppressed + 1


def test_a_key_with_another_body_is_refused(stack: Stack, decider: Decider) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    with stack.client() as client:
        one = client.post("/v1/events/cv", json=event(), headers=headers)
        two = client.post("/v1/events/cv", json=event(label="dog"), headers=headers)
    assert (one.status_code, two.status_code) == (200, 422)
    assert two.json()["type"] == "/v1/problems/idempotency-key-reused"


def test_neither_id_nor_time_is_a_new_event_each_time(stack: Stack, decider: Decider) -> None:
    body = event()
    del body["timestamp_utc"]
    with stack.client() as client:
        ids = {client.post("/v1/events/cv", json=body).json()["event_id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(seen(decider, event_id) == 1 for event_id in ids)


def test_a_result_that_only_the_archive_remembers(stack: Stack, decider: Decider) -> None:
    name = uuid.uuid4().hex
    event_id = external_event_id("north", "event-id", name)
    stack.archive(
        "decisions",
        [
            {
                "event_id": event_id,
                "site_id": "north",
                "decision_id": decision_id("north", event_id),
                "result": "grouped",
                "alert_id": "a-9",
                "decided_at": NOW.isoformat(),
                "stages": [],
            }
        ],
    )
    with stack.client() as client:
        answer = client.post("/v1/events/cv", json=event(event_id=name, vendor="silent"))
    assert answer.json() == {
        "event_id": event_id,
        "site_id": "north",
        "result": "grouped",
        "reason": None,
        "alert_id": "a-9",
    }
    assert seen(decider, event_id) == 0


async def test_concurrent_duplicates_are_produced_once(stack: Stack, decider: Decider) -> None:
    body = event()
    async with stack.async_client() as client:
        answers = await asyncio.gather(
            *(client.post("/v1/events/cv", json=body) for _ in range(20))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert seen(decider, answers[0].json()["event_id"]) == 1


@pytest.fixture(scope="module")
def hasty(api_settings: Settings, decider: Decider) -> Iterator[Stack]:
    """A second replica, which waits half a second for a decision."""
    with serving(api_settings, decision_wait_s=0.5) as found:
        wait_until(lambda: is_ready(found), "the second replica is ready")
        yield found


def test_an_event_whose_decision_takes_longer_is_taken(hasty: Stack, decider: Decider) -> None:
    body = event(vendor="silent")
    with hasty.client() as client:
        answer = client.post("/v1/events/cv", json=body)
        assert answer.status_code == 202
        found = answer.json()
        assert answer.headers["location"] == f"/v1/events/{found['event_id']}"
        assert int(answer.headers["retry-after"]) > 0
        assert seen(decider, found["event_id"]) == 1
        hasty.produce(
            decision_record(
                Decision(
                    decision_id="late",
                    event_id=found["event_id"],
                    site_id="north",
                    result=Result.SENT,
                    decided_at=NOW,
                )
            )
        )

        def decided() -> bool:
            again = client.post("/v1/events/cv", json=body)
            return again.status_code == 200 and again.json()["result"] == "sent"

        wait_until(decided, "the late decision is the answer")


def test_a_replica_that_did_not_ask_knows_the_answer_too(
    stack: Stack, hasty: Stack, decider: Decider
) -> None:
    body = event()
    with stack.client() as one, hasty.client() as two:
        first = one.post("/v1/events/cv", json=body).json()
        assert two.post("/v1/events/cv", json=body).json() == first


def test_a_client_that_leaves_leaves_no_waiter(stack: Stack, decider: Decider) -> None:
    data = httpx.Request("POST", stack.url, json=event(vendor="silent")).content
    host, port = stack.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST /v1/events/cv HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\n"
            + f"Authorization: Bearer {local_token(stack.settings)}\r\n".encode()
            + f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        wait_until(lambda: metric(stack, "watchfloor_api_waiting_events") == 1, "it waits")
    wait_until(lambda: metric(stack, "watchfloor_api_waiting_events") == 0, "nobody waits", 5)


def test_the_site_must_be_clear(stack: Stack) -> None:
    with stack.client() as client:
        unclear = client.post("/v1/events/cv", json=event(zone_id="yard"))
        nowhere = client.post("/v1/events/cv", json=event(zone_id="moon"))
        unknown = client.post("/v1/events/cv", json=event(site_id="west"))
    assert (unclear.status_code, nowhere.status_code, unknown.status_code) == (409, 409, 404)
    assert unclear.json()["sites"] == ["north", "south"]


def test_a_time_out_of_range_is_decides_to_reject(stack: Stack, decider: Decider) -> None:
    body = event(timestamp_utc="1999-01-01T00:00:00Z", vendor="rejected:timestamp_out_of_range")
    with stack.client() as client:
        answer = client.post("/v1/events/cv", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (200, "timestamp_out_of_range")


def test_a_body_is_refused_at_the_bound_and_not_after_it(stack: Stack) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'{"raw_payload": "'
        while sent < 64 * 1024 * 1024:
            sent += 65_536
            yield b"x" * 65_536

    with stack.client() as client:
        headers = {"Content-Type": "application/json"}
        # A server that closes while a body is on its way may be noticed by the write.
        with contextlib.suppress(httpx.WriteError, httpx.ReadError):
            answer = client.post("/v1/events/cv", content=endless(), headers=headers)
            assert answer.status_code == 413
            assert answer.json()["type"] == "/v1/problems/body-too-large"
        assert sent < 32 * 1024 * 1024
        declared = client.post("/v1/events/cv", content=b"x" * 1_048_577, headers=headers)
        assert declared.status_code == 413
        assert client.get("/health/live").status_code == 200


def test_a_megabyte_of_brackets_costs_little_and_is_refused(stack: Stack) -> None:
    body = b'{"raw_payload":' + b"[" * 500_000 + b"]" * 500_000 + b"}"
    with stack.client() as client:
        answer = client.post(
            "/v1/events/cv", content=body, headers={"Content-Type": "application/json"}
        )
    assert (answer.status_code, answer.json()["type"]) == (400, "/v1/problems/body-too-deep")
