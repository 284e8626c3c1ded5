"""Commands that name many alerts, incidents, and notes from shift to shift."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.alert import Activity, AlertState
from tests.unit.agents.harness import Harness, at, event, messages, site
from tests.unit.agents.route.parts import told, tree
from topics.catalogue import ACTIVITY
from topics.record import OutRecord


def answers(made: list[OutRecord]) -> list[tuple[str, str, str]]:
    """Of each answer: the alert, its kind, its outcome."""
    entries: list[Activity] = messages(made, ACTIVITY)
    return [(one.alert_id, one.kind.value, str(one.outcome)) for one in entries]


def several(count: int = 3) -> tuple[Harness, list[str]]:
    """Alerts of one camera, of as many types; their ids in that order."""
    harness = Harness(site(), routing=tree("soc"))
    for number in range(count):
        harness.send(event(f"e{number}", at_seconds=number, event_type=f"type-{number}"))
    by_type = {one.event_type: key for key, one in harness.alerts().items()}
    return harness, [by_type[f"type-{number}"] for number in range(count)]


def state(harness: Harness, key: str) -> AlertState:
    return harness.alerts()[key].state


def test_one_command_for_many_has_an_outcome_for_each() -> None:
    harness, (one, two, three) = several()
    harness.command("ack", alert=two, actor="sam")
    harness.wait(120)
    made = harness.command("ack", alert="", alert_ids=(one, two, "ghost", three), command_id="bulk")
    assert answers(made) == [
        (one, "acknowledged", "applied"),
        (two, "refused", "refused"),
        ("ghost", "refused", "refused"),
        (three, "acknowledged", "applied"),
    ]
    entries: list[Activity] = messages(made, ACTIVITY)
    assert {one.command_id for one in entries} == {"bulk"}
    assert entries[1].detail == "ack: already acknowledged by sam at 10:00 UTC"
    assert len({one.activity_id for one in entries}) == 4


def test_it_may_name_one_twice_and_the_same_command_again_changes_nothing() -> None:
    harness, (one, two, _) = several()
    for _ in range(2):
        harness.command("comment", alert=one, alert_ids=(one, two, one), text="x", command_id="c")
    entries: list[Activity] = messages(harness.outputs, ACTIVITY)
    said = [entry.alert_id for entry in entries if entry.kind.value == "commented"]
    assert said == [one, two]


def test_a_command_that_names_nothing_is_answered() -> None:
    harness, _ = several(1)
    assert answers(harness.command("ack", alert="")) == [("", "refused", "refused")]


@pytest.mark.parametrize(
    ("kind", "more", "field", "expected"),
    [
        ("ack", {}, "state", AlertState.ACKNOWLEDGED),
        ("assign", {"to": "alex"}, "assigned_to", "alex"),
        ("snooze", {"duration_s": 60.0}, "quiet", "snoozed"),
        ("resolve", {"reason": "duplicate"}, "resolution", "duplicate"),
    ],
)
def test_what_is_said_of_the_leading_alert_is_said_of_its_incident(
    kind: str, more: dict[str, Any], field: str, expected: Any
) -> None:
    harness, (lead, two, other) = several()
    harness.command("merge", alert=lead, alert_ids=(two,))
    harness.command(kind, alert=lead, **more)
    found = {key: getattr(one, field) for key, one in harness.alerts().items()}
    assert (found[lead], found[two]) == (expected, expected)
    assert found[other] != expected


def test_what_is_said_of_another_of_an_incident_is_said_of_it_alone() -> None:
    harness, (lead, two, _) = several()
    harness.command("merge", alert=lead, alert_ids=(two,))
    harness.command("ack", alert=two)
    assert (state(harness, lead), state(harness, two)) == (
        AlertState.OPEN,
        AlertState.ACKNOWLEDGED,
    )
    # Two analysts at once: the one that was acknowledged before says by whom.
    made = harness.command("ack", alert=lead, actor="sam")
    assert answers(made) == [(lead, "acknowledged", "applied"), (two, "refused", "refused")]


def test_merge_and_split() -> None:
    harness, (lead, two, three) = several()
    made = harness.command("merge", alert=lead, alert_ids=(two, three, "ghost"))
    assert answers(made) == [
        (two, "merged", "applied"),
        (three, "merged", "applied"),
        ("ghost", "refused", "refused"),
        (lead, "merged", "applied"),
    ]
    assert {one.incident for one in harness.alerts().values()} == {lead}
    harness.command("split", alert=two)
    assert [harness.alerts()[key].incident for key in (lead, two, three)] == [lead, None, lead]
    harness.command("split", alert=lead)
    assert {one.incident for one in harness.alerts().values()} == {None}
    # And back again.
    harness.command("merge", alert=three, alert_ids=(lead,))
    assert harness.alerts()[lead].incident == three


def test_when_the_last_of_its_alerts_leaves_nothing_is_led() -> None:
    harness, (lead, two, _) = several()
    harness.command("merge", alert=lead, alert_ids=(two,))
    harness.command("split", alert=two)
    assert {one.incident for one in harness.alerts().values()} == {None}


@pytest.mark.parametrize(
    ("lead", "others", "reason"),
    [
        (2, (0,), "it leads an incident of its own"),
        (2, (1,), "it is part of the incident"),
        (1, (2,), "it is part of the incident"),
        (0, (), "needs `alert_ids`"),
        (2, (2,), "needs `alert_ids`"),
    ],
)
def test_what_cannot_be_merged(lead: int, others: tuple[int, ...], reason: str) -> None:
    harness, ids = several()
    harness.command("merge", alert=ids[0], alert_ids=(ids[1],))
    before = harness.alerts()
    made = harness.command("merge", alert=ids[lead], alert_ids=tuple(ids[n] for n in others))
    entries: list[Activity] = messages(made, ACTIVITY)
    assert any(reason in (one.detail or "") for one in entries)
    assert {str(one.outcome) for one in entries} == {"refused"}
    assert harness.alerts() == before


def test_an_incident_whose_leading_alert_is_forgotten_is_no_more() -> None:
    harness, (lead, two, _) = several()
    harness.command("merge", alert=lead, alert_ids=(two,))
    harness.command("resolve", alert=lead)
    harness.wait(86_400)
    harness.command("reopen", alert=two)
    harness.advance(at(30 * 86_400 + 60))
    assert lead not in harness.alerts()
    assert harness.alerts()[two].incident is None


def test_an_incident_changes_nothing_of_what_is_told() -> None:
    harness, (lead, two, _) = several()
    harness.command("merge", alert=lead, alert_ids=(two,))
    harness.send(event("again", at_seconds=10, event_type="type-1"))
    assert told(harness)[3:] == [(10.0, "soc", "firing", 1)]


def test_a_note_for_the_next_shift() -> None:
    harness, (one, _, _) = several()
    made = harness.command(
        "handover",
        alert="",
        alert_ids=(one, "ghost"),
        text="gate 2 is being painted",
        shift="night of 2 March",
    )
    assert answers(made) == [
        ("", "handed_over", "applied"),
        (one, "handed_over", "applied"),
        ("ghost", "refused", "refused"),
    ]
    entries: list[Activity] = messages(made, ACTIVITY)
    assert (entries[0].detail, entries[0].shift) == ("gate 2 is being painted", "night of 2 March")
    assert (entries[0].actor, entries[0].at) == ("kim", harness.now)
    assert answers(harness.command("handover", alert="")) == [("", "refused", "refused")]


def test_every_act_has_its_actor_and_its_time() -> None:
    harness, (one, two, _) = several()
    harness.wait(7)
    for kind, more in (
        ("ack", {}),
        ("assign", {"to": "alex"}),
        ("snooze", {"duration_s": 5.0}),
        ("comment", {"text": "x"}),
        ("escalate", {}),
        ("merge", {"alert_ids": (two,)}),
        ("split", {}),
        ("resolve", {"reason": "test"}),
        ("reopen", {}),
    ):
        for entry in messages(harness.command(kind, alert=one, actor="ana", **more), ACTIVITY):
            assert (entry.actor, entry.at) == ("ana", harness.now), kind
            assert str(entry.outcome) == "applied", kind
