"""`bench recovery`: how long a worker with an empty disk takes to have its tables again."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.errors import TimeLimitError, WatchfloorError

if TYPE_CHECKING:
    from infra.bench.stream.contest import Contest
    from infra.bench.stream.job import Task
    from infra.embedded.process import Child

__all__ = ["BENCH", "Recovered", "device_of", "recover", "rows", "wait_ready"]

PARTITIONS: Final = 4
KEYS: Final = 1_000_000
ROUNDS: Final = 3
MANY_ROUNDS: Final = 5
LIMIT_S: Final = 600.0
LOOK_S: Final = 0.02
KNOWN_AT_MS: Final = 1_750_000_000_000
SAMPLE: Final = 400
"""Devices that are asked for afterwards: half of them are in the state, and half are not."""

MILLION: Final = Metric(
    name="million_keys_s",
    unit="s",
    what="from the start of a worker's process with an empty disk until it is ready, with a "
    "million rows on its changelog",
    bar=Bar(limit=20.0, side="at most"),
)


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """One recovery. ready_s: from the process's start to ready. idle_s: the same with no row."""

    keys: int
    ready_s: float
    idle_s: float

    @property
    def rows_per_s(self) -> float:
        """Of what the rows themselves took."""
        return self.keys / max(self.ready_s - self.idle_s, 0.001)


def measure(run: Run) -> Sequence[Measured]:
    """Recover the same rows some times, each time with an empty disk."""
    from statistics import median

    from infra.bench.machine import machine
    from infra.bench.stream.bench import contest_of

    found: list[Recovered] = []
    rounds = MANY_ROUNDS if run.full else ROUNDS
    with contest_of(run, rivals=False) as contest:
        idle = recover(run, contest, 0, 0.0)
        for number in range(rounds):
            run.say(f"recovery {number + 1} of {rounds}")
            found.append(recover(run, contest, KEYS, idle.ready_s))
        run.say("putting things away")
    return [
        Measured(
            metric=MILLION,
            value=median(one.ready_s for one in found),
            detail={
                "each_s": [round(one.ready_s, 2) for one in found],
                "without_rows_s": round(idle.ready_s, 2),
                "rows_per_s": round(median(one.rows_per_s for one in found)),
                "partitions": PARTITIONS,
                "checked": f"{SAMPLE} devices, half of them in the state",
                "machine": machine(),
            },
        )
    ]


def device_of(number: int) -> bytes:
    """The device of a row."""
    return b"row-%09d" % number


def rows(count: int, partitions: int) -> Iterator[tuple[bytes, bytes, int]]:
    """Key, value and partition of each row, in the changelog's own form."""
    from agents.runtime.state import encode_row
    from infra.bench.stream.ours import LAST, Last

    value = encode_row(LAST, Last(KNOWN_AT_MS))
    before = LAST.row("").encode()
    for number in range(count):
        partition = number % partitions
        yield b"%d/%b%b" % (partition, before, device_of(number)), value, partition


def recover(run: Run, contest: Contest, keys: int, idle_s: float) -> Recovered:
    """Fill a changelog, start a worker, wait for it, and ask it what it knows.

    Raises WatchfloorError where it is not ready in time, or does not know what it should.
    """
    from infra.bench.stream.contest import Entry

    source = f"{contest.namespace}.bench.ask-{contest.runs}.v1"
    contest.field.make(source, PARTITIONS)
    task = contest.task(Entry(name="ours", stateful=True, laps=1), source, PARTITIONS)
    try:
        fill_changelog(run, contest, task, keys)
        began = monotonic()
        with contest.process("ours", task) as worker:
            wait_ready(task, worker, LIMIT_S)
            ready_s = monotonic() - began
            if keys:
                _ask(contest, task, keys, worker)
        return Recovered(keys=keys, ready_s=ready_s, idle_s=idle_s)
    finally:
        contest.clear(task)
        contest.field.drop([source])


def fill_changelog(run: Run, contest: Contest, task: Task, keys: int) -> None:
    """Make the role's changelogs, and write the table's rows as an owner would have."""
    from agents.runtime.app import changelog_name, changelog_names
    from agents.runtime.generations import HEADER
    from infra.bench.stream.ours import TABLE, role, settings_for
    from topics.admin import ensure_changelogs

    made, settings = role(task), settings_for(task)
    ensure_changelogs(settings, changelog_names(settings, made.name, made.chains), task.partitions)
    if keys:
        run.say(f"writing {keys} rows")
        name = f"{contest.namespace}.{changelog_name(made.name, TABLE)}"
        contest.field.fill(name, rows(keys, task.partitions), [(HEADER, b"1")])


def wait_ready(task: Task, worker: Child, timeout: float, instance: str = "one") -> None:
    """Wait until a role's process says that it is ready.

    Raises what its death raises, and TimeLimitError.
    """
    from infra.bench.stream.ours import settings_for

    settings = settings_for(task)
    note = settings.state_dir / "run" / settings.namespace / f"{instance}.json"
    deadline = monotonic() + timeout
    while not _is_ready(note):
        worker.check()
        if monotonic() > deadline:
            raise TimeLimitError(f"bench: the worker is not ready after {timeout:.0f} s")
        sleep(LOOK_S)


def _is_ready(note: Any) -> bool:
    try:
        port = int(json.loads(note.read_text(encoding="utf-8"))["port"])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as reply:
            return bool(reply.status == 200)
    except (OSError, ValueError, KeyError):
        return False


def _ask(contest: Contest, task: Task, keys: int, worker: Child) -> None:
    """Send reports of devices that are known, which end here, and of strangers, which do not."""
    step = max(1, keys // (SAMPLE // 2))
    known = range(0, keys, step)
    questions = [*known, *range(keys, keys + len(known))]
    contest.field.fill(task.source, (_report(n, task.partitions) for n in questions))
    deadline = monotonic() + LIMIT_S
    while contest.field.count(task.target) < len(known):
        worker.check()
        if monotonic() > deadline:
            raise TimeLimitError("bench: the recovered worker does no work")
        sleep(0.1)
    answered = {json.loads(one.value())["device"] for one in contest.field.records(task.target)}
    if answered != {device_of(n).decode() for n in questions if n >= keys}:
        raise WatchfloorError(
            f"bench: of {len(known)} devices with a row, some were taken for strangers"
        )


def _report(number: int, partitions: int) -> tuple[bytes, bytes, int]:
    body = b'{"device":"%b","kind":"motion","place":"north/yard-01","level":0.5,"lap":1,"at_ms":%d}'
    device = device_of(number)
    return device, body % (device, KNOWN_AT_MS + 1), number % partitions


BENCH: Final = Bench(
    name="recovery",
    summary="a million rows of state from the changelog, on an empty disk",
    metrics=(MILLION,),
    measure=measure,
)
