"""The newest picture of each camera, as capture sent it to detect.

`camera.frames.v1` has what the motion gate lets through, and a frame every 10 s where nothing moves
(`agents/capture/gate.py`), so its newest record is how a camera looks now. All cameras' frames are
much to read for nobody: they are followed while somebody looks, and for a minute after.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from agents.runtime.follower import Follower
from agents.runtime.record import Record
from schemas.base import SchemaError
from schemas.frame import FrameMeta
from topics.catalogue import FRAMES

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Held", "Newest", "Pictures"]

log = logging.getLogger("watchfloor.api.pictures")

MAX_BYTES: Final = 64 * 1_048_576
"""Of all pictures together: a thousand of them as capture makes them."""
LOOK_BACK: Final = timedelta(seconds=20)
"""Two of capture's pauses: whoever still delivers frames has one in it."""
LOOKED_AT_S: Final = 60.0
FIRST_S: Final = 3.0
"""That the first look waits for its picture."""
MAX_RECORDS: Final = 200
JPEG_MAGIC: Final = b"\xff\xd8\xff"


class Held(Struct, frozen=True, gc=False):
    """A camera's newest picture. received_at: when the broker took it. jpeg: its bytes."""

    meta: FrameMeta
    received_at: datetime
    jpeg: bytes

    @property
    def tag(self) -> str:
        """What names this picture among its camera's."""
        return f"{self.meta.seq}-{int(self.received_at.timestamp() * 1000)}"


class Newest:
    """The newest picture of each camera. Beyond `max_bytes` the one received first is dropped."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._held: OrderedDict[tuple[str, str], Held] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def take(self, held: Held) -> None:
        """Keep it, unless a newer one of its camera is here."""
        key = (held.meta.site_id, held.meta.camera_id)
        known = self._held.get(key)
        if known is not None and known.received_at > held.received_at:
            # A consumer that was replaced reads some of it again.
            return
        self._bytes += len(held.jpeg) - (len(known.jpeg) if known is not None else 0)
        self._held[key] = held
        self._held.move_to_end(key)
        while self._bytes > self._max_bytes:
            _, gone = self._held.popitem(last=False)
            self._bytes -= len(gone.jpeg)

    def find(self, site_id: str, camera_id: str) -> Held | None:
        """The camera's picture, where there is one."""
        return self._held.get((site_id, camera_id))

    def every(self, sites: Collection[str]) -> list[Held]:
        """The pictures of those sites' cameras, by site and camera."""
        return [held for key, held in sorted(self._held.items()) if key[0] in sites]

    def clear(self) -> None:
        """Forget all of them."""
        self._held.clear()
        self._bytes = 0


def held_of(record: Record) -> Held | None:
    """The picture in a record; None for a file's end. Raises SchemaError for anything else."""
    meta: FrameMeta = record.message()
    if meta.last or not record.value:
        return None
    if not record.value.startswith(JPEG_MAGIC):
        raise SchemaError(f"{record.topic}: the value is no JPEG")
    received = datetime.fromtimestamp(max(record.timestamp_ms, 0) / 1000, UTC)
    return Held(meta, received, record.value)


class Pictures:
    """Follows frames while somebody looks.

    looked_at_s: how long after the last look it goes on.
    """

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], datetime],
        *,
        looked_at_s: float = LOOKED_AT_S,
    ) -> None:
        self._settings = settings
        self._now = now
        self._looked_at_s = looked_at_s
        self._until = 0.0
        self._wanted = asyncio.Event()
        self._news = asyncio.Event()
        self._newest = Newest()
        self.following = False

    def every(self, sites: Collection[str]) -> list[Held]:
        """Somebody looks at those sites: what there is of them now."""
        self._look()
        return self._newest.every(sites)

    async def find(self, site_id: str, camera_id: str, *, within_s: float = FIRST_S) -> Held | None:
        """Somebody looks at that camera: its newest picture.

        Waits only where the frames of the last seconds are still being read. None where there is
        none in them.
        """
        self._look()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while (held := self._newest.find(site_id, camera_id)) is None:
                    if self.following:
                        return None
                    news = self._news
                    await news.wait()
        return held

    def _look(self) -> None:
        self._until = monotonic() + self._looked_at_s
        self._wanted.set()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Follow whenever somebody looks, until cancelled. Raises what the broker refuses."""
        while True:
            await self._wanted.wait()
            try:
                await self._follow()
            finally:
                self.following = False
                self._newest.clear()
            if monotonic() > self._until:
                # Somebody may have come while it ended.
                self._wanted.clear()

    async def _follow(self) -> None:
        start = int((self._now() - LOOK_BACK).timestamp() * 1000)
        async with Follower(
            self._settings, [FRAMES], start=start, client_id="watchfloor-api-pictures"
        ) as follower:
            ends = await follower.end_offsets()
            async for chunk in follower.chunks(max_records=MAX_RECORDS, timeout=0.5):
                for record in chunk:
                    self._take(record)
                if not self.following:
                    reached = follower.positions()
                    behind = any(reached.get(part, 0) < end for part, end in ends.items())
                    self.following = not chunk or not behind
                self._tell()
                if monotonic() > self._until:
                    return

    def _take(self, record: Record) -> None:
        try:
            held = held_of(record)
        except SchemaError as error:
            log.warning("%s", error)
            return
        if held is not None:
            self._newest.take(held)
