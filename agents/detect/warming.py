"""The frames before a position: what a tracker has to see again after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from agents.runtime.follower import Follower
from agents.runtime.record import Record
from schemas.base import SchemaError
from schemas.frame import FrameMeta

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["WARM_S", "frames_before"]

WARM_S: Final = 12.0
"""Longer than the 10 s between two keep-alive frames, so that a still object is seen again."""
MOST_S: Final = 300.0


async def frames_before(
    settings: Settings, first: Record, dwell_s: float
) -> AsyncIterator[tuple[Record, FrameMeta]]:
    """Yield the records of the partition before `first` that are at most so many seconds older.

    dwell_s: the longest dwell time of any zone: whoever completed before the restart has to
    complete again, in silence. Seconds are the broker's times, which for a file that was played
    fast hold more frames than its own clock would; that costs time, and no correctness.
    """
    seconds = min(MOST_S, WARM_S + dwell_s)
    if first.offset == 0:
        return
    start = max(0, first.timestamp_ms - int(seconds * 1000))
    async with Follower(
        settings, [first.topic], start=start, partitions=[first.partition], client_id="warming"
    ) as follower:
        idle = 0
        async for chunk in follower.chunks(timeout=0.5):
            idle = 0 if chunk else idle + 1
            if idle > 4:
                return
            for record in chunk:
                if record.offset >= first.offset:
                    return
                try:
                    meta = record.message()
                except SchemaError:
                    continue
                yield record, meta
