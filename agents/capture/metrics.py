"""What capture counts. Labels are the assigned cameras; those of one that left go with it."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

__all__ = [
    "CORRUPT",
    "DROPPED",
    "FRAMES",
    "GAP",
    "GATED",
    "LAST_FRAME",
    "RECONNECTS",
    "SENT",
    "SNAPSHOTS",
    "UP",
    "forget",
]

_CAMERA: Final = ("site", "camera")

FRAMES: Final = Counter("watchfloor_capture_frames", "Frames that came from the source.", _CAMERA)
SENT: Final = Counter("watchfloor_capture_sent", "Frames that the broker has confirmed.", _CAMERA)
GATED: Final = Counter(
    "watchfloor_capture_gated", "Frames at detect_fps that the motion gate held back.", _CAMERA
)
DROPPED: Final = Counter(
    "watchfloor_capture_dropped", "Live frames that were too old to be sent.", _CAMERA
)
CORRUPT: Final = Counter("watchfloor_capture_corrupt", "Frames that did not decode.", _CAMERA)
RECONNECTS: Final = Counter(
    "watchfloor_capture_reconnects", "Attempts to open the source after the first.", _CAMERA
)
GAP: Final = Counter(
    "watchfloor_capture_gap_seconds", "Seconds between the frames around a loss.", _CAMERA
)
SNAPSHOTS: Final = Counter(
    "watchfloor_capture_snapshots", "Later pictures of events that were published.", _CAMERA
)
LAST_FRAME: Final = Gauge(
    "watchfloor_capture_last_frame_timestamp_seconds",
    "When the last frame came, as a Unix time; 0 before the first.",
    _CAMERA,
)
UP: Final = Gauge(
    "watchfloor_capture_connected", "1 while the camera delivers frames, else 0.", _CAMERA
)

_ALL: Final = (
    FRAMES, SENT, GATED, DROPPED, CORRUPT, RECONNECTS, GAP, SNAPSHOTS, LAST_FRAME, UP,
)  # fmt: skip


def forget(site: str, camera: str) -> None:
    """Take a camera that is no longer ours out of every metric."""
    for metric in _ALL:
        metric.remove(site, camera)
