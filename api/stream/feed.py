"""Follows what the roles write, keeps `Live` current, and tells those who listen.

One consumer for all of it: decisions wake who waits for them, alerts and cameras' words go to the
hub, ticks say that decide lives. It starts some minutes back, so that what archive has not written
yet is known, so that cameras are known at once, and so that a listener of a server that was started
again goes on where it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import msgspec

from agents.runtime.follower import Follower
from agents.runtime.record import Record
from api.account.identity import Scope
from api.alert.schemas import view
from api.event.flights import Flights
from api.stream.hub import Closed, Hub
from api.stream.journal import Journal
from api.stream.live import Live
from api.stream.resume import Place
from api.stream.schemas import ActivityMessage, AlertMessage, AlertRemoved, CameraMessage
from schemas.alert import Activity, Alert
from schemas.base import SchemaError
from schemas.decision import Decision
from schemas.device import Probe
from schemas.notification import NotifyResult
from topics.admin import topic_ids
from topics.catalogue import (
    ACTIVITY,
    ALERTS,
    DECISIONS,
    NOTIFY_RESULTS,
    PROBES,
    TICKS_DECIDE,
)

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Feed", "text"]

log = logging.getLogger("watchfloor.api.feed")

LOOK_BACK: Final = timedelta(minutes=5)
MAX_RECORDS: Final = 500
SETTLE_S: Final = 1.0

JOURNALLED: Final = (ACTIVITY, ALERTS)
"""What a listener is told without a gap. Both: an alert changes without an entry of its history
where only its rank or its picture does."""
SERVICE_RESTART: Final = 1012

_encoder = msgspec.json.Encoder()


def text(message: Any) -> str:
    """A stream message as it is sent."""
    return _encoder.encode(message).decode()


class Feed:
    """following: whether everything that was there at the start has been read.

    told, acted, counted: called with each outcome of a delivery, each entry of an alert's history,
    and each decision and alert that is news and came since the start.
    """

    def __init__(
        self,
        settings: Settings,
        live: Live,
        hub: Hub,
        journal: Journal,
        flights: Flights,
        now: Callable[[], datetime],
        told: Callable[[NotifyResult], None] | None = None,
        acted: Callable[[Activity], None] | None = None,
        counted: Callable[[Decision | Alert], None] | None = None,
    ) -> None:
        self._counted = counted
        self._since = int(now().timestamp() * 1000)
        self._told = told
        self._acted = acted
        self._settings = settings
        self._live = live
        self._hub = hub
        self._journal = journal
        self._flights = flights
        self._now = now
        self.following = False
        self.undecodable = 0

    async def run(self) -> None:
        """Follow until cancelled. Raises what the broker refuses at the start."""
        start = int((self._now() - LOOK_BACK).timestamp() * 1000)
        follower = Follower(
            self._settings,
            [DECISIONS, ALERTS, ACTIVITY, PROBES, NOTIFY_RESULTS, TICKS_DECIDE],
            start=start,
            client_id="watchfloor-api",
        )
        try:
            async with follower:
                await self._begin(follower)
                await self._follow(follower)
        finally:
            self.following = False

    async def _begin(self, follower: Follower) -> None:
        names = [topic.name for topic in JOURNALLED]
        ids = await asyncio.to_thread(topic_ids, self._settings, names)
        epoch = hashlib.sha256("/".join(ids[name] for name in names).encode()).hexdigest()[:12]
        starts = {
            (topic.name, partition): offset
            for (topic, partition), offset in follower.begun().items()
            if topic in JOURNALLED
        }
        if not self._journal.begin(epoch, starts):
            # They come back with where they were, and are told to read everything again.
            self._hub.close(Closed(SERVICE_RESTART, "some of what happened was not read here"))

    async def _follow(self, follower: Follower) -> None:
        starts = await follower.end_offsets()
        begun = monotonic()
        async for chunk in follower.chunks(max_records=MAX_RECORDS, timeout=0.5):
            for record in chunk:
                self.take(record)
            for (topic, partition), offset in follower.positions().items():
                if topic in JOURNALLED:
                    self._journal.advance((topic.name, partition), offset)
            if not self.following and starts:
                # A partition with nothing to read since the look-back never has a position.
                reached = follower.positions()
                behind = any(at < starts.get(part, 0) for part, at in reached.items())
                self.following = not behind and (not chunk or monotonic() - begun > SETTLE_S)

    def take(self, record: Record) -> None:
        """Take in one record; one that does not decode is counted, and everything goes on."""
        if record.topic is TICKS_DECIDE:
            self._live.tick(record.partition, record.timestamp_ms)
            return
        if record.topic in JOURNALLED:
            place = (record.topic.name, record.partition)
            if not self._journal.knows(place, record.offset):
                self._tell(record, place)
            return
        message = self._message(record)
        if isinstance(message, Decision):
            if self._flights.decided(message):
                self._count(record, message)
        elif isinstance(message, Probe):
            self._probe(message)
        elif isinstance(message, NotifyResult) and self._told is not None:
            self._told(message)

    def _message(self, record: Record) -> Any:
        """What the record says; None for one that does not decode, and for a tombstone."""
        if record.value is None:
            return None
        try:
            return record.message()
        except SchemaError as error:
            self.undecodable += 1
            log.warning("%s", error)
            return None

    def _tell(self, record: Record, place: Place) -> None:
        """A record of what listeners are told without a gap: the journal has it before they do."""
        found = self._news(record)
        if found is None:
            self._journal.skip(place, record.offset)
            return
        site, told = found
        position = self._journal.add(place, record.offset, site, told)
        self._hub.publish(site, told, Scope.ALERTS_READ, position)

    def _news(self, record: Record) -> tuple[str, str] | None:
        """What is told of an alert or of an entry of its history, and of which site."""
        if record.value is None:
            gone = self._live.forget((record.key or b"").decode("utf-8", "replace"))
            return (
                None if gone is None else (gone.site_id, text(AlertRemoved(alert_id=gone.alert_id)))
            )
        message = self._message(record)
        if isinstance(message, Alert) and self._live.alert(message):
            self._count(record, message)
            return message.site_id, text(AlertMessage(alert=view(message)))
        if isinstance(message, Activity):
            if self._acted is not None:
                self._acted(message)
            if self._journal.first(message.activity_id):
                return message.site_id, text(ActivityMessage(activity=message))
        return None

    def _count(self, record: Record, message: Decision | Alert) -> None:
        """What was there before this server is the count of the one before."""
        if self._counted is not None and record.timestamp_ms >= self._since:
            self._counted(message)

    def _probe(self, probe: Probe) -> None:
        if self._live.probe(probe) and len(self._hub):
            camera = self._live.camera(probe.site_id, probe.device_id)
            if camera is not None:
                self._hub.publish(
                    probe.site_id, text(CameraMessage(camera=camera)), Scope.DEVICES_READ
                )
