"""Frames and snapshots as records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import cv2

from agents.capture.sources.base import Image
from schemas import ids
from schemas.device import Assignment
from schemas.frame import FrameMeta, SnapshotMeta
from topics.catalogue import FRAMES, SNAPSHOTS
from topics.record import OutRecord, make

__all__ = [
    "QUALITY",
    "SIDE",
    "SOURCE",
    "Captured",
    "camera_key",
    "end_record",
    "frame_record",
    "jpeg",
    "snapshot_record",
]

SOURCE: Final = "watchfloor/capture"

SIDE: Final = 640
"""Pixels of the longer side of what goes to Kafka: the input size of most detectors."""

QUALITY: Final = 85


@dataclass(frozen=True, slots=True)
class Captured:
    """A frame as it leaves the camera's thread. send: to detect; else it is kept for snapshots."""

    seq: int
    captured_at: datetime
    jpeg: bytes
    width: int
    height: int
    source_width: int
    source_height: int
    send: bool
    motion: float = 0.0
    keep_alive: bool = False


def jpeg(image: Image, quality: int = QUALITY) -> bytes:
    """(H, W, 3) uint8 blue, green, red as JPEG, chroma at half resolution."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"no JPEG of a picture of shape {image.shape}")
    return data.tobytes()


def camera_key(site_id: str, device_id: str) -> str:
    """The key of everything that is in order per camera."""
    return f"{site_id}/{device_id}"


def frame_record(assignment: Assignment, frame: Captured, *, live: bool) -> OutRecord:
    """The frame for `camera.frames.v1`."""
    site, camera = assignment.site_id, assignment.device_id
    meta = FrameMeta(
        site_id=site,
        camera_id=camera,
        captured_at=frame.captured_at,
        seq=frame.seq,
        width=frame.width,
        height=frame.height,
        source_width=frame.source_width,
        source_height=frame.source_height,
        motion=round(min(1.0, frame.motion), 4),
        live=live,
        keep_alive=frame.keep_alive,
        run=assignment.run,
    )
    return make(
        FRAMES,
        meta,
        id=ids.frame_id(site, camera, frame.captured_at, frame.seq),
        time=frame.captured_at,
        source=SOURCE,
        key=camera_key(site, camera),
        payload=frame.jpeg,
    )


def end_record(assignment: Assignment, seq: int, at: datetime) -> OutRecord:
    """What follows a file's last frame. seq: the number that its next frame would have had."""
    site, camera = assignment.site_id, assignment.device_id
    meta = FrameMeta(
        site_id=site,
        camera_id=camera,
        captured_at=at,
        seq=seq,
        width=0,
        height=0,
        live=False,
        last=True,
        run=assignment.run,
    )
    return make(
        FRAMES,
        meta,
        id=ids.frame_id(site, camera, at, seq),
        time=at,
        source=SOURCE,
        key=camera_key(site, camera),
        payload=b"",
    )


def snapshot_record(
    assignment: Assignment, event_id: str, position: int, frame: Captured
) -> OutRecord:
    """A later picture of an event, for `camera.snapshots.v1`. position: 1 to 3."""
    site, camera = assignment.site_id, assignment.device_id
    meta = SnapshotMeta(
        event_id=event_id,
        site_id=site,
        camera_id=camera,
        captured_at=frame.captured_at,
        position=position,
        width=frame.width,
        height=frame.height,
    )
    return make(
        SNAPSHOTS,
        meta,
        id=ids.snapshot_id(site, event_id, position),
        time=frame.captured_at,
        source=SOURCE,
        key=camera_key(site, camera),
        payload=frame.jpeg,
    )
