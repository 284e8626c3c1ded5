"""Drills as a person and a program meet them; and what they send."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from agents.runtime.record import Record
from infra.bench.frame import Measured
from infra.cli.main import main
from infra.drills import frame, perform
from infra.drills.arena import Arena
from infra.drills.events import document, event_record, events, poison
from infra.drills.frame import Drill, DrillRun, SkippedError, drills, find, line
from infra.drills.lane import Outcome
from infra.drills.oracle import Finding
from infra.errors import ExitCode, WatchfloorError
from schemas.base import SchemaError
from schemas.event import SecurityEvent
from topics.catalogue import EVENTS
from topics.partitioner import partition_for

FINDING = Finding(
    taken=5,
    out=4,
    lost={"no decision": ("e-1",)},
    duplicates={},
    told_twice=1,
    in_flight=2,
    excused=1,
    first_alert_after_s=None,
)


def never(_: Arena) -> None:
    raise AssertionError("it is not to be driven")


DRILL = Drill(name="none", summary="does nothing", drive=never)


def test_every_drill_of_the_issue_is_there() -> None:
    assert {
        "kill-roles",
        "kill-watch",
        "zombie",
        "broker-restart",
        "broker-kill",
        "disk-full",
        "leader-moved",
        "broker-lost",
        "postgres-away",
        "blobs-away",
        "slow-sink",
        "clock-jump",
        "poison",
        "elastic",
        "state-deleted",
        "memory-limited",
    } <= set(drills())


def test_unknown_drill_names_those_there_are() -> None:
    with pytest.raises(WatchfloorError) as raised:
        find("earthquake")
    assert "'earthquake'" in raised.value.message
    assert all(name in (raised.value.hint or "") for name in drills())
    assert raised.value.exit_code == ExitCode.USAGE


def test_figures_and_their_bars() -> None:
    figures = perform.measured(DRILL, FINDING, {"faults": 1})
    held = {one.metric.name: (one.value, one.holds) for one in figures}
    assert held == {
        "in": (5, None),
        "out": (4, None),
        "lost": (1, False),
        "sink_duplicates": (0, True),
        "notification_duplicates": (1, True),  # it was in flight
    }
    assert not frame.held(figures)
    assert frame.held(perform.measured(DRILL, replace(FINDING, lost={}), {}))


def test_told_twice_without_having_been_in_flight_fails() -> None:
    figures = perform.measured(DRILL, replace(FINDING, lost={}, excused=0), {})
    assert not frame.held(figures)


def test_line_names_the_drill() -> None:
    lost = perform.measured(DRILL, FINDING, {})[2]
    assert json.loads(json.dumps(line("none", lost))) == {
        "drill": "none",
        "metric": "lost",
        "value": 1,
        "unit": "1",
        "bar": 0,
        "holds": False,
        "detail": {"no decision": "1: e-1"},
    }


def test_what_the_machine_lacks_skips_it(tmp_path: Path) -> None:
    from infra.settings import Settings

    lacking = replace(DRILL, lacks=lambda: "needs a moon")
    with pytest.raises(SkippedError, match="needs a moon"):
        perform.perform(lacking, DrillRun(settings=Settings(state_dir=tmp_path)))


@pytest.mark.parametrize(
    ("finding", "status"),
    [(FINDING, ExitCode.FAILED), (replace(FINDING, lost={}), ExitCode.OK)],
)
def test_command_prints_a_line_a_metric_and_says_by_its_status_what_holds(
    finding: Finding,
    status: ExitCode,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs: list[tuple[str, bool, int]] = []

    def performed(drill: Drill, run: DrillRun) -> Sequence[Measured]:
        runs.append((drill.name, run.full, run.seed))
        run.say("breaking things")
        return perform.measured(drill, finding, {})

    monkeypatch.setattr("infra.drills.perform.perform", performed)
    assert main(["drill", "zombie", "--json", "--full", "--seed", "7"]) == status
    captured = capsys.readouterr()
    rows = [json.loads(text) for text in captured.out.splitlines()]
    assert {row["drill"] for row in rows} == {"zombie"}
    assert [row["metric"] for row in rows][:3] == ["in", "out", "lost"]
    assert runs == [("zombie", True, 7)]
    assert "breaking things" in captured.err


@pytest.mark.parametrize("form", ["--short", "--full"])
def test_command_does_all_whatever_becomes_of_one(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = Measured(metric=frame.LOST, value=0)
    becomes = {
        "zombie": Outcome(drill="zombie", measured=(figure,)),
        "disk-full": Outcome(drill="disk-full", skipped="needs root"),
        "poison": Outcome(drill="poison", failed="the broker does not answer"),
    }

    class Begun:
        def finished(self) -> Iterator[Outcome]:
            yield from (becomes.get(name, Outcome(drill=name)) for name in drills())

    # The short ones side by side, the long ones one after the other.
    monkeypatch.setattr(
        "infra.drills.together.together", lambda chosen, run: contextlib.nullcontext(Begun())
    )
    monkeypatch.setattr(
        "infra.drills.lane.attempt",
        lambda drill, run: becomes.get(drill.name, Outcome(drill=drill.name)),
    )
    assert main(["drill", "all", form, "--json"]) == 1
    rows = {row["drill"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["zombie"]["holds"] is True
    assert rows["disk-full"]["skipped"] == "needs root"
    assert rows["poison"]["failed"] == "the broker does not answer"
    del becomes["poison"]
    assert main(["drill", "all", form]) == 0  # what cannot be done here is no failure
    assert "disk-full: skipped: needs root" in capsys.readouterr().out


def test_command_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drill", "list", "--json"]) == ExitCode.OK
    assert {row["drill"] for row in json.loads(capsys.readouterr().out)} == set(drills())


def test_command_without_a_drill_of_that_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drill", "earthquake"]) == ExitCode.USAGE
    assert "earthquake" in capsys.readouterr().err


def test_events_are_the_seeds() -> None:
    first = list(islice(events(1), 400))
    assert first == list(islice(events(1), 400))
    assert first != list(islice(events(2), 400))
    assert len({one.event_id for one in first}) == 400
    known = {
        (site.site_id, camera, zone.zone_id)
        for site in document("http://127.0.0.1:1/").sites
        for zone in site.zones
        for camera in zone.camera_ids
    }
    assert {(one.site_id, one.camera_id, one.zone_id) for one in first} <= known
    assert {one.zone_id for one in first} == {"yard", "gate"}
    parts = {partition_for(one.site_id.encode(), EVENTS.partitions) for one in first}
    assert parts == set(range(EVENTS.partitions))


@pytest.mark.parametrize("number", range(6))
def test_poison_cannot_be_read_and_good_events_can(number: int) -> None:
    good = next(events(1))

    def read(record: object) -> SecurityEvent:
        made = Record(EVENTS, 0, 0, 0, b"k", record.value, dict(record.headers))  # type: ignore[attr-defined]
        assert made.time is not None
        message: SecurityEvent = made.message()
        return message

    assert read(event_record(good)) == good
    spoilt = poison(number, good)
    assert dict(spoilt.record.headers)["ce_id"] == spoilt.name.encode()
    with pytest.raises(SchemaError):
        read(spoilt.record)
