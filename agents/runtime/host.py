"""Between Faust and a chain: chunks are run in slices, and committed in order.

A slice is run at once, and what has come together meanwhile is committed together: a single
record goes through without waiting, and a backlog shares its round trips. Between slices the
other topics have their turn, so that none waits behind another's backlog.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from agents.runtime.chain import Batch, ChainRunner
from agents.runtime.deadletter import dead_letter
from agents.runtime.emitter import RefusedError
from agents.runtime.journal import Journal
from agents.runtime.metrics import METRICS
from agents.runtime.record import Record
from agents.runtime.service import Emits

__all__ = ["LEAST_PENDING", "ChainHost", "most_pending"]

log = logging.getLogger("watchfloor.host")

LEAST_PENDING: Final = 4_000
MOST_PENDING: Final = 32_000
PENDING_S: Final = 0.1
"""Records run but not committed, before what is not urgent is made to wait: what takes about so
long to run, and at least and at most so many. The more a commit has, the less it costs each."""
SLICE_S: Final = 0.01
"""A slice takes about this long: for so long, the loop answers nobody else."""
FIRST_SLICE: Final = 64
LARGEST_SLICE: Final = 4_000

Done = Callable[[int, int], None]
"""Told the span of offsets, `start` to `end` exclusive, that is done."""


@dataclass
class _Open:
    """What was run of one partition and is not committed yet."""

    batch: Batch
    spans: list[tuple[Done, int, int]] = field(default_factory=list)
    records: int = 0
    since: float = field(default_factory=monotonic)


def most_pending(each_s: float) -> int:
    """How many records may be run and not committed, where each takes so many seconds to run."""
    if each_s <= 0:
        return LEAST_PENDING
    return max(LEAST_PENDING, min(MOST_PENDING, int(PENDING_S / each_s)))


class ChainHost:
    """Runs a chain on the records of the partitions that this worker owns.

    journal: makes state safe before it is written; None where the store has no changelog.
    alive: raises where this worker may no longer write anything.
    """

    def __init__(
        self,
        runner: ChainRunner,
        emitter: Emits,
        start: Callable[[Any], None] = lambda work: None,
        journal: Journal | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self.runner = runner
        self._emitter = emitter
        self._journal = journal
        self._start = start
        self._alive = alive
        self._open: dict[int, _Open] = {}
        self._committing: dict[int, tuple[_Open, asyncio.Task[None]]] = {}
        self._closed: set[int] = set()
        self._epoch: Counter[int] = Counter()
        self._pending = 0
        self._closing = False
        self._room = asyncio.Event()
        self._room.set()
        self._second = 0.0
        self._failure: asyncio.Future[None] | None = None

    async def take(
        self, records: Sequence[Record], start: int, done: Done, *, urgent: bool = False
    ) -> None:
        """Run a chunk of one topic's partition; outputs, state and offsets follow in that order.

        start: the offset from which on the chunk accounts for its partition. What is not run when
        the partition is lost, or the worker stops, is not told as done.
        """
        partition = records[0].partition
        epoch = self._epoch[partition]
        at = 0
        while at < len(records):
            if self._failure is not None and self._failure.done():
                self._failure.result()
            if self._closing or partition in self._closed or self._epoch[partition] != epoch:
                # Whoever owns the partition next begins with it.
                return
            upto = min(len(records), at + self._slice())
            end = records[upto].offset if upto < len(records) else records[-1].offset + 1
            self._run(partition, records[at:upto], (done, start, end))
            at, start = upto, end
            if urgent:
                continue
            await self._room.wait()
            if at < len(records):
                await asyncio.sleep(0)

    def _slice(self) -> int:
        """How many records are a slice, by what the last ones took."""
        if self._second <= 0:
            return FIRST_SLICE
        return max(1, min(LARGEST_SLICE, int(SLICE_S / self._second)))

    def _run(self, partition: int, records: Sequence[Record], span: tuple[Done, int, int]) -> None:
        chunk = self._open.get(partition)
        if chunk is None:
            below = self._committing.get(partition)
            state = None if below is None else below[0].batch.state
            # Over a chunk that is being committed, the store's own newest is an old one.
            if below is None and self._journal is not None:
                self._journal.prepare(partition)
            chunk = self._open[partition] = _Open(self.runner.batch(partition, state))
        begun = monotonic()
        try:
            self.runner.run_all(records, chunk.batch)
        except Exception as error:
            # No record's fault: Faust would skip it and go on with the next.
            self._fail(error)
            raise
        took = (monotonic() - begun) / len(records)
        self._second = took if self._second == 0 else 0.8 * self._second + 0.2 * took
        chunk.spans.append(span)
        chunk.records += len(records)
        self._pending += len(records)
        if self._pending >= most_pending(self._second):
            self._room.clear()
        self._kick(partition)

    def _kick(self, partition: int) -> None:
        if partition in self._committing or partition not in self._open:
            return
        chunk = self._open.pop(partition)
        task = asyncio.get_running_loop().create_task(self._commit(partition, chunk))
        self._committing[partition] = (chunk, task)
        task.add_done_callback(self._note_failure)

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            return
        error = task.exception()
        assert error is not None
        self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = asyncio.get_running_loop().create_future()
        if not self._failure.done():
            self._failure.set_exception(error)

    async def failed(self) -> None:
        """Raise the first error that no record is to blame for; else wait for ever."""
        if self._failure is None:
            self._failure = asyncio.get_running_loop().create_future()
        await self._failure

    async def _commit(self, partition: int, chunk: _Open) -> None:
        """Commit what was run of a partition, ticks and their timers as everything else.

        1. The changelog has the chunk whole, confirmed: what it says and what it changes.
        2. The outputs are confirmed by the broker, dead letters among them.
        3. The rows are confirmed by the broker: each table's changelog has them.
        4. The rows are written to the local store.
        5. The offsets are told as done; Faust commits them.
        6. Work beside the stream is started.

        A crash before 1 leaves nothing: the records are run again, and may be decided differently
        since a tick came in between. After 1 they are decided: whoever owns the partition next
        says what was to be said, writes what was to be written, and finds the ids of the records
        that come again.
        """
        self._alive()
        self.runner.finish(chunk.batch)
        rows = list(chunk.batch.state.rows())
        journal = self._journal
        if journal is None:
            await self._confirm(chunk.batch)  # 2
            for table, key, value in rows:
                self.runner.store.write(table, partition, key, value)  # 4
        else:
            plan = journal.chunk(partition, rows, (output for _, output in chunk.batch.outputs))
            intended = await journal.intend(partition, plan)  # 1
            self._alive()
            await self._confirm(chunk.batch)  # 2
            self._alive()
            reached = await journal.append(partition, plan)  # 3
            journal.write(partition, plan, {**intended, **reached})  # 4
        follower = self._open.get(partition)
        if follower is not None:
            follower.batch.state.rebase()
        for done, start, end in chunk.spans:  # 5
            done(start, end)
        self._done(partition, chunk)
        for work in chunk.batch.work:  # 6
            self._start(work)

    def _done(self, partition: int, chunk: _Open) -> None:
        for (stage, kind), count in (Counter(chunk.batch.handled) + chunk.batch.whole).items():
            METRICS.handled.labels(self.runner.chain.name, stage, kind).inc(count)
        for table, count in chunk.batch.expired.items():
            METRICS.expired.labels(table).inc(count)
        for table, age in chunk.batch.ages.items():
            METRICS.table_oldest_seconds.labels(table).set(age.total_seconds())
        METRICS.dead.labels(self.runner.chain.name).inc(chunk.batch.dead)
        METRICS.commit_seconds.labels(self.runner.chain.name).observe(monotonic() - chunk.since)
        self._committing.pop(partition, None)
        self._release(chunk.records)
        self._kick(partition)

    def _release(self, count: int) -> None:
        self._pending -= count
        if self._pending < most_pending(self._second):
            self._room.set()

    async def _confirm(self, batch: Batch) -> None:
        outputs = batch.outputs
        if not outputs:
            return
        try:
            await self._emitter.emit([output for _, output in outputs])
        except RefusedError as refusal:
            # Whoever caused a record that no broker takes is told so; the rest is confirmed.
            causes = {id(output): source for source, output in outputs}
            letters = [
                dead_letter(causes[id(output)], stage="emit", error=ValueError(reason))
                for output, reason in refusal.refused
            ]
            await self._emitter.emit(letters)

    async def drain(self) -> None:
        """Take no more, and return once what was taken is committed."""
        self._closing = True
        while self._committing:
            tasks = [task for _, task in self._committing.values()]
            await asyncio.wait(tasks)
            if any(not task.cancelled() and task.exception() for task in tasks):
                return

    async def settle(self, partitions: Iterable[int], timeout: float) -> None:
        """Take no more of these partitions, and finish what was run of them.

        What is not finished after `timeout` seconds is left to be abandoned.
        """
        parts = set(partitions)
        self._closed |= parts
        deadline = monotonic() + timeout
        while (left := deadline - monotonic()) > 0:
            tasks = [task for part, (_, task) in self._committing.items() if part in parts]
            if not tasks:
                return
            await asyncio.wait(tasks, timeout=left)
            if any(task.done() and (task.cancelled() or task.exception()) for task in tasks):
                return

    def abandon(self, partitions: Iterable[int]) -> None:
        """Partitions are lost: what is not committed will be another's to do, from its start."""
        if self._journal is not None:
            self._journal.forget()
        for partition in partitions:
            self._epoch[partition] += 1
            chunk = self._open.pop(partition, None)
            if chunk is not None:
                self._release(chunk.records)
            committing = self._committing.pop(partition, None)
            if committing is not None:
                committing[1].cancel()
                self._release(committing[0].records)

    def resume(self) -> None:
        """An assignment begins: partitions are taken again."""
        self._closed.clear()

    def oldest(self) -> float | None:
        """Seconds for which the oldest uncommitted record has waited, or None."""
        chunks = [*self._open.values(), *(chunk for chunk, _ in self._committing.values())]
        return max((monotonic() - chunk.since for chunk in chunks), default=None)
