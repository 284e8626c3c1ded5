"""The picture of a notification: the newest event's, out of the blob store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from infra.blob.store import BlobError, BlobStore
from schemas.base import utc
from schemas.ids import snapshot_id
from schemas.notification import Line, NotifyRequest, NotifyStatus

__all__ = ["MOST_PICTURE", "picture_of"]

MOST_PICTURE: Final = 5 * 1024 * 1024
PATIENCE_S: Final = 1.5
"""The archive stores the picture beside us, at the moment of the event."""

ASK_EVERY_S: Final = 0.25
READ_S: Final = 3.0


def _keys(site_id: str, lines: Sequence[Line]) -> list[str]:
    """Where archive puts the completing frames of the worst alerts' newest events."""
    return [
        f"snapshots/{site_id}/{utc(line.last_event):%Y/%m/%d}/"
        f"{snapshot_id(site_id, line.event_id, 0)}.jpg"
        for line in lines
        if line.event_id is not None
    ][:3]


async def picture_of(blobs: BlobStore | None, request: NotifyRequest) -> bytes | None:
    """The JPEG of the first alert that has one; None where none is there in time.

    A notification never waits long for its picture, and never fails for want of one.
    """
    keys = _keys(request.site_id, request.alerts)
    if blobs is None or not keys or request.status is not NotifyStatus.FIRING:
        return None
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    while True:
        for key in keys:
            try:
                async with asyncio.timeout(READ_S):
                    data = await asyncio.to_thread(blobs.get, key)
            except (BlobError, ValueError, OSError, TimeoutError):
                continue
            if data.startswith(b"\xff\xd8\xff") and len(data) <= MOST_PICTURE:
                return data
        if loop.time() >= until:
            return None
        await asyncio.sleep(ASK_EVERY_S)
