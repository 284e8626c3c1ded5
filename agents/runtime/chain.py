"""Running a chain: decode, catch, count, dead-letter and collect what is to be emitted.

No I/O happens here, so the same code runs in a worker, in a replay and in a test.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agents.runtime import timers
from agents.runtime.configuration import Configuration
from agents.runtime.deadletter import dead_letter
from agents.runtime.record import Record
from agents.runtime.stage import Chain, Context, Emit, Forward, Stage
from agents.runtime.state import Overlay, SchemaAheadError, Store
from agents.runtime.timers import Timer
from schemas.base import SchemaError
from schemas.tick import Tick
from topics.record import OutRecord, traced

__all__ = ["Batch", "ChainRunner"]

log = logging.getLogger("watchfloor.chain")

MAX_FORWARDS = 10_000
"""A record that forwards more than this in one go is a loop, not work."""


@dataclass
class Batch:
    """What a chunk of one partition wants: outputs first, then state, then offsets, then work.

    outputs: each with the record that caused it, so that a refusal knows whom to blame.
    """

    partition: int
    state: Overlay
    outputs: list[tuple[Record, OutRecord]] = field(default_factory=list)
    work: list[Any] = field(default_factory=list)
    handled: Counter[tuple[str, str]] = field(default_factory=Counter)
    dead: int = 0


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
        self._by_type = chain.by_type()
        self._by_name = {stage.name: stage for stage in chain.stages}

    def batch(self, partition: int, below: Overlay | None = None) -> Batch:
        """An empty batch on top of the store, or of a batch that is being committed."""
        return Batch(partition, Overlay(partition, below, self.store))

    def run(self, record: Record, batch: Batch) -> None:
        """Run one record through the chain into `batch`.

        A record that does not decode, or whose stage raises, leaves no change of state and no
        output but its dead letter. Raises SchemaAheadError only: that is no record's fault.
        """
        if record.value is None:
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
            for timer in timers.due(batch.state, self.timers, now):
                self._try(record, batch, now, timer)
        if not isinstance(message, Tick):
            self._try(record, batch, now, message)

    def _try(self, record: Record, batch: Batch, now: datetime, item: Any) -> None:
        trial = Batch(batch.partition, Overlay(batch.partition, batch.state, self.store))
        where = ["dispatch"]
        try:
            self._dispatch(record, trial, now, item, where)
        except SchemaAheadError:
            raise
        except Exception as error:
            # Whatever a stage raises is this record's fault, and must not stop the partition.
            self._blame(record, where[0], error, batch)
            return
        batch.state.merge(trial.state)
        batch.outputs.extend(trial.outputs)
        batch.work.extend(trial.work)
        batch.handled.update(trial.handled)

    def _blame(self, record: Record, stage: str, error: Exception, batch: Batch) -> None:
        log.warning("dead letter: %s at %s: %s", record.topic, stage, error)
        batch.outputs.append((record, dead_letter(record, stage=stage, error=error)))
        batch.dead += 1

    def _dispatch(
        self, record: Record, trial: Batch, now: datetime, item: Any, where: list[str]
    ) -> None:
        """Hand `item`, and what it causes, to their stages; `where` says which one has it."""
        queue = [item]
        steps = 0
        while queue:
            item = queue.pop(0)
            forwarded: list[Any] = []
            for stage in self._stages(item):
                steps += 1
                if steps > MAX_FORWARDS:
                    raise RuntimeError(f"more than {MAX_FORWARDS} steps for one record")
                where[0] = stage.name
                context = Context(
                    stage=stage.name,
                    partition=trial.partition,
                    now=now,
                    configuration=self.configuration,
                    state=trial.state,
                    timers=self.timers,
                    replayed=record.replayed,
                )
                trial.handled[(stage.name, type(item).__name__)] += 1
                for effect in stage.handlers[type(item)](context, item):
                    if isinstance(effect, Emit):
                        trial.outputs.append((record, traced(effect.record, record.headers)))
                    elif isinstance(effect, Forward):
                        forwarded.append(effect.message)
                    else:
                        trial.work.append(effect.work)
            # Depth first: what a record caused is finished before its next cause.
            queue[:0] = forwarded

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
