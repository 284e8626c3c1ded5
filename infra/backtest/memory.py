"""A chain's state in memory, for stages that are run over history: typed rows, and timers."""

from __future__ import annotations

import heapq
from datetime import UTC, datetime
from math import ceil
from typing import Any, TypeVar

from agents.dedupe.stage import DEDUPE, LEDGER
from agents.runtime import timers
from agents.runtime.configuration import Configuration
from agents.runtime.stage import Chain, Context
from agents.runtime.state import MemoryStore, Overlay, TableSpec
from agents.runtime.timers import Timer

__all__ = ["Memory", "StageContext", "contexts"]

V = TypeVar("V")


class Memory:
    """The rows and the timers of one site under one document. now: processing time, seconds."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {}
        self.now = 0.0
        self._buckets: dict[int, set[Timer]] = {}
        self._seconds: list[int] = []

    def set_timer(self, timer: Timer) -> None:
        """Set a timer, as `agents.runtime.timers` does: to a whole second, never a past one."""
        second = max(ceil(timer.at), int(self.now) + 1)
        bucket = self._buckets.get(second)
        if bucket is None:
            bucket = self._buckets[second] = set()
            heapq.heappush(self._seconds, second)
        bucket.add(timer)

    def next_due(self) -> float:
        """The earliest second with a timer; infinity where none is set."""
        return self._seconds[0] if self._seconds else float("inf")

    def take(self) -> list[Timer]:
        """The earliest second's timers, in order; they are gone then."""
        return sorted(self._buckets.pop(heapq.heappop(self._seconds)))


class StageContext(Context):
    """What a handler sees, on a Memory. `now` is set before each call."""

    __slots__ = ("memory", "tables")

    def __init__(self, stage: str, configuration: Configuration, memory: Memory) -> None:
        super().__init__(
            stage=stage,
            partition=0,
            now=datetime.fromtimestamp(0, UTC),
            configuration=configuration,
            state=Overlay(0, None, MemoryStore()),
            timers=timers.table(stage),
        )
        self.memory = memory
        self.tables = memory.tables

    def get(self, table: TableSpec[V], key: str) -> V | None:
        """A row of the stage's state."""
        rows = self.tables.get(table.name)
        row: V | None = None if rows is None else rows.get(key)
        return row

    def put(self, table: TableSpec[V], key: str, value: V | None) -> None:
        """Set a row; None removes it."""
        rows = self.tables.get(table.name)
        if rows is None:
            rows = self.tables[table.name] = {}
        if value is not None:
            rows[key] = value
        else:
            rows.pop(key, None)

    def set_timer(self, at: datetime, kind: str, key: str, *, traced: bool = False) -> None:
        """Hand a timer to this stage when it is due."""
        self.memory.set_timer(Timer(at=at.timestamp(), stage=self.stage, kind=kind, key=key))


class _DedupeContext(StageContext):
    """Dedupe without its ledger: the run gives each event once, so nothing asks for it."""

    __slots__ = ()

    def put(self, table: TableSpec[V], key: str, value: V | None) -> None:
        """Set a row; the ledger takes none."""
        if table.name != LEDGER.name:
            super().put(table, key, value)


def contexts(chain: Chain, configuration: Configuration, memory: Memory) -> dict[str, StageContext]:
    """A context for each stage of the chain, by its name."""
    return {
        stage.name: (_DedupeContext if stage is DEDUPE else StageContext)(
            stage.name, configuration, memory
        )
        for stage in chain.stages
    }
