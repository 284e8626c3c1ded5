"""What must hold where a role is killed: by id, nothing missing, nothing more but copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import cast

import pytest

from infra.conformance.cases import Case, Step, Wanted
from infra.conformance.compare import Delivered
from infra.conformance.kill import Killer, missing, silenced
from infra.sandbox import Sandbox
from schemas.document import Document
from schemas.notification import NotifyRequest, NotifyStatus

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)
CASE = Case(
    file="f",
    name="n",
    document=Document(),
    steps=(Step(number=0, at=T0, notifications=(Wanted(fields={"receiver": "soc"}),)),),
)


def delivered(name: str) -> Delivered:
    request = NotifyRequest(
        notification_id=name,
        site_id="north",
        receiver="soc",
        status=NotifyStatus.FIRING,
        group="g",
        flush=1,
        requested_at=T0,
        deadline=T0,
        alerts=(),
        total=1,
    )
    return Delivered(
        receiver="soc",
        channel="sms",
        status="firing",
        alerts=1,
        kind="alert",
        at=T0,
        request=request,
    )


@pytest.mark.parametrize(
    ("got", "kills", "said"),
    [
        (["a", "b"], 1, []),
        (["b", "a"], 1, []),
        (["a", "b", "b"], 1, []),
        (["a"], 1, ["missing"]),
        (["a", "b", "c"], 1, ["nobody asked for it"]),
        (["a", "b", "b", "b"], 1, ["came 3 times"]),
        (["a", "b", "b", "b"], 2, []),
        (["a", "b", "b"], 0, ["came 2 times"]),
    ],
)
def test_missing(got: Sequence[str], kills: int, said: list[str]) -> None:
    expected = [delivered("a"), delivered("b")]
    problems = missing(CASE, expected, [delivered(name) for name in got], kills)
    assert [one.message.partition(":")[0] for one in problems] == said


def test_lists_of_notifications_are_left_to_the_end() -> None:
    assert [step.notifications for step in silenced(CASE).steps] == [None]


@dataclass
class Process:
    """A role's process, as a killer sees it."""

    dead: bool = False
    kills: int = 0

    def check(self) -> None:
        if self.dead:
            raise RuntimeError("it ended")

    def kill(self) -> None:
        self.kills += 1


@dataclass
class Box:
    """Two roles; started: those that were started again."""

    children: dict[str, Process] = field(
        default_factory=lambda: {"decide": Process(), "act": Process()}
    )
    started: list[str] = field(default_factory=list)

    def start(self, role: str) -> None:
        self.started.append(role)


LONG = replace(CASE, steps=tuple(Step(number=n, at=T0 + timedelta(seconds=n)) for n in range(5)))


def steps_struck(seed: int, cases: int = 40) -> tuple[Box, list[tuple[int, int]]]:
    """What a killer does to so many cases: the case and the step of each of its blows."""
    box = Box()
    killer = Killer(cast(Sandbox, box), "act", seed)
    found: list[tuple[int, int]] = []
    for number in range(cases):
        killer.begin(LONG)
        for step in LONG.steps:
            killer.step(step.number)
            before = killer.struck
            # It strikes within what a step has usually taken, here nothing.
            begun = monotonic()
            while killer.waits and monotonic() - begun < 10:
                killer.look()
            found += [(number, step.number)] * (killer.struck - before)
    return box, found


def test_a_killer_strikes_once_in_some_of_the_cases_and_starts_again_what_it_killed() -> None:
    box, found = steps_struck(7)
    assert box.started == ["act"] * len(found)
    assert box.children["act"].kills == len(found)
    assert box.children["decide"].kills == 0
    cases = [number for number, _ in found]
    assert len(set(cases)) == len(cases)
    assert 10 <= len(cases) <= 30
    assert {step for _, step in found} == {0, 1, 2, 3, 4}


def test_a_seed_strikes_at_the_same_steps() -> None:
    assert steps_struck(7)[1] == steps_struck(7)[1] != steps_struck(8)[1]


def test_a_role_that_dies_by_itself_is_told_and_the_killed_one_is_not() -> None:
    box = Box()
    killer = Killer(cast(Sandbox, box), "act", 0)
    box.children["act"].dead = True
    killer.look()
    box.children["decide"].dead = True
    with pytest.raises(RuntimeError, match="it ended"):
        killer.look()
