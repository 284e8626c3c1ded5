"""What `bench stream --full` adds: more partitions and workers, more state, longer recoveries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

from infra.bench.frame import Measured, Metric

if TYPE_CHECKING:
    from infra.bench.frame import Run
    from infra.bench.stream.contest import Contest

__all__ = ["growth", "questions"]

SIZES: Final = (1, 2, 4, 8)
KEYS: Final = (10_000, 100_000, 1_000_000, 10_000_000)
LAPS: Final = 301
RECORDS: Final = 300_000
STEP: Final = 7_919
"""A prime: walking in such steps visits every key before it comes back to one."""
LIMIT_S: Final = 1_800.0


def growth(run: Run, contest: Contest) -> list[Measured]:
    """Records a second by size, and seconds to recover. None of them has a bar."""
    return [*_by_workers(run, contest), *_by_keys(run, contest)]


def _by_workers(run: Run, contest: Contest) -> Iterator[Measured]:
    from infra.bench.stream.bench import fill
    from infra.bench.stream.contest import Entry

    for size in SIZES:
        source = fill(run, contest, (LAPS,), size)[LAPS]
        for stateful in (False, True):
            entry = Entry(name="ours", stateful=stateful, laps=LAPS)
            form = "stateful" if stateful else "stateless"
            for workers in sorted({1, size}):
                run.say(f"{size} partitions, {workers} workers, {form}")
                outcome = contest.run(entry, source, size, workers=workers)
                yield Measured(
                    metric=Metric(
                        name=f"{form}_{size}_partitions_{workers}_workers_per_s",
                        unit="1/s",
                        what=f"records a second, {form}, {size} partitions, {workers} workers",
                    ),
                    value=outcome.rate,
                    detail={"records": outcome.records, "seconds": round(outcome.seconds, 2)},
                )
        contest.field.drop([source, f"{source}.dlq"])


def _by_keys(run: Run, contest: Contest) -> Iterator[Measured]:
    for keys in KEYS:
        run.say(f"{keys} keys of state")
        ready_s, rate = _with_state(run, contest, keys)
        yield Measured(
            metric=Metric(
                name=f"recovery_{keys}_keys_s",
                unit="s",
                what=f"a worker's start to ready on an empty disk, {keys} rows on its changelog",
            ),
            value=ready_s,
            detail={"rows_per_s": round(keys / ready_s)},
        )
        yield Measured(
            metric=Metric(
                name=f"stateful_{keys}_keys_per_s",
                unit="1/s",
                what=f"records a second with {keys} rows of state, each record another one's",
            ),
            value=rate,
            detail={"records": RECORDS},
        )


def questions(keys: int, count: int, partitions: int) -> Iterator[tuple[bytes, bytes, int]]:
    """Records of known devices all over the state; of each three, the first is forwarded."""
    from infra.bench.recovery import KNOWN_AT_MS, device_of
    from infra.bench.stream.job import EVERY, WINDOW_MS

    body = (
        b'{"device":"%b","kind":"motion","place":"north/yard-01","level":0.5,"lap":%d,"at_ms":%d}'
    )
    for number in range(count):
        row = number * STEP % keys
        device = device_of(row)
        late = number % EVERY == 0
        at = KNOWN_AT_MS + (number + 1) * WINDOW_MS if late else 0
        yield device, body % (device, number, at), row % partitions


def _with_state(run: Run, contest: Contest, keys: int) -> tuple[float, float]:
    """Seconds to recover, then records a second on that state."""
    from infra.bench.recovery import PARTITIONS, fill_changelog, wait_ready
    from infra.bench.stream.contest import Entry, changelogs
    from infra.bench.stream.job import EVERY

    source = f"{contest.namespace}.bench.state-{keys}.v1"
    contest.field.make(source, PARTITIONS)
    task = contest.task(Entry(name="ours", stateful=True, laps=1), source, PARTITIONS)
    try:
        fill_changelog(run, contest, task, keys)
        contest.field.fill(source, questions(keys, RECORDS, PARTITIONS))
        began = monotonic()
        with contest.process("ours", task) as worker:
            wait_ready(task, worker, LIMIT_S)
            ready_s = monotonic() - began
            contest.await_outputs("ours-stateful", task, [worker], -(-RECORDS // EVERY))
        logs: Sequence[str] = changelogs(contest.field.names(), task.group)
        ended = contest.field.last_append_ms([task.target, *logs])
        return ready_s, RECORDS / ((ended - task.began_ms()) / 1000)
    finally:
        contest.clear(task)
        contest.field.drop([source])
