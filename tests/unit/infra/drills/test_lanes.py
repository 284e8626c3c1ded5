"""Lanes share drills out, and whatever becomes of one is told."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infra.bench.frame import Measured
from infra.drills import lane
from infra.drills.arena import Arena
from infra.drills.frame import GAP, LOST, Drill, DrillRun
from infra.drills.lane import Outcome, attempt, claimed_by, outcome_in, takes
from infra.drills.servers import Kind, Pool
from infra.drills.together import Together
from infra.embedded.process import Child
from infra.settings import Settings

OTHER = 1
"""The pid of another lane."""


def never(_: Arena) -> None:
    raise AssertionError("it is not to be driven")


def named(name: str, broker: Kind = "one") -> Drill:
    return Drill(name=name, summary="", drive=never, broker=broker)


CHOSEN = (named("lost", "cluster"), named("moved", "cluster"), named("kill"), named("poison"))


def claim(folder: Path, what: str, pid: int) -> None:
    (folder / f"{what}.claim").symlink_to(str(pid))


@pytest.mark.parametrize(
    ("claimed", "mine"),
    [
        ((), ["lost", "moved", "kill", "poison"]),
        (("kill",), ["lost", "moved", "poison"]),
        (("kind-cluster", "lost"), ["kill", "poison"]),  # three brokers are started once
        (("kind-small",), ["lost", "moved", "kill", "poison"]),
    ],
)
def test_a_lane_takes_what_no_other_has(
    tmp_path: Path, claimed: tuple[str, ...], mine: list[str]
) -> None:
    for what in claimed:
        claim(tmp_path, what, OTHER)
    assert [drill.name for drill in takes(tmp_path, CHOSEN)] == mine
    assert {claimed_by(tmp_path, name) for name in mine} == {os.getpid()}
    assert list(takes(tmp_path, CHOSEN)) == []


def test_a_lane_looks_before_each_drill(tmp_path: Path) -> None:
    taking = takes(tmp_path, CHOSEN)
    assert next(taking).name == "lost"
    claim(tmp_path, "moved", OTHER)
    assert next(taking).name == "kill"


@pytest.mark.parametrize("value", [0.0, math.nan])
def test_an_outcome_is_read_as_it_was_written(tmp_path: Path, value: float) -> None:
    measured = (Measured(metric=LOST, value=2.0), Measured(metric=GAP, value=value))
    outcome = Outcome(drill="kill", measured=measured, said=("kill -9",), seconds=1.5)
    assert outcome_in(tmp_path, "kill") is None
    lane._write(tmp_path, outcome)
    read = outcome_in(tmp_path, "kill")
    assert read is not None
    assert (read.measured[0].holds, read.measured[1].holds) == (False, None)
    assert (read.said, read.seconds) == (outcome.said, outcome.seconds)
    for one, other in zip(read.measured, measured, strict=True):
        # NaN is no equal of itself.
        assert (one.metric, repr(one.value), dict(one.detail)) == (
            other.metric,
            repr(other.value),
            dict(other.detail),
        )


def test_what_could_not_be_done_is_told_and_its_servers_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = DrillRun(settings=Settings(state_dir=tmp_path))
    skipped = attempt(replace(named("kill"), lacks=lambda: "needs root"), run)
    assert (skipped.skipped, skipped.failed) == ("drill: kill: needs root", None)
    broken = tmp_path / "file"
    broken.touch()
    pool = Pool(run.settings, broken)  # no server starts below a file
    failed = attempt(named("kill"), replace(run, pool=pool))
    assert failed.failed is not None
    assert failed.said == ("kill: starting PostgreSQL",)
    assert pool._renewed == 1


@pytest.mark.parametrize("claimed", [True, False])
def test_a_lane_that_died_is_no_reason_to_wait(tmp_path: Path, claimed: bool) -> None:
    log = tmp_path / "lane.log"
    log.write_text("out of memory\n", encoding="utf-8")
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    begun = Together(tmp_path, [Child("lane 0", process, log)], ["kill", "poison"])
    if claimed:
        claim(tmp_path, "kill", process.pid)
    lane._write(tmp_path, Outcome(drill="poison"))
    outcome = begun.wait("kill")
    assert outcome.failed is not None
    assert "out of memory" in outcome.failed
    assert {one.drill for one in begun.finished()} == {"kill", "poison"}
    assert begun.wait("poison").failed is None
