"""What comes out on the topics, read along while a drill goes on."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any, Final

from agents.runtime.deadletter import PREFIX, dlq_of
from agents.runtime.follower import Follower
from agents.runtime.record import Record
from infra.drills.oracle import AlertView, Verdict
from schemas.alert import Alert, AlertState
from schemas.base import SchemaError
from schemas.decision import Decision
from schemas.notification import NotifyRequest, NotifyResult, Outcome
from topics.catalogue import ALERTS, DECISIONS, EVENTS, NOTIFY_REQUESTS, NOTIFY_RESULTS

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Watch", "alert_view", "verdict_of"]

log = logging.getLogger("watchfloor.drill")

LETTERS: Final = dlq_of(EVENTS)
TOPICS: Final = (DECISIONS, ALERTS, NOTIFY_REQUESTS, NOTIFY_RESULTS, LETTERS)
REPEATS: Final = "repeats "
"""How dedupe says into what it folded an event."""


class Watch:
    """Reads the topics from their beginnings, in a thread, through whatever breaks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.lock = threading.Lock()
        self.said: list[tuple[str, Verdict]] = []
        self.decided: set[str] = set()
        self.sites: dict[str, str] = {}
        self.alerts: dict[str, AlertView] = {}
        self.raised: dict[str, float] = {}
        self.requested: set[str] = set()
        self.outcomes: dict[str, float] = {}
        self.delivered: set[str] = set()
        self.letters: list[str] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(15)

    @property
    def alive(self) -> bool:
        """Whether it still reads: a drill whose oracle is blind says so."""
        return self._thread.is_alive()

    def _run(self) -> None:
        asyncio.run(self._follow())

    async def _follow(self) -> None:
        follower = Follower(self._settings, TOPICS, client_id="watchfloor-drill", quiet=True)
        async with follower:
            async for records in follower.chunks(timeout=0.1):
                for record in records:
                    self._take(record)
                if self._stop.is_set():
                    return

    def _take(self, record: Record) -> None:
        topic = record.topic
        with self.lock:
            if topic is LETTERS:
                # The archive reads the same topic, and has letters of its own.
                if record.headers.get(PREFIX + "stage") != b"archive":
                    self.letters.append(record.id or "?")
                return
            if record.value is None:
                return
            try:
                self._note(record.message(), record)
            except SchemaError:
                log.exception("%s %d:%d", topic, record.partition, record.offset)

    def _note(self, message: Any, record: Record) -> None:
        at = record.timestamp_ms / 1000
        match message:
            case Decision():
                self.said.append((message.event_id, verdict_of(message)))
                self.decided.add(message.event_id)
            case Alert():
                known = self.alerts.get(message.alert_id)
                if known is None or message.revision >= known.revision:
                    self.alerts[message.alert_id] = alert_view(message)
                for event_id in message.event_ids:
                    self.sites[event_id] = message.site_id
                    self.raised.setdefault(event_id, at)
            case NotifyRequest():
                self.requested.add(message.notification_id)
            case NotifyResult():
                self.outcomes.setdefault(message.notification_id, at)
                if message.outcome is Outcome.DELIVERED:
                    self.delivered.add(message.notification_id)


def verdict_of(decision: Decision) -> Verdict:
    """What the oracle compares of a decision."""
    twin = next(
        (
            stage.detail.removeprefix(REPEATS)
            for stage in decision.stages
            if stage.detail is not None and stage.detail.startswith(REPEATS)
        ),
        None,
    )
    return Verdict(decision.result.value, decision.reason, decision.alert_id, twin)


def alert_view(alert: Alert) -> AlertView:
    """What the oracle compares of an alert."""
    place = (alert.site_id, alert.zone_id, alert.camera_id, alert.device_id, alert.event_type)
    return AlertView(
        situation="/".join(part or "" for part in place),
        resolved=alert.state is AlertState.RESOLVED,
        events=alert.events,
        repeats=alert.repeats,
        revision=alert.revision,
    )
