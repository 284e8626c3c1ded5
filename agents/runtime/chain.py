"""Running a chain: decode, catch, count, dead-letter and collect what is to be emitted.

No I/O happens here, so the same code runs in a worker, in a replay and in a test.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from agents.runtime import expiry, timers
from agents.runtime.configuration import Configuration
from agents.runtime.deadletter import dead_letter
from agents.runtime.record import Record
from agents.runtime.stage import Chain, Context, Emit, Forward, Stage, Start, WholeHandler
from agents.runtime.state import Overlay, SchemaAheadError, Store
from agents.runtime.timers import Timer
from schemas.base import SchemaError
from schemas.tick import Tick
from topics.record import OutRecord, traced, traceparent

__all__ = ["Batch", "ChainRunner"]

log = logging.getLogger("watchfloor.chain")

MAX_FORWARDS = 10_000
"""A record that forwards more than this in one go is a loop, not work."""


@dataclass
class Batch:
    """What a chunk of one partition wants: outputs first, then state, then offsets, then work.

    outputs: each with the record that caused it, so that a refusal knows whom to blame. handled,
    whole: by which stages, single messages by their types and those of chunks by their topics.
    later: messages for the chunk's end, each with the newest record that asked for it; while it
    is ending there is no later, and they are handed on at once.
    expired, ages: of tables that a tick swept, rows removed and how old the oldest is that was
    left.
    """

    partition: int
    state: Overlay
    outputs: list[tuple[Record, OutRecord]] = field(default_factory=list)
    work: list[Any] = field(default_factory=list)
    later: dict[Any, Record] = field(default_factory=dict)
    ending: bool = False
    handled: list[tuple[str, str]] = field(default_factory=list)
    whole: Counter[tuple[str, str]] = field(default_factory=Counter)
    dead: int = 0
    contexts: dict[str, Context] = field(default_factory=dict)
    expired: Counter[str] = field(default_factory=Counter)
    ages: dict[str, timedelta] = field(default_factory=dict)


class ChainRunner:
    """Feeds records to a chain's stages.

    watermark: processing time is the greatest event time seen beside the ticks: for namespaces
    whose time comes from outside.
    """

    def __init__(
        self, chain: Chain, configuration: Configuration, store: Store, *, watermark: bool = False
    ) -> None:
        self.chain = chain
        self.configuration = configuration
        self.store = store
        self.watermark = watermark
        self.timers = timers.table(chain.name)
        self._expiring = [spec for spec in chain.tables if spec.expiry is not None]
        self._by_type = chain.by_type()
        self._by_name = {stage.name: stage for stage in chain.stages}
        self._whole = {
            topic: (stage, handler)
            for stage in chain.stages
            for topic, handler in stage.whole.items()
        }

    def batch(self, partition: int, below: Overlay | None = None) -> Batch:
        """An empty batch on top of the store, or of a batch that is being committed."""
        return Batch(partition, Overlay(partition, below, self.store))

    def run_all(self, records: Sequence[Record], batch: Batch) -> None:
        """Run records of one topic through the chain into `batch`, in their order."""
        whole = self._whole.get(records[0].topic.name)
        if whole is None:
            for record in records:
                self.run(record, batch)
        elif not self._run_whole(records, batch, *whole) and len(records) > 1:
            for record in records:
                self._run_whole((record,), batch, *whole)

    def run(self, record: Record, batch: Batch) -> None:
        """Run one record through the chain into `batch`.

        A record that does not decode, or whose stage raises, leaves no change of state and no
        output but its dead letter. Raises SchemaAheadError only: that is no record's fault.
        """
        if record.value is None and record.topic.compact:
            return
        try:
            message = record.message()
            at = record.time
        except SchemaError as error:
            self._blame(record, "decode", error, batch)
            return
        now = self._now(batch.state, record, message, at)
        timed = self.watermark and at is not None and record.topic in self.chain.timed
        if timed or isinstance(message, Tick):
            # Each timer stands alone: one that raises takes neither the others nor the clock back.
            for fired in timers.fire(batch.state, self.timers, now):
                cause = traceparent(fired.trace) if fired.trace else record.headers
                self._try(record, batch, now, fired.timer, cause)
            if self._expiring:
                self._sweep(batch)
        if self._expiring and at is not None and record.topic in self.chain.timed:
            expiry.note_time(batch.state, self.timers, at, now)
        if not isinstance(message, Tick) or Tick in self._by_type:
            self._try(record, batch, now, message)

    def finish(self, batch: Batch) -> None:
        """Hand on what was put off to the chunk's end; after it the chunk can be committed.

        Where a stage raises, the newest record that asked is the dead letter. Doing it again does
        nothing.
        """
        later, batch.later = batch.later, {}
        batch.ending = True
        for message, record in later.items():
            self._try(record, batch, self._now(batch.state, record, None, None), message)
        batch.ending = False

    def _sweep(self, batch: Batch) -> None:
        swept = expiry.sweep(
            batch.state, cast(expiry.Scans, self.store), self._expiring, self.timers
        )
        batch.expired.update(swept.expired)
        mark = expiry.watermark(batch.state, self.timers)
        if mark is not None:
            batch.ages.update({name: mark - at for name, at in swept.oldest.items()})

    def _try(
        self,
        record: Record,
        batch: Batch,
        now: datetime,
        item: Any,
        cause: Mapping[str, bytes] | None = None,
    ) -> None:
        """cause: headers of what it continues, where that is not the record."""
        where = [""]
        outputs, work, handled = len(batch.outputs), len(batch.work), len(batch.handled)
        later = len(batch.later)
        batch.state.begin()
        try:
            self._dispatch(record, batch, now, item, where, cause or record.headers)
        except SchemaAheadError:
            raise
        except Exception as error:
            # Whatever a stage raises is this record's fault, and must not stop the partition.
            batch.state.undo()
            del batch.outputs[outputs:], batch.work[work:], batch.handled[handled:]
            while len(batch.later) > later:
                batch.later.popitem()
            self._blame(record, where[0] or "dispatch", error, batch)
        else:
            batch.state.keep()

    def _run_whole(
        self, records: Sequence[Record], batch: Batch, stage: Stage, handler: WholeHandler
    ) -> bool:
        """Whether the handler took them; a single one that it did not take is a dead letter."""
        first = records[0]
        now = self._now(batch.state, first, None, None)
        context = self._context(batch, stage, now, first, first.headers)
        outputs, work = len(batch.outputs), len(batch.work)
        batch.state.begin()
        try:
            for effect in handler(context, records):
                if isinstance(effect, Emit):
                    cause = effect.cause or first
                    batch.outputs.append((cause, traced(effect.record, cause.headers)))
                elif isinstance(effect, Start):
                    batch.work.append(effect.work)
                else:
                    raise TypeError("a handler of chunks forwards nothing")
        except SchemaAheadError:
            raise
        except Exception as error:
            # As for a single record.
            batch.state.undo()
            del batch.outputs[outputs:], batch.work[work:]
            if len(records) == 1:
                self._blame(first, stage.name, error, batch)
            return False
        batch.state.keep()
        batch.whole[stage.name, first.topic.name] += len(records)
        return True

    def _blame(self, record: Record, stage: str, error: Exception, batch: Batch) -> None:
        log.warning("dead letter: %s at %s: %s", record.topic, stage, error)
        batch.outputs.append((record, dead_letter(record, stage=stage, error=error)))
        batch.dead += 1

    def _dispatch(
        self,
        record: Record,
        batch: Batch,
        now: datetime,
        item: Any,
        where: list[str],
        cause: Mapping[str, bytes],
    ) -> None:
        """Hand `item`, and what it causes, to their stages; `where` says which one has it."""
        queue = [item]
        steps = 0
        while queue:
            item = queue.pop(0)
            forwarded: list[Any] = []
            kind = type(item)
            for stage in self._stages(item):
                steps += 1
                if steps > MAX_FORWARDS:
                    raise RuntimeError(f"more than {MAX_FORWARDS} steps for one record")
                where[0] = stage.name
                context = self._context(batch, stage, now, record, cause)
                batch.handled.append((stage.name, kind.__name__))
                for effect in stage.handlers[kind](context, item):
                    if isinstance(effect, Forward):
                        forwarded.append(effect.message)
                    elif isinstance(effect, Emit):
                        batch.outputs.append((record, traced(effect.record, cause)))
                    elif isinstance(effect, Start):
                        batch.work.append(effect.work)
                    elif batch.ending:
                        forwarded.append(effect.message)
                    else:
                        batch.later[effect.message] = record
            # Depth first: what a record caused is finished before its next cause.
            queue[:0] = forwarded

    def _context(
        self,
        batch: Batch,
        stage: Stage,
        now: datetime,
        record: Record,
        cause: Mapping[str, bytes],
    ) -> Context:
        context = batch.contexts.get(stage.name)
        if context is None:
            context = batch.contexts[stage.name] = Context(
                stage=stage.name,
                partition=batch.partition,
                now=now,
                configuration=self.configuration,
                state=batch.state,
                timers=self.timers,
            )
        context.now = now
        context.replayed = record.replayed
        context.cause = cause
        return context

    def _stages(self, item: Any) -> tuple[Stage, ...]:
        if not isinstance(item, Timer):
            return self._by_type.get(type(item), ())
        stage = self._by_name.get(item.stage)
        return (stage,) if stage is not None and Timer in stage.handlers else ()

    def _now(self, state: Overlay, record: Record, message: Any, at: datetime | None) -> datetime:
        clock = timers.clock(state, self.timers)
        if isinstance(message, Tick):
            return message.now if clock is None else max(clock, message.now)
        if self.watermark and at is not None and record.topic in self.chain.timed:
            return at if clock is None else max(clock, at)
        if clock is not None:
            return clock
        # Before the first tick of a partition's life, the time at which the record was produced.
        return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
