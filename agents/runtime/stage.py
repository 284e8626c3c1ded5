"""A stage: a name, what it reads and writes, its state, and a handler for each kind of message.

Handlers are pure: what they know is in the context and the message, what they want is in the
effects that they yield. They never see Kafka, Faust or a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from agents.runtime.configuration import Configuration
from agents.runtime.state import Overlay, TableSpec
from agents.runtime.timers import Bucket, Timer, set_timer
from topics.declare import Topic
from topics.record import OutRecord

__all__ = ["Context", "Effect", "Emit", "Forward", "Poison", "Stage", "Start"]

V = TypeVar("V")


class Poison(ValueError):
    """Raised by a handler for a record that it cannot take: it goes to the dead-letter topic."""


@dataclass(frozen=True)
class Emit:
    """A record to be produced with this chunk's outputs."""

    record: OutRecord


@dataclass(frozen=True)
class Forward:
    """A message for the next stages of the chain, in the same commit."""

    message: Any


@dataclass(frozen=True)
class Start:
    """Work to be started beside the stream once this chunk is committed."""

    work: Any


Effect = Emit | Forward | Start
"""What a handler may yield."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a handler sees beside its message.

    now: processing time, the greatest tick of this partition (or the watermark, see Chain).
    """

    stage: str
    partition: int
    now: datetime
    configuration: Configuration
    state: Overlay
    timers: TableSpec[Bucket]
    replayed: bool = False

    def get(self, table: TableSpec[V], key: str) -> V | None:
        """A row of the stage's state."""
        return self.state.get(table, key)

    def put(self, table: TableSpec[V], key: str, value: V | None) -> None:
        """Set a row; None removes it."""
        self.state.put(table, key, value)

    def set_timer(self, at: datetime, kind: str, key: str) -> None:
        """Hand `Timer(kind, key)` to this stage at the first tick that is not before `at`."""
        timer = Timer(at=at.timestamp(), stage=self.stage, kind=kind, key=key)
        set_timer(self.state, self.timers, timer)


Handler = Callable[[Context, Any], Iterable[Effect]]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a chain.

    reads: topics whose records it takes, or message types that the stage before it forwards.
    """

    name: str
    reads: tuple[Topic | type, ...]
    writes: tuple[Topic, ...]
    state: tuple[TableSpec[Any], ...] = ()
    handlers: dict[type, Handler] = field(default_factory=dict)

    def on(self, kind: type) -> Callable[[Handler], Handler]:
        """Register the handler for messages of that type."""

        def register(handler: Handler) -> Handler:
            if kind in self.handlers:
                raise ValueError(f"stage {self.name} already handles {kind.__name__}")
            self.handlers[kind] = handler
            return handler

        return register


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Stages fused into one commit: they run in order on a record, with no topic between them.

    ticks: the topic of the chain's clock. reads: every topic of it, one co-partition group.
    timed: the topics whose event times are the watermark, where time comes from outside.
    """

    name: str
    stages: tuple[Stage, ...]
    ticks: Topic
    timed: tuple[Topic, ...]

    @property
    def reads(self) -> tuple[Topic, ...]:
        """The topics that the chain's records come from, ticks last."""
        found = {t.name: t for s in self.stages for t in s.reads if isinstance(t, Topic)}
        return (*(t for t in found.values() if t is not self.ticks), self.ticks)

    @property
    def tables(self) -> tuple[TableSpec[Any], ...]:
        """Every stage's tables."""
        return tuple({t.name: t for s in self.stages for t in s.state}.values())

    def by_type(self) -> Mapping[type, tuple[Stage, ...]]:
        """Which stages handle a message type, in the chain's order."""
        found: dict[type, list[Stage]] = {}
        for stage in self.stages:
            for kind in stage.handlers:
                found.setdefault(kind, []).append(stage)
        return {kind: tuple(stages) for kind, stages in found.items()}
