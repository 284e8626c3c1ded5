"""A stage: a name, what it reads and writes, its state, and a handler for each kind of message.

Handlers are pure: what they know is in the context and the message, what they want is in the
effects that they yield. They never see Kafka, Faust or a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec import Struct

from agents.runtime.configuration import Configuration
from agents.runtime.record import Record
from agents.runtime.state import Overlay, TableSpec
from agents.runtime.timers import Bucket, Timer, set_timer
from topics.declare import Topic
from topics.record import Draft, OutRecord, trace_of

__all__ = [
    "Context",
    "Effect",
    "Emit",
    "Forward",
    "Handler",
    "Later",
    "Poison",
    "Stage",
    "Start",
    "WholeHandler",
]

V = TypeVar("V")


class Poison(ValueError):
    """Raised by a handler for a record that it cannot take: it goes to the dead-letter topic."""


class Emit(Struct, frozen=True, gc=False):
    """A record to be produced with this chunk's outputs.

    cause: the record that it is made from, where a handler has many in its hand.
    """

    record: OutRecord | Draft
    cause: Record | None = None


class Forward(Struct, frozen=True, gc=False):
    """A message for the next stages of the chain, in the same commit."""

    message: Any


class Later(Struct, frozen=True, gc=False):
    """A message for the stages of the chain once the chunk is through, in the same commit.

    Equal ones come once, however many records asked for them: what changes a row many times says
    what it is in the end. A stage must not need it for its rows to be right.
    """

    message: Any


class Start(Struct, frozen=True, gc=False):
    """Work to be started beside the stream once this chunk is committed."""

    work: Any


Effect = Emit | Forward | Later | Start
"""What a handler may yield."""


class Context:
    """What a handler sees beside its message.

    now: processing time, the greatest tick of this partition (or the watermark, see Chain). One
    context serves a stage for a whole chunk: it is good until the handler returns. cause: the
    headers of what is being handled, of which `trace` is made.
    """

    __slots__ = (
        "cause",
        "configuration",
        "now",
        "partition",
        "replayed",
        "stage",
        "state",
        "timers",
    )

    def __init__(
        self,
        *,
        stage: str,
        partition: int,
        now: datetime,
        configuration: Configuration,
        state: Overlay,
        timers: TableSpec[Bucket],
        replayed: bool = False,
        cause: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        self.cause = cause
        self.stage = stage
        self.partition = partition
        self.now = now
        self.configuration = configuration
        self.state = state
        self.timers = timers
        self.replayed = replayed

    def get(self, table: TableSpec[V], key: str) -> V | None:
        """A row of the stage's state."""
        return self.state.get(table, key)

    def put(self, table: TableSpec[V], key: str, value: V | None) -> None:
        """Set a row; None removes it."""
        self.state.put(table, key, value)

    @property
    def trace(self) -> str:
        """The trace of what is being handled: 32 hexadecimal digits."""
        return trace_of(self.cause).decode()

    def set_timer(self, at: datetime, kind: str, key: str, *, traced: bool = False) -> None:
        """Hand `Timer(kind, key)` to this stage at the first tick that is not before `at`.

        traced: what it causes continues the trace of what is being handled now. For timers that
        tell somebody something: the others need not carry it.
        """
        timer = Timer(at=at.timestamp(), stage=self.stage, kind=kind, key=key)
        set_timer(self.state, self.timers, timer, self.trace if traced else "")


Handler = Callable[[Context, Any], Iterable[Effect]]
WholeHandler = Callable[[Context, Sequence[Record]], Iterable[Effect]]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a chain.

    reads: topics whose records it takes, or message types that the stage before it forwards.
    whole: handlers of topics whose records are taken undecoded and many at once.
    """

    name: str
    reads: tuple[Topic | type, ...]
    writes: tuple[Topic, ...]
    state: tuple[TableSpec[Any], ...] = ()
    handlers: dict[type, Handler] = field(default_factory=dict)
    whole: dict[str, WholeHandler] = field(default_factory=dict)

    def on(self, kind: type) -> Callable[[Handler], Handler]:
        """Register the handler for messages of that type."""

        def register(handler: Handler) -> Handler:
            if kind in self.handlers:
                raise ValueError(f"stage {self.name} already handles {kind.__name__}")
            self.handlers[kind] = handler
            return handler

        return register

    def on_chunk(self, topic: Topic) -> Callable[[WholeHandler], WholeHandler]:
        """Register the handler for records of that topic, as they were read, in order.

        For simple work on many records. Where it raises, its changes are taken back and it is
        handed the records one by one, so that only the one at fault becomes a dead letter.
        """

        def register(handler: WholeHandler) -> WholeHandler:
            if topic.name in self.whole:
                raise ValueError(f"stage {self.name} already takes chunks of {topic}")
            self.whole[topic.name] = handler
            return handler

        return register


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Stages fused into one commit: they run in order on a record, with no topic between them.

    ticks: the topic of the chain's clock. reads: every topic of it, one co-partition group.
    timed: the topics whose event times are the watermark, where time comes from outside.
    urgent: topics that go before the others after ticks, most urgent first: what people ask for
    does not wait behind a backlog.
    """

    name: str
    stages: tuple[Stage, ...]
    ticks: Topic
    timed: tuple[Topic, ...]
    urgent: tuple[Topic, ...] = ()

    def priority(self, topic: Topic) -> int:
        """A topic's place in the order in which what waits is taken: 0 goes first."""
        order = (self.ticks, *self.urgent)
        return order.index(topic) if topic in order else len(order)

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
