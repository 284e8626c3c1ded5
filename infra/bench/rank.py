"""`bench rank`: of ten true incidents among 200 alerts, how many are in the top ten of the queue.

The real decide chain runs over a simulated month with analysts' feedback, and then over an hour in
which too much happens at once. What it ranks is compared with what a queue by severity alone, and
a queue by recency, would show first. An incident counts once, however many of its alerts are there.
Ties go to the smaller alert id in all three: ids are hashes, so that nobody is favoured.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Final

from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.bench.ranking.drive import Decide
from infra.bench.ranking.history import INCIDENTS, History, events, judged_after, reason, simulate
from infra.bench.ranking.noise import TRUE
from infra.bench.ranking.world import SITE, document
from schemas.alert import Alert, Command, CommandKind

__all__ = ["BENCH", "Counts", "queues", "ranked"]

TOP: Final = 10
SEEDS: Final = 3
MANY_SEEDS: Final = 20

OVER: Final = Metric(
    name="top10_over_best_baseline",
    unit="1",
    what="true incidents in the top ten of the queue, over the better of severity and recency",
    bar=Bar(limit=1.5, side="at least"),
)

Key = Callable[[Alert], tuple[Any, ...]]
ORDERS: Final[dict[str, Key]] = {
    "rank": lambda alert: (-alert.rank, alert.alert_id),
    "severity": lambda alert: (-alert.severity.rank, alert.alert_id),
    "recency": lambda alert: (-alert.last_event.timestamp(), alert.alert_id),
}


@dataclass(frozen=True)
class Counts:
    """A seed's result. alerts: in the queue. found: incidents in the top ten, by order."""

    seed: int
    alerts: int
    found: dict[str, int]


@dataclass
class _Truth:
    """Which alerts are whose: the simulator's own knowledge, which the chain never sees."""

    natures: dict[str, str]
    incidents: dict[str, str]


def ranked(history: History) -> tuple[list[Alert], dict[str, str]]:
    """The alerts of the last hour at its end, and whose those are that are an incident's."""
    decide = Decide(document(history.world), history.month[0].at)
    truth = _Truth({}, {})
    _month(decide, history, truth)
    before = set(decide.alerts)
    for event, train in events(history.last, f"hour {history.seed}"):
        for alert in decide.event(event):
            if train.incident is not None and alert.event_ids[-1] == event.event_id:
                truth.incidents[alert.alert_id] = train.incident
    queue = [alert for name, alert in decide.alerts.items() if name not in before]
    return queue, truth.incidents


def _month(decide: Decide, history: History, truth: _Truth) -> None:
    """The month, with what analysts said when they said it."""
    rng = Random(f"watchfloor analysts {history.seed}")
    waiting: list[tuple[datetime, str]] = []

    def say(until: datetime) -> None:
        while waiting and waiting[0][0] <= until:
            at, alert = heapq.heappop(waiting)
            said = reason(rng, truth.natures[alert])
            decide.command(
                Command(
                    command_id=f"said {alert}",
                    site_id=SITE,
                    alert_id=alert,
                    kind=CommandKind.RESOLVE,
                    actor="analyst",
                    at=at,
                    reason=said,
                )
            )

    for event, train in events(history.month, f"month {history.seed}"):
        say(event.occurred_at)
        for alert in decide.event(event):
            if alert.event_ids[-1] != event.event_id:
                continue
            if alert.alert_id not in truth.natures:
                truth.natures[alert.alert_id] = train.nature
                after = judged_after(rng)
                if after is not None:
                    heapq.heappush(waiting, (event.occurred_at + after, alert.alert_id))
            elif train.nature == TRUE:
                truth.natures[alert.alert_id] = TRUE
    say(history.hour)


def queues(alerts: Sequence[Alert], incidents: dict[str, str]) -> dict[str, int]:
    """How many incidents are in the top ten, by each order."""
    return {
        name: len(
            {
                incidents[alert.alert_id]
                for alert in sorted(alerts, key=key)[:TOP]
                if alert.alert_id in incidents
            }
        )
        for name, key in ORDERS.items()
    }


def measure(run: Run) -> Sequence[Measured]:
    """Rank the seeds' histories, and count."""
    seeds = run.seeds or tuple(range(run.seed, run.seed + (MANY_SEEDS if run.full else SEEDS)))
    counts = []
    for number, seed in enumerate(seeds, 1):
        run.say(f"seed {seed}, {number} of {len(seeds)}")
        alerts, incidents = ranked(simulate(seed))
        counts.append(Counts(seed, len(alerts), queues(alerts, incidents)))
    return [result(counts)]


def result(counts: Sequence[Counts]) -> Measured:
    """The metric over all seeds, with every seed's counts; NaN where no baseline finds any."""
    sums = {name: sum(one.found[name] for one in counts) for name in ORDERS}
    best = max(total for name, total in sums.items() if name != "rank")
    return Measured(
        metric=OVER,
        value=sums["rank"] / best if best else math.nan,
        detail={
            "n": len(counts),
            "incidents": INCIDENTS * len(counts),
            "sums": sums,
            "seeds": {str(one.seed): {"alerts": one.alerts, **one.found} for one in counts},
        },
    )


BENCH: Final = Bench(
    name="rank",
    summary="true incidents in the top ten, after a simulated month with feedback",
    metrics=(OVER,),
    measure=measure,
)
