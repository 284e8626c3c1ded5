"""Cases through all roles with a real broker: they come to what they come to purely."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from infra.conformance.cases import Case
from infra.conformance.drive import Outcome
from infra.conformance.format import read_folder
from infra.conformance.live import run_live
from infra.settings import Settings, load

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

CASES = read_folder(Path(__file__).parents[2] / "conformance")[0]

REPRESENTATIVE = (
    "the same event again gets its first decision again",
    "the second channel takes over when the first fails",
    "an overnight window belongs to the day",
    "events inside group_wait make one notification",
    "an unchanged group repeats after repeat_interval",
    "quiet for resolve_after resolves",
    "a silence mutes what it matches",
    "nobody acknowledged, so it escalates",
    "the site's rate limit holds notifications back",
    "recovery goes by suspect to normal",
    "all channels at once, each with its copy",
    "two sites, and a route that means one of them",
    "a silence that comes with a changed document",
    "acknowledged, assigned, resolved, reopened",
    "a backlog is one summary of its site",
    "a channel that does not answer is a timeout",
    "the return to normal resolves, and not before",
    "a recorder that its polls find down inhibits",
    "where no route is, nobody is told",
)
"""Each kind of step, and each way through the roles."""

KILLED = (
    "an event in an active zone is sent",
    "when every channel fails the event failed",
    "events inside group_wait make one notification",
    "nobody acknowledged, so it escalates",
)


def chosen(names: Sequence[str]) -> list[Case]:
    """The cases whose names begin so."""
    found = [case for case in CASES if case.name.startswith(tuple(names))]
    assert len(found) == len(names)
    return found


def on(kafka: str, postgres: str, tmp_path: Path) -> Settings:
    """Settings on the tests' servers."""
    base = load(env={"WATCHFLOOR_STATE": str(tmp_path / "state")})
    given = {"kafka_url": "test", "postgres_url": "test"}
    return replace(base, kafka_url=kafka, postgres_url=postgres, origins=given)


def told(outcomes: Sequence[Outcome]) -> list[str]:
    """What was not as expected."""
    return [f"{one.name}: {problem}" for one in outcomes for problem in one.problems]


@pytest.mark.timeout(280)
def test_all_roles_come_to_the_same(
    kafka_bootstrap: str, postgres_url: str, tmp_path: Path
) -> None:
    cases = chosen(REPRESENTATIVE)
    outcomes = run_live(on(kafka_bootstrap, postgres_url, tmp_path), cases)
    assert told(outcomes) == []
    assert {one.name for one in outcomes} == {case.name for case in cases}


@pytest.mark.timeout(280)
def test_a_case_that_should_fail_fails(
    kafka_bootstrap: str, postgres_url: str, tmp_path: Path
) -> None:
    (case,) = chosen(["an event in an active zone is sent"])
    # It is sent, to one receiver, about one alert.
    first, second = case.steps
    assert second.notifications is not None
    wrong = replace(
        case,
        steps=(replace(first, expect={"result": "grouped"}), replace(second, notifications=())),
        alerts=(),
    )
    (outcome,) = run_live(on(kafka_bootstrap, postgres_url, tmp_path), [wrong])
    assert [one.field for one in outcome.problems] == [
        "event",
        "notifications",
        "alerts at the end",
    ]


@pytest.mark.timeout(280)
@pytest.mark.parametrize("role", ["decide", "act"])
def test_a_role_that_is_killed_loses_no_notification(
    role: str, kafka_bootstrap: str, postgres_url: str, tmp_path: Path
) -> None:
    said: list[str] = []
    outcomes = run_live(
        on(kafka_bootstrap, postgres_url, tmp_path),
        chosen(KILLED),
        kill=role,
        seed=1,
        say=said.append,
    )
    assert told(outcomes) == []
    (kills,) = [int(found[1]) for text in said if (found := re.search(r"killed (\d+)", text))]
    assert kills > 0
