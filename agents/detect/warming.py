"""The frames before a position: what a tracker has to see again after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from agents.runtime.follower import Follower
from agents.runtime.record import Record
from schemas.base import SchemaError
from schemas.frame import FrameMeta

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["WARM_S", "Window", "frames_before"]

WARM_S: Final = 12.0
"""Longer than the 10 s between two keep-alive frames, so that a still object is seen again."""
MOST_S: Final = 300.0


@dataclass(frozen=True)
class Window:
    """Which frames before a partition's first record are looked at again.

    Of a live camera so many seconds, by the broker's times: its events are not repeated, and its
    background is nearly the same. A file has to give the same ids, and a broker's second holds
    as much of it as detect was fast, so it is looked at again by its own clock: its run from the
    beginning, or the last five minutes of a long one.

    first: what describes the first record, None where it cannot be read. at_ms: its timestamp.
    """

    first: FrameMeta | None
    at_ms: int
    seconds: float

    @classmethod
    def before(cls, first: Record, dwell_s: float) -> Window:
        """dwell_s: the longest dwell time of any zone: whoever completed before the restart has
        to complete again, in silence."""
        seconds = min(MOST_S, WARM_S + dwell_s)
        try:
            meta = first.message()
        except SchemaError:
            meta = None
        known = meta if isinstance(meta, FrameMeta) else None
        return cls(known, first.timestamp_ms, seconds)

    @property
    def start_ms(self) -> int:
        """From which timestamp on to read; a file's frames are kept for ten minutes anyway."""
        if self.first is not None and not self.first.live:
            return 0
        return max(0, self.at_ms - int(self.seconds * 1000))

    def takes(self, meta: FrameMeta, timestamp_ms: int) -> bool:
        """Whether a frame before the first is looked at again."""
        first = self.first
        if meta.live or first is None:
            return timestamp_ms >= self.at_ms - self.seconds * 1000
        if (first.site_id, first.camera_id) != (meta.site_id, meta.camera_id):
            return True
        # A run that is over has left nothing behind.
        return meta.run == first.run and meta.captured_at >= first.captured_at - timedelta(
            seconds=MOST_S
        )


async def frames_before(
    settings: Settings, first: Record, dwell_s: float
) -> AsyncIterator[tuple[Record, FrameMeta]]:
    """Yield the records of the partition before `first` that are to be looked at again.

    dwell_s: the longest dwell time of any zone.
    """
    if first.offset == 0:
        return
    window = Window.before(first, dwell_s)
    async with Follower(
        settings,
        [first.topic],
        start=window.start_ms,
        partitions=[first.partition],
        client_id="warming",
    ) as follower:
        async for chunk in follower.chunks(timeout=0.5):
            for record in chunk:
                if record.offset >= first.offset:
                    return
                try:
                    meta = record.message()
                except SchemaError:
                    continue
                if window.takes(meta, record.timestamp_ms):
                    yield record, meta
            if follower.positions().get((first.topic, first.partition), 0) >= first.offset:
                return
