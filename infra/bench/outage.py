"""`bench outage`: a recorder with 64 cameras dies and comes back, two hundred times.

In virtual time: the role's own poller with its schedule, timeouts and places at hosts, and the
chains of watch, decide and act. Only devices, the broker's delays and time are played.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from infra.bench.frame import Bar, Bench, Measured, Metric, Run, percentile

if TYPE_CHECKING:
    from infra.bench.outages.site import Outage

__all__ = ["BENCH", "results"]

RUNS: Final = 200

LEAST: Final = Metric(
    name="notifications_min",
    unit="1",
    what="firing notifications of an outage, the fewest of all runs",
    bar=Bar(limit=1.0, side="at least"),
)
MOST: Final = Metric(
    name="notifications_max",
    unit="1",
    what="firing notifications of an outage, the most of all runs",
    bar=Bar(limit=1.0, side="at most"),
)
DETECTED: Final = Metric(
    name="detect_s_p99",
    unit="s",
    what="from the first critical verdict on the recorder or a camera to the notification",
    bar=Bar(limit=20.0, side="at most"),
)
FEWEST_ENDS: Final = Metric(
    name="resolves_min",
    unit="1",
    what="resolved notifications after the return, the fewest of all runs",
    bar=Bar(limit=1.0, side="at least"),
)
MOST_ENDS: Final = Metric(
    name="resolves_max",
    unit="1",
    what="resolved notifications after the return, the most of all runs",
    bar=Bar(limit=1.0, side="at most"),
)


def results(runs: Sequence[tuple[int, float, Outage]]) -> list[Measured]:
    """The metrics of (seed, when the recorder died, what came of it)."""
    told = [len(one.firing) for _, _, one in runs]
    ends = [len(one.resolved) for _, _, one in runs]
    waits = [
        one.firing[0] - one.critical
        for _, _, one in runs
        if one.firing and one.critical is not None
    ]
    odd = [seed for seed, _, one in runs if (len(one.firing), len(one.resolved)) != (1, 1)]
    detail = {
        "runs": len(runs),
        "polls": sum(one.polls for _, _, one in runs),
        "devices_down_mean": round(sum(len(one.down) for _, _, one in runs) / len(runs), 1),
        "other_seeds": odd[:20],
    }
    since = [one.firing[0] - dies for _, dies, one in runs if one.firing]
    return [
        Measured(metric=LEAST, value=min(told), detail=detail),
        Measured(metric=MOST, value=max(told), detail=detail),
        Measured(
            metric=DETECTED,
            value=percentile(waits, 99) if waits else float("nan"),
            detail={
                "max_s": round(max(waits, default=0.0), 2),
                "since_death_s_p50": round(percentile(since, 50), 1) if since else None,
                "since_death_s_p99": round(percentile(since, 99), 1) if since else None,
            },
        ),
        Measured(metric=FEWEST_ENDS, value=min(ends), detail=detail),
        Measured(metric=MOST_ENDS, value=max(ends), detail=detail),
    ]


def measure(run: Run) -> Sequence[Measured]:
    """Let it die, again and again."""
    from infra.bench.outages.site import drawn, play

    runs: list[tuple[int, float, Outage]] = []
    for number in range(RUNS):
        seed = run.seed * 1_000_003 + number
        run.say(f"{number + 1} of {RUNS} outages")
        plan = drawn(seed)
        runs.append((seed, plan.dies, play(plan)))
    return results(runs)


BENCH: Final = Bench(
    name="outage",
    summary="a recorder with 64 cameras dies and comes back, 200 times in virtual time",
    metrics=(LEAST, MOST, DETECTED, FEWEST_ENDS, MOST_ENDS),
    measure=measure,
)
