"""Steps of a procedure: who did which, once, and taken back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from agents.route.procedure import DEVICES, MOST_DONE, ProcedureError, steps_of, taken, zone_of
from agents.runtime.configuration import SiteConfig
from schemas.alert import Activity, StepDone
from schemas.document import SiteWatch, Zone
from schemas.ids import step_id
from tests.unit.agents.harness import Harness, event, messages, site
from tests.unit.agents.route.parts import tree
from topics.catalogue import ACTIVITY
from topics.record import OutRecord

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
LOOK, CALL = "Look at both cameras.", "Call the guard."
ONE, TWO = step_id("north", "yard", LOOK), step_id("north", "yard", CALL)
GATE = step_id("north", "gate", "Shut it.")


def open_alerts() -> tuple[Harness, str, str]:
    """One in the yard, which has a procedure, and one at the gate, which has another."""
    base = site(procedure=(LOOK, CALL))
    gate = Zone(zone_id="gate", camera_ids=("cam-1",), procedure=("Shut it.",))
    harness = Harness(replace(base, zones=(*base.zones, gate)), routing=tree("soc"))
    harness.send(event("e0"))
    harness.send(event("e1", at_seconds=1, zone_id="gate"))
    by_zone = {one.zone_id: key for key, one in harness.alerts().items()}
    return harness, by_zone["yard"], by_zone["gate"]


def said(made: list[OutRecord]) -> list[tuple[str, str, str | None]]:
    """Of each entry: its kind, its outcome, its detail."""
    entries: list[Activity] = messages(made, ACTIVITY)
    return [(one.kind.value, str(one.outcome), one.detail) for one in entries]


def done(harness: Harness, key: str) -> list[tuple[str, str]]:
    return [(one.step_id, one.by) for one in harness.alerts()[key].procedure]


def test_a_step_is_done_by_somebody_at_a_time_and_taken_back() -> None:
    harness, yard, _ = open_alerts()
    harness.wait(60)
    before = harness.alerts()[yard].revision
    made = harness.command("step", alert=yard, step=TWO, actor="ana")
    assert said(made) == [("step_done", "applied", CALL)]
    after = harness.alerts()[yard]
    assert after.procedure == (StepDone(step_id=TWO, by="ana", at=harness.now),)
    assert after.revision == before + 1
    harness.command("step", alert=yard, step=ONE, actor="sam")
    assert done(harness, yard) == [(TWO, "ana"), (ONE, "sam")]
    made = harness.command("step", alert=yard, step=TWO, done=False, actor="sam")
    assert said(made) == [("step_undone", "applied", CALL)]
    assert done(harness, yard) == [(ONE, "sam")]


def test_the_second_who_does_it_is_told_who_was_first() -> None:
    harness, yard, _ = open_alerts()
    harness.command("step", alert=yard, step=ONE, actor="ana")
    before = harness.alerts()
    made = harness.command("step", alert=yard, step=ONE, actor="sam")
    assert said(made) == [("refused", "refused", "step: already done by ana at 10:00 UTC")]
    assert harness.alerts() == before


def test_the_same_command_again_changes_nothing() -> None:
    harness, yard, _ = open_alerts()
    for _ in range(2):
        harness.command("step", alert=yard, step=ONE, command_id="c")
    entries: list[Activity] = messages(harness.outputs, ACTIVITY)
    assert [one.kind.value for one in entries].count("step_done") == 1
    # Nor where it was taken back in between.
    harness.command("step", alert=yard, step=ONE, done=False)
    assert harness.command("step", alert=yard, step=ONE, command_id="c") == []
    assert done(harness, yard) == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, "needs `step`, the id of one"),
        ({"step": "nothing"}, "its procedure has no such step, or not any more"),
        ({"step": GATE}, "its procedure has no such step, or not any more"),  # another zone's
        ({"step": ONE, "done": False}, "that step is not done"),
    ],
)
def test_what_is_refused(more: dict[str, object], why: str) -> None:
    harness, yard, _ = open_alerts()
    before = harness.alerts()
    made = harness.command("step", alert=yard, **more)
    assert said(made) == [("refused", "refused", f"step: {why}")]
    assert harness.alerts() == before


def test_nothing_is_done_at_an_alert_that_is_over_and_what_was_stays() -> None:
    harness, yard, _ = open_alerts()
    harness.command("step", alert=yard, step=ONE)
    harness.command("resolve", alert=yard, actor="ana")
    made = harness.command("step", alert=yard, step=TWO)
    assert said(made) == [("refused", "refused", "step: already resolved by ana at 10:00 UTC")]
    harness.command("reopen", alert=yard)
    harness.command("step", alert=yard, step=TWO)
    assert [step for step, _ in done(harness, yard)] == [ONE, TWO]


def test_who_leads_an_incident_has_the_procedures_of_all_of_it() -> None:
    harness, yard, gate = open_alerts()
    harness.command("merge", alert=yard, alert_ids=(gate,))
    made = harness.command("step", alert=yard, step=GATE)
    assert said(made) == [("step_done", "applied", "Shut it.")]
    # It was done there, and nowhere else.
    assert (done(harness, yard), done(harness, gate)) == ([(GATE, "kim")], [])
    harness.command("split", alert=gate)
    assert said(harness.command("step", alert=gate, step=GATE)) == [
        ("step_done", "applied", "Shut it.")
    ]


def test_a_changed_document_leaves_what_was_done() -> None:
    harness, yard, _ = open_alerts()
    harness.command("step", alert=yard, step=TWO)
    harness.configure(site(procedure=("Another one first.", CALL)))
    assert done(harness, yard) == [(TWO, "kim")]
    made = harness.command("step", alert=yard, step=TWO, actor="sam")
    assert said(made)[0][0] == "refused"
    # What is no step any more can be taken back, and not be done again.
    harness.configure(site())
    made = harness.command("step", alert=yard, step=TWO, done=False)
    assert said(made) == [("step_undone", "applied", None)]
    assert said(harness.command("step", alert=yard, step=TWO))[0][0] == "refused"


def test_no_alert_grows_without_end() -> None:
    alert = Harness(site(), routing=tree("soc"))
    alert.send(event("e0"))
    full = tuple(StepDone(step_id=str(number), by="kim", at=AT) for number in range(MOST_DONE))
    before = replace(alert.alert(), procedure=full)
    with pytest.raises(ProcedureError, match="100 steps of it are done already"):
        taken(before, ("one more",), "one more", done=True, by="kim", now=AT)
    assert len(taken(before, (), "7", done=False, by="kim", now=AT)) == MOST_DONE - 1


@pytest.mark.parametrize(
    ("zone", "device", "whose"),
    [
        ("yard", None, "yard"),
        ("yard", "nvr-1", "yard"),
        (None, "nvr-1", DEVICES),
        (None, None, None),  # of a camera without a zone
    ],
)
def test_whose_procedure_it_is(zone: str | None, device: str | None, whose: str | None) -> None:
    assert zone_of(zone, device) == whose


def test_steps_of_zones_and_of_devices() -> None:
    both = replace(site(procedure=(LOOK,)), watch=SiteWatch(procedure=("Call the site.",)))
    config = SiteConfig(both, 1)
    assert [(one.step_id, one.text) for one in steps_of(config, "yard")] == [(ONE, LOOK)]
    assert [one.text for one in steps_of(config, DEVICES)] == ["Call the site."]
    assert steps_of(config, "gone") == steps_of(config, None) == steps_of(None, "yard") == ()
