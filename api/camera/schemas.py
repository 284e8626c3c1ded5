"""What is answered about cameras."""

from __future__ import annotations

from msgspec import Struct

from schemas.base import UtcTime
from schemas.device import CameraState

__all__ = ["CameraView", "NewestPicture"]


class CameraView(Struct, frozen=True, kw_only=True):
    """A camera and capture's newest word about it.

    captured: whether the document names a stream for it. state: null until capture spoke of it.
    heard_at: when it did; one older than 30 s is not to be believed. gap_s: seconds without frames,
    for a camera that is lost. width, height: pixels. Streams and secrets are not told.
    """

    site_id: str
    camera_id: str
    name: str
    nvr_id: str | None
    zone_ids: tuple[str, ...]
    captured: bool
    detect_fps: float
    state: CameraState | None = None
    heard_at: UtcTime | None = None
    last_frame_at: UtcTime | None = None
    gap_s: float | None = None
    error: str | None = None
    frames: int = 0
    sent: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0


class NewestPicture(Struct, frozen=True, kw_only=True):
    """The newest picture that there is of a camera; `GET` at `location` has it.

    tag: another one, another picture. captured_at: when the camera saw it; of a file that is
    played, the file's own time. live: false for a file. received_at: when capture sent it.
    age_s: how old it is now, by captured_at where it is live and else by received_at.
    """

    site_id: str
    camera_id: str
    tag: str
    captured_at: UtcTime
    received_at: UtcTime
    live: bool
    age_s: float
    width: int
    height: int
    location: str
