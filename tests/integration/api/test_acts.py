"""What analysts ask for: of one alert, of many, of a shift; and what came of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from agents.runtime.emitter import Emitter
from api import examples
from infra.settings import Settings
from schemas.alert import Activity, ActivityKind, Alert, Command, CommandKind, CommandOutcome
from schemas.ids import activity_id
from tests.integration.api.callers import actor
from tests.integration.api.support import Stack, StandIn, wait_until
from topics.catalogue import ACTIVITY, COMMANDS
from topics.record import make

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


class Obeyer(StandIn[Command]):
    """Plays decide for commands: `lee` is refused, everybody else gets what they ask for."""

    topic = COMMANDS

    async def answer(self, emitter: Emitter, message: Command) -> None:
        """What became of the command."""
        command = message
        if command.actor != actor("silent"):
            await emitter.emit(
                [
                    make(
                        ACTIVITY,
                        entry,
                        id=entry.activity_id,
                        time=entry.at,
                        source="test",
                        key=entry.site_id,
                    )
                    for entry in answers(command)
                ]
            )


def answers(command: Command) -> list[Activity]:
    """One at each alert that the command names; a hand-over's at the site as well."""
    named = [one for one in (command.alert_id, *command.alert_ids) if one]
    if command.kind is CommandKind.HANDOVER:
        named = ["", *named]
    refused = command.actor == actor("lee")
    kinds = {
        CommandKind.ACK: ActivityKind.ACKNOWLEDGED,
        CommandKind.RESOLVE: ActivityKind.RESOLVED,
        CommandKind.MERGE: ActivityKind.MERGED,
        CommandKind.STEP: ActivityKind.STEP_DONE,
        CommandKind.HANDOVER: ActivityKind.HANDED_OVER,
    }
    return [
        Activity(
            activity_id=activity_id(name or command.site_id, command.kind, command.command_id),
            alert_id=name,
            site_id=command.site_id,
            kind=ActivityKind.REFUSED if refused else kinds[command.kind],
            at=command.at,
            actor=command.actor,
            cause=command.command_id,
            command_id=command.command_id,
            outcome=CommandOutcome.REFUSED if refused else CommandOutcome.APPLIED,
            detail="already acknowledged by kim" if refused else command.text,
            shift=command.shift,
        )
        for name in named
    ]


@pytest.fixture(scope="module")
def obeyer(api_settings: Settings, stack: Stack) -> Iterator[Obeyer]:
    with Obeyer(api_settings) as found:
        yield found


def alerts(stack: Stack, count: int, site: str = "north") -> list[str]:
    """So many alerts of that site in the archive; their ids."""
    known = msgspec.structs.asdict(examples.ALERT)
    known.pop("snapshot_url")
    names = [uuid.uuid4().hex for _ in range(count)]
    rows = [Alert(**{**known, "alert_id": name, "site_id": site}) for name in names]
    stack.archive("alerts", rows)
    return names


def test_the_outcome_is_told_to_who_waits_for_it(stack: Stack, obeyer: Obeyer) -> None:
    (name,) = alerts(stack, 1)
    kims, lees = stack.by("kim"), stack.by("lee")
    with stack.client() as client:
        path = f"/v1/alerts/{name}/commands"
        kim = client.post(path, params={"wait": "20s"}, json={"kind": "ack"}, headers=kims)
        lee = client.post(path, params={"wait": "20s"}, json={"kind": "ack"}, headers=lees)
        # Whom nobody answers: an answer may be there before the command's own receipt.
        later = client.post(path, json={"kind": "ack"}, headers=stack.by("silent"))
    assert (kim.status_code, lee.status_code, later.status_code) == (200, 200, 202)
    assert kim.json()["outcomes"] == [
        {
            "alert_id": name,
            "site_id": "north",
            "outcome": "applied",
            "kind": "acknowledged",
            "detail": None,
        }
    ]
    (refused,) = lee.json()["outcomes"]
    assert (refused["outcome"], refused["detail"]) == ("refused", "already acknowledged by kim")
    assert later.json()["done"] is False
    assert later.headers["location"] == f"/v1/alerts/{name}/activity"


def test_nobody_answers_in_time(stack: Stack, obeyer: Obeyer) -> None:
    (name,) = alerts(stack, 1)
    with stack.client() as client:
        answer = client.post(
            f"/v1/alerts/{name}/commands",
            params={"wait": "200ms"},
            json={"kind": "ack"},
            headers=stack.by("silent"),
        )
    assert (answer.status_code, answer.json()["done"], answer.json()["outcomes"]) == (
        202,
        False,
        [],
    )


def test_the_same_is_asked_of_many(stack: Stack, obeyer: Obeyer) -> None:
    north, south = alerts(stack, 3), alerts(stack, 2, "south")
    body = {"kind": "resolve", "reason": "benign", "alert_ids": north + south}
    with stack.client() as client:
        answer = client.post("/v1/alerts/commands", params={"wait": "20s"}, json=body)
        wrong = client.post("/v1/alerts/commands", json={**body, "alert_ids": [*north, "none"]})
        merge = client.post("/v1/alerts/commands", json={**body, "kind": "merge"})
    assert answer.status_code == 200
    told = answer.json()
    assert {one["alert_id"] for one in told["outcomes"]} == {*north, *south}
    sent = [c for c in obeyer.seen if c.command_id == told["command_id"]]
    assert {c.site_id: set(c.alert_ids) for c in sent} == {"north": set(north), "south": set(south)}
    assert {c.reason for c in sent} == {"benign"}
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == [
        {"field": "body.alert_ids", "detail": "there is no alert none"}
    ]
    assert merge.json()["errors"][0]["field"] == "body.kind"


def test_alerts_are_merged_within_a_site(stack: Stack, obeyer: Obeyer) -> None:
    lead, one, two = alerts(stack, 3)
    (other,) = alerts(stack, 1, "south")
    body = {"kind": "merge", "alert_ids": [one, two]}
    with stack.client() as client:
        path = f"/v1/alerts/{lead}/commands"
        answer = client.post(path, params={"wait": "20s"}, json=body)
        across = client.post(path, json={**body, "alert_ids": [one, other]})
        alone = client.post(path, json={**body, "alert_ids": []})
    assert answer.status_code == 200
    sent = next(c for c in obeyer.seen if c.command_id == answer.json()["command_id"])
    assert (sent.kind, sent.alert_id, sent.alert_ids) == (CommandKind.MERGE, lead, (one, two))
    assert across.json()["errors"] == [
        {"field": "body.alert_ids", "detail": f"are no alerts of site north: {other}"}
    ]
    assert alone.json()["errors"][0]["field"] == "body.alert_ids"


def test_a_step_of_the_procedure_is_asked_of_one_alert(stack: Stack, obeyer: Obeyer) -> None:
    (name,) = alerts(stack, 1)
    body = {"kind": "step", "step": "some-step", "done": False}
    with stack.client() as client:
        path = f"/v1/alerts/{name}/commands"
        answer = client.post(path, params={"wait": "20s"}, json=body)
        which = client.post(path, json={"kind": "step"})
        many = client.post("/v1/alerts/commands", json={**body, "alert_ids": [name]})
    assert answer.status_code == 200
    sent = next(c for c in obeyer.seen if c.command_id == answer.json()["command_id"])
    assert (sent.kind, sent.alert_id, sent.step, sent.done) == (
        CommandKind.STEP,
        name,
        "some-step",
        False,
    )
    assert which.json()["errors"][0]["field"] == "body.step"
    assert many.json()["errors"][0]["field"] == "body.kind"


def test_the_same_key_is_the_same_command(stack: Stack, obeyer: Obeyer) -> None:
    (name,) = alerts(stack, 1)
    with stack.client() as client:
        found = [
            client.post(
                f"/v1/alerts/{name}/commands",
                json={"kind": "ack"},
                headers={"Idempotency-Key": key},
            ).json()["command_id"]
            for key in ("a", "a", "b")
        ]
    assert found[0] == found[1] != found[2]


def test_a_note_for_the_next_shift(stack: Stack, obeyer: Obeyer) -> None:
    (name,) = alerts(stack, 1, "south")
    body = {
        "site_id": "south",
        "text": "The gate's light is out.",
        "shift": "night",
        "alert_ids": [name],
    }
    with stack.client() as client:
        answer = client.post("/v1/handovers", params={"wait": "20s"}, json=body)
        assert answer.status_code == 200
        assert {one["alert_id"] for one in answer.json()["outcomes"]} == {None, name}
        command = next(c for c in obeyer.seen if c.command_id == answer.json()["command_id"])
        stack.archive("activity", answers(command))

        def listed() -> Any:
            return client.get("/v1/handovers", params={"site_id": "south"}).json()["items"]

        (note,) = wait_until(listed, "the note is in the list")
        assert (note["text"], note["shift"], note["alert_ids"]) == (
            "The gate's light is out.",
            "night",
            [name],
        )
        assert client.get("/v1/handovers", params={"site_id": "north"}).json()["items"] == []
        nowhere = client.post("/v1/handovers", json={**body, "site_id": "nowhere"})
        assert nowhere.status_code == 404
        wordless = client.post("/v1/handovers", json={**body, "text": ""})
        assert wordless.json()["errors"][0]["field"] == "body.text"
