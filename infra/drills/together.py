"""Short drills side by side: most of a drill is waiting for what it broke to come back."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Final

from infra.drills.lane import Outcome, claimed_by, outcome_in
from infra.embedded.process import Child, child, tail

if TYPE_CHECKING:
    from infra.drills.frame import Drill, DrillRun

__all__ = ["LANES", "Together", "together"]

LANES: Final = 3
"""Two cores have room for so many: half of a drill is waiting."""
SHORT_LIVED: Final = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1"}
"""A broker that lives for minutes is not worth the second compiler, which took most of the CPU."""
POLL_S: Final = 0.1


class Together:
    """Drills that are under way, each in one of the lanes."""

    def __init__(self, folder: Path, lanes: Sequence[Child], names: Sequence[str]) -> None:
        self._folder = folder
        self._lanes = lanes
        self._names = tuple(names)

    def wait(self, name: str) -> Outcome:
        """A drill's outcome, once there is one. One whose lane ended before has failed."""
        while True:
            # Asked first: what a lane wrote before it ended is there.
            lost = self._lost(name)
            outcome = outcome_in(self._folder, name)
            if outcome is not None:
                return outcome
            if lost is not None:
                return Outcome(drill=name, failed=lost)
            sleep(POLL_S)

    def finished(self) -> Iterator[Outcome]:
        """Every outcome, as they come."""
        left = list(self._names)
        while left:
            for name in tuple(left):
                if self._lost(name) is not None or outcome_in(self._folder, name) is not None:
                    left.remove(name)
                    yield self.wait(name)
            sleep(POLL_S)

    def _lost(self, name: str) -> str | None:
        """Why nobody will ever finish a drill; None while somebody may."""
        owner = claimed_by(self._folder, name)
        for lane in self._lanes:
            if lane.process.poll() is None and owner in (None, lane.pid):
                return None
        ends = [tail(lane.log) for lane in self._lanes if owner in (None, lane.pid)]
        return "\n".join(["its lane ended before it did:", *ends])


@contextlib.contextmanager
def together(chosen: Sequence[Drill], run: DrillRun, lanes: int = LANES) -> Iterator[Together]:
    """Start the short forms of these drills, in so many lanes; whatever is left ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="watchfloor-lanes-"))
    # Servers of a special kind take longest to start, and are one lane's.
    ordered = sorted(chosen, key=lambda drill: drill.broker == "one")
    names = [drill.name for drill in ordered]
    keep = run.keep or run.settings.state_dir / "drills"
    try:
        with contextlib.ExitStack() as stack:
            started = [
                stack.enter_context(
                    child(
                        f"lane {number}",
                        "infra.drills.lane",
                        [
                            *names,
                            f"--folder={folder}",
                            f"--keep={keep.absolute()}",
                            f"--seed={run.seed}",
                        ],
                        log=folder / f"lane-{number}.log",
                        env={**run.settings.environment(), **SHORT_LIVED},
                    )
                )
                for number in range(min(lanes, len(names)))
            ]
            yield Together(folder, started, names)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
