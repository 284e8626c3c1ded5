"""What cannot be is refused with its field and what is allowed, counted, and disturbs nothing."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.api.support import Decider, Stack

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

EVENT = {"event_type": "intrusion", "camera_id": "gate", "zone_id": "dock", "vendor": "grouped"}
PATH = "/v1/events/cv"


def refused(client: httpx.Client, problem: str) -> float:
    line = f'cv_events_refused_total{{problem="{problem}"}} '
    lines = client.get("/metrics").text.splitlines()
    return sum(float(one.removeprefix(line)) for one in lines if one.startswith(line))


def taken_still(client: httpx.Client) -> None:
    body = {**EVENT, "raw_payload": {"nonce": uuid.uuid4().hex}}
    assert client.post(PATH, json=body).json()["result"] == "grouped"


@pytest.mark.parametrize(
    ("wrong", "field", "allowed"),
    [
        ({"confidence": 7}, "body.confidence", "from 0 to 1"),
        ({"confidence": -0.01}, "body.confidence", "from 0 to 1"),
        ({"confidence": "high"}, "body.confidence", "number"),
        ({"timestamp_utc": "yesterday"}, "body.timestamp_utc", "RFC 3339"),
        ({"severity": "bad"}, "body.severity", "critical"),
        ({"event_type": ""}, "body.event_type", ""),
        ({"camera_id": "a/b"}, "body.camera_id", ""),
        ({"labels": {"lane": 7}}, "body.labels[...]", "str"),
    ],
)
def test_a_wrong_field_is_named_with_what_is_allowed(
    stack: Stack, decider: Decider, wrong: dict[str, Any], field: str, allowed: str
) -> None:
    with stack.client() as client:
        before, known = refused(client, "invalid"), len(decider.seen)
        answer = client.post(PATH, json={**EVENT, **wrong})
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["field"] == field
        assert allowed in error["detail"]
        assert error["detail"]
        assert refused(client, "invalid") == before + 1
        taken_still(client)
    # Nothing of it reached the topic; the one after it did.
    assert len(decider.seen) == known + 1


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_of_50_mb_is_refused_with_the_bound(
    stack: Stack, decider: Decider, declared: bool
) -> None:
    size = 50 * 1024 * 1024
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        while sent < size:
            sent += 65_536
            yield b" " * 65_536

    headers = {"Content-Type": "application/json"}
    if declared:
        headers["Content-Length"] = str(size)
    with stack.client() as client:
        before, known = refused(client, "body-too-large"), len(decider.seen)
        # A server that closes while a body is on its way may be noticed by the write.
        with contextlib.suppress(httpx.WriteError, httpx.ReadError):
            answer = client.post(PATH, content=chunks(), headers=headers)
            assert answer.status_code == 413
            assert answer.json()["type"] == "/v1/problems/body-too-large"
            assert "1048576 bytes at most" in answer.json()["detail"]
    with stack.client() as client:
        assert refused(client, "body-too-large") == before + 1
        taken_still(client)
    assert sent < size // 2
    assert len(decider.seen) == known + 1
