"""One contestant's run: its process, from its first record to the last one that is confirmed."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from time import monotonic, sleep
from typing import Final

from infra.bench.stream.field import Field
from infra.bench.stream.job import EVERY, KEYS, Task, forwarded
from infra.embedded.process import Child, child
from infra.errors import WatchfloorError
from infra.layout import STEADY
from infra.setting_values import ROOT

__all__ = ["CONTESTANTS", "Contest", "Entry", "Outcome", "changelogs", "order"]

MODULES: Final = {
    "ours": "ours",
    "each": "ours",
    "bare": "bare",
    "quix": "quix",
    "faust": "plain_faust",
}
"""`each` is ours with a handler of single messages."""
CONTESTANTS: Final = tuple(MODULES)

LOOK_S: Final = 0.2
STALLED_S: Final = 90.0
"""So long without a record more: it has stopped, or waits for ever."""
FINISH_S: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Who runs in which form, and on how many laps of the thousand devices."""

    name: str
    stateful: bool
    laps: int

    @property
    def label(self) -> str:
        """`ours-stateless`."""
        return f"{self.name}-{'stateful' if self.stateful else 'stateless'}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run. seconds: from looking at the first record until the broker had appended the last
    output and the last row of the changelog. repeated: outputs more than there had to be.
    """

    records: int
    seconds: float
    repeated: int = 0

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


def order(entries: Sequence[Entry], number: int) -> list[Entry]:
    """Who runs after whom in a round: forwards and backwards in turn, each time one further on.

    So nobody always follows the same one, or always comes first on a machine that slows down.
    """
    turned = list(entries) if number % 2 == 0 else list(reversed(entries))
    shift = (number // 2) % len(turned) if turned else 0
    return [*turned[shift:], *turned[:shift]]


def changelogs(names: Sequence[str], group: str) -> list[str]:
    """The changelogs of a group's own tables, however its framework calls them.

    Our runtime's timers are left out: they go on with the clock when the job is long done.
    """
    return [
        name
        for name in names
        if f"{group}-" in name and "changelog" in name and "timers" not in name
    ]


class Contest:
    """Runs contestants against one broker. folder: for their state and logs. rival: the
    interpreter that has the packages of others, where they take part."""

    def __init__(self, field: Field, folder: Path, rival: Path | None, namespace: str) -> None:
        self.field = field
        self.folder = folder
        self.namespace = namespace
        self._rival = rival
        self.runs = 0

    def task(
        self, entry: Entry, source: str, partitions: int, keep: Mapping[str, str] | None = None
    ) -> Task:
        """A task of a new run, with its topics made. keep: settings of the target."""
        self.runs += 1
        run = f"{entry.label}-{self.runs}"
        folder = self.folder / run
        folder.mkdir(parents=True)
        task = Task(
            bootstrap=self.field.bootstrap,
            source=source,
            target=f"{self.namespace}.bench.{run}.v1",
            group=f"{self.namespace}.watchfloor-{run}",
            stateful=entry.stateful,
            count=entry.laps * KEYS,
            partitions=partitions,
            note=folder / "first",
            folder=folder,
            each=entry.name == "each",
        )
        self.field.make(task.target, partitions, keep)
        if MODULES[entry.name] == "ours":
            self.field.make(f"{self.namespace}.ticks.{run}.v1", partitions)
        return task

    @contextmanager
    def process(
        self, name: str, task: Task, env: Mapping[str, str] | None = None, instance: str = "one"
    ) -> Iterator[Child]:
        """A contestant's process; it is asked to end at the end of the block."""
        with child(
            instance,
            f"infra.bench.stream.{MODULES[name]}",
            [task.to_json()],
            log=task.folder / f"{instance}.log",
            env={
                "PYTHONPATH": str(ROOT),
                "WATCHFLOOR_INSTANCE": instance,
                "WATCHFLOOR_HEALTH_PORT": "0",
                # Whatever the caller's own worker is told, this one is as it comes.
                "WATCHFLOOR_TIME": "",
                "WATCHFLOOR_STANDBYS": "0",
                "WATCHFLOOR_STATIC_MEMBER": "0",
                **(STEADY if MODULES[name] == "ours" else {}),
                **(env or {}),
            },
            python=self._rival if name == "quix" else None,
        ) as started:
            yield started

    def run(
        self, entry: Entry, source: str, partitions: int, *, workers: int = 1, check: bool = False
    ) -> Outcome:
        """Have a contestant do the whole of a source.

        workers: processes that share it. check: also that each output is the right one, once.
        Raises WatchfloorError where it dies, stops, or skips work.
        """
        task = self.task(entry, source, partitions)
        expected = forwarded(entry.laps)
        try:
            with self._workers(entry.name, task, workers) as processes:
                self.await_outputs(entry.label, task, processes, expected)
                if entry.name == "quix":
                    for process in processes:
                        with suppress(subprocess.TimeoutExpired):
                            process.process.wait(FINISH_S)
            logs = changelogs(self.field.names(), task.group)
            self._inspect(entry, task, logs, expected, thoroughly=check)
            ended = self.field.last_append_ms([task.target, *logs])
            return Outcome(
                records=task.count,
                seconds=(ended - task.began_ms()) / 1000,
                repeated=self.field.count(task.target) - expected,
            )
        finally:
            self.clear(task)

    def clear(self, task: Task) -> None:
        """Remove a run's topics, and the state that it kept."""
        run = task.group.rpartition("watchfloor-")[2]
        names = (name for name in self.field.names() if f"{run}." in name or f"{run}-" in name)
        self.field.drop(names)
        rmtree(task.folder, ignore_errors=True)

    @contextmanager
    def _workers(self, name: str, task: Task, workers: int) -> Iterator[list[Child]]:
        from contextlib import ExitStack

        with ExitStack() as stack:
            yield [
                stack.enter_context(self.process(name, task, instance=f"worker-{number}"))
                for number in range(workers)
            ]

    def await_outputs(
        self, label: str, task: Task, processes: Sequence[Child], expected: int
    ) -> None:
        """Wait until the target has so many records. Raises WatchfloorError where it stops."""
        seen, moved, stamped = 0, monotonic(), False
        while seen < expected:
            sleep(LOOK_S)
            for process in processes:
                # Quix Streams ends by itself when it is done.
                if process.process.poll() != 0:
                    process.check()
            now, count = monotonic(), self.field.count(task.target)
            if count and not stamped:
                self.field.stamp_appends(changelogs(self.field.names(), task.group))
                stamped = True
            if count > seen:
                seen, moved = count, now
            elif now - moved > STALLED_S:
                raise WatchfloorError(
                    f"bench: {label}: {seen} of {expected} outputs, then none for {STALLED_S:.0f} s"
                )

    def _inspect(
        self, entry: Entry, task: Task, logs: Sequence[str], expected: int, *, thoroughly: bool
    ) -> None:
        """Raise WatchfloorError where work was skipped."""
        rows = sum(self.field.count(name) for name in logs)
        if entry.stateful and rows < KEYS:
            raise WatchfloorError(f"bench: {entry.label}: {rows} rows on its changelog")
        if not thoroughly:
            return
        outputs = Counter(
            (told["device"], told["lap"])
            for told in (json.loads(one.value()) for one in self.field.records(task.target))
        )
        wrong = [lap for _, lap in outputs if lap % EVERY]
        if wrong or len(outputs) != expected:
            raise WatchfloorError(
                f"bench: {entry.label}: {len(outputs)} of {expected} reports were forwarded, "
                f"{len(wrong)} that should not be"
            )
