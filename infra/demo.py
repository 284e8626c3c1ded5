"""The demonstration: a simulated site or a file through everything, scored by the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agents.capture.simulator import (
    ObservedEvent,
    Score,
    SimulatedSite,
    score,
    site_document,
)
from agents.runtime.clock import wall
from agents.runtime.follower import Follower
from infra.sandbox import Sandbox, publish
from schemas.alert import Alert, AlertState
from schemas.base import SchemaError
from schemas.device import CameraState, Probe
from schemas.document import Document
from schemas.document_reader import read_value
from schemas.event import SecurityEvent
from topics.catalogue import ALERTS, EVENTS, PROBES

__all__ = ["SETTLE", "Demo", "DemoResult", "simulated_document", "video_document"]

SETTLE: Final = timedelta(seconds=3)
"""A camera's background has to be seen before anything can move in front of it."""

Told = Callable[[Alert, str], None]


@dataclass
class DemoResult:
    """What came of it. published: event id to when its alert stood on `security.alerts.v1`."""

    began: datetime
    ended: datetime
    events: dict[str, SecurityEvent] = field(default_factory=dict)
    published: dict[str, datetime] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    connected: dict[str, datetime] = field(default_factory=dict)

    def observed(self) -> list[ObservedEvent]:
        """The events as the oracle takes them."""
        return [
            ObservedEvent(
                camera_id=event.camera_id or "",
                zone_id=event.zone_id or "",
                completed=event.occurred_at,
                published=self.published.get(event.event_id),
            )
            for event in self.events.values()
        ]

    def judge(self, site: SimulatedSite, world: datetime) -> Score:
        """Score against the truth, from when every camera had settled until the end."""
        latest = max(self.connected.values(), default=self.began)
        since = latest + SETTLE
        # An event of the last moment is still on its way when the clock stops.
        until = max(since, self.ended - timedelta(seconds=1))
        stays = site.stays(until - world)
        return score(stays, self.observed(), start=world, since=since, until=until)


def simulated_document(scene: str, seed: int, world: datetime) -> Document:
    """The site document of a simulated site whose world began at `world`, a whole second."""
    document: dict[str, Any] = site_document(scene, seed)
    for camera in document["sites"][0]["cameras"]:
        camera["stream"] += f"&epoch={int(world.timestamp())}"
    return read_value(document, file=f"simulated {scene}")


def video_document(video: Path) -> Document:
    """One camera, the file in real time, with one zone over the whole picture."""
    camera_id = "video"
    return read_value(
        {
            "sites": [
                {
                    "site_id": "demo",
                    "name": "Demonstration",
                    "timezone": "UTC",
                    "cameras": [
                        {
                            "camera_id": camera_id,
                            "name": video.stem[:100],
                            "stream": f"file:{video.resolve()}",
                        }
                    ],
                    "zones": [
                        {
                            "zone_id": "picture",
                            "camera_ids": [camera_id],
                            "severity": "high",
                            "min_confidence": 0.5,
                        }
                    ],
                }
            ],
            "route": {"receiver": "log"},
            "receivers": [{"name": "log", "channels": [{"kind": "log"}]}],
        },
        file="demo",
    )


@dataclass
class Demo:
    """Runs in a sandbox in real time."""

    box: Sandbox
    document: Document

    def run(self, seconds: float | None, tell: Told) -> DemoResult:
        """Capture for so long (None: until interrupted), telling of each change of an alert."""
        publish(self.box.settings, self.document, "demo")
        return asyncio.run(self._run(seconds, tell))

    async def _run(self, seconds: float | None, tell: Told) -> DemoResult:
        result = DemoResult(began=wall(), ended=wall())
        async with Follower(
            self.box.settings, [EVENTS, ALERTS, PROBES], client_id="watchfloor-demo"
        ) as follower:
            reading = asyncio.create_task(_collect(follower, result, tell))
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.shield(reading)
            except TimeoutError:
                result.ended = wall()
                # What was captured before the end is on its way for a moment.
                await asyncio.sleep(1.5)
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        return result


async def _collect(follower: Follower, result: DemoResult, tell: Told) -> None:
    async for chunk in follower.chunks(timeout=0.5):
        for record in chunk:
            if record.value is None:
                continue
            try:
                message = record.message()
            except SchemaError:
                continue
            match message:
                case SecurityEvent():
                    result.events[message.event_id] = message
                case Alert():
                    _note_alert(message, record.timestamp_ms, result, tell)
                case Probe() if message.state is CameraState.CONNECTED:
                    seen = message.last_frame_at or message.at
                    result.connected.setdefault(message.device_id, seen)


def _note_alert(alert: Alert, timestamp_ms: int, result: DemoResult, tell: Told) -> None:
    known = result.alerts.get(alert.alert_id)
    if known is not None and known.revision >= alert.revision:
        return
    result.alerts[alert.alert_id] = alert
    at = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    for event_id in alert.event_ids:
        result.published.setdefault(event_id, at)
    if known is None:
        tell(alert, "opened")
    elif alert.state is not AlertState.RESOLVED:
        tell(alert, "updated")
