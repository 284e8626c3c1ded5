"""A frame on `camera.frames.v1`: the value is a JPEG, what describes it is in the headers."""

from __future__ import annotations

from typing import ClassVar

from schemas.base import CameraId, Message, Score, SiteId, UtcTime

__all__ = ["FrameMeta", "SnapshotMeta"]


class FrameMeta(Message, frozen=True, kw_only=True):
    """What a frame's `wf_frame` header says about the JPEG beside it.

    captured_at: event time (live: when the frame left the decoder; file: start + presentation
    time). seq: number of the frame in its source, gated ones counted; it grows and may have gaps.
    A file's is 0-based; a live source's starts at the milliseconds since the epoch when its capture
    began, so that it grows across restarts as well. width, height: pixels of the JPEG;
    source_width, source_height: of the original. motion: share of the gate's picture that moved.
    live: a live source may be skipped forward, a file may not. keep_alive: sent although nothing
    moved. last: a file's end; the value is empty. run: the capture run of a file, so that a file
    played twice is told apart from itself.
    """

    SCHEMA: ClassVar[str] = "frame.v1"

    site_id: SiteId
    camera_id: CameraId
    captured_at: UtcTime
    seq: int
    width: int
    height: int
    source_width: int = 0
    source_height: int = 0
    motion: Score = 0.0
    live: bool = True
    keep_alive: bool = False
    last: bool = False
    run: str = ""


class SnapshotMeta(Message, frozen=True, kw_only=True):
    """What a snapshot's `wf_snapshot` header says about the JPEG beside it.

    position: -3 to -1 before the completing frame, 0 the completing frame, 1 to 3 after it.
    """

    SCHEMA: ClassVar[str] = "snapshot.v1"

    event_id: str
    site_id: SiteId
    camera_id: CameraId
    captured_at: UtcTime
    position: int
    width: int = 0
    height: int = 0
