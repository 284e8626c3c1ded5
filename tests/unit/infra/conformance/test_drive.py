"""A case that should fail fails, at the step that is wrong; and the pure machine's own ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.conformance.cases import Case
from infra.conformance.drive import PureMachine, run_case, run_pure
from infra.conformance.format import read_file

DOCUMENT: dict[str, Any] = {
    "sites": [
        {
            "site_id": "north",
            "timezone": "UTC",
            "cameras": [{"camera_id": "cam-1"}],
            "devices": [{"device_id": "nvr-1", "kind": "nvr"}],
            "zones": [{"zone_id": "yard", "camera_ids": ["cam-1"], "severity": "high"}],
        }
    ],
    "route": {"receiver": "soc", "group_wait": "0s"},
    "receivers": [{"name": "soc", "channels": [{"kind": "recording"}]}],
}
EVENT = {"event_type": "intrusion", "camera_id": "cam-1", "zone_id": "yard"}
PROBE = {"device_id": "nvr-1", "ok": False, "latency_ms": 20}


def at(seconds: int) -> str:
    return f"2026-03-02T10:00:{seconds:02}Z"


def case(tmp_path: Path, *steps: dict[str, Any], **more: Any) -> Case:
    body = {"name": "it", "site_document": DOCUMENT, "timeline": list(steps), **more}
    path = tmp_path / "cases.yaml"
    path.write_text(yaml.safe_dump([body]))
    (found,), problems = read_file(path)
    assert not problems
    return found


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"event": EVENT, "expect": {"result": "grouped"}}, "got {result: sent"),
        ({"event": EVENT, "expect": {"result": "sent", "reason": "late"}}, "reason: None"),
        ({"probe": PROBE, "expect": {"severity": "normal"}}, "severity: suspect"),
        ({"probe": PROBE, "expect": {"next_poll_sec": [61, 70]}}, "next_poll_sec: 60.0"),
        ({"probe": PROBE, "expect": {"consecutive_failures": 2}}, "consecutive_failures: 1"),
        ({"probe": PROBE, "expect": {"load_shed": True}}, "load_shed: False"),
        ({"probe": PROBE, "expect": {"breaker": "open"}}, "breaker: closed"),
        ({"notifications": []}, "status: firing"),
        ({"notifications": [{"receiver": "lead"}]}, "receiver: soc"),
        ({"notifications": [{"receiver": "soc", "alerts": 2}]}, "alerts: 1"),
        ({"notifications": [{"receiver": "soc", "status": "resolved"}]}, "status: firing"),
        ({"notifications": [{"receiver": "soc", "kind": "summary"}]}, "kind: alert"),
        ({"notifications": [{"receiver": "soc", "channel": "sms"}]}, "channel: recording"),
        ({"notifications": [{"receiver": "soc", "within": "1s"}]}, "at: 10:00:00"),
        ({"notifications": [{"receiver": "soc"}] * 2}, "got [{receiver: soc"),
        ({"command": {"kind": "ack", "alert": {"camera_id": "cam-9"}}}, "no alert matches"),
    ],
)
def test_what_is_not_as_expected_is_told_with_its_step(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    one = case(tmp_path, {"at": at(0), "event": EVENT}, {"at": at(9), **wrong})
    if "event" in wrong:
        one = case(tmp_path, {"at": at(0)}, {"at": at(9), **wrong})
    (problem,) = run_case(one, PureMachine()).problems
    assert problem.step == 1
    assert problem.at == one.steps[1].at
    assert said in problem.message
    assert "2026-03-02T10:00:09Z" in str(problem)


@pytest.mark.parametrize(
    ("alerts", "passes"),
    [
        ([], False),
        ([{"match": {"camera_id": "cam-1"}, "events": 1, "state": "open"}], True),
        ([{"match": {"camera_id": "cam-1"}, "events": 2}], False),
        ([{"match": {"camera_id": "cam-2"}, "events": 1}], False),
        # Each that is wanted is another one.
        ([{"match": {"camera_id": "cam-1"}, "events": 1}] * 2, False),
        ([{"match": {"type": "intrusion"}, "opened_at": "2026-03-02T11:00:00+01:00"}], True),
    ],
)
def test_the_alerts_at_the_end(tmp_path: Path, alerts: list[Any], passes: bool) -> None:
    one = case(tmp_path, {"at": at(0), "event": EVENT}, alerts=alerts)
    assert run_case(one, PureMachine()).passed is passes


def test_lists_of_notifications_follow_each_other(tmp_path: Path) -> None:
    one = case(
        tmp_path,
        {"at": at(0), "event": EVENT},
        {"at": at(1), "notifications": [{"receiver": "soc"}]},
        {"at": at(2), "notifications": []},
    )
    assert run_case(one, PureMachine()).passed


def test_commands_go_to_the_open_alert_and_reopen_to_the_resolved_one(tmp_path: Path) -> None:
    ack = {"kind": "ack", "alert": {"camera_id": "cam-1"}, "actor": "kim"}
    one = case(
        tmp_path,
        {"at": at(0), "event": EVENT},
        {"at": at(1), "command": {**ack, "kind": "resolve"}},
        {"at": at(2), "event": EVENT},
        {"at": at(3), "command": ack},
        alerts=[
            {"match": {}, "state": "resolved", "acknowledged_by": None},
            {"match": {}, "state": "acknowledged", "acknowledged_by": "kim"},
        ],
    )
    assert run_case(one, PureMachine()).passed
    again = case(
        tmp_path,
        {"at": at(0), "event": EVENT},
        {"at": at(1), "command": {**ack, "kind": "resolve"}},
        {"at": at(2), "command": {**ack, "kind": "reopen"}},
        alerts=[{"match": {}, "state": "open"}],
    )
    assert run_case(again, PureMachine()).passed


def test_a_changed_document_without_a_route_changes_no_route(tmp_path: Path) -> None:
    one = case(
        tmp_path,
        {"at": at(0), "apply": {"sites": DOCUMENT["sites"]}},
        {"at": at(1), "event": EVENT, "expect": {"result": "sent"}},
        {"at": at(2), "notifications": [{"receiver": "soc"}]},
    )
    assert run_case(one, PureMachine()).problems == ()


def test_cases_share_nothing(tmp_path: Path) -> None:
    one = case(
        tmp_path,
        {"at": at(0), "event": EVENT},
        {"at": at(1), "notifications": [{"receiver": "soc"}]},
        alerts=[{"match": {}, "events": 1}],
    )
    told: list[bool] = []
    outcomes = run_pure([one, one], lambda outcome: told.append(outcome.passed))
    assert [outcome.passed for outcome in outcomes] == [True, True] == told


def test_the_moments_between_steps_are_those_in_which_something_was_due(tmp_path: Path) -> None:
    one = case(
        tmp_path,
        {"at": at(0), "event": EVENT},
        {"at": "2026-03-02T10:10:00Z"},
        {"at": "2026-03-02T10:40:00Z"},
    )
    machine = PureMachine()
    run_case(one, machine)
    assert [len(moments) for moments in machine.busy] == [0, 0, 1]
    assert machine.still == [True, True, True]
    # Half an hour of quiet after the event.
    assert machine.busy[2][0].isoformat() == "2026-03-02T10:30:00+00:00"


def test_a_step_at_which_something_is_due_is_not_still(tmp_path: Path) -> None:
    one = case(
        tmp_path,
        {"at": at(0), "event": EVENT},
        # Half an hour after the event, to the second.
        {"at": "2026-03-02T10:30:00Z", "notifications": [{}, {"status": "resolved"}]},
        {"at": "2026-03-02T10:30:01Z"},
    )
    machine = PureMachine()
    assert run_case(one, machine).problems == ()
    assert machine.still == [True, False, True]
    assert machine.busy == [(), (), ()]
