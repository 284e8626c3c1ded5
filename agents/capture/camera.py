"""One camera's capture: connect, send, notice the loss, connect again."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from agents.capture import metrics
from agents.capture.backlog import Backlog
from agents.capture.backoff import PATIENT, next_delay
from agents.capture.encode import Captured, camera_key, end_record, frame_record, snapshot_record
from agents.capture.gate import GatePolicy
from agents.capture.outbox import Outbox
from agents.capture.reader import Counts, Reader
from agents.capture.recent import Recent
from agents.capture.selection import Selection
from agents.capture.sight import Sight, SightPolicy
from agents.capture.sources import (
    BrokenSourceError,
    Credentials,
    CredentialsError,
    Limits,
    Source,
    SourceError,
    UnreachableError,
    open_source,
    parse_address,
)
from agents.capture.status import Status
from agents.runtime.emitter import BrokerError, RefusedError
from agents.runtime.service import RoleContext
from schemas.device import Assignment, CameraState
from topics.record import OutRecord

__all__ = ["Camera", "Shared"]

log = logging.getLogger("watchfloor.capture")

LIVE_FRAMES: Final = 8
"""Frames of a live camera that may wait for the broker; more would be stale."""

FILE_FRAMES: Final = 32
BATCH: Final = 16
"""Frames of a file that wait, and that are sent at once: the thread decodes meanwhile."""

LIVE_BYTES: Final = 8 * 1_048_576
FILE_BYTES: Final = 32 * 1_048_576
"""Of the ring of recent frames; a file's covers what detect has not read yet."""

STEADY: Final = timedelta(seconds=20)
"""A connection that held so long was a good one: the next attempt starts without a pause."""

STILL: Final = ("file:", "images:")

TURN: Final = 0.5
"""Seconds between two looks at the clock while nothing comes."""


@dataclass(kw_only=True)
class Shared:
    """What a replica's cameras share. secret: a secret's text by its name and site; it may raise.

    rng: for pauses, so that a test can fix them.
    """

    ctx: RoleContext
    backlog: Backlog
    secret: Callable[[str, str], str]
    limits: Limits = field(default_factory=Limits)
    policy: GatePolicy = field(default_factory=GatePolicy)
    sight: SightPolicy = field(default_factory=SightPolicy)
    rng: random.Random = field(default_factory=random.Random)


class Camera:
    """Captures what one assignment says, until it is cancelled or a file has ended.

    A live camera's frames are numbered from the milliseconds since the epoch at which this run
    began: numbers grow across restarts, and no id comes twice.
    """

    def __init__(self, assignment: Assignment, shared: Shared) -> None:
        self.assignment = assignment
        self._shared = shared
        self._ctx = shared.ctx
        self._key = camera_key(assignment.site_id, assignment.device_id)
        self._labels = (assignment.site_id, assignment.device_id)
        self._counts = Counts()
        # A file may hold as many equal pictures as it likes.
        still = (assignment.substream or assignment.source or "").startswith(STILL)
        self._sight = Sight(shared.sight, freezes=not still)
        self._status = Status(assignment, self._counts, shared.ctx.now, self._sight)
        self._recent = Recent(LIVE_BYTES)
        self._credentials: Credentials | None = None
        self._base = int(shared.ctx.now().timestamp() * 1000)
        self._partition: int | None = None
        self._start = assignment.start
        self._anchor: datetime | None = None
        self._reported = False

    async def want(self, event_id: str, at: datetime) -> None:
        """An event completed on the frame captured at `at`: publish what follows it."""
        self._recent.want(event_id, at)
        await self._serve()

    async def run(self) -> None:
        """Capture. Returns at a file's end; never raises for what a source does."""
        try:
            await self._run()
        finally:
            if self._partition is not None:
                self._shared.backlog.leave(self._partition)
                self._partition = None
            metrics.forget(*self._labels)

    async def _run(self) -> None:
        await self._say(CameraState.CONNECTING)
        failed = 0
        while True:
            began = time.monotonic()
            frames = self._counts.frames
            live, error = await self._once()
            if error is None and self.assignment.loop and self._counts.frames > frames:
                self._rewind(self._counts.frames - frames)
                continue
            if error is None or not live:
                await self._end(error)
                return
            if self._counts.frames > frames and time.monotonic() - began > STEADY.total_seconds():
                failed = 0
            if isinstance(error, CredentialsError) or error.final:
                failed = max(failed, PATIENT)
            await self._lose(error)
            await self._pause(next_delay(failed, self._shared.rng))
            failed += 1
            metrics.RECONNECTS.labels(*self._labels).inc()

    def _open(self) -> Source:
        assignment = self.assignment
        # The smaller stream is there to be looked at by machines.
        text = assignment.substream or assignment.source
        if text is None:
            raise BrokenSourceError("the assignment names no source")
        credentials = None
        if assignment.credentials is not None:
            credentials = self._look_up(assignment.credentials, assignment.site_id)
        address = parse_address(text, credentials)
        self._credentials = address.credentials
        return open_source(
            address,
            now=self._ctx.now,
            start=self._start,
            speed=assignment.speed,
            limits=self._shared.limits,
        )

    def _look_up(self, name: str, site: str) -> Credentials:
        try:
            return Credentials.parse(self._shared.secret(name, site))
        except Exception as error:
            # Its text says where the secret should be; only the type goes to a topic.
            log.warning("%s: %s", self._key, error)
            raise CredentialsError(
                f"the secret {name!r} cannot be read ({type(error).__name__})"
            ) from None

    async def _once(self) -> tuple[bool, SourceError | None]:
        """Open the source and send what comes. Whether it is live, and why it ended."""
        try:
            source = self._open()
        except SourceError as error:
            return True, error
        self._anchor = source.anchor
        self._counts.connects += 1
        self._status.opening()
        offset = self._offset(source)
        if not source.live:
            await self._join_backlog()
        outbox: Outbox[Captured] = Outbox(
            LIVE_FRAMES if source.live else FILE_FRAMES, lossy=source.live
        )
        selection = Selection(
            self.assignment.detect_fps,
            gated=self.assignment.gate,
            policy=self._shared.policy,
            sight=self._sight,
        )
        password = self._credentials.password if self._credentials else ""
        reader = Reader(
            source,
            selection,
            outbox,
            self._counts,
            offset=offset,
            now=self._ctx.now,
            name=self._key,
            password=password,
        )
        opened = time.monotonic()
        dropped = self._counts.dropped
        reader.start()
        try:
            while not outbox.drained:
                most = await self._most(source)
                items = await outbox.take(most, TURN) if most else []
                self._counts.dropped = dropped + outbox.dropped
                if self._counts.last_frame is not None and self._counts.last_frame >= opened:
                    await self._connected()
                if items:
                    await self._send(items, live=source.live)
                await self._tick()
                if source.live and self._silent(opened):
                    seconds = self._shared.limits.silence.total_seconds()
                    return True, UnreachableError(f"no frame for {seconds:.0f} s")
            return source.live, reader.error
        finally:
            reader.close()

    def _offset(self, source: Source) -> int:
        """What is added to the source's own numbers."""
        again = self._counts.next_seq
        if source.numbering is None:
            return max(self._base, again)
        if source.live or not again:
            return 0
        return again

    def _rewind(self, frames: int) -> None:
        """A file of so many frames starts again at its end: it goes on in time and number."""
        first, last = self._anchor, self._counts.last_at
        if self._start is not None and first is not None and last is not None:
            self._start = last + (last - first) / max(1, frames - 1)

    async def _join_backlog(self) -> None:
        if self._partition is None:
            self._recent = Recent(FILE_BYTES)
            partition = await self._shared.backlog.partition_of(self._key)
            self._shared.backlog.follow(partition)
            self._partition = partition

    async def _most(self, source: Source) -> int:
        """How many frames may be sent now."""
        if source.live or self._partition is None:
            return LIVE_FRAMES
        room = min(BATCH, self._shared.backlog.room(self._partition))
        if not room:
            await self._shared.backlog.look(TURN)
        return room

    def _silent(self, opened: float) -> bool:
        """Whether the stream is lost: no frame for too long, time to connect aside."""
        limits, last = self._shared.limits, self._counts.last_frame
        allowed = limits.silence.total_seconds()
        if last is None or last < opened:
            last, allowed = opened, allowed + limits.connect.total_seconds()
        return time.monotonic() - last > allowed

    async def _send(self, items: Sequence[Captured], *, live: bool) -> None:
        for item in items:
            self._recent.add(item)
        records = [frame_record(self.assignment, item, live=live) for item in items if item.send]
        if records:
            if self._partition is not None:
                self._shared.backlog.spend(self._partition, len(records))
            await self._emit(records)
            self._counts.sent += len(records)
        await self._serve()

    async def _emit(self, records: Sequence[OutRecord]) -> None:
        while True:
            try:
                await self._ctx.emitter.emit(records)
            except RefusedError as error:
                # The broker would refuse them again; what it took is confirmed.
                log.error("%s: %s", self._key, error)
            except BrokerError as error:
                self._ctx.report("capture", str(error))
                self._reported = True
                await asyncio.sleep(1)
                continue
            if self._reported:
                self._ctx.report("capture", None)
                self._reported = False
            return

    async def _serve(self) -> None:
        served = self._recent.serve()
        if served:
            await self._emit([snapshot_record(self.assignment, *one) for one in served])
            metrics.SNAPSHOTS.labels(*self._labels).inc(len(served))

    async def _say(self, state: CameraState, error: str | None = None) -> None:
        await self._emit([self._status.change(state, error)])

    async def _tick(self) -> None:
        self._status.count()
        probe = self._status.due()
        if probe is not None:
            await self._emit([probe])

    async def _connected(self) -> None:
        if self._status.state is not CameraState.CONNECTED:
            self._status.count_gap()
            log.info("%s: connected", self._key)
            await self._say(CameraState.CONNECTED)

    async def _lose(self, error: SourceError) -> None:
        if self._status.state is not CameraState.LOST or self._status.error != str(error):
            log.warning("%s: %s", self._key, error)
        await self._say(CameraState.LOST, str(error))

    async def _end(self, error: SourceError | None) -> None:
        """A file is over: say so where its frames went, and to whoever watches the camera."""
        last = self._counts.last_at or self._start or self._ctx.now()
        await self._emit([end_record(self.assignment, self._counts.next_seq, last)])
        if error is not None:
            log.error("%s: %s", self._key, error)
        await self._say(CameraState.ENDED, str(error) if error else None)

    async def _pause(self, delay: timedelta) -> None:
        until = time.monotonic() + delay.total_seconds()
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 1.0))
            await self._tick()
