"""`bench latency`: from the capture of what completes the evidence to the alert's record."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from infra.bench.frame import Bar, Bench, Measured, Metric, Run, percentile
from infra.errors import WatchfloorError

if TYPE_CHECKING:
    from agents.runtime.record import Record
    from infra.sandbox import Sandbox
    from infra.settings import Settings

__all__ = ["BENCH"]

SCENE: Final = "entries"
EVENTS_WANTED: Final = 200
MANY_EVENTS: Final = 1000
LIMIT_S: Final = 600.0
"""An entry a second on average: 200 take four minutes where some enter together."""

QUIET_S: Final = 60.0
"""Without an event for so long, none will come."""

P50: Final = Metric(
    name="beyond_model_p50_ms",
    unit="ms",
    what="from a frame's capture to its alert's record, without the detector's own time; median",
    bar=Bar(limit=150.0, side="at most"),
)
P99: Final = Metric(
    name="beyond_model_p99_ms",
    unit="ms",
    what="the same; 99 of 100 are not slower",
    bar=Bar(limit=500.0, side="at most"),
)


@dataclass(frozen=True, slots=True)
class Timing:
    """One event. total_ms: from capture to the record; model_ms: the detector's share of it."""

    total_ms: float
    model_ms: float

    @property
    def beyond_ms(self) -> float:
        """What everything but the detector took."""
        return self.total_ms - self.model_ms


@dataclass
class Timings:
    """Events and the alert's record that each of them wrote; every event counts once.

    An alert's newest event is the one that wrote the record: those before it had their own.
    """

    _events: dict[str, tuple[datetime, float]] = field(default_factory=dict)
    _written: dict[str, datetime] = field(default_factory=dict)

    def event(self, event_id: str, captured_at: datetime, detector_ms: float) -> None:
        """An event of the detector."""
        self._events.setdefault(event_id, (captured_at, detector_ms))

    def alert(self, event_ids: Sequence[str], at: datetime) -> None:
        """An alert's record, its events in order, and when the broker took it."""
        if event_ids:
            self._written.setdefault(event_ids[-1], at)

    def __len__(self) -> int:
        return len(self._events.keys() & self._written.keys())

    def complete(self) -> list[Timing]:
        """The timings of all events whose record has come, in order of their capture."""
        found = sorted(
            (captured_at, self._written[event_id], model_ms)
            for event_id, (captured_at, model_ms) in self._events.items()
            if event_id in self._written
        )
        return [
            Timing(total_ms=(written - captured_at) / timedelta(milliseconds=1), model_ms=model_ms)
            for captured_at, written, model_ms in found
        ]


def measure(run: Run) -> Sequence[Measured]:
    """Watch a simulated hall in real time until enough have entered it."""
    from agents.runtime.clock import wall
    from infra.demo import simulated_document
    from infra.sandbox import publish, sandbox

    origins = {**run.settings.origins, "model": "default"}
    settings = replace(run.settings, model=None, origins=origins)
    wanted = MANY_EVENTS if run.full else EVENTS_WANTED
    with sandbox(settings, "bench", say=run.say, count=run.count) as box:
        _broker_time(box.settings)
        run.say("publishing the site document")
        publish(box.settings, simulated_document(SCENE, run.seed, wall().replace(microsecond=0)))
        timings = asyncio.run(_collect(box, run, wanted))
        run.say("putting things away")
    return results(timings.complete())


def results(timings: Sequence[Timing]) -> list[Measured]:
    """The two metrics of these events."""
    beyond = [one.beyond_ms for one in timings]
    detail: dict[str, Any] = {
        "n": len(timings),
        "detector_p50_ms": round(percentile([one.model_ms for one in timings], 50), 1),
        "total_p50_ms": round(percentile([one.total_ms for one in timings], 50), 1),
        "total_p99_ms": round(percentile([one.total_ms for one in timings], 99), 1),
        "beyond_model_max_ms": round(max(beyond), 1),
    }
    return [
        Measured(metric=metric, value=percentile(beyond, share), detail=detail)
        for metric, share in ((P50, 50), (P99, 99))
    ]


def _broker_time(settings: Settings) -> None:
    """Have the broker stamp alerts itself: a producer's stamp is from before it sends."""
    from topics.admin import repair
    from topics.catalogue import ALERTS
    from topics.plan import Drift, prefix_of

    repair(
        settings,
        [
            Drift(
                topic=prefix_of(settings.namespace) + ALERTS.name,
                setting="message.timestamp.type",
                actual="CreateTime",
                desired="LogAppendTime",
                remedy="",
            )
        ],
    )


async def _collect(box: Sandbox, run: Run, wanted: int) -> Timings:
    """Follow events and alerts until enough have come. Raises WatchfloorError where none do."""
    from agents.runtime.follower import Follower
    from topics.catalogue import ALERTS, EVENTS

    timings = Timings()
    began = moved = monotonic()
    limit = LIMIT_S * (wanted / EVENTS_WANTED)
    async with Follower(box.settings, [EVENTS, ALERTS], client_id="watchfloor-bench") as follower:
        async for chunk in follower.chunks(timeout=1.0):
            known = len(timings)
            for record in chunk:
                note(timings, record)
            for child in box.children.values():
                child.check()
            now = monotonic()
            if len(timings) > known:
                moved = now
                run.say(f"{len(timings) - len(timings) % 20} of {wanted} events")
            if len(timings) >= wanted:
                break
            if now - moved > QUIET_S or now - began > limit:
                raise WatchfloorError(
                    f"bench: {len(timings)} events in {now - began:.0f} s, {wanted} are needed",
                    hint="The roles may be starved of CPU: what else runs on this machine?",
                )
    return timings


def note(timings: Timings, record: Record) -> None:
    """Take in a record of either topic; what is no detector's event is left out."""
    from schemas.alert import Alert
    from schemas.event import EventSource, SecurityEvent

    message = None if record.value is None else record.message()
    match message:
        case SecurityEvent(source=EventSource.DETECTOR, detector_ms=float(took)):
            timings.event(message.event_id, message.occurred_at, took)
        case Alert():
            at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
            timings.alert(message.event_ids, at)


BENCH: Final = Bench(
    name="latency",
    summary="from capture to alert, one camera in real time",
    metrics=(P50, P99),
    measure=measure,
)
