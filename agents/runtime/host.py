"""Between Faust and a chain: chunks are collected, and committed in order.

Faust hands an agent one event at a time. The host runs it at once and lets the flusher commit
whatever has come together meanwhile, so a single record goes through without waiting and a
backlog shares its round trips.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from agents.runtime.chain import Batch, ChainRunner
from agents.runtime.deadletter import dead_letter
from agents.runtime.emitter import RefusedError
from agents.runtime.journal import Journal, Row
from agents.runtime.metrics import METRICS
from agents.runtime.record import Record
from agents.runtime.service import Emits

__all__ = ["ChainHost"]

log = logging.getLogger("watchfloor.host")

MAX_PENDING: Final = 2_000
"""Records run but not committed, before the agent is made to wait."""


@dataclass
class _Open:
    """A chunk of one partition, being filled or being committed."""

    batch: Batch
    acks: list[Callable[[], None]] = field(default_factory=list)
    context: contextvars.Context | None = None
    since: float = 0.0


class ChainHost:
    """Runs a chain on the records of the partitions that this worker owns.

    journal: makes state safe before it is written; None where the store has no changelog.
    """

    def __init__(
        self,
        runner: ChainRunner,
        emitter: Emits,
        start: Callable[[Any], None] = lambda work: None,
        journal: Journal | None = None,
    ) -> None:
        self.runner = runner
        self._emitter = emitter
        self._journal = journal
        self._start = start
        self._open: dict[int, _Open] = {}
        self._committing: dict[int, tuple[_Open, asyncio.Task[None]]] = {}
        self._pending = 0
        self._closing = False
        self._room = asyncio.Event()
        self._room.set()
        self._failure: asyncio.Future[None] | None = None

    async def take(self, record: Record, ack: Callable[[], None]) -> None:
        """Run a record now; its outputs, state and offset follow in that order.

        Called in the context of the record's Faust event, which is what tells Faust's tables the
        partition; the context is kept for the writes.
        """
        if self._failure is not None and self._failure.done():
            self._failure.result()
        if self._closing:
            # It is not acked: whoever owns the partition next begins with it.
            return
        partition = record.partition
        chunk = self._open.get(partition)
        if chunk is None:
            below = self._committing.get(partition)
            state = None if below is None else below[0].batch.state
            # Over a chunk that is being committed, the store's own newest is an old one.
            if below is None and self._journal is not None:
                self._journal.prepare(partition)
            chunk = self._open[partition] = _Open(self.runner.batch(partition, state))
            chunk.since = monotonic()
        try:
            self.runner.run(record, chunk.batch)
        except Exception as error:
            # No record's fault: Faust would skip it and go on with the next.
            self._fail(error)
            raise
        chunk.acks.append(ack)
        chunk.context = contextvars.copy_context()
        self._pending += 1
        if self._pending >= MAX_PENDING:
            self._room.clear()
        self._kick(partition)
        await self._room.wait()

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
        """Commit a chunk.

        1. The outputs are confirmed by the broker, dead letters among them.
        2. The state is confirmed by the broker: the changelogs have it.
        3. The state is written to the local store.
        4. The offsets are acked; Faust commits them.
        5. Work beside the stream is started.

        A crash after 1 repeats outputs, which carry the same ids; a crash after 2 repeats records
        whose state knows them, on whichever worker.
        """
        await self._confirm(chunk.batch)  # 1
        assert chunk.context is not None
        rows = list(chunk.batch.state.rows())
        if self._journal is None:
            chunk.context.run(self._write, partition, rows)
        else:
            rows = chunk.context.run(self._journal.chunk, partition, rows)
            reached = await self._journal.append(partition, rows)  # 2
            chunk.context.run(self._journal.write, partition, rows, reached)  # 3
        follower = self._open.get(partition)
        if follower is not None:
            follower.batch.state.rebase()
        for ack in chunk.acks:  # 4
            ack()
        self._done(partition, chunk)
        for work in chunk.batch.work:  # 5
            self._start(work)

    def _done(self, partition: int, chunk: _Open) -> None:
        for (stage, kind), count in chunk.batch.handled.items():
            METRICS.handled.labels(self.runner.chain.name, stage, kind).inc(count)
        METRICS.dead.labels(self.runner.chain.name).inc(chunk.batch.dead)
        METRICS.commit_seconds.labels(self.runner.chain.name).observe(monotonic() - chunk.since)
        self._committing.pop(partition, None)
        self._release(len(chunk.acks))
        self._kick(partition)

    def _release(self, count: int) -> None:
        self._pending -= count
        if self._pending < MAX_PENDING:
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

    def _write(self, partition: int, rows: Iterable[Row]) -> None:
        for table, key, value in rows:
            self.runner.store.write(table, partition, key, value)

    async def drain(self) -> None:
        """Take no more, and return once what was taken is committed."""
        self._closing = True
        while self._committing:
            tasks = [task for _, task in self._committing.values()]
            await asyncio.wait(tasks)
            if any(not task.cancelled() and task.exception() for task in tasks):
                return

    def abandon(self, partitions: Iterable[int]) -> None:
        """Partitions are lost: what is not committed will be another's to do, from its start."""
        if self._journal is not None:
            self._journal.forget()
        for partition in partitions:
            chunk = self._open.pop(partition, None)
            if chunk is not None:
                self._release(len(chunk.acks))
            committing = self._committing.pop(partition, None)
            if committing is not None:
                committing[1].cancel()
                self._release(len(committing[0].acks))

    def oldest(self) -> float | None:
        """Seconds for which the oldest uncommitted record has waited, or None."""
        chunks = [*self._open.values(), *(chunk for chunk, _ in self._committing.values())]
        return max((monotonic() - chunk.since for chunk in chunks), default=None)
