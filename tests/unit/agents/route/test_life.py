"""What analysts ask of one alert: what it becomes, what is refused, and that each is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from schemas.alert import Activity, AlertState, CommandOutcome
from tests.unit.agents.harness import (
    Harness,
    activities,
    at,
    dead,
    event,
    messages,
    routing,
    site,
)
from topics.catalogue import ACTIVITY

HALF_AN_HOUR = 1800.0


COMMANDS: list[tuple[str, dict[str, Any], str, str, dict[str, Any]]] = [
    (
        "ack",
        {},
        "acknowledged",
        "",
        {"state": AlertState.ACKNOWLEDGED, "acknowledged_by": "kim", "acknowledged_at": at(60)},
    ),
    (
        "assign",
        {"to": "alex"},
        "assigned",
        "alex",
        {"assigned_to": "alex", "state": AlertState.OPEN},
    ),
    (
        "snooze",
        {"duration_s": 90.0},
        "snoozed",
        "until 2026-03-02T10:02:30",
        {"snoozed_until": at(150), "quiet": "snoozed"},
    ),
    ("escalate", {}, "escalated", "nobody else is told", {"escalation": 1}),
    (
        "resolve",
        {"reason": "benign"},
        "resolved",
        "benign",
        {
            "state": AlertState.RESOLVED,
            "resolved_by": "kim",
            "resolution": "benign",
            "resolved_at": at(60),
        },
    ),
    ("resolve", {}, "resolved", "", {"state": AlertState.RESOLVED, "resolution": None}),
    ("comment", {"text": "a fox"}, "commented", "a fox", {"state": AlertState.OPEN}),
]


@pytest.mark.parametrize(("kind", "more", "activity", "detail", "expected"), COMMANDS)
def test_commands(
    kind: str, more: dict[str, Any], activity: str, detail: str, expected: dict[str, Any]
) -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    harness.wait(60)
    made = harness.command(kind, **more)
    entry: Activity
    (entry,) = messages(made, ACTIVITY)
    assert (entry.kind.value, entry.actor, entry.at) == (activity, "kim", at(60))
    assert detail in (entry.detail or "")
    assert (entry.command_id, entry.outcome) == ("command-1", CommandOutcome.APPLIED)
    assert {name: getattr(harness.alert(), name) for name in expected} == expected


REFUSALS: list[tuple[list[str], str, dict[str, Any], str]] = [
    (["ack"], "ack", {"actor": "sam"}, "ack: already acknowledged by kim at 10:00 UTC"),
    (["resolve"], "ack", {}, "already resolved by kim at 10:00 UTC"),
    (["resolve"], "resolve", {}, "already resolved by kim at 10:00 UTC"),
    (["resolve"], "assign", {"to": "alex"}, "already resolved by kim at 10:00 UTC"),
    (["resolve"], "snooze", {"duration_s": 60.0}, "already resolved by kim at 10:00 UTC"),
    ([], "reopen", {}, "it is open"),
    ([], "assign", {}, "assign: needs `to`"),
    ([], "snooze", {}, "snooze: needs a duration"),
    ([], "comment", {}, "comment: needs `text`"),
    ([], "split", {}, "it is part of no incident"),
    ([], "merge", {}, "needs `alert_ids`"),
    ([], "resolve", {"reason": "whatever"}, "a reason is one of true_positive"),
]


@pytest.mark.parametrize(("before", "kind", "more", "reason"), REFUSALS)
def test_a_command_that_makes_no_sense_is_refused_with_its_reason(
    before: list[str], kind: str, more: dict[str, Any], reason: str
) -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    for one in before:
        harness.command(one)
    alert = harness.alert()
    made = harness.command(kind, **more)
    entry: Activity
    (entry,) = messages(made, ACTIVITY)
    assert (entry.kind.value, entry.outcome) == ("refused", CommandOutcome.REFUSED)
    assert entry.command_id == entry.cause
    assert reason in (entry.detail or "")
    assert entry.actor == more.get("actor", "kim")
    assert harness.alert() == alert
    assert dead(made) == []


def test_of_two_analysts_at_once_the_first_has_it_and_the_second_is_told() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    harness.command("ack", actor="kim", command_id="c1")
    harness.command("ack", actor="sam", command_id="c2")
    assert harness.alert().acknowledged_by == "kim"
    assert activities(harness.outputs)[-2:] == ["acknowledged", "refused"]


@pytest.mark.parametrize("kind", ["ack", "escalate", "comment", "resolve"])
def test_the_same_command_again_does_nothing(kind: str) -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    harness.command(kind, command_id="c1", text="x")
    alert = harness.alert()
    assert harness.command(kind, command_id="c1", text="x") == []
    assert harness.alert() == alert


def test_a_refused_command_again_is_refused_once() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    harness.command("reopen", command_id="c1")
    assert harness.command("reopen", command_id="c1") == []


def test_a_command_for_another_sites_alert_or_for_none_is_answered() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    alert = harness.alert()
    for more in ({"site_id": "south"}, {"alert": "no-such-alert"}, {"alert": ""}):
        entry: Activity
        (entry,) = messages(harness.command("ack", command_id="c1", **more), ACTIVITY)
        assert (entry.outcome, entry.command_id) == (CommandOutcome.REFUSED, "c1")
        assert entry.alert_id == more.get("alert", alert.alert_id)
        assert "no alert" in (entry.detail or "")
    assert harness.alert() == alert


def test_an_acknowledged_alert_goes_on_counting_and_stays_acknowledged() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    harness.command("ack")
    harness.send(event("e2", at_seconds=5))
    assert (harness.alert().state, harness.alert().events) == (AlertState.ACKNOWLEDGED, 2)


def test_a_reopened_alert_counts_as_new_in_its_group() -> None:
    harness = Harness(site(), routing=routing(group_interval=timedelta(seconds=30)))
    harness.send(event("e1"))
    harness.command("resolve")
    harness.wait(60)
    harness.command("reopen")
    assert harness.alert().state is AlertState.OPEN
    assert [one.status for one in harness.delivered] == ["firing", "resolved", "firing"]
    assert harness.result(event("e2", at_seconds=70)) == ("grouped", None)
    assert (harness.alert().events, harness.alert().resolved_at) == (2, None)
    harness.wait(30)
    # Each is a notification of its own: the group's number did not begin again.
    ids = {one.request.notification_id for one in harness.delivered}
    assert len(ids) == len(harness.delivered) == 4


def test_a_reopened_alert_is_resolved_by_quiet_again() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    harness.command("resolve")
    harness.wait(60)
    harness.command("reopen")
    harness.wait(HALF_AN_HOUR - 1)
    assert harness.alert().state is AlertState.OPEN
    harness.wait(1)
    assert harness.alert().state is AlertState.RESOLVED


def test_an_alert_whose_situation_came_back_is_not_reopened_beside_the_new_one() -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    old = harness.alert().alert_id
    harness.command("resolve")
    harness.send(event("e2", at_seconds=5))
    made = harness.command("reopen", alert=old)
    assert activities(made) == ["refused"]
    states = {key: one.state for key, one in harness.alerts().items()}
    assert states.pop(old) is AlertState.RESOLVED
    assert list(states.values()) == [AlertState.OPEN]
