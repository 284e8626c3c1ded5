"""Keys outlive the server that took them: what another one answers, with a real database."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.database import Database
from api.idempotency import repository
from api.idempotency.schemas import Known
from infra.settings import Settings
from tests.integration.api.support import Stack, is_ready, serving, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

NOW = datetime(2026, 3, 2, tzinfo=UTC)
STALE = NOW - timedelta(minutes=3)


def leave_note(stack: Stack, key: str, text: str = "The gate's light is out.") -> httpx.Response:
    body = {"site_id": "north", "actor": "kim", "text": text}
    with stack.client() as client:
        return client.post("/v1/handovers", json=body, headers={"Idempotency-Key": key})


def test_a_server_that_starts_later_gives_the_first_answer(stack: Stack) -> None:
    key = uuid.uuid4().hex
    first = leave_note(stack, key)
    assert first.status_code == 202, first.text
    with serving(stack.settings) as later:
        wait_until(lambda: is_ready(later), "the other façade is ready", 120)
        again = leave_note(later, key)
        other = leave_note(later, key, "Another text.")
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert other.status_code == 422


@pytest.fixture
async def database(api_settings: Settings, stack: Stack) -> Any:
    found = Database(api_settings)
    await found.open()
    yield found
    await found.close()


async def test_a_key_is_taken_once_kept_released_and_forgotten(database: Database) -> None:
    name = uuid.uuid4().hex
    done = Known(fingerprint="f", status=201, headers={"location": "/x"}, body=b"\x00{}")
    assert await repository.claim(database, name, "f", NOW, STALE) is None
    assert await repository.claim(database, name, "f", NOW, STALE) == Known(fingerprint="f")
    await repository.finish(database, name, done)
    assert await repository.claim(database, name, "g", NOW, STALE) == done
    await repository.forget(database, NOW)  # what was asked before, and this was not
    assert await repository.claim(database, name, "f", NOW, STALE) == done
    await repository.forget(database, NOW + timedelta(seconds=1))
    assert await repository.claim(database, name, "f", NOW, STALE) is None
    await repository.release(database, name)
    assert await repository.claim(database, name, "g", NOW, STALE) is None


async def test_a_key_whose_taker_died_is_taken_over_by_the_same_request_only(
    database: Database,
) -> None:
    name = uuid.uuid4().hex
    later = NOW + timedelta(minutes=4)
    assert await repository.claim(database, name, "f", NOW, STALE) is None
    stale = later - timedelta(minutes=3)
    assert await repository.claim(database, name, "g", later, stale) == Known(fingerprint="f")
    assert await repository.claim(database, name, "f", later, stale) is None
    assert await repository.claim(database, name, "f", later, stale) == Known(fingerprint="f")
