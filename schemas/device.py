"""Devices: what to capture or poll, and what came of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta

from schemas.base import DeviceId, Message, SiteId, Text, UtcTime

__all__ = ["Assignment", "CameraState", "Probe", "ProbeKind"]


class Assignment(Message, frozen=True, kw_only=True):
    """What a replica captures or polls, the value of `device.assignments.v1`.

    source: `rtsp://…`, `http://…`, `file:…`, `images:…` or `sim:…`, without credentials.
    credentials: the name of a secret. detect_fps: frames a second that detect gets at most.
    start: capture time of a file's frame 0. speed: 0 is as fast as it goes, 1 is real time.
    gate: motion gate on. loop: a file starts again at its end.
    """

    SCHEMA: ClassVar[str] = "assignment.v1"

    site_id: SiteId
    device_id: DeviceId
    kind: str
    revision: str = ""
    source: Annotated[str, Meta(max_length=2000)] | None = None
    substream: Annotated[str, Meta(max_length=2000)] | None = None
    credentials: str | None = None
    detect_fps: Annotated[float, Meta(gt=0, le=60)] = 5.0
    gate: bool = True
    start: UtcTime | None = None
    speed: Annotated[float, Meta(ge=0, le=100)] = 1.0
    loop: bool = False
    run: str = ""


class ProbeKind(StrEnum):
    """What was looked at."""

    FRAMES = "frames"
    """Capture's own: does the camera deliver frames?"""
    TCP = "tcp"
    HTTP = "http"
    RTSP = "rtsp"
    ONVIF = "onvif"


class CameraState(StrEnum):
    """A camera as capture sees it."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"
    ENDED = "ended"
    """A file came to its end."""


class Probe(Message, frozen=True, kw_only=True):
    """One poll's outcome. Capture's own is written at each change of state and every 10 s.

    gap_s: seconds without frames since the last one, for a camera that is lost.
    frames, sent, gated, corrupt: counts since this run of the source began.
    """

    SCHEMA: ClassVar[str] = "probe.v1"

    site_id: SiteId
    device_id: DeviceId
    kind: ProbeKind
    at: UtcTime
    ok: bool
    latency_ms: float | None = None
    error: Text | None = None
    state: CameraState | None = None
    last_frame_at: UtcTime | None = None
    gap_s: float | None = None
    frames: int = 0
    sent: int = 0
    gated: int = 0
    corrupt: int = 0
    connects: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0
