"""`bench decide`: the decide chain's own functions on decoded events, without what is around them.

Every handler that the live role runs is run, ledger, timers, alerts, ids and rank parts included,
with a tick a second and a chunk's end every few thousand events, on rows in memory; the garbage
collector is set as a role's process sets it. Left out is the runtime's work: decoding and encoding
records and rows, and undoing what a record that fails has changed. Seconds are of this process's
own CPU time, so that waiting for a core does not count. How fast the core itself was does: beside
others on a virtual machine, a bare loop takes up to 1.7 times its CPU time (measured). So the
detail has such a loop's before each round, and says what is left with the runtime's runner around
the functions, outputs written out.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from random import Random
from statistics import median
from time import process_time
from typing import Any, Final

from agents.decide import DECIDE_CHAIN
from agents.dedupe.stage import LEDGER
from agents.runtime.chain import ChainRunner
from agents.runtime.eventloop import GARBAGE
from agents.runtime.host import LEAST_PENDING
from agents.runtime.record import Record
from agents.runtime.stage import Emit, Forward, Handler, Later
from agents.runtime.state import MemoryStore
from agents.runtime.timers import Timer
from infra.backtest.memory import Memory, StageContext
from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.bench.ranking.drive import configured
from schemas.base import Severity
from schemas.document import Camera, Channel, Document, Receiver, Route, Routing, Site, Zone
from schemas.event import EventSource, SecurityEvent
from schemas.ids import detector_event_id
from schemas.tick import Tick
from topics.catalogue import EVENTS, TICKS_DECIDE

__all__ = ["BENCH", "bare_loop", "pace", "runner_pace", "visits"]

SITE: Final = "depot"
CAMERAS: Final = 200
ZONES: Final = 10
START: Final = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
WINDOW: Final = 60.0
EVENTS_A_ROUND: Final = 20_000
ROUNDS: Final = 3
MANY_ROUNDS: Final = 9
CHUNK: Final = LEAST_PENDING
"""Events a chunk: as many as the host runs, at the least, before it waits for a commit."""

FOLDED: Final = Metric(
    name="folded_events_per_s",
    unit="1/s",
    what="events that the pure decide chain takes a second on one core, nine in ten folded",
    bar=Bar(limit=50_000.0, side="at least"),
)
CHAIN: Final = Metric(
    name="chain_events_per_s",
    unit="1/s",
    what="the same, a third admitted",
    bar=Bar(limit=20_000.0, side="at least"),
)


class Decoded(Record, frozen=True, gc=False):
    """A record whose message was decoded before."""

    decoded: SecurityEvent | None = None

    def message(self) -> SecurityEvent | Tick:
        """The message."""
        return self.decoded or Tick(now=datetime.fromtimestamp(self.timestamp_ms / 1000, UTC))


def document() -> Document:
    """One site: two hundred cameras in ten zones, told by one receiver, else defaults."""
    names = [f"cam-{number}" for number in range(CAMERAS)]
    each = CAMERAS // ZONES
    return Document(
        sites=(
            Site(
                site_id=SITE,
                timezone="Europe/Berlin",
                cameras=tuple(Camera(camera_id=name) for name in names),
                zones=tuple(
                    Zone(
                        zone_id=f"zone-{number}",
                        camera_ids=tuple(names[number * each : (number + 1) * each]),
                        severity=Severity.HIGH,
                        dedupe_window_sec=WINDOW,
                    )
                    for number in range(ZONES)
                ),
            ),
        ),
        routing=Routing(
            route=Route(receiver="desk"),
            receivers=(Receiver(name="desk", channels=(Channel(kind="log"),)),),
        ),
    )


def visits(rng: Random, total: int, length: int) -> Iterator[SecurityEvent]:
    """Visits of `length` events, all within the window: one of them is admitted.

    A camera's next visit begins after the window of the one before. All cameras are visited in
    every turn, at times of their own.
    """
    turns = -(-total // (CAMERAS * length))
    made: list[SecurityEvent] = []
    for turn in range(turns):
        for camera in range(CAMERAS):
            begin = turn * 2 * WINDOW + rng.uniform(0, WINDOW * 0.9)
            for step in range(length):
                at = START + timedelta(seconds=round(begin + step * WINDOW / (length + 1), 3))
                name, zone = f"cam-{camera}", f"zone-{camera * ZONES // CAMERAS}"
                made.append(
                    SecurityEvent(
                        event_id=detector_event_id(SITE, name, zone, "object_in_zone", at, 0),
                        site_id=SITE,
                        event_type="object_in_zone",
                        occurred_at=at,
                        source=EventSource.DETECTOR,
                        camera_id=name,
                        zone_id=zone,
                        label="person",
                        confidence=round(rng.uniform(0.8, 0.99), 3),
                    )
                )
    made.sort(key=lambda one: (one.occurred_at, one.event_id))
    yield from made[:total]


def _seconds(events: Sequence[SecurityEvent]) -> Iterator[tuple[datetime, list[SecurityEvent]]]:
    """The events of each second that has any, with the tick before them."""
    for now, group in groupby(events, key=lambda one: one.occurred_at.replace(microsecond=0)):
        yield now, list(group)


class Pure:
    """The chain's handlers on typed rows in memory. made: outputs, which are made and counted."""

    def __init__(self) -> None:
        self._memory = Memory()
        configuration = configured(document(), START)
        self._contexts = {
            stage.name: StageContext(stage.name, configuration, self._memory)
            for stage in DECIDE_CHAIN.stages
        }
        self._handlers = {
            kind: tuple((self._contexts[stage.name], stage.handlers[kind]) for stage in stages)
            for kind, stages in DECIDE_CHAIN.by_type().items()
            if kind is not Timer
        }
        self._timed = {
            stage.name: ((self._contexts[stage.name], stage.handlers[Timer]),)
            for stage in DECIDE_CHAIN.stages
            if Timer in stage.handlers
        }
        self._later: dict[Any, None] = {}
        self.made = 0

    def second(self, now: datetime, events: Sequence[SecurityEvent]) -> None:
        """Let it be `now`, do what is due, and take that second's events."""
        for context in self._contexts.values():
            context.now = now
        at = self._memory.now = now.timestamp()
        while self._memory.next_due() <= at:
            for timer in self._memory.take():
                if timer.stage in self._timed:
                    self._run(timer, self._timed[timer.stage])
        found = self._handlers[SecurityEvent]
        for event in events:
            self._run(event, found)

    def finish(self) -> None:
        """End the chunk: what was put off is handed on."""
        while self._later:
            later, self._later = self._later, {}
            for message in later:
                self._run(message, self._handlers[type(message)])

    def reasons(self) -> Counter[str | None]:
        """How many events were decided for each reason, as the ledger has it."""
        ledger = self._memory.tables[LEDGER.name].values()
        decisions = [known.decision for known in ledger if known.decision is not None]
        return Counter([decision.reason for decision in decisions])

    def _run(self, item: Any, found: Sequence[tuple[StageContext, Handler]]) -> None:
        """Every stage that takes `item`, then depth first whatever they forward."""
        handlers = self._handlers
        waiting: list[Any] = []
        while True:
            ahead, place = None, len(waiting)
            for context, handler in found:
                effect: Any
                for effect in handler(context, item):
                    kind = type(effect)
                    if kind is Forward:
                        if ahead is None:
                            ahead = effect.message
                        else:
                            # Popped in the order in which they were forwarded.
                            waiting.insert(place, effect.message)
                    elif kind is Later:
                        self._later[effect.message] = None
                    elif kind is Emit:
                        self.made += 1
            if ahead is None:
                if not waiting:
                    return
                ahead = waiting.pop()
            item = ahead
            found = handlers.get(type(item), ())


def pace(events: Sequence[SecurityEvent]) -> tuple[float, float]:
    """Events a second, and the share of them that was admitted."""
    seconds = list(_seconds(events))
    pure = Pure()
    # The events that wait to be fed are the bench's own: the collector need not look at them.
    gc.collect()
    gc.freeze()
    thresholds = gc.get_threshold()
    gc.set_threshold(*GARBAGE)
    try:
        fed = 0
        started = process_time()
        for now, group in seconds:
            pure.second(now, group)
            fed += len(group)
            if fed >= CHUNK:
                pure.finish()
                fed = 0
        pure.finish()
        took = process_time() - started
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
    # What waits for its receivers' answer is decided later; what was folded is decided at once.
    folded = pure.reasons()["dedupe_window"]
    assert 0 < folded < len(events) <= pure.made
    return len(events) / took, 1 - folded / len(events)


def bare_loop() -> float:
    """Milliseconds of CPU time that a million additions take: how fast the core is just now."""
    started = process_time()
    total = 0
    for number in range(1_000_000):
        total += number
    return (process_time() - started) * 1000


def runner_pace(events: Sequence[SecurityEvent]) -> float:
    """Events a second with the runtime's runner around the functions, and records as outputs."""
    records: list[Record] = []
    for now, group in _seconds(events):
        stamp = int(now.timestamp() * 1000)
        ce_time = {"ce_time": now.isoformat().encode()}
        records.append(Decoded(TICKS_DECIDE, 0, len(records), stamp, None, b"", ce_time))
        for event in group:
            headers = {
                "ce_id": event.event_id.encode(),
                "ce_time": event.occurred_at.isoformat().encode(),
            }
            records.append(
                Decoded(EVENTS, 0, len(records), stamp, b"", b"", headers, decoded=event)
            )
    runner = ChainRunner(DECIDE_CHAIN, configured(document(), START), MemoryStore())
    batch = runner.batch(0)
    took = 0.0
    for begin in range(0, len(records), CHUNK):
        started = process_time()
        for record in records[begin : begin + CHUNK]:
            runner.run(record, batch)
        runner.finish(batch)
        took += process_time() - started
        if batch.dead:
            raise RuntimeError("an event of the bench was a dead letter")
        batch.outputs.clear()
    return len(events) / took


def measure(run: Run) -> Sequence[Measured]:
    """Run both mixes, several times; the median counts."""
    rounds = MANY_ROUNDS if run.full else ROUNDS
    found = []
    for metric, length in ((FOLDED, 10), (CHAIN, 3)):
        run.say(metric.what)
        events = list(visits(Random(f"decide {run.seed}"), EVENTS_A_ROUND, length))
        paces, loops, admitted = [], [], 0.0
        for _ in range(rounds):
            loops.append(bare_loop())
            each, admitted = pace(events)
            paces.append(each)
        found.append(
            Measured(
                metric=metric,
                value=median(paces),
                detail={
                    "n": len(events),
                    "rounds": [round(each) for each in paces],
                    "bare_loop_ms": [round(each, 1) for each in loops],
                    "admitted": round(admitted, 3),
                    "with_runner": round(runner_pace(events)),
                },
            )
        )
    return found


BENCH: Final = Bench(
    name="decide",
    summary="the pure decide chain on decoded events, one core",
    metrics=(FOLDED, CHAIN),
    measure=measure,
)
