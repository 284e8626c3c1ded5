"""The detect role's work: frames of each camera in order, inference in threads.

A live source is skipped forward to its newest frame when frames come faster than they can be
looked at, and what was skipped is counted; a file is processed whole.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram

from agents.detect.boxes import Detections
from agents.detect.engine import CameraDetector, Eye, FrameOutcome
from agents.detect.eyes import Eyes
from agents.detect.outputs import BEFORE, Maker, Shot, frame_records, track_records, watched_zones
from agents.detect.picture import decode_jpeg
from agents.detect.turns import Turns
from agents.detect.warming import frames_before
from agents.runtime.deadletter import dead_letter
from agents.runtime.record import Record
from agents.runtime.service import RoleContext
from schemas.frame import FrameMeta
from topics.record import OutRecord, traced

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["DetectWorker", "newest_only"]

log = logging.getLogger("watchfloor.detect")

MOST_WAITING: Final = 512
"""Frames of one camera in memory; a file's capture keeps itself well below it."""
SKIP_FROM: Final = 3
"""Live frames waiting before the camera is skipped forward: one is being fetched, one is late."""
MAX_PIXELS: Final = 4096 * 4096

FRAMES_DONE = Counter("watchfloor_detect_frames_total", "Frames looked at", ("site", "camera"))
SKIPPED = Counter("watchfloor_detect_skipped_total", "Live frames skipped", ("site", "camera"))
SECONDS = Histogram(
    "watchfloor_detect_seconds",
    "Inference and tracking of a frame",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1),
)
EVENTS = Counter("watchfloor_detect_events_total", "Events emitted", ("site", "camera", "zone"))
LATE = Gauge("watchfloor_detect_late_seconds", "Age of the newest frame when it was looked at")


Before = Callable[["Settings", Record, float], AsyncIterator[tuple[Record, FrameMeta]]]


@dataclass(slots=True)
class _Waiting:
    record: Record
    meta: FrameMeta
    ack: Callable[[], None]


@dataclass(slots=True)
class _Looking:
    """A frame that a thread looks at; None where there is nothing to see, at a file's end."""

    item: _Waiting
    seen: asyncio.Future[tuple[Detections, float]] | None


@dataclass(slots=True)
class _Camera:
    """One camera of a partition that this worker owns."""

    eye: Eye
    detector: CameraDetector
    waiting: deque[_Waiting] = field(default_factory=deque)
    shots: deque[Shot] = field(default_factory=lambda: deque(maxlen=BEFORE))
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    run: str = ""
    eye_run: str = ""

    def look_at_run(self, run: str, eyes: Eyes) -> None:
        """Before a frame is looked at: what a file showed is no background of another's."""
        if run != self.eye_run:
            self.eye = eyes.for_camera()
            self.eye_run = run

    def follow_run(self, run: str) -> None:
        """Before tracks are followed: a file that starts over is another day for them."""
        if run != self.run:
            self.detector.reset()
            self.shots.clear()
            self.run = run


def newest_only(waiting: deque[_Waiting]) -> list[_Waiting]:
    """Take out what a live camera skips, so that its newest frame is next; never goes back."""
    if len(waiting) < SKIP_FROM:
        return []
    skipped: list[_Waiting] = []
    while len(waiting) > 1 and waiting[0].meta.live:
        skipped.append(waiting.popleft())
    return skipped


class DetectWorker:
    """Looks at the frames of the partitions that this replica owns.

    eyes: None: as set. before: what was looked at before a partition's first record.
    """

    def __init__(
        self, ctx: RoleContext, eyes: Eyes | None = None, before: Before = frames_before
    ) -> None:
        self._ctx = ctx
        self._before = before
        threads = int(os.environ.get("WATCHFLOOR_DETECT_THREADS", "0"))
        threads = threads or max(1, (os.cpu_count() or 2) // 2)
        self._turns = Turns(threads)
        self._eyes = eyes or Eyes.open(ctx.settings, self._turns)
        # Its import takes a second or more, which the first detection must not wait for.
        import trackers  # noqa: F401

        self._pool = ThreadPoolExecutor(threads + 1, thread_name_prefix="look")
        # One more than there are threads: each finds its next frame while we follow tracks.
        self._ahead = threads + 2
        self._cameras: dict[tuple[int, str], _Camera] = {}
        self._warmed: set[int] = set()
        self._sends: set[asyncio.Task[None]] = set()

    def facts(self) -> dict[str, str]:
        """What /healthz says of the detector."""
        return {"model": self._eyes.name, "model_note": self._eyes.note}

    def assigned(self, partitions: frozenset[int]) -> None:
        """Drop what is another's now; what is new is warmed with its first record."""
        for (partition, name), camera in list(self._cameras.items()):
            if partition not in partitions:
                if camera.task is not None:
                    camera.task.cancel()
                del self._cameras[(partition, name)]
        self._warmed &= partitions

    async def take(self, record: Record, ack: Callable[[], None]) -> None:
        """Queue a frame; waits while its camera has too many, which holds the stream back."""
        if record.partition not in self._warmed:
            self._warmed.add(record.partition)
            await self._warm(record)
        try:
            meta = record.message()
            assert isinstance(meta, FrameMeta)
        except Exception as error:
            await self._ctx.emitter.emit([dead_letter(record, stage="detect", error=error)])
            ack()
            return
        camera = self._camera(record.partition, meta)
        camera.waiting.append(_Waiting(record, meta, ack))
        camera.arrived.set()
        while len(camera.waiting) >= MOST_WAITING:
            camera.room.clear()
            await camera.room.wait()

    def _camera(self, partition: int, meta: FrameMeta) -> _Camera:
        name = f"{meta.site_id}/{meta.camera_id}"
        camera = self._cameras.get((partition, name))
        if camera is None:
            eye = self._eyes.for_camera()
            site = self._ctx.configuration.site(meta.site_id)
            known = None if site is None else site.camera(meta.camera_id)
            rate = 5.0 if known is None else known.detect_fps
            camera = _Camera(eye, CameraDetector.for_eye(eye, rate))
            camera.task = asyncio.create_task(self._work(camera), name=f"detect {name}")
            self._cameras[(partition, name)] = camera
        return camera

    async def _warm(self, first: Record) -> None:
        """Bring trackers to where they were: look again at the seconds before, emit nothing."""
        dwell = max(
            (
                zone.dwell_sec
                for site in self._ctx.configuration.sites.values()
                for zone in site.site.zones
            ),
            default=0.0,
        )
        async for record, meta in self._before(self._ctx.settings, first, dwell):
            camera = self._camera(first.partition, meta)
            camera.look_at_run(meta.run, self._eyes)
            camera.follow_run(meta.run)
            if meta.last:
                camera.detector.finish()
                continue
            try:
                detections, _ = await self._see(camera, record, meta)
            except ValueError:
                # It went to the dead-letter topic when it was new.
                continue
            self._advance(camera, detections, meta)
            camera.shots.append(Shot(meta, record.value or b""))

    async def _work(self, camera: _Camera) -> None:
        """Process one camera's frames in order, for ever."""
        looking: deque[_Looking] = deque()
        try:
            while True:
                self._start_looking(camera, looking)
                if not looking:
                    camera.arrived.clear()
                    await camera.arrived.wait()
                    continue
                item, seen = looking[0].item, looking[0].seen
                try:
                    records = await self._process(camera, item, seen)
                except Exception as error:
                    log.warning("frame of %s: %s", item.meta.camera_id, error)
                    records = [dead_letter(item.record, stage="detect", error=error)]
                looking.popleft()
                # The next frame is looked at while the broker confirms this one's records.
                task = asyncio.create_task(self._send(records, item.ack))
                self._sends.add(task)
                task.add_done_callback(self._sends.discard)
        finally:
            for one in looking:
                if one.seen is not None:
                    one.seen.cancel()

    def _start_looking(self, camera: _Camera, looking: deque[_Looking]) -> None:
        """Hand the next frames to the threads: of a live camera one, the newest, at a time.

        A file's are looked at side by side, unless what looks has a memory: tracks come later,
        in order.
        """
        while camera.waiting:
            alone = camera.eye.ordered or camera.waiting[0].meta.live
            if len(looking) >= (1 if alone else self._ahead):
                return
            for skipped in newest_only(camera.waiting):
                SKIPPED.labels(skipped.meta.site_id, skipped.meta.camera_id).inc()
                skipped.ack()
            item = camera.waiting.popleft()
            camera.room.set()
            camera.look_at_run(item.meta.run, self._eyes)
            seen = None if item.meta.last else self._see(camera, item.record, item.meta)
            looking.append(_Looking(item, seen))

    async def _send(self, records: list[OutRecord], ack: Callable[[], None]) -> None:
        if records:
            await self._ctx.emitter.emit(records)
        ack()

    async def _process(
        self,
        camera: _Camera,
        item: _Waiting,
        seen: asyncio.Future[tuple[Detections, float]] | None,
    ) -> list[OutRecord]:
        meta = item.meta
        site = self._ctx.configuration.site(meta.site_id)
        maker = Maker(
            model=camera.eye.name,
            sha256=self._eyes.sha256,
            revision=None if site is None else site.revision,
        )
        camera.follow_run(meta.run)
        if seen is None:
            return track_records(meta, camera.detector.finish(), maker)
        detections, detector_ms = await seen
        begun = perf_counter()
        outcome = self._advance(camera, detections, meta)
        shot = Shot(meta, item.record.value or b"")
        made = frame_records(shot, list(camera.shots), outcome, maker, detector_ms)
        records = [traced(one, item.record.headers) for one in made]
        camera.shots.append(shot)
        SECONDS.observe(detector_ms / 1000.0 + perf_counter() - begun)
        FRAMES_DONE.labels(meta.site_id, meta.camera_id).inc()
        if meta.live:
            LATE.set((self._ctx.now() - meta.captured_at).total_seconds())
        for completion in outcome.completions:
            EVENTS.labels(meta.site_id, meta.camera_id, completion.zone_id).inc()
        return records

    def _see(
        self, camera: _Camera, record: Record, meta: FrameMeta
    ) -> asyncio.Future[tuple[Detections, float]]:
        """Have a thread look at a frame; its detections and the detector's own ms."""
        return asyncio.get_running_loop().run_in_executor(
            self._pool, _see, camera.eye, record.value or b"", meta, self._turns
        )

    def _advance(self, camera: _Camera, detections: Detections, meta: FrameMeta) -> FrameOutcome:
        """Advance a camera by what was seen in its next frame."""
        zones = watched_zones(self._ctx.configuration.site(meta.site_id), meta.camera_id)
        aspect = meta.width / max(1, meta.height)
        return camera.detector.advance(
            detections, meta.captured_at, meta.seq, zones=zones, aspect=aspect
        )

    async def close(self) -> None:
        """Stop: what was not acked will be read again."""
        for camera in self._cameras.values():
            if camera.task is not None:
                camera.task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _see(eye: Eye, jpeg: bytes, meta: FrameMeta, turns: Turns) -> tuple[Detections, float]:
    """Decode and look, in a worker thread; the detections and the detector's own ms."""
    picture = decode_jpeg(jpeg, MAX_PIXELS)
    begun = perf_counter()
    detections = eye.look(picture, meta.captured_at)
    # What it waited for another camera's frame is no time of the detector's.
    return detections, (perf_counter() - begun - turns.waited()) * 1000.0
