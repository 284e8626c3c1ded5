"""`kill -9` of a role at random points of a live run, and what must hold all the same.

Nothing is missing: what the channels took is, by id, what they take where nobody is killed. What
was in flight may come twice, with the same id.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import monotonic
from typing import Final

from infra.conformance.cases import Case, Problem
from infra.conformance.compare import Delivered
from infra.sandbox import Sandbox

__all__ = ["Killer", "missing", "silenced"]

SHARE: Final = 0.5
FIRST_S: Final = 0.12
"""How long a step takes, before any was seen; a machine with much to do takes ten times that."""
LONGEST_S: Final = 2.0
"""A step in which a role comes back says nothing of how long steps take."""


class Killer:
    """Kills a role at random points, and starts it again at once.

    It strikes within a step: while what follows from its first record goes through the roles.
    seed: equal ones choose the same steps, and the same point of each. struck: how often it has
    killed.
    """

    def __init__(self, box: Sandbox, role: str, seed: int) -> None:
        self._box = box
        self.role = role
        self._random = random.Random(seed)
        self._at: float | None = None
        self._steps: frozenset[int] = frozenset()
        self._begun: float | None = None
        self._usual = FIRST_S
        self.struck = 0

    def begin(self, case: Case) -> None:
        """Choose a step of every other case: a role needs some seconds to be back."""
        chosen = self._random.random() < SHARE
        step = self._random.choice(case.steps).number
        self._steps = frozenset({step} if chosen else ())
        self._at = self._begun = None

    def step(self, number: int) -> None:
        """A step begins."""
        now = monotonic()
        if self._begun is not None and now - self._begun < LONGEST_S:
            self._usual = 0.8 * self._usual + 0.2 * (now - self._begun)
        self._begun = now
        if number in self._steps and self._at is None:
            self._at = now + self._random.uniform(0.0, self._usual)

    @property
    def waits(self) -> bool:
        """Whether it is about to strike."""
        return self._at is not None

    def look(self) -> None:
        """Strike where it is time. Raises where a role has died by itself."""
        for name, child in self._box.children.items():
            if name != self.role:
                child.check()
        if self._at is not None and monotonic() >= self._at:
            self._at = None
            self.struck += 1
            self._box.children[self.role].kill()
            self._box.start(self.role)


def silenced(case: Case) -> Case:
    """The case without its lists of notifications: a crash may delay some into the next list."""
    return replace(case, steps=tuple(replace(step, notifications=None) for step in case.steps))


def missing(
    case: Case, expected: Iterable[Delivered], got: Sequence[Delivered], kills: int
) -> list[Problem]:
    """What is wrong with what the channels took. kills: how many there were in this case."""
    wanted = Counter((one.request.notification_id, one.channel) for one in expected)
    taken = Counter((one.request.notification_id, one.channel) for one in got)
    shown = {one.request.notification_id: one for one in (*got, *expected)}

    def problem(key: tuple[str, str], what: str) -> Problem:
        one = shown[key[0]]
        return Problem(
            file=case.file,
            case=case.name,
            message=f"{what}: {{receiver: {one.receiver}, channel: {key[1]}, status: {one.status}, "
            f"alerts: {one.alerts}, kind: {one.kind}}}",
            field="notifications",
        )

    return [
        *(problem(key, "missing") for key in wanted if key not in taken),
        *(problem(key, "nobody asked for it") for key in taken if key not in wanted),
        *(
            problem(key, f"came {count} times")
            for key, count in taken.items()
            if key in wanted and count > wanted[key] + kills
        ),
    ]
