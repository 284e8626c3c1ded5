"""The façade with the real decide role behind it: who asks is told what became of it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from infra.local_token import bearer
from infra.sandbox import Sandbox, publish, sandbox
from infra.settings import Settings
from schemas.document import Channel, Receiver, Route, Routing
from tests.integration.api.callers import actor, signed
from tests.integration.api.support import PROCEDURE, document, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

WAIT = {"wait": "25s"}


@pytest.fixture(scope="module")
def box(
    kafka_bootstrap: str, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox]:
    """A namespace with a decide role and a façade, and two sites."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
    )
    routing = Routing(
        route=Route(receiver="desk", group_wait=timedelta(minutes=5)),
        receivers=(Receiver(name="desk", channels=(Channel(kind="log"),)),),
    )
    with sandbox(settings, "wait", roles=("decide",), api=True, ready_s=240) as found:
        publish(found.settings, replace(document(), routing=routing))
        yield found


@pytest.fixture
def client(box: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=box.url, timeout=40, trust_env=False, headers=bearer(box.settings)
    ) as found:
        yield found


def posted(client: httpx.Client, **fields: Any) -> httpx.Response:
    """An event of its own; asked again while the sites' configuration is on its way."""
    body = {
        "event_type": uuid.uuid4().hex[:12],
        "camera_id": "gate",
        "zone_id": "dock",
        "timestamp_utc": datetime.now(UTC).isoformat(),
        **fields,
    }

    def answer() -> httpx.Response | None:
        found = client.post("/v1/events/cv", json=body)
        early = found.status_code in (202, 503) or found.json().get("reason") == "unknown_zone"
        return None if early or found.json().get("code") == "unknown-camera" else found

    found: httpx.Response = wait_until(answer, "the event is decided", 90)
    return found


def opened(client: httpx.Client) -> str:
    """An alert of its own."""
    found = posted(client)
    assert (found.status_code, found.json()["result"]) == (200, "grouped"), found.text
    alert: str = found.json()["alert_id"]
    return alert


async def at_once(box: Sandbox, path: str, **bodies: dict[str, Any]) -> list[httpx.Response]:
    """What they are answered who ask at the same time. bodies: by who asks."""
    headers = {name: signed(box.settings, box.url, name) for name in bodies}
    async with httpx.AsyncClient(base_url=box.url, timeout=40, trust_env=False) as client:
        asked = [
            client.post(path, params=WAIT, json=body, headers=headers[name])
            for name, body in bodies.items()
        ]
        return list(await asyncio.gather(*asked))


@pytest.mark.parametrize(
    ("kind", "done", "said"),
    [("ack", "acknowledged", "already acknowledged by"), ("resolve", "resolved", "by")],
)
async def test_of_analysts_who_act_at_once_one_has_it_and_each_is_told(
    box: Sandbox, client: httpx.Client, kind: str, done: str, said: str
) -> None:
    alert = opened(client)
    names = ("kim", "lee", "alex", "sam")
    bodies = {name: {"kind": kind} for name in names}
    found = await at_once(box, f"/v1/alerts/{alert}/commands", **bodies)
    assert [one.status_code for one in found] == [200] * len(names), [one.text for one in found]
    outcomes = [one.json()["outcomes"] for one in found]
    assert [len(those) for those in outcomes] == [1] * len(names)
    won = [n for n, (one,) in zip(names, outcomes, strict=True) if one["outcome"] == "applied"]
    lost = [one for (one,) in outcomes if one["outcome"] == "refused"]
    assert len(won) == 1
    assert len(lost) == len(names) - 1
    # Each of the others hears who was first.
    assert all(said in one["detail"] and actor(won[0]) in one["detail"] for one in lost), lost
    (first,) = [one for (one,) in outcomes if one["outcome"] == "applied"]
    assert (first["alert_id"], first["kind"]) == (alert, done)


async def test_two_who_want_different_things_at_once_both_have_an_answer(
    box: Sandbox, client: httpx.Client
) -> None:
    alert = opened(client)
    found = await at_once(
        box,
        f"/v1/alerts/{alert}/commands",
        kim={"kind": "resolve", "reason": "false_positive"},
        lee={"kind": "ack"},
    )
    (resolved,), (acknowledged,) = (one.json()["outcomes"] for one in found)
    assert resolved["outcome"] == "applied"
    if acknowledged["outcome"] == "refused":  # it came second
        assert f"resolved by {actor('kim')}" in acknowledged["detail"]


async def test_a_step_is_done_by_one_of_two_and_taken_back(
    box: Sandbox, client: httpx.Client
) -> None:
    alert = opened(client)

    def steps() -> Any:
        (zone,) = client.get(f"/v1/alerts/{alert}/procedure").json()["zones"]
        assert zone["zone_id"] == "dock"
        return zone["steps"]

    first, second = steps()
    assert (first["text"], second["text"]) == PROCEDURE
    path = f"/v1/alerts/{alert}/commands"
    do = {"kind": "step", "step": second["step_id"]}
    found = await at_once(box, path, kim=do, lee=do)
    told = {who: one.json()["outcomes"][0] for who, one in zip(("kim", "lee"), found, strict=True)}
    (winner,) = [who for who, one in told.items() if one["outcome"] == "applied"]
    (late,) = [one for one in told.values() if one["outcome"] == "refused"]
    assert (told[winner]["kind"], told[winner]["detail"]) == ("step_done", PROCEDURE[1])
    assert late["detail"].startswith(f"step: already done by {actor(winner)} at ")
    seen = wait_until(lambda: [s for s in steps() if s["done_by"]], "the step is done")
    assert [(one["step_id"], one["done_by"]) for one in seen] == [
        (second["step_id"], actor(winner))
    ]
    assert seen[0]["done_at"] is not None

    # Anybody may take it back.
    (undone,) = await at_once(box, path, sam={**do, "done": False})
    assert undone.json()["outcomes"][0]["kind"] == "step_undone"
    wait_until(lambda: not any(s["done_by"] for s in steps()), "nothing is done")
    (wrong,) = await at_once(box, path, sam={"kind": "step", "step": "nothing"})
    assert "no such step" in wrong.json()["outcomes"][0]["detail"]


async def test_many_alerts_at_once_by_two_analysts_are_shared_out_without_a_rest(
    box: Sandbox, client: httpx.Client
) -> None:
    alerts = sorted(opened(client) for _ in range(4))
    body = {"kind": "ack", "alert_ids": alerts}
    found = await at_once(box, "/v1/alerts/commands", kim=body, lee=body)
    assert [one.status_code for one in found] == [200, 200]
    outcomes = [one.json()["outcomes"] for one in found]
    assert all(sorted(one["alert_id"] for one in those) == alerts for those in outcomes)
    applied = [
        one["alert_id"] for those in outcomes for one in those if one["outcome"] == "applied"
    ]
    assert sorted(applied) == alerts


async def test_the_outcome_comes_from_a_role_that_was_killed_in_between(
    box: Sandbox, client: httpx.Client
) -> None:
    alert = opened(client)
    box.children["decide"].process.kill()
    box.children["decide"].process.wait()
    asked = asyncio.create_task(
        at_once(
            box,
            f"/v1/alerts/{alert}/commands",
            kim={"kind": "ack"},
            lee={"kind": "ack"},
        )
    )
    box.start("decide")
    found = await asked
    told = [one["outcome"] for answer in found for one in answer.json()["outcomes"]]
    # For whom the wait was too short has 202; what the others are told is what happened.
    assert sorted(told) in (["applied", "refused"], ["applied"], ["refused"], [])

    def third() -> Any:
        body = {"kind": "ack"}
        asked = client.post(f"/v1/alerts/{alert}/commands", params=WAIT, json=body)
        return asked.json()["outcomes"]

    (late,) = wait_until(third, "the role that was started again answers", 90)
    assert late["outcome"] == "refused"
    assert any(
        f"already acknowledged by {actor(name)}" in late["detail"] for name in ("kim", "lee")
    )


@pytest.mark.parametrize(
    ("away", "allowed"),
    [
        (timedelta(minutes=6), "at most 5 min ahead"),
        (timedelta(days=1), "at most 5 min ahead"),
        (timedelta(hours=-25), "24 h"),
        (timedelta(days=-3 * 365), "24 h"),
    ],
)
def test_an_event_in_the_future_or_years_ago_is_refused_and_says_what_is_allowed(
    client: httpx.Client, away: timedelta, allowed: str
) -> None:
    found = posted(client, timestamp_utc=(datetime.now(UTC) + away).isoformat()).json()
    assert (found["result"], found["reason"]) == ("rejected", "timestamp_out_of_range")
    assert "timestamp_utc" in found["detail"]
    assert allowed in found["detail"]
    assert found["alert_id"] is None
