"""The oracle must be able to fail: each loss and each duplicate that it is there to find."""

from __future__ import annotations

from typing import Any

import pytest

from infra.drills.oracle import Account, AlertView, Delivery, Fault, Picture, Verdict, judge

SENT = Verdict("sent", None, "a-1")
GROUPED = Verdict("grouped", None, "a-1")
FOLDED = Verdict("suppressed", "dedupe_window", "a-1", twin="e-1")
REJECTED = Verdict("rejected", "unknown_zone")
ALERT = AlertView(situation="north/yard", resolved=False, events=2, repeats=1, revision=3)


def clean(**changes: Any) -> Account:
    """Four events of one alert, all of them everywhere, with these changes."""
    verdicts = {"e-1": SENT, "e-2": GROUPED, "e-3": FOLDED, "e-4": REJECTED}
    fields: dict[str, Any] = {
        "taken": {"e-1": 10.0, "e-2": 11.0, "e-3": 12.0, "e-4": 13.0},
        "said": tuple(verdicts.items()),
        "alerts": {"a-1": ALERT},
        "raised": {"e-1": 10.5, "e-2": 11.5},
        "requested": frozenset({"n-1"}),
        "told": frozenset({"e-1", "e-2"}),
        "deliveries": {"n-1": Delivery(arrived=(10.6,), outcome=10.7, delivered=True)},
        "event_rows": frozenset(verdicts),
        "decision_rows": dict(verdicts),
        "alert_rows": {"a-1": ALERT},
        "notification_rows": frozenset({"n-1"}),
    }
    return Account(**{**fields, **changes})


def but(verdicts: dict[str, Verdict], **changes: Verdict | None) -> dict[str, Verdict]:
    """The verdicts with some changed, or taken away."""
    named = {name.replace("_", "-"): verdict for name, verdict in changes.items()}
    merged: dict[str, Verdict | None] = {**verdicts, **named}
    return {name: verdict for name, verdict in merged.items() if verdict is not None}


SAID = dict(clean().said)


def test_nothing_is_wrong() -> None:
    finding = judge(clean())
    assert (finding.taken, finding.out) == (4, 4)
    assert (finding.lost, finding.duplicates, finding.told_twice) == ({}, {}, 0)
    assert finding.complete


@pytest.mark.parametrize(
    ("changes", "kind", "name"),
    [
        # Taken, and never decided.
        ({"said": tuple(but(SAID, e_4=None).items())}, "no decision", "e-4"),
        # Redelivered after its state was safe and its outputs were not.
        (
            {
                "said": tuple(
                    but(SAID, e_3=Verdict("suppressed", "dedupe_window", "a-1", "e-3")).items()
                )
            },
            "folded into itself",
            "e-3",
        ),
        ({"alerts": {}, "alert_rows": {}}, "no alert", "a-1"),
        (
            {"alerts": {"a-1": AlertView("north/yard", False, 1, 1, 3)}},
            "alert counts too few",
            "a-1",
        ),
        (
            {"alerts": {"a-1": AlertView("north/yard", False, 2, 0, 3)}},
            "alert counts too few",
            "a-1",
        ),
        # It waited with its group, and the group went without it.
        ({"told": frozenset({"e-1"})}, "nobody was told", "e-2"),
        ({"deliveries": {}}, "no result of the notification", "n-1"),
        (
            {"deliveries": {"n-1": Delivery(arrived=(10.6,), outcome=10.7)}},
            "no result of the notification",
            "n-1",
        ),
        # A result that says delivered, and nobody got it.
        (
            {"deliveries": {"n-1": Delivery(outcome=10.7, delivered=True)}},
            "notification not received",
            "n-1",
        ),
        ({"event_rows": frozenset({"e-1", "e-2", "e-3"})}, "no row of the event", "e-4"),
        ({"decision_rows": but(SAID, e_2=None)}, "no row of the decision", "e-2"),
        ({"alert_rows": {}}, "no row of the alert, or an old one", "a-1"),
        (
            {"alert_rows": {"a-1": AlertView("north/yard", False, 1, 1, 2)}},
            "no row of the alert, or an old one",
            "a-1",
        ),
        ({"notification_rows": frozenset()}, "no row of the notification", "n-1"),
        ({"poison": frozenset({"p-1"})}, "no dead letter", "p-1"),
        (
            {"expected": frozenset({"doors at frame 7"})},
            "expected, and not seen",
            "doors at frame 7",
        ),
    ],
)
def test_a_loss_is_found(changes: dict[str, Any], kind: str, name: str) -> None:
    finding = judge(clean(**changes))
    assert finding.lost[kind] == (name,)
    assert not finding.complete


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"said": (*SAID.items(), ("e-2", SENT))}, "decided in two ways"),
        # Another alert for the same event: it was counted again.
        (
            {"said": (*SAID.items(), ("e-2", Verdict("grouped", None, "a-2")))},
            "decided in two ways",
        ),
        ({"said": (*SAID.items(), ("e-9", REJECTED))}, "decided and never sent"),
        (
            {"alerts": {"a-1": AlertView("north/yard", False, 3, 1, 3)}},
            "alert counts too many",
        ),
        (
            {"alerts": {"a-1": AlertView("north/yard", False, 2, 2, 3)}},
            "alert counts too many",
        ),
        (
            {"alerts": {"a-1": ALERT, "a-2": AlertView("north/yard", False, 0, 0, 1)}},
            "one situation, two alerts",
        ),
        (
            {"alert_rows": {"a-1": ALERT, "a-2": AlertView("north/yard", False, 0, 0, 1)}},
            "a row of no alert",
        ),
        (
            {"alert_rows": {"a-1": AlertView("north/yard", True, 2, 1, 3)}},
            "the alert's row is another",
        ),
        ({"seen": frozenset({"doors at frame 8"})}, "seen, and not expected"),
        ({"odds": ("e-1",)}, "answered in one way, decided in another"),
        ({"decision_rows": but(SAID, e_2=SENT)}, "the decision's row is another"),
        ({"poison": frozenset({"p-1"}), "letters": ("p-1", "p-1")}, "two dead letters"),
    ],
)
def test_a_duplicate_is_found(changes: dict[str, Any], kind: str) -> None:
    finding = judge(clean(**changes))
    assert list(finding.duplicates) == [kind] or kind in finding.duplicates
    assert finding.duplicates[kind]


def test_the_same_decision_again_is_none() -> None:
    assert judge(clean(said=(*SAID.items(), *SAID.items()))).duplicates == {}


def test_a_situation_that_came_back_has_another_alert() -> None:
    alerts = {
        "a-1": AlertView("north/yard", True, 2, 1, 3),
        "a-2": AlertView("north/yard", False, 1, 0, 1),
    }
    said = (*SAID.items(), ("e-5", Verdict("sent", None, "a-2")))
    finding = judge(
        clean(
            told=frozenset({"e-1", "e-2", "e-5"}),
            alerts=alerts,
            alert_rows=alerts,
            said=said,
            taken={**clean().taken, "e-5": 14.0},
            event_rows=frozenset(dict(said)),
            decision_rows=dict(said),
        )
    )
    assert (finding.lost, finding.duplicates) == ({}, {})


def test_what_nobody_confirmed_may_come_out_or_not() -> None:
    unsure = frozenset({"e-8", "e-9"})
    finding = judge(
        clean(
            unsure=unsure,
            said=(*SAID.items(), ("e-9", REJECTED)),
            decision_rows={**SAID, "e-9": REJECTED},
        )
    )
    assert (finding.lost, finding.duplicates) == ({}, {})
    assert (finding.taken, finding.out) == (4, 4)


@pytest.mark.parametrize(
    ("fault", "arrived", "outcome", "in_flight"),
    [
        (Fault("kill", 10.65, 10.66), 10.6, 10.7, True),  # told, and nobody knew
        (Fault("kill", 10.8, 10.9), 10.6, 10.7, False),  # its outcome was safe
        (Fault("kill", 10.5, 10.55), 10.6, 10.7, False),  # not begun
        (Fault("kill", 10.65, 10.66), 10.6, None, True),  # it never had an outcome
        (Fault("stop", 10.0, 20.0), 10.6, 10.7, False),  # begun and ended in between
        (
            Fault("away", 10.0, 20.0, throughout=True),
            10.6,
            10.7,
            True,
        ),  # nothing could be confirmed
        (Fault("stop", 10.0, 20.0), 19.0, 21.0, True),  # under way when it ended
    ],
)
def test_a_notification_told_twice_is_excused_where_it_was_in_flight(
    fault: Fault, arrived: float, outcome: float | None, in_flight: bool
) -> None:
    delivery = Delivery(arrived=(arrived, 30.0), outcome=outcome, delivered=True)
    finding = judge(clean(deliveries={"n-1": delivery}, faults=(fault,)))
    assert finding.told_twice == 1
    assert finding.in_flight == in_flight
    assert finding.excused == in_flight
    assert (finding.told_twice <= finding.twice_allowed) is in_flight


def test_one_that_was_in_flight_does_not_excuse_another() -> None:
    deliveries = {
        "n-1": Delivery(arrived=(10.0,), outcome=11.0, delivered=True),
        "n-2": Delivery(arrived=(20.0, 21.0), outcome=20.5, delivered=True),
    }
    finding = judge(clean(deliveries=deliveries, faults=(Fault("kill", 10.5, 10.5),)))
    assert (finding.told_twice, finding.in_flight, finding.excused) == (1, 1, 0)
    assert finding.told_twice > finding.twice_allowed


def test_first_alert_is_the_slowest_faults_and_sites() -> None:
    faults = (Fault("kill", 10.2, 10.3), Fault("kill", 10.9, 11.0))
    finding = judge(clean(raised={"e-1": 10.5, "e-2": 14.0}, faults=faults))
    # e-1 was taken before both of them.
    assert finding.first_alert_after_s == pytest.approx(14.0 - 10.2)
    raised = {"e-2": 11.5, "e-3": 17.0}
    one_site = judge(clean(raised=raised, faults=faults[:1]))
    assert one_site.first_alert_after_s == pytest.approx(11.5 - 10.2)
    two = judge(clean(raised=raised, faults=faults[:1], sites={"e-2": "north", "e-3": "south"}))
    assert two.first_alert_after_s == pytest.approx(17.0 - 10.2)
    assert judge(clean()).first_alert_after_s is None


def test_while_nothing_can_be_confirmed_nobody_waits_for_an_alert() -> None:
    away = (Fault("away", 10.5, 11.5, throughout=True),)
    finding = judge(clean(raised={"e-2": 11.2, "e-3": 12.5}, faults=away))
    assert finding.first_alert_after_s == pytest.approx(12.5 - 11.5)


@pytest.mark.parametrize(
    ("rows", "blobs", "kinds"),
    [
        ({"s-1"}, {"k": "aa"}, set()),
        (set(), {"k": "aa"}, {"no row of the picture"}),
        ({"s-1"}, {}, {"no blob of the picture"}),
        ({"s-1"}, {"k": "bb"}, {"no blob of the picture"}),  # half of it
    ],
)
def test_pictures(rows: set[str], blobs: dict[str, str], kinds: set[str]) -> None:
    pictures = {"k": Picture("s-1", "aa")}
    finding = judge(clean(pictures=pictures, picture_rows=frozenset(rows), blobs=blobs))
    assert set(finding.lost) == kinds
    assert finding.taken == 5
    assert finding.out == 4 + (blobs == {"k": "aa"})


@pytest.mark.parametrize(
    ("brief", "resolved", "lost"),
    [
        (True, True, False),  # it was over before it was time to tell
        (True, False, True),  # it still is, and nobody knows
        (False, True, True),  # nothing but a device's return is a reason not to tell
    ],
)
def test_what_was_over_before_it_was_time_to_tell(brief: bool, resolved: bool, lost: bool) -> None:
    alert = AlertView(situation="north/yard", resolved=resolved, events=2, repeats=1, revision=3)
    changes: dict[str, Any] = {
        "told": frozenset({"e-1"}),
        "alerts": {"a-1": alert},
        "alert_rows": {"a-1": alert},
        "brief": frozenset({"e-2"}) if brief else frozenset(),
    }
    finding = judge(clean(**changes))
    assert dict(finding.lost) == ({"nobody was told": ("e-2",)} if lost else {})
