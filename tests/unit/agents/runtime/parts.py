"""A small chain, and records for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from agents.runtime.chain import Batch, ChainRunner
from agents.runtime.configuration import Configuration
from agents.runtime.record import Record
from agents.runtime.stage import (
    Chain,
    Context,
    Effect,
    Emit,
    Forward,
    Later,
    Poison,
    Stage,
    Start,
)
from agents.runtime.state import MemoryStore, TableSpec
from agents.runtime.ticker import tick_record
from agents.runtime.timers import Timer
from schemas.event import SecurityEvent
from topics.catalogue import DECISIONS, EVENTS, TICKS_DECIDE
from topics.declare import Topic
from topics.record import OutRecord, make

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class Count(Struct, frozen=True):
    """How many, and of what the last was."""

    events: int = 0
    last: str = ""


class Word(Struct, frozen=True):
    """Forwarded by the first stage to the second."""

    text: str


COUNTS = TableSpec(name="first.counts", value=Count)
HEARD = TableSpec(name="second.heard", value=Count)


def small_chain() -> Chain:
    """Two stages: `first` counts events and forwards their types, `second` says them.

    Events of type `poison` and `raise` are refused after state was touched; `tree` forwards two
    words of which the first forwards again; `loop` never ends. `timer:KIND` sets a timer; one of
    kind `bad` raises when it fires, after it has touched state. `later:WORD` puts the word off to
    the chunk's end, and `poison later` is refused after it has done so; the word `again` puts off
    another one.
    """
    first = Stage(name="first", reads=(EVENTS,), writes=(), state=(COUNTS,))
    second = Stage(name="second", reads=(Word,), writes=(DECISIONS,), state=(HEARD,))

    @first.on(SecurityEvent)
    def on_event(ctx: Context, event: SecurityEvent) -> Iterable[Effect]:
        before = ctx.get(COUNTS, "n") or Count()
        ctx.put(COUNTS, "n", Count(before.events + 1, event.event_type))
        if event.event_type == "poison":
            yield Emit(said(ctx, "before the poison"))
            yield Start("never")
            raise Poison("no such thing")
        if event.event_type == "raise":
            yield Forward(Word("raise"))
        elif event.event_type == "tree":
            yield Forward(Word("a>a1,a2"))
            yield Forward(Word("b"))
        elif event.event_type == "loop":
            yield Forward(Word("loop"))
        elif event.event_type == "poison later":
            yield Later(Word("never"))
            raise Poison("no such thing")
        elif event.event_type.startswith("later:"):
            yield Later(Word(event.event_type[6:]))
        elif event.event_type.startswith("timer:"):
            ctx.set_timer(ctx.now + timedelta(seconds=10), event.event_type[6:], event.event_id)
        else:
            yield Start(f"work {event.event_id}")
            yield Forward(Word(event.event_type))

    @first.on(Timer)
    def on_timer(ctx: Context, timer: Timer) -> Iterable[Effect]:
        before = ctx.get(COUNTS, timer.key) or Count()
        ctx.put(COUNTS, timer.key, Count(before.events + 1, ctx.now.isoformat()))
        if timer.kind == "bad":
            raise RuntimeError("a timer went wrong")
        yield Emit(said(ctx, f"timer {timer.key}"))

    @second.on(Word)
    def on_word(ctx: Context, word: Word) -> Iterable[Effect]:
        name, _, more = word.text.partition(">")
        if name == "raise":
            ctx.put(HEARD, "n", Count(1, "raise"))
            raise LookupError("the second stage does not know it")
        if name == "loop":
            yield Forward(Word("loop"))
        yield Emit(said(ctx, name))
        if name == "again":
            yield Later(Word("after it"))
        for one in filter(None, more.split(",")):
            yield Forward(Word(one))

    return Chain(name="small", stages=(first, second), ticks=TICKS_DECIDE, timed=(EVENTS,))


def said(ctx: Context, text: str) -> OutRecord:
    """A record that says something."""
    return OutRecord(DECISIONS, text.encode(), b"{}", (("now", ctx.now.isoformat().encode()),))


def event(event_type: str, *, name: str = "e", occurred: datetime = T0) -> SecurityEvent:
    return SecurityEvent(
        event_id=name, site_id="north", event_type=event_type, occurred_at=occurred
    )


def record(
    out: OutRecord, *, offset: int = 0, partition: int = 0, read_at: datetime = T0
) -> Record:
    """What a consumer would see of it."""
    return Record(
        topic=out.topic,
        partition=partition,
        offset=offset,
        timestamp_ms=int(read_at.timestamp() * 1000),
        key=out.key,
        value=out.value,
        headers=dict(out.headers),
    )


def event_record(
    event_type: str, *, name: str = "e", occurred: datetime = T0, **more: Any
) -> Record:
    one = event(event_type, name=name, occurred=occurred)
    out = make(EVENTS, one, id=name, time=occurred, source="test", key="north")
    return record(out, **more)


def raw(
    value: bytes | None,
    *,
    topic: Topic = EVENTS,
    key: bytes | None = b"north",
    headers: Mapping[str, bytes] | None = None,
    offset: int = 7,
    partition: int = 0,
) -> Record:
    """A record of anything."""
    return Record(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp_ms=int(T0.timestamp() * 1000),
        key=key,
        value=value,
        headers=headers or {},
    )


def tick(seconds: float, partition: int = 0) -> Record:
    out = tick_record(TICKS_DECIDE, partition, at(seconds), "test")
    return record(out, partition=partition, read_at=at(seconds))


class Bench:
    """A runner that commits after each record."""

    def __init__(self, *, watermark: bool = False) -> None:
        self.store = MemoryStore()
        self.runner = ChainRunner(small_chain(), Configuration(), self.store, watermark=watermark)

    def run(self, *records: Record) -> Batch:
        """Run them as one chunk, and write its state."""
        batch = self.runner.batch(records[0].partition)
        for one in records:
            self.runner.run(one, batch)
        self.runner.finish(batch)
        for table, key, value in batch.state.rows():
            self.store.write(table, batch.partition, key, value)
        return batch

    def count(self, key: str = "n", spec: TableSpec[Count] = COUNTS) -> Count | None:
        return self.runner.batch(0).state.get(spec, key)


def words(batch: Batch) -> list[str]:
    """What was said, in order; dead letters by their topic."""
    return [
        (out.key or b"").decode() if out.topic is DECISIONS else out.topic.name
        for _, out in batch.outputs
    ]


def headers(out: OutRecord, prefix: str = "") -> dict[str, str]:
    """A record's headers that begin so, without the prefix."""
    return {
        name.removeprefix(prefix): value.decode()
        for name, value in out.headers
        if name.startswith(prefix)
    }
