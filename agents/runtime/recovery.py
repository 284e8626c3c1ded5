"""Tables brought up to date from their changelogs, a whole chunk at a time.

What upstream's `faust.tables.recovery` does in 0.15.3, and this does not:
- it resumes the flow by emptying the queue of changelog events, and a standby misses for ever
  what was in it (issue 212);
- it waits for the last offset of a changelog, which compaction may have taken (issue 176): here
  the owner's fence is the last record, and it is there;
- an event of a partition that is neither active nor standby falls through its warning and goes
  into the table of the event before (`_slurp_changelogs`, the branch that says "unknown topic");
- whatever goes wrong with an event is logged, and the event is left out; so a disk that is full
  makes a table with holes. Here it ends the worker, with a message;
- a look-up that takes longer than its limit is taken for the service's stop, and the worker waits
  for ever (`_wait`); and the end of recovery is missed where it comes before somebody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, cast

from faust.tables.manager import TableManager
from faust.tables.recovery import RebalanceAgain, Recovery, ServiceStopped
from faust.types import TP
from mode import Service
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from agents.runtime.chunks import Chunk
from agents.runtime.generations import epoch
from agents.runtime.metrics import METRICS
from agents.runtime.store import RowStore

__all__ = ["ChunkRecovery", "ChunkTableManager", "Progress", "RecoveryError"]

log = logging.getLogger("watchfloor.recovery")

IDLE_S: Final = 0.25
TELL_EVERY_S: Final = 1.0
SLOW_S: Final = 30.0
"""With nothing read for so long, recovery says for what it waits."""
BULK: Final = 1_000
"""Offsets before a changelog's end: what is further away is not logged by the store."""


class RecoveryError(RuntimeError):
    """A table cannot be brought up to date; another attempt, in a new process, may."""


@dataclass
class Progress:
    """How far recovery is. done, total: offsets on changelogs, more than rows where those were
    compacted. rows: written. ignored: of late writers."""

    total: int = 0
    done: int = 0
    rows: int = 0
    ignored: int = 0
    begun: float = 0.0
    ended: float | None = None

    def rate(self, now: float) -> float:
        """Offsets a second so far; `now` by the monotonic clock."""
        spent = (now if self.ended is None else self.ended) - self.begun
        return self.done / spent if spent > 0 else 0.0

    def line(self, now: float) -> str:
        """One line for a log."""
        share = 100 if self.total == 0 else 100 * self.done // self.total
        rate = self.rate(now)
        left = f", {(self.total - self.done) / rate:.0f} s left" if rate else ""
        return f"{self.done:,} of {self.total:,} ({share} %), {rate:,.0f} rows/s{left}"


class ChunkRecovery(Recovery):
    """Recovers tables from chunk events.

    fence(epochs): append a fence of that generation to each changelog partition (its whole topic
    name) and return the offsets that the broker confirmed; None: changelogs have no fences.
    generation(): which owner this worker is; the consumer group's generation where there is none.
    owns(): whether the broker says now that this worker is a member of the current generation.
    """

    fence: Callable[[Mapping[TP, int]], Awaitable[Mapping[TP, int]]] | None = None
    owns: Callable[[], Awaitable[bool]] | None = None
    generation: Callable[[], int] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.progress = Progress()
        self._epochs: dict[TP, int] = {}
        self._begin: dict[TP, int] = {}
        self._heard = 0.0
        self._strange: set[TP] = set()

    # Fences

    def _store(self, tp: TP) -> RowStore:
        return cast(RowStore, cast(Any, self.tp_to_table[tp]).data)

    def _in_force(self, tp: TP) -> int:
        return self._store(tp).fences(tp.partition).generation

    async def _build_highwaters(
        self, consumer: Any, tps: set[TP], destination: Counter[TP], title: str
    ) -> None:
        """How far to read: for what is ours up to our own fence, which is the last record."""
        await super()._build_highwaters(consumer, tps, destination, title)
        if title == "active":
            self._epochs.clear()
            if self.fence is not None:
                for tp, offset in (await self._append_fences(tps)).items():
                    destination[tp] = offset

    async def _append_fences(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Append fences that are above whatever the stores know; where each of them is."""
        assert self.fence is not None
        generation = self.generation() if self.generation else int(self.app.consumer_generation_id)
        wanted = {tp: epoch(generation, self._in_force(tp)) for tp in tps}
        if not wanted:
            return {}
        if any(n != generation for n in wanted.values()) and not await self._is_owner():
            raise RebalanceAgain
        offsets = await self.fence(wanted)
        self._epochs.update(wanted)
        return offsets

    async def _is_owner(self) -> bool:
        return self.owns is None or await self.owns()

    async def _fenced(self) -> bool:
        """Whether our fences are in force; appends greater ones where a changelog had greater."""
        behind = [tp for tp, own in self._epochs.items() if self._in_force(tp) > own]
        if not behind:
            return True
        if not await self._is_owner():
            # Its successor's fence: the rebalance that says so is on its way.
            return False
        log.warning(
            "%d changelog partitions have fences of another count of generations, %s among them",
            len(behind),
            behind[0],
        )
        for tp, offset in (await self._append_fences(behind)).items():
            self.active_highwaters[tp] = offset
        return False

    # Reading

    @Service.task
    async def _slurp_changelogs(self) -> None:
        queue = cast(Any, self.tables).changelog_queue
        while not self.should_stop:
            try:
                event = queue.get_nowait()
            except asyncio.QueueEmpty:
                await self._after()
                try:
                    event = await asyncio.wait_for(queue.get(), IDLE_S)
                except TimeoutError:
                    continue
            self._take(event.value)
            # One chunk may take tens of ms: the heartbeat of others goes between.
            await asyncio.sleep(0)

    def _take(self, chunk: Chunk) -> None:
        """Write a chunk to its table's store. Raises RecoveryError where that fails."""
        tp = chunk.tp
        if tp in self.active_tps:
            offsets, ends, kind = self.active_offsets, self.active_highwaters, "active"
        elif tp in self.standby_tps:
            offsets, ends, kind = self.standby_offsets, self.standby_highwaters, "standby"
        else:
            if tp not in self._strange:
                self._strange.add(tp)
                log.info("%s is not ours: what came of it is left out", tp)
            return
        self._heard = monotonic()
        seen = offsets.get(tp)
        if seen is not None and chunk.first <= seen:
            records = [record for record in chunk.records if record.offset > seen]
            if not records:
                return
            chunk = Chunk(tp, records)
        try:
            left = (ends.get(tp) or 0) - chunk.last
            applied = self._store(tp).apply_chunk(chunk, logged=left < BULK)
        except Exception as error:
            raise RecoveryError(
                f"offsets {chunk.first} to {chunk.last} of {tp.topic}/{tp.partition}: {error}. The "
                f"disk may be full, or damaged; with that folder removed, the table is read anew "
                f"from its changelog."
            ) from error
        offsets[tp] = chunk.last
        self.progress.rows += applied.rows
        self.progress.ignored += applied.ignored
        METRICS.recovered.labels(kind).inc(applied.rows)
        if applied.ignored:
            METRICS.ignored_rows.labels(tp.topic).inc(applied.ignored)
            log.warning("%s: %d rows of a late writer are ignored", tp, applied.ignored)

    async def _after(self) -> None:
        """Nothing waits to be read: end the recovery where all is read."""
        if self.in_recovery:
            await self._pass_over_nothing()
        self._note_progress()
        if self.in_recovery and not self.need_recovery() and await self._fenced():
            self._set_recovery_ended()
            self.signal_recovery_end.set()
        if not self.tables.standbys_ready and not self.standby_remaining_total():
            self.tables.on_standbys_ready()

    async def _pass_over_nothing(self) -> None:
        """Without fences the end may have been compacted away: the consumer is there then."""
        if self.fence is not None or monotonic() - self._heard < 4 * IDLE_S:
            return
        for tp, left in self.active_remaining().items():
            if left > 0:
                position = await self.app.consumer.position(tp)
                if position is not None and position > self.active_highwaters[tp]:
                    self.active_offsets[tp] = self.active_highwaters[tp]

    # Progress

    def _set_recovery_started(self) -> None:
        super()._set_recovery_started()
        # Upstream clears it beside whoever waits for it, and may clear it first.
        self.signal_recovery_end.clear()
        self._begin = {tp: self.active_offsets[tp] or 0 for tp in self.active_tps}
        self._heard = monotonic()
        self.progress = Progress(begun=monotonic())
        self._note_progress()

    def _set_recovery_ended(self) -> None:
        was = self.in_recovery
        self._note_progress()
        super()._set_recovery_ended()
        self.progress.ended = monotonic()
        if was and self.progress.rows:
            log.info("tables recovered: %s", self.progress.line(monotonic()))

    def _note_progress(self) -> None:
        progress = self.progress
        if progress.ended is None:
            left = max(0, self.active_remaining_total())
            progress.done = sum(
                max(0, (self.active_offsets[tp] or 0) - begin)
                for tp, begin in self._begin.items()
                if tp in self.active_offsets
            )
            progress.total = progress.done + left
            METRICS.recovery_left.labels("active").set(left)
        METRICS.recovery_left.labels("standby").set(max(0, self.standby_remaining_total()))

    def facts(self) -> dict[str, Any]:
        """What /healthz says: {"state": "recovering" or "ready", done, total, rows_per_s,
        standby_behind}; counts in offsets."""
        return {
            "state": "recovering" if self.in_recovery else "ready",
            "done": self.progress.done,
            "total": self.progress.total,
            "rows": self.progress.rows,
            "rows_per_s": round(self.progress.rate(monotonic())),
            "standby_behind": max(0, self.standby_remaining_total()),
        }

    @Service.task
    async def _publish_stats(self) -> None:
        """A line a second while tables are recovered, and for what it waits when it waits."""
        told = 0.0
        while not self.should_stop:
            await self.sleep(TELL_EVERY_S)
            if not self.in_recovery or not self.progress.total:
                continue
            self._note_progress()
            log.info("recovering tables: %s", self.progress.line(monotonic()))
            waited = monotonic() - max(self._heard, told)
            if waited > SLOW_S:
                told = monotonic()
                for tp, left in self.active_remaining().items():
                    if left > 0:
                        log.warning("%s: nothing came for %.0f s, %d to read", tp, waited, left)

    # What upstream gets wrong

    def active_remaining(self) -> Counter[TP]:
        """What is left to read, a partition; none before its offsets are known."""
        return _remaining(self.active_highwaters, self.active_offsets)

    def standby_remaining(self) -> Counter[TP]:
        """As `active_remaining`."""
        return _remaining(self.standby_highwaters, self.standby_offsets)

    async def on_rebalance(
        self,
        assigned: set[TP],
        revoked: set[TP],
        newly_assigned: set[TP],
        generation_id: int = 0,
    ) -> None:
        """Other partitions are ours: begin anew from what the stores have.

        What was fetched before is left out: it is read again from there.
        """
        cast(Any, self.tables).changelog_queue.clear()
        self._strange.clear()
        self._epochs.clear()
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    async def _wait(self, coro: Any, timeout: Any = None) -> None:
        """Wait for `coro`. Raises RecoveryError where it takes longer than `timeout` s."""
        # mode names an event of its own that nobody uses, here and below.
        again: Any = self.signal_recovery_start
        result = await self.wait_first(coro, again, timeout=timeout)
        if again in result.done:
            raise RebalanceAgain
        if result.stopped:
            if self.should_stop or self.crashed:
                raise ServiceStopped
            raise RecoveryError(f"the broker did not answer within {timeout} s")


def _remaining(highwaters: Mapping[TP, int], offsets: Mapping[TP, int]) -> Counter[TP]:
    return Counter(
        {
            tp: highwater - offset
            for tp, highwater in highwaters.items()
            if highwater is not None and (offset := offsets.get(tp)) is not None
        }
    )


class ChunkTableManager(TableManager):
    """Faust's manager of tables, with our recovery: the app's `TableManager` setting names it."""

    _changelog_queue: Any
    _recovery: Any

    async def on_start(self) -> None:
        """Subscribe to the changelogs. Upstream waits for a second, for tables that come late."""
        await self._update_channels()
        await self.recovery.start()

    @property
    def changelog_queue(self) -> Any:
        """The queue of changelog events. The flow's resuming does not empty it (issue 212).

        It has no bound of its own: the transport asks for no more while it is long.
        """
        if self._changelog_queue is None:
            unmanaged = FlowControlEvent(initially_suspended=False)
            self._changelog_queue = ThrowableQueue(flow_control=unmanaged)
        return self._changelog_queue

    @property
    def recovery(self) -> ChunkRecovery:
        """The recovery service."""
        if self._recovery is None:
            self._recovery = ChunkRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return cast(ChunkRecovery, self._recovery)
