"""A file through the whole pipeline: real broker, real workers, a namespace of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from agents.runtime.emitter import Emitter
from agents.runtime.follower import Follower
from infra.errors import WatchfloorError
from infra.lags import GroupLag
from infra.sandbox import Sandbox, publish
from infra.settings import Settings
from schemas.alert import Alert
from schemas.base import Severity
from schemas.decision import Decision
from schemas.device import Assignment, CameraState, Probe
from schemas.document import Camera, Channel, Document, Receiver, Route, Routing, Site, Zone
from schemas.event import SecurityEvent
from topics.catalogue import ALERTS, ASSIGNMENTS, DECISIONS, EVENTS, FRAMES, PROBES
from topics.record import make

__all__ = [
    "START",
    "Place",
    "Replayed",
    "default_document",
    "place_in",
    "read_document",
    "replay",
    "with_model",
]

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
SITE: Final = "replay"
CAMERA: Final = "video"
STALLED_S: Final = 120.0
"""Without a frame looked at for so long, the replay is stuck."""

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Place:
    """Whose frames the file's are."""

    site: str
    camera: str


@dataclass
class Replayed:
    """What came of it. events and decisions by event id, alerts by id, newest revision."""

    events: dict[str, SecurityEvent] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    frames: int = 0
    sent: int = 0
    seconds: float = 0.0
    ended: bool = False

    def decided(self) -> bool:
        """Whether every event has its final decision."""
        return not set(self.events) - set(self.decisions)

    def lines(self) -> list[dict[str, Any]]:
        """A line an event in order of time, then a line an alert, worst first."""
        events = sorted(self.events.values(), key=lambda one: (one.occurred_at, one.event_id))
        alerts = sorted(self.alerts.values(), key=lambda one: (-one.rank, one.alert_id))
        return [*map(self._event_line, events), *map(_alert_line, alerts)]

    def _event_line(self, event: SecurityEvent) -> dict[str, Any]:
        decision = self.decisions.get(event.event_id)
        return {
            "kind": "event",
            "event_id": event.event_id,
            "alert_id": None if decision is None else decision.alert_id,
            "site": event.site_id,
            "camera": event.camera_id,
            "zone": event.zone_id,
            "type": event.event_type,
            "label": event.label,
            "track": event.track_id,
            "first_frame": event.first_frame,
            "frame": event.frame,
            "at": event.occurred_at.isoformat(),
            "confidence": event.confidence,
            "result": None if decision is None else decision.result.value,
            "reason": None if decision is None else decision.reason,
        }


def _alert_line(alert: Alert) -> dict[str, Any]:
    return {
        "kind": "alert",
        "alert_id": alert.alert_id,
        "site": alert.site_id,
        "camera": alert.camera_id,
        "zone": alert.zone_id,
        "type": alert.event_type,
        "label": alert.label,
        "severity": alert.severity.value,
        "events": alert.events,
        "repeats": alert.repeats,
        "rank": alert.rank,
        "reasons": msgspec.to_builtins(alert.reasons),
        "snapshot": alert.snapshot,
    }


def default_document() -> Document:
    """One camera with one zone over the whole picture, every label, told to a log."""
    return Document(
        sites=(
            Site(
                site_id=SITE,
                name="Replay",
                cameras=(Camera(camera_id=CAMERA, name="Video"),),
                zones=(Zone(zone_id="picture", camera_ids=(CAMERA,), severity=Severity.MEDIUM),),
            ),
        ),
        routing=Routing(
            route=Route(receiver="log"),
            receivers=(Receiver(name="log", channels=(Channel(kind="log"),)),),
        ),
    )


def place_in(document: Document, wanted: str | None) -> Place:
    """Whose frames they are: `SITE/CAMERA`, or the document's only camera.

    Raises WatchfloorError where that is nobody, or not clear.
    """
    known = [
        Place(site.site_id, camera.camera_id) for site in document.sites for camera in site.cameras
    ]
    names = ", ".join(f"{place.site}/{place.camera}" for place in known[:20])
    if wanted is not None:
        for place in known:
            if wanted in (f"{place.site}/{place.camera}", place.camera):
                return place
        raise WatchfloorError(f"--camera {wanted}: not in the document", hint=f"Known: {names}")
    if len(known) != 1:
        raise WatchfloorError(
            f"the document has {len(known)} cameras, the file is one",
            hint=f"Say which with --camera SITE/CAMERA. Known: {names}",
        )
    return known[0]


def _without_streams(document: Document) -> Document:
    """The document with no camera to capture but the file."""
    return msgspec.structs.replace(
        document,
        sites=tuple(
            msgspec.structs.replace(
                site,
                cameras=tuple(
                    msgspec.structs.replace(camera, stream=None, substream=None)
                    for camera in site.cameras
                ),
            )
            for site in document.sites
        ),
    )


def replay(
    box: Sandbox,
    video: Path,
    document: Document,
    place: Place,
    *,
    start: datetime = START,
    speed: float = 0.0,
    gate: bool = True,
    progress: Progress = lambda frames: None,
) -> Replayed:
    """Push a file through the sandbox and return once everything has drained.

    speed: 1 is real time, 0 is as fast as it goes. Raises WatchfloorError where the file cannot
    be read, and where nothing moves for two minutes.
    """
    publish(box.settings, _without_streams(document), "replay")
    site = next(one for one in document.sites if one.site_id == place.site)
    camera = next(one for one in site.cameras if one.camera_id == place.camera)
    assignment = Assignment(
        site_id=place.site,
        device_id=place.camera,
        kind="camera",
        revision="replay",
        source=f"file:{video.resolve()}",
        detect_fps=camera.detect_fps,
        start=start,
        speed=speed,
        gate=gate,
        run="replay",
    )
    return asyncio.run(_run(box, assignment, progress))


async def _run(box: Sandbox, assignment: Assignment, progress: Progress) -> Replayed:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    result = Replayed()
    emitter = Emitter(box.settings, "watchfloor-replay")
    await emitter.start()
    try:
        async with Follower(
            box.settings, [EVENTS, DECISIONS, ALERTS, PROBES], client_id="watchfloor-replay"
        ) as follower:
            reading = asyncio.create_task(_collect(follower, result))
            try:
                key = f"{assignment.site_id}/{assignment.device_id}"
                await emitter.emit(
                    [
                        make(
                            ASSIGNMENTS,
                            assignment,
                            id=f"replay/{key}",
                            time=assignment.start or START,
                            source="watchfloor/replay",
                            key=key,
                        )
                    ]
                )
                await _drain(box, result, reading, progress)
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
    finally:
        await emitter.stop()
    result.seconds = loop.time() - begun
    return result


async def _collect(follower: Follower, result: Replayed) -> None:
    """Take everything in that the pipeline says, for ever."""
    async for chunk in follower.chunks(timeout=0.2):
        for record in chunk:
            if record.value is None:
                continue
            message = record.message()
            match message:
                case SecurityEvent():
                    result.events[message.event_id] = message
                case Decision():
                    result.decisions[message.event_id] = message
                case Alert():
                    known = result.alerts.get(message.alert_id)
                    if known is None or known.revision <= message.revision:
                        result.alerts[message.alert_id] = message
                case Probe():
                    result.frames = max(result.frames, message.frames)
                    result.sent = max(result.sent, message.sent)
                    if message.error and message.state is not CameraState.CONNECTED:
                        raise WatchfloorError(f"the file: {message.error}")
                    result.ended |= message.state is CameraState.ENDED


async def _drain(
    box: Sandbox, result: Replayed, reading: asyncio.Task[None], progress: Progress
) -> None:
    """Wait for capture's end, then for detect, then for decide, then for the last decision."""
    loop = asyncio.get_running_loop()
    detect = GroupLag(box.settings, "watchfloor-detect")
    decide = GroupLag(box.settings, "watchfloor-decide")
    moved, last = loop.time(), (-1, -1)
    try:
        while True:
            await asyncio.sleep(0.1)
            if reading.done():
                reading.result()
            for child in box.children.values():
                child.check()
            lag = await asyncio.to_thread(detect.ask, FRAMES)
            progress(max(0, result.sent - lag))
            if (result.sent, lag) != last:
                moved, last = loop.time(), (result.sent, lag)
            if loop.time() - moved > STALLED_S:
                raise WatchfloorError(
                    f"replay: nothing moves for {STALLED_S:.0f} s ({lag} frames wait)",
                    hint=f"The roles' logs are in {box.folder}.",
                )
            if result.ended and lag == 0:
                break
        await decide.wait_drained([EVENTS], 60)
        async with asyncio.timeout(60):
            while not result.decided():
                await asyncio.sleep(0.05)
        # What decide emitted with its last decision is confirmed before it; one more turn reads it.
        await asyncio.sleep(0.3)
    finally:
        detect.close()
        decide.close()


def read_document(path: Path) -> Document:
    """The site document in a file. Raises WatchfloorError with all its problems at once."""
    from schemas.document_reader import DocumentError, read

    try:
        return read(path.read_bytes(), file=str(path))
    except OSError as error:
        raise WatchfloorError(f"{path}: {error.strerror}") from None
    except DocumentError as error:
        raise WatchfloorError(str(error), hint="Nothing was started.") from None


def with_model(settings: Settings, model: str | None) -> Settings:
    """The settings with this model, or with the one that is set. Raises WatchfloorError.

    It is opened once here, so that what is wrong with it is said before anything is started.
    """
    from agents.detect.errors import ModelError
    from agents.detect.eyes import model_path
    from agents.detect.models import open_model

    if model is not None:
        origins = {**settings.origins, "model": "command"}
        settings = replace(settings, model=model, origins=origins)
    try:
        path = model_path(settings)
        if path is not None:
            open_model(path, settings.providers or None)
    except ModelError as error:
        raise WatchfloorError(f"model: {error}") from None
    if path is not None:
        settings = replace(settings, model=str(path.resolve()))
    return settings
