"""`bench soak`: whether a worker's memory stays flat for an hour at half its top rate."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import islice
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.bench.slope import blocks, line_through
from infra.errors import WatchfloorError

if TYPE_CHECKING:
    from infra.bench.stream.contest import Contest
    from infra.bench.stream.job import Task
    from infra.embedded.process import Child

__all__ = ["BENCH", "Sample", "due_of", "lumps_of", "slope", "warm_up_of"]

PARTITIONS: Final = 4
TOP_LAPS: Final = 601
TOP_ROUNDS: Final = 3
SHARE: Final = 0.5
MINUTES: Final = 60.0
LOOK_S: Final = 2.0
BLOCK_S: Final = 30.0
BEAT_S: Final = 0.02
"""Records are sent in lots of that many seconds' worth."""
LIMIT_S: Final = 60.0
LUMP_EVERY_S: Final = 60.0
LUMP_S: Final = 10.0
"""While warming up, a minute's load begins with so many seconds' worth at once: the worker is
behind, as after a restart, and catches up at its top rate. Its buffers and the allocator's arenas
are at their largest then, and what is measured afterwards is growth, not the day on which the
machine was first slow. It stays below what a partition keeps."""
ENDLESS: Final = 10**9
KEEP: Final = {
    "retention.bytes": str(64 * 1024**2),
    "segment.bytes": str(16 * 1024**2),
    "retention.ms": "600000",
}
"""An hour's records would be 50 GB; a partition keeps so much of them."""

Sample = tuple[float, float]
"""Seconds since the load began, and MiB."""

RSS: Final = Metric(
    name="rss_slope_mib_per_h",
    unit="MiB/h",
    what="growth of a worker's resident memory at half its top rate, by least squares after "
    "warm-up",
    bar=Bar(limit=1.0, side="at most"),
)


def measure(run: Run) -> Sequence[Measured]:
    """Find the top rate, then send half of it for as long as is asked, and watch the memory.

    The warm-up has lumps besides (`due_of`).
    """
    from statistics import median

    from infra.bench.machine import machine
    from infra.bench.stream.bench import contest_of, fill
    from infra.bench.stream.contest import Entry

    minutes = run.minutes or MINUTES
    with contest_of(run, rivals=False) as contest:
        source = fill(run, contest, (TOP_LAPS,), PARTITIONS)[TOP_LAPS]
        entry = Entry(name="ours", stateful=True, laps=TOP_LAPS)
        tops = []
        for number in range(TOP_ROUNDS):
            run.say(f"the top rate, {number + 1} of {TOP_ROUNDS}")
            tops.append(contest.run(entry, source, PARTITIONS).rate)
        contest.field.drop([source, f"{source}.dlq"])
        rate = median(tops) * SHARE
        samples, facts = _soak(run, contest, rate, minutes * 60)
        run.say("putting things away")
    value, detail = slope(samples, warm_up_of(minutes * 60))
    return [
        Measured(
            metric=RSS,
            value=value,
            detail={
                **detail,
                **facts,
                "minutes": minutes,
                "top_records_per_s": round(median(tops)),
                "wanted_records_per_s": round(rate),
                "machine": machine(),
            },
        )
    ]


def due_of(at: float, rate: float, warm_up: float) -> int:
    """How many records are to have been sent, `at` seconds after the load began.

    rate: records a second. While it warms up there is a lump each `LUMP_EVERY_S`, the first at
    once, the last so early that it is worked off before the warm-up ends.
    """
    return int((at + lumps_of(at, warm_up) * LUMP_S) * rate)


def lumps_of(at: float, warm_up: float) -> int:
    """How many lumps were sent by then; none where a warm-up is too short to work one off."""
    last = warm_up - LUMP_EVERY_S
    return 0 if last < 0 else int(min(at, last) // LUMP_EVERY_S) + 1


def warm_up_of(seconds: float) -> float:
    """How much of the beginning does not count: a quarter, ten minutes at most.

    Caches, memtables and the allocator's arenas fill in it; what grows after it grows for ever.
    """
    return min(seconds / 4, 600.0)


def slope(samples: Sequence[Sample], warm_up: float) -> tuple[float, dict[str, Any]]:
    """MiB an hour, and what is to be told beside it.

    Raises WatchfloorError where too little was sampled after the warm-up.
    """
    late = [(at, mib) for at, mib in samples if at >= warm_up]
    means = blocks(late, BLOCK_S)
    if len(means) < 3:
        raise WatchfloorError("bench: too short: three blocks of half a minute after the warm-up")
    line = line_through([(at / 3600, mib) for at, mib in means])
    return line.slope, {
        "ci95_mib_per_h": [round(line.low, 2), round(line.high, 2)],
        "rss_first_mib": round(samples[0][1], 1),
        "rss_after_warm_up_mib": round(means[0][1], 1),
        "rss_last_mib": round(means[-1][1], 1),
        "rss_max_mib": round(max(mib for _, mib in samples), 1),
        "warm_up_s": round(warm_up),
        "blocks": len(means),
        "samples": len(samples),
    }


class _Load(threading.Thread):
    """Sends records at a rate until it is told to stop; what it could not send, it sends late."""

    def __init__(
        self, contest: Contest, source: str, rate: float, warm_up: float, seed: int
    ) -> None:
        super().__init__(daemon=True)
        self._field = contest.field
        self._source = source
        self._rate = rate
        self._warm_up = warm_up
        self._seed = seed
        self.sent = 0
        self.stop = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        """Send; an error is kept for whoever waits."""
        from infra.bench.stream.job import reports

        try:
            with self._field.producer(linger_ms=20) as producer:
                records = reports(ENDLESS, self._seed)
                began = monotonic()
                while not self.stop.wait(BEAT_S):
                    at = monotonic() - began
                    due = due_of(at, self._rate, self._warm_up) - self.sent
                    for key, value in islice(records, due):
                        _send(producer, self._source, key, value)
                    self.sent += max(due, 0)
                    producer.poll(0)
        except Exception as error:
            self.failure = error


def _send(producer: Any, source: str, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(source, value, key)
            return
        except BufferError:
            producer.poll(0.05)


def _soak(
    run: Run, contest: Contest, rate: float, seconds: float
) -> tuple[list[Sample], dict[str, Any]]:
    from infra.bench.recovery import wait_ready
    from infra.bench.stream.contest import Entry

    source = f"{contest.namespace}.bench.soak.v1"
    contest.field.make(source, PARTITIONS, KEEP)
    contest.field.make(f"{source}.dlq", 1)
    entry = Entry(name="ours", stateful=True, laps=0)
    task = contest.task(entry, source, PARTITIONS, KEEP)
    load = _Load(contest, source, rate, warm_up_of(seconds), run.seed)
    with contest.process("ours", task) as worker:
        wait_ready(task, worker, LIMIT_S)
        load.start()
        try:
            samples = _watch(run, load, worker, seconds)
        finally:
            load.stop.set()
            load.join(LIMIT_S)
        facts = _facts(contest, task, load, seconds)
    return samples, facts


def _watch(run: Run, load: _Load, worker: Child, seconds: float) -> list[Sample]:
    import psutil

    process = psutil.Process(worker.pid)
    began = monotonic()
    samples: list[Sample] = []
    while (at := monotonic() - began) < seconds:
        worker.check()
        if load.failure is not None:
            raise WatchfloorError(f"bench: the load: {load.failure}") from load.failure
        mib = process.memory_info().rss / 1024**2
        samples.append((at, mib))
        run.say(f"{at / 60:.0f} of {seconds / 60:.0f} min, {mib:.0f} MiB")
        sleep(LOOK_S)
    return samples


def _facts(contest: Contest, task: Task, load: _Load, seconds: float) -> dict[str, Any]:
    """Whether it kept up: what it had forwarded when the load ended."""
    from infra.bench.stream.job import EVERY

    expected = load.sent / EVERY
    behind = max(0.0, expected - contest.field.count(task.target)) * EVERY
    lumps = lumps_of(seconds, warm_up_of(seconds))
    rate = load.sent / (seconds + lumps * LUMP_S)
    return {
        "records_per_s": round(rate),
        "behind_s": round(behind / rate, 2) if rate else 0.0,
        "warm_up_lumps": lumps,
        "lump_records": round(rate * LUMP_S),
    }


BENCH: Final = Bench(
    name="soak",
    summary="a worker's memory over an hour at half its top rate (--minutes for another time)",
    metrics=(RSS,),
    measure=measure,
)
