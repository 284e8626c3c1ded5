"""`bench backtest`: how long it takes to try another document on a week of 1,000 cameras."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.errors import WatchfloorError
from schemas.alert import Alert, AlertState
from schemas.base import Severity, encode
from schemas.document import Camera, Channel, Document, Receiver, Route, Routing, Site, Zone
from schemas.event import EventSource, SecurityEvent
from schemas.ids import alert_id, detector_event_id
from topics.catalogue import ALERTS, EVENTS

if TYPE_CHECKING:
    from infra.backtest.report import Backtest
    from infra.settings import Settings

__all__ = ["BENCH", "History", "tried_document"]

CAMERAS: Final = 1_000
SITES: Final = 20
EVENTS_WANTED: Final = 5_000_000
SPAN: Final = timedelta(days=7)
VISIT: Final = 10
"""Events of a visit: one admitted, nine within its window."""
JUDGED: Final = 20
"""Alerts a site on which an analyst has given a verdict."""
WORKERS: Final = 2

WEEK: Final = Metric(
    name="week_seconds",
    unit="s",
    what="a week of 1,000 cameras, 5 million events, nine in ten folded, from the topic, under two "
    "documents, on two cores",
    bar=Bar(limit=120.0, side="at most"),
)


class History:
    """Recorded events of `sites` sites, drawn by `seed`: visits of ten events each.

    end: when the last day ends. Every camera has a zone of its own; a visit lasts 50 s, so a
    window of 60 s folds nine of its ten events.
    """

    def __init__(
        self,
        *,
        seed: int,
        end: datetime,
        events: int = EVENTS_WANTED,
        cameras: int = CAMERAS,
        sites: int = SITES,
        span: timedelta = SPAN,
    ) -> None:
        self.begin = end - span
        self.end = end
        self.sites = [f"site-{number:02d}" for number in range(sites)]
        self._cameras = cameras // sites
        self._visits = events // VISIT // sites
        self._seed = seed
        self._span_s = span.total_seconds()

    def document(self, window: float = 60.0, confidence: float = 0.6) -> Document:
        """The sites' document: two receivers' worth of rules, and this dedupe window."""
        return Document(
            sites=tuple(self._site(name, window, confidence) for name in self.sites),
            routing=Routing(
                route=Route(receiver="desk", group_by=("site",)),
                receivers=(Receiver(name="desk", channels=(Channel(kind="log"),)),),
            ),
        )

    def _site(self, name: str, window: float, confidence: float) -> Site:
        grades = (Severity.HIGH, Severity.MEDIUM, Severity.LOW)
        return Site(
            site_id=name,
            cameras=tuple(Camera(camera_id=f"cam-{n}") for n in range(self._cameras)),
            zones=tuple(
                Zone(
                    zone_id=f"zone-{n}",
                    camera_ids=(f"cam-{n}",),
                    severity=grades[n % 3],
                    dedupe_window_sec=window,
                    suppression_window_sec=10.0,
                    labels=("person", "car"),
                    min_confidence=confidence,
                )
                for n in range(self._cameras)
            ),
        )

    def events(self, site: str) -> Iterator[SecurityEvent]:
        """A site's events in order of time."""
        draw = random.Random(f"{self._seed}/{site}")
        # Room for the last visit's last event.
        starts = sorted(draw.random() * (self._span_s - 60.0) for _ in range(self._visits))
        waiting: list[tuple[float, int, int]] = []
        for number, start in enumerate(starts):
            yield from self._until(site, start, waiting)
            camera = draw.randrange(self._cameras)
            for step in range(VISIT):
                waiting.append((start + step * 5.0 + draw.random(), camera, number))
        yield from self._until(site, float("inf"), waiting)

    def _until(
        self, site: str, limit: float, waiting: list[tuple[float, int, int]]
    ) -> Iterator[SecurityEvent]:
        """What happens before a time, taken out of `waiting`."""
        if not waiting:
            return
        waiting.sort()
        taken = 0
        for at, camera, visit in waiting:
            if at >= limit:
                break
            taken += 1
            yield self._event(site, at, camera, visit)
        del waiting[:taken]

    def _event(self, site: str, at: float, camera: int, visit: int) -> SecurityEvent:
        when = self.begin + timedelta(seconds=round(at, 3))
        name, zone = f"cam-{camera}", f"zone-{camera}"
        kind = "object_in_zone"
        return SecurityEvent(
            event_id=detector_event_id(site, name, zone, kind, when, visit % 7),
            site_id=site,
            event_type=kind,
            occurred_at=when,
            source=EventSource.DETECTOR,
            camera_id=name,
            zone_id=zone,
            label="car" if visit % 5 == 0 else "person",
            confidence=round(0.6 + (visit * 37 + camera) % 39 / 100, 2),
            track_id=f"track-{visit}",
            first_frame=visit,
            frame=visit + 3,
            box=(0.41, 0.22, 0.56, 0.87),
            snapshots=4,
            detector_ms=31.4,
        )

    def judged(self, event: SecurityEvent, *, true: bool) -> Alert:
        """An alert that this event opened, with an analyst's verdict."""
        place = f"{event.site_id}/{event.zone_id}/{event.camera_id}/{event.event_type}"
        at = event.occurred_at
        return Alert(
            alert_id=alert_id(event.site_id, place, event.event_id),
            site_id=event.site_id,
            state=AlertState.RESOLVED,
            severity=Severity.HIGH,
            event_type=event.event_type,
            rank=50,
            reasons=(),
            opened_at=at,
            updated_at=at,
            first_event=at,
            last_event=at,
            events=1,
            repeats=9,
            revision=3,
            camera_id=event.camera_id,
            zone_id=event.zone_id,
            label=event.label,
            event_ids=(event.event_id,),
            resolved_at=at + timedelta(minutes=5),
            resolved_by="kim",
            resolution="true_positive" if true else "false_positive",
        )


def tried_document(document: Document) -> Document:
    """The document with another policy at every site: windows twice as long at one zone in five,
    and half as many repeats everywhere, so that no site and no route is as it was."""
    sites = tuple(
        replace(
            site,
            zones=tuple(
                zone if number % 5 else replace(zone, dedupe_window_sec=2 * zone.dedupe_window_sec)
                for number, zone in enumerate(site.zones)
            ),
        )
        for site in document.sites
    )
    assert document.routing.route is not None
    route = replace(document.routing.route, repeat_interval=timedelta(hours=8))
    return Document(sites=sites, routing=replace(document.routing, route=route))


def write(settings: Settings, history: History, run: Run) -> int:
    """Record the history: events and judged alerts; how many events.

    Straight to the broker: it is the past that is made here, not a stage's output. Raises
    WatchfloorError where the broker does not take all of it.
    """
    from confluent_kafka import Producer

    from topics.plan import prefix_of

    prefix = prefix_of(settings.namespace)
    producer = Producer(
        {
            **settings.kafka_client_config(producer=True),
            "acks": "all",
            "linger.ms": 100,
            "batch.num.messages": 10_000,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 200_000,
        }
    )
    count = 0
    for site in history.sites:
        run.say(f"recording {site}, {count:,} events so far")
        key = site.encode()
        alerts = 0
        for number, event in enumerate(history.events(site)):
            _produce(producer, prefix + EVENTS.name, key, encode(event))
            count += 1
            if number % 997 == 0 and alerts < JUDGED:
                alert = history.judged(event, true=alerts % 2 == 0)
                _produce(producer, prefix + ALERTS.name, alert.alert_id.encode(), encode(alert))
                alerts += 1
    if producer.flush(120):
        raise WatchfloorError("bench: the broker did not take the history within 120 s")
    return count


def _produce(producer: Any, topic: str, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, value, key)
            return
        except BufferError:
            producer.poll(0.1)


def measure(run: Run) -> Sequence[Measured]:
    """Record a week, then try another document on it."""
    return measured(run, EVENTS_WANTED, CAMERAS)


def measured(run: Run, events: int, cameras: int) -> list[Measured]:
    """The same of another size; the figure stays that of the run as it was."""
    from agents.runtime.clock import wall
    from infra.backtest.run import backtest
    from infra.sandbox import sandbox

    with sandbox(run.settings, "bench", roles=(), say=run.say, count=run.count) as box:
        now = wall().astimezone(UTC).replace(microsecond=0)
        sites = max(1, cameras * SITES // CAMERAS)
        history = History(seed=run.seed, end=now, events=events, cameras=cameras, sites=sites)
        recorded = write(box.settings, history, run)
        document = history.document()
        result = backtest(
            box.settings,
            tried_document(document),
            history.begin,
            history.end,
            now=now,
            current=document,
            source="topic",
            workers=WORKERS,
            progress=lambda what, done, total: run.say(
                f"{what}: {done * 100 // total} %" if total else what
            ),
        )
        run.say("putting things away")
    return [_figure(result, recorded)]


def _figure(result: Backtest, recorded: int) -> Measured:
    folded = sum(
        count for name, count in result.before.decisions.items() if name.endswith("_window")
    )
    return Measured(
        metric=WEEK,
        value=result.seconds,
        detail={
            "events": recorded,
            "run": result.events,
            "folded_share": round(folded / max(1, result.before.events), 4),
            "workers": WORKERS,
            "cpu_s": result.cpu_seconds,
            "events_per_s_and_document": round(result.events / max(result.seconds, 1e-9)),
            "alerts": [result.before.alerts, result.after.alerts],
            "notifications": [result.before.notifications, result.after.notifications],
            "confirmed_missed": len(result.missed),
            "dismissed_gone": len(result.gone),
        },
    )


BENCH: Final = Bench(
    name="backtest",
    summary="another document on a week of 1,000 cameras",
    metrics=(WEEK,),
    measure=measure,
)
