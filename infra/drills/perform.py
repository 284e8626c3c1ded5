"""Running a drill: an arena, a fault, the oracle, figures."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from infra.bench.frame import Measured, Metric
from infra.drills import frame
from infra.drills.arena import Arena, arena
from infra.drills.oracle import Finding
from infra.drills.servers import Pool

if TYPE_CHECKING:
    from infra.drills.frame import Drill, DrillRun

__all__ = ["measured", "perform", "shared_pool"]

SHOWN: Final = 5
"""Ids in the details: enough to look for in the logs."""


@contextlib.contextmanager
def shared_pool(run: DrillRun) -> Iterator[Pool]:
    """Servers for several drills."""
    folder = Path(tempfile.mkdtemp(prefix="watchfloor-drills-"))
    try:
        with Pool(run.settings, folder) as pool:
            yield pool
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def perform(drill: Drill, run: DrillRun) -> Sequence[Measured]:
    """Run a drill; its metrics, whether or not their bars hold.

    Raises SkippedError where this machine lacks what it needs, and WatchfloorError where it could
    not be done. Either way, and where a bar fails, the processes' logs are kept.
    """
    lacking = drill.lacks()
    if lacking is not None:
        raise frame.SkippedError(f"drill: {drill.name}: {lacking}")
    folder = Path(tempfile.mkdtemp(prefix=f"watchfloor-drill-{drill.name}-"))
    begun = monotonic()
    try:
        with contextlib.ExitStack() as stack:
            pool = run.pool or stack.enter_context(shared_pool(run))
            servers = pool.get(drill.broker, lambda text: run.say(f"{drill.name}: {text}"))
            made = stack.enter_context(arena(drill, run, servers, folder))
            return _drive(made, begun)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _drive(made: Arena, begun: float) -> Sequence[Measured]:
    drill = made.drill
    try:
        if drill.rate:
            made.begin_load(drill.rate)
        drill.drive(made)
        finding = made.settle()
    except Exception:
        made.run.say(f"{drill.name}: logs are in {made.keep_logs()}")
        raise
    made.detail["seconds"] = round(monotonic() - begun, 1)
    figures = [*measured(drill, finding, _detail(made)), *made.figures]
    if not frame.held(figures):
        kept = made.keep_logs()
        made.run.say(f"{drill.name}: a bar fails; logs are in {kept}")
        figures = [replace(one, detail={**one.detail, "logs": str(kept)}) for one in figures]
    return figures


def _detail(made: Arena) -> dict[str, Any]:
    detail = dict(made.detail)
    detail["faults"] = len(made.faults)
    if unsure := made.load.unsure():
        detail["not_confirmed_to_their_sender"] = len(unsure)
    if made.deaths:
        detail["ended_by_themselves"] = dict(made.deaths)
    return detail


def measured(drill: Drill, finding: Finding, detail: dict[str, Any]) -> list[Measured]:
    """The oracle's finding as the drill's metrics."""
    first = finding.first_alert_after_s
    twice = frame.allowing(frame.TOLD_TWICE, finding.twice_allowed)
    values: dict[str, tuple[Metric, float, dict[str, Any]]] = {
        "in": (frame.IN, finding.taken, detail),
        "out": (frame.OUT, finding.out, {}),
        "lost": (frame.LOST, finding.missing, _kinds(finding.lost)),
        "sink_duplicates": (
            frame.DUPLICATES,
            _sum(finding.duplicates),
            _kinds(finding.duplicates),
        ),
        "notification_duplicates": (twice, finding.told_twice, {"in_flight": finding.in_flight}),
        "first_alert_after_s": (
            frame.FIRST_ALERT,
            float("nan") if first is None else first,
            {},
        ),
    }
    return [
        Measured(metric=metric, value=value, detail=said)
        for name, (metric, value, said) in values.items()
        if name in {one.name for one in drill.metrics}
        # No number is no figure: a drill in which nothing broke for the alerts has none.
        and value == value  # noqa: PLR0124
    ]


def _sum(kinds: Any) -> int:
    return sum(len(names) for names in kinds.values())


def _kinds(kinds: Any) -> dict[str, Any]:
    return {kind: f"{len(ids)}: {', '.join(ids[:SHOWN])}" for kind, ids in kinds.items()}
