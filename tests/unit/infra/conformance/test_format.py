"""Reading cases: what is wrong is told by file, case, step and field; the rest is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.conformance.cases import Case, Problem
from infra.conformance.format import read_file, read_folder
from infra.errors import WatchfloorError
from schemas.device import ProbeKind

DOCUMENT: dict[str, Any] = {
    "sites": [
        {
            "site_id": "north",
            "cameras": [{"camera_id": "cam-1"}],
            "zones": [{"zone_id": "yard", "camera_ids": ["cam-1"]}],
        }
    ],
    "route": {"receiver": "soc"},
    "receivers": [{"name": "soc", "channels": [{"kind": "recording"}]}],
}
AT = "2026-03-02T10:00:00Z"
EVENT = {"event_type": "intrusion", "camera_id": "cam-1", "zone_id": "yard"}


def read(tmp_path: Path, *steps: dict[str, Any], **more: Any) -> tuple[list[Case], list[Problem]]:
    """A file with one case of these steps."""
    case = {"name": "it", "site_document": DOCUMENT, "timeline": list(steps), **more}
    return written(tmp_path, [case])


def written(tmp_path: Path, body: Any) -> tuple[list[Case], list[Problem]]:
    path = tmp_path / "cases.yaml"
    path.write_text(body if isinstance(body, str) else yaml.safe_dump(body))
    return read_file(path)


def test_a_step_is_read_with_its_defaults(tmp_path: Path) -> None:
    (case,), problems = read(
        tmp_path,
        {"at": AT, "event": EVENT, "expect": {"result": "sent"}},
        {"at": AT, "probe": {"device_id": "nvr-1", "ok": False}},
        {"at": AT, "command": {"kind": "snooze", "alert": {"type": "x"}, "for": "30m"}},
        {"at": AT, "channel": {"receiver": "soc", "fails": True}},
        {"at": AT, "notifications": [{"receiver": "soc", "within": "1s"}]},
        {"at": "2026-03-02T12:00:00+01:00"},
    )
    assert not problems
    at = datetime(2026, 3, 2, 10, tzinfo=UTC)
    event, probe, command, channel, told, last = case.steps
    assert event.event is not None
    assert (event.event.site_id, event.event.occurred_at) == ("north", at)
    assert probe.probe is not None
    assert (probe.probe.kind, probe.probe.at, probe.probe.site_id) == (ProbeKind.TCP, at, "north")
    assert command.command is not None
    assert command.command.fields["duration_s"] == 1800
    assert channel.channel is not None
    assert (channel.channel.fails, channel.channel.times_out) == (True, None)
    assert told.notifications is not None
    assert told.notifications[0].within == timedelta(seconds=1)
    assert last.at == at + timedelta(hours=1)
    assert case.alerts is None


def test_an_event_s_id_is_a_hash_of_the_event(tmp_path: Path) -> None:
    (case,), _ = read(
        tmp_path,
        {"at": AT, "event": EVENT},
        {"at": AT, "event": EVENT},
        {"at": "2026-03-02T10:00:01Z", "event": EVENT},
        {"at": "2026-03-02T10:00:01Z", "event": {**EVENT, "timestamp_utc": AT}},
        {"at": "2026-03-02T10:00:01Z", "event": {**EVENT, "event_id": "e-1"}},
    )
    ids = [step.event.event_id for step in case.steps if step.event is not None]
    assert ids[0] == ids[1] == ids[3]
    assert ids[2] != ids[0]
    assert ids[4] == "e-1"


@pytest.mark.parametrize(
    ("step", "field", "said"),
    [
        ({"event": EVENT}, "at", "missing"),
        ({"at": "10:00", "event": EVENT}, "at", "no time"),
        ({"at": "2026-03-02T10:00:00", "event": EVENT}, "at", "timezone"),
        ({"at": AT, "evnt": EVENT}, "evnt", "known: "),
        ({"at": AT, "event": {**EVENT, "confidnce": 1}}, "event.confidnce", "is no field"),
        ({"at": AT, "event": {**EVENT, "confidence": 7}}, "event", "confidence"),
        ({"at": AT, "event": {"camera_id": "cam-1"}}, "event", "event_type"),
        ({"at": AT, "event": EVENT, "expect": {"result": "send"}}, "expect.result", "sent"),
        ({"at": AT, "event": EVENT, "expect": {"breaker": "open"}}, "expect.breaker", "no field"),
        ({"at": AT, "expect": {"result": "sent"}}, "expect", "needs an event"),
        ({"at": AT, "probe": {"ok": True}}, "probe", "device_id"),
        (
            {"at": AT, "probe": {"device_id": "a", "ok": True}, "expect": {"next_poll_sec": 60}},
            "expect.next_poll_sec",
            "least",
        ),
        ({"at": AT, "command": {"kind": "nod", "alert": {}}}, "command.kind", "ack"),
        ({"at": AT, "command": {"kind": "ack"}}, "command.alert", "missing"),
        (
            {"at": AT, "command": {"kind": "snooze", "alert": {}, "for": "soon"}},
            "command.for",
            "no duration",
        ),
        ({"at": AT, "channel": {"receiver": "soc"}}, "channel", "neither"),
        ({"at": AT, "channel": {"receiver": "soc", "fails": "yes"}}, "channel.fails", "true"),
        ({"at": AT, "notifications": {}}, "notifications", "no list"),
        (
            {"at": AT, "notifications": [{"status": "on"}]},
            "notifications[0].status",
            "firing",
        ),
        ({"at": AT, "apply": {"sites": [{"site_id": "a/b"}]}}, "apply", "site_id"),
    ],
)
def test_what_is_wrong_is_told_by_step_and_field(
    tmp_path: Path, step: dict[str, Any], field: str, said: str
) -> None:
    cases, problems = read(tmp_path, {"at": AT, "event": EVENT}, step)
    assert not cases
    (problem,) = problems
    assert (problem.file, problem.case, problem.step) == ("cases.yaml", "it", 1)
    assert problem.field == field
    assert said in problem.message


def test_time_does_not_go_back(tmp_path: Path) -> None:
    _, (problem,) = read(tmp_path, {"at": AT}, {"at": "2026-03-02T09:59:59Z"})
    assert (problem.step, problem.field) == (1, "at")


def test_a_channel_of_nobody_is_told(tmp_path: Path) -> None:
    _, (problem,) = read(tmp_path, {"at": AT, "channel": {"receiver": "sock", "fails": True}})
    assert problem.field == "channel.receiver"
    assert "soc" in problem.message


def test_the_alerts_at_the_end_have_fields_of_alerts(tmp_path: Path) -> None:
    (case,), _ = read(tmp_path, {"at": AT}, alerts=[{"match": {"type": "x"}, "events": 3}])
    assert case.alerts == (({"type": "x"}, {"events": 3}),)
    _, (problem,) = read(tmp_path, {"at": AT}, alerts=[{"match": {}, "event": 3}])
    assert problem.field == "alerts.event"


def test_other_cases_are_read_beside_one_that_is_wrong(tmp_path: Path) -> None:
    good = {"name": "good", "site_document": DOCUMENT, "timeline": [{"at": AT}]}
    bad = {"name": "bad", "site_document": {"route": 7}, "timeline": [{"at": AT}]}
    cases, problems = written(tmp_path, [bad, good, good])
    assert [case.name for case in cases] == ["good"]
    assert [(problem.case, problem.field) for problem in problems] == [
        ("bad", "site_document"),
        ("case 2", "name"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a: 1",
        "- [",
        "",
        "- 7",
        "- {name: [1]}",
        "a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"c{n}: [*b, *b]\n" for n in range(3)),
        "&a [*a]",
    ],
)
def test_what_is_no_list_of_cases_is_told(tmp_path: Path, text: str) -> None:
    cases, problems = written(tmp_path, text)
    assert not cases
    assert problems


def test_aliases_that_stand_for_billions_are_refused(tmp_path: Path) -> None:
    lines = ["- &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    cases, problems = written(tmp_path, "\n".join(lines))
    assert not cases
    assert problems


def test_times_of_day_stay_text(tmp_path: Path) -> None:
    text = yaml.safe_dump([{"name": "it", "site_document": DOCUMENT, "timeline": [{"at": AT}]}])
    text = text.replace(
        "zone_id: yard",
        "zone_id: yard\n        active_schedule:"
        " {windows: [{days: [mon], start: 18:00, end: 6:30}]}",
    ).replace("6:30", "06:30")
    (case,), problems = written(tmp_path, text)
    assert not problems
    (window,) = case.document.sites[0].zones[0].active_schedule.windows
    assert (window.start, window.end) == ("18:00", "06:30")


def test_a_folder_without_cases_is_said(tmp_path: Path) -> None:
    with pytest.raises(WatchfloorError, match="no such folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(WatchfloorError, match=r"no \*\.yaml"):
        read_folder(tmp_path)
