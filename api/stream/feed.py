"""Follows what the roles write, keeps `Live` current, and tells those who listen.

One consumer for all of it: decisions wake who waits for them, alerts and cameras' words go to the
hub, ticks say that decide lives. It starts some minutes back, so that what archive has not written
yet is known, and so that cameras are known at once.
"""

from __future__ import annotations

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
from api.stream.hub import Hub
from api.stream.live import Live
from api.stream.schemas import AlertMessage, AlertRemoved, CameraMessage
from schemas.alert import Activity, Alert
from schemas.base import SchemaError
from schemas.decision import Decision
from schemas.device import Probe
from schemas.notification import NotifyResult
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
                await self._follow(follower)
        finally:
            self.following = False

    async def _follow(self, follower: Follower) -> None:
        starts = await follower.end_offsets()
        begun = monotonic()
        async for chunk in follower.chunks(max_records=MAX_RECORDS, timeout=0.5):
            for record in chunk:
                self.take(record)
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
        if record.value is None:
            self._removed(record)
            return
        try:
            message = record.message()
        except SchemaError as error:
            self.undecodable += 1
            log.warning("%s", error)
            return
        if isinstance(message, Decision):
            if self._flights.decided(message):
                self._count(record, message)
        elif isinstance(message, Alert):
            if not self._live.alert(message):
                return
            self._count(record, message)
            if len(self._hub):
                self._hub.publish(
                    message.site_id, text(AlertMessage(alert=view(message))), Scope.ALERTS_READ
                )
        elif isinstance(message, Probe):
            self._probe(message)
        elif isinstance(message, NotifyResult) and self._told is not None:
            self._told(message)
        elif isinstance(message, Activity) and self._acted is not None:
            self._acted(message)

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

    def _removed(self, record: Record) -> None:
        if record.topic is ALERTS and record.key is not None:
            gone = self._live.forget(record.key.decode("utf-8", "replace"))
            if gone is not None:
                message = AlertRemoved(alert_id=gone.alert_id)
                self._hub.publish(gone.site_id, text(message), Scope.ALERTS_READ)
