"""`bench stream`: who moves how many records a second through the same job, and how one hops."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from infra.bench.frame import Bar, Bench, Measured, Metric, Run, percentile

if TYPE_CHECKING:
    from infra.bench.stream.contest import Contest, Outcome

__all__ = ["BENCH", "contest_of", "ratio_of"]

PARTITIONS: Final = 4
"""As the product's topics have."""
LAPS: Final[Mapping[str, int]] = {"ours": 901, "bare": 901, "quix": 181, "each": 181, "faust": 25}
"""Of a thousand records each: a few seconds for everybody. The last lap is one that is forwarded,
so that the last record is among the outputs."""
ROUNDS: Final = 5
BUDGET_S: Final = 600.0
"""No round begins that would end after it, going by the longest: the rest of 12 min is for hops."""
HOPS: Final = 800
MANY_HOPS: Final = 4_000

OVER_QUIX: Final = Metric(
    name="stateless_over_quix",
    unit="1",
    what="records a second without state, ours over Quix Streams",
    bar=Bar(limit=3.0, side="at least"),
)
OVER_BARE: Final = Metric(
    name="stateless_over_bare",
    unit="1",
    what="records a second without state, ours over a bare confluent-kafka loop",
    bar=Bar(limit=0.5, side="at least"),
)
STATEFUL_OVER_QUIX: Final = Metric(
    name="stateful_over_quix",
    unit="1",
    what="records a second with state and its changelog, ours over Quix Streams",
    bar=Bar(limit=2.0, side="at least"),
)
HOP_P50: Final = Metric(
    name="hop_p50_ms",
    unit="ms",
    what="one record through the stateful stage at 20 a second, send to poll; median",
    bar=Bar(limit=5.0, side="at most"),
)
HOP_P99: Final = Metric(
    name="hop_p99_ms",
    unit="ms",
    what="the same; 99 of 100 are not slower",
    bar=Bar(limit=20.0, side="at most"),
)
RATIOS: Final = (
    (OVER_QUIX, "ours-stateless", "quix-stateless"),
    (OVER_BARE, "ours-stateless", "bare-stateless"),
    (STATEFUL_OVER_QUIX, "ours-stateful", "quix-stateful"),
)

Outcomes = dict[str, list["Outcome"]]


def measure(run: Run) -> Sequence[Measured]:
    """Let everybody run in turns against one broker, then send single records through ours."""
    from infra.bench.stream.hop import hops

    began = monotonic()
    with contest_of(run) as contest:
        outcomes = _rounds(run, contest, began)
        run.say("single records through the stateful stage")
        ways = hops(contest, PARTITIONS, MANY_HOPS if run.full else HOPS)
        measured = [*_ratios(outcomes), *_hop_metrics(ways.ms)]
        if run.full:
            from infra.bench.stream.growth import growth

            measured += growth(run, contest)
        run.say("putting things away")
    return measured


@contextmanager
def contest_of(run: Run, *, rivals: bool = True) -> Iterator[Contest]:
    """A broker of the bench's own, and everything that contestants need.

    rivals: with the packages of others.
    """
    from infra.bench.stream.contest import Contest
    from infra.bench.stream.field import Field
    from infra.bench.stream.rival import rival_python
    from infra.embedded.kafka import embedded_kafka
    from topics.catalogue import CONFIG

    folder = Path(tempfile.mkdtemp(prefix="watchfloor-bench-"))
    try:
        rival = rival_python(run.settings.cache_dir, run.say) if rivals else None
        run.say("starting Apache Kafka")
        with embedded_kafka(
            folder / "kafka", cache=run.settings.cache_dir, progress=run.count
        ) as bootstrap:
            contest = Contest(Field(bootstrap), folder, rival, "bench")
            # What every role follows; the bench configures nothing.
            contest.field.make(f"bench.{CONFIG.name}", 1, {"cleanup.policy": "compact"})
            yield contest
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rounds(run: Run, contest: Contest, began: float) -> Outcomes:
    from infra.bench.stream.contest import Entry, order

    sources = fill(run, contest, LAPS.values(), PARTITIONS)
    entries = [
        Entry(name=name, stateful=stateful, laps=laps)
        for stateful in (False, True)
        for name, laps in LAPS.items()
        if name != "bare" or not stateful
    ]
    # A broker that has just started is still being compiled, which takes half a core.
    run.say("the bare loop, to warm the broker up")
    warm = Entry(name="bare", stateful=False, laps=LAPS["quix"])
    contest.run(warm, sources[warm.laps], PARTITIONS)
    outcomes: Outcomes = {entry.label: [] for entry in entries}
    longest = 0.0
    for number in range(ROUNDS):
        begun = monotonic()
        if number and not run.full and begun - began + longest > BUDGET_S:
            break
        for entry in order(entries, number):
            run.say(f"round {number + 1} of {ROUNDS}: {entry.label}")
            outcomes[entry.label].append(
                contest.run(entry, sources[entry.laps], PARTITIONS, check=number == 0)
            )
        longest = max(longest, monotonic() - begun)
    return outcomes


def fill(run: Run, contest: Contest, laps: Any, partitions: int) -> dict[int, str]:
    """A source for each number of laps."""
    from infra.bench.stream.job import KEYS, reports

    sources: dict[int, str] = {}
    for number in sorted(set(laps)):
        name = sources[number] = f"{contest.namespace}.bench.in-{partitions}-{number}.v1"
        run.say(f"writing {number * KEYS} records")
        contest.field.make(name, partitions)
        contest.field.make(f"{name}.dlq", 1)
        contest.field.fill(name, reports(number, run.seed))
    return sources


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Median over median."""
    return median(ours) / median(theirs)


def _ratios(outcomes: Outcomes) -> list[Measured]:
    from infra.bench.machine import machine
    from infra.bench.stream.rival import LOCK
    from infra.packages import locked

    rates = {label: [one.rate for one in runs] for label, runs in outcomes.items()}
    common: dict[str, Any] = {
        "records_per_s": {label: round(median(each)) for label, each in rates.items()},
        "records_per_s_each": {
            label: [round(one) for one in each] for label, each in rates.items()
        },
        "records": {label: runs[0].records for label, runs in outcomes.items()},
        "repeated": {
            label: sum(one.repeated for one in runs)
            for label, runs in outcomes.items()
            if any(one.repeated for one in runs)
        },
        "rounds": len(next(iter(rates.values()))),
        "partitions": PARTITIONS,
        "quixstreams": locked(LOCK)["quixstreams"],
        "machine": machine(),
    }
    return [
        Measured(metric=metric, value=ratio_of(rates[ours], rates[theirs]), detail=common)
        for metric, ours, theirs in RATIOS
    ]


def _hop_metrics(ms: Sequence[float]) -> list[Measured]:
    detail = {
        "n": len(ms),
        "records_per_s": 20,
        "partitions": PARTITIONS,
        "p90_ms": round(percentile(ms, 90), 2),
        "max_ms": round(max(ms), 2),
    }
    return [
        Measured(metric=metric, value=percentile(ms, share), detail=detail)
        for metric, share in ((HOP_P50, 50), (HOP_P99, 99))
    ]


BENCH: Final = Bench(
    name="stream",
    summary="records a second against Quix Streams, Faust and a bare loop; one record's way",
    metrics=(OVER_QUIX, OVER_BARE, STATEFUL_OVER_QUIX, HOP_P50, HOP_P99),
    measure=measure,
)
