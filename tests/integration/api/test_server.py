"""Commands, configuration, health: the rest of what the server does with its servers."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agents.runtime.follower import Follower
from api import examples
from infra.db.documents import publish
from infra.embedded.process import free_port
from infra.settings import Settings
from schemas.alert import Alert, Command, CommandKind
from schemas.document import Document, Site
from tests.integration.api.support import (
    Stack,
    document,
    run_in_thread,
    serving,
    tick_records,
    wait_until,
)
from topics.catalogue import COMMANDS, EVENTS

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def test_a_command_is_on_its_way_to_decide(stack: Stack, api_settings: Settings) -> None:
    name = uuid.uuid4().hex
    known = msgspec.structs.asdict(examples.ALERT)
    known.pop("snapshot_url")
    stack.archive("alerts", [Alert(**{**known, "alert_id": name})])
    found: list[tuple[bytes | None, Command]] = []

    async def post_and_follow() -> None:
        async with Follower(api_settings, [COMMANDS], start="latest") as follower:
            async with stack.async_client() as client:
                answer = await client.post(
                    f"/v1/alerts/{name}/commands",
                    json={"kind": "snooze", "for": "30m"},
                )
                assert answer.status_code == 202
                taken = answer.json()
                assert answer.headers["location"] == f"/v1/alerts/{name}/activity"
            async for chunk in follower.chunks(timeout=1):
                found.extend((record.key, record.message()) for record in chunk)
                if found:
                    break
            assert found[0][1].command_id == taken["command_id"]

    run_in_thread(post_and_follow)
    key, command = found[0]
    assert key == b"north"
    assert (command.kind, command.actor, command.duration_s, command.alert_id) == (
        CommandKind.SNOOZE,
        "local",
        1800.0,
        name,
    )
    with stack.client() as client:
        nobody = client.post(f"/v1/alerts/{name}x/commands", json={"kind": "ack"})
        assert nobody.status_code == 404
        wrong = client.post(f"/v1/alerts/{name}/commands", json={"kind": "assign"})
        assert wrong.json()["errors"] == [{"field": "body.to", "detail": "is required to assign"}]


def test_what_is_published_is_sent_and_answered_with(stack: Stack, api_settings: Settings) -> None:
    """The outbox is the API's: nobody else drains it here."""
    revision = publish(
        api_settings, Document(sites=(Site(site_id="east", name="East wing"),)), "test"
    )
    with stack.client() as client:

        def there() -> bool:
            return client.get("/v1/sites/east").status_code == 200

        wait_until(there, "the new site is known")
        assert client.get("/v1/sites/east").json()["revision"] == revision
        publish(api_settings, document(), "test", prune=True)
        wait_until(lambda: not there(), "the removed site is gone")
        assert {site["site_id"] for site in client.get("/v1/sites").json()} == {"north", "south"}


def test_the_pipeline_is_well_only_when_everybody_is_there(
    stack: Stack, api_settings: Settings
) -> None:
    async def be_decide() -> None:
        group = Follower(api_settings, [EVENTS], group="watchfloor-decide", start="latest")
        async with group as follower, stack.async_client() as client:
            async for _ in follower.chunks(timeout=0.2):
                stack.produce(*tick_records(datetime.now(UTC)))
                seen = (await client.get("/v1/pipeline")).json()
                codes = {(r["code"], r["subject"]) for r in seen["reasons"]}
                fresh = all(
                    t["age_seconds"] is not None and t["age_seconds"] < 10 for t in seen["ticks"]
                )
                if ("role_down", "decide") not in codes and fresh and seen["ticks"]:
                    assert ("decide_silent", "decide") not in codes
                    assert ("role_down", "detect") in codes
                    assert seen["state"] == "blind"
                    return

    run_in_thread(be_decide)
    with stack.client() as client:
        text = client.get("/metrics").text
        assert "watchfloor_pipeline_state 2.0" in text
        assert 'watchfloor_role_lag_seconds{role="detect"}' in text
        gone = {("role_down", "decide")}

        def noticed() -> bool:
            reasons = client.get("/v1/pipeline").json()["reasons"]
            return gone <= {(reason["code"], reason["subject"]) for reason in reasons}

        wait_until(noticed, "the worker that left is missed")


def test_without_broker_and_database_it_starts_and_says_so(
    api_settings: Settings, tmp_path: Path
) -> None:
    away = replace_settings(api_settings, tmp_path)
    with serving(away) as alone, alone.client() as client:
        assert client.get("/health/live").status_code == 200
        ready = client.get("/health/ready")
        assert ready.status_code == 503
        assert all(not check["ok"] for check in ready.json()["checks"])
        assert client.get("/").status_code == 200
        assert client.get("/metrics").status_code == 200
        answer = client.post(
            "/v1/events/cv", json={"event_type": "x", "camera_id": "a", "zone_id": "b"}
        )
        assert (answer.status_code, answer.json()["type"]) == (503, "/v1/problems/not-ready")


def replace_settings(settings: Settings, state: Path) -> Settings:
    return replace(
        settings,
        state_dir=state,
        kafka_url=f"127.0.0.1:{free_port()}",
        postgres_url=f"postgresql://nobody@127.0.0.1:{free_port()}/nothing",
    )


def test_without_its_database_events_are_taken_and_queries_say_so(
    stack: Stack, api_settings: Settings, decider: object, tmp_path: Path
) -> None:
    half = replace(
        api_settings,
        state_dir=tmp_path,
        postgres_url=f"postgresql://nobody@127.0.0.1:{free_port()}/nothing",
    )
    with serving(half, decision_wait_s=60.0) as alone, alone.client(90) as client:
        wait_until(lambda: client.get("/v1/sites").status_code == 200, "the configuration is read")
        body = {"event_type": "x", "camera_id": "gate", "zone_id": "dock", "vendor": "sent"}
        assert client.post("/v1/events/cv", json=body).json()["result"] == "sent"
        query = client.get("/v1/alerts")
        assert (query.status_code, query.json()["type"]) == (
            503,
            "/v1/problems/database-unavailable",
        )
        assert "Retry-After" in query.headers
        reasons = client.get("/v1/pipeline").json()["reasons"]
        assert "database_unreachable" in {reason["code"] for reason in reasons}
