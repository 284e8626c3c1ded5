"""Devices: what to capture or poll, and what came of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta, field

from schemas.base import DeviceId, Label, Message, SiteId, Text, UtcTime

__all__ = [
    "Assignment",
    "Breaker",
    "CameraState",
    "DeviceHealth",
    "DeviceSeverity",
    "Probe",
    "ProbeKind",
    "Pulse",
]


class Assignment(Message, frozen=True, kw_only=True):
    """What a replica captures or polls, the value of `device.assignments.v1`.

    source: `rtsp://…`, `http://…`, `file:…`, `images:…` or `sim:…`, without credentials.
    credentials: the name of a secret. detect_fps: frames a second that detect gets at most.
    start: capture time of a file's frame 0. speed: 0 is as fast as it goes, 1 is real time.
    gate: motion gate on. loop: a file starts again at its end. address, driver: of a device that
    is polled: where it is, without credentials, and how it is asked. ca_file: see `Device` of the
    site document. normal_s: seconds between two polls while it is well, on average; optional:
    whether it is asked for more than its health.
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
    address: Annotated[str, Meta(max_length=2000)] | None = None
    driver: str | None = None
    ca_file: Annotated[str, Meta(max_length=100)] | None = None
    normal_s: Annotated[float, Meta(ge=240, le=3600)] = 240.0
    optional: bool = True


class ProbeKind(StrEnum):
    """What was looked at."""

    FRAMES = "frames"
    """Capture's own: does the camera deliver frames?"""
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    RTSP = "rtsp"
    ONVIF = "onvif"
    ISAPI = "isapi"
    """Hikvision's own."""
    DAHUA = "dahua"
    """Dahua's own, and that of those who sell its devices under their names."""
    SERVICE = "service"
    """A service's own word on its health."""
    PICTURE = "picture"
    """A picture by request. Optional: left out while its site is relieved of load."""
    CHANNELS = "channels"
    """A recorder's list of channels. Optional likewise."""


class CameraState(StrEnum):
    """A camera as capture sees it."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"
    ENDED = "ended"
    """A file came to its end."""


class Probe(Message, frozen=True, kw_only=True):
    """One poll's outcome. Capture's own is written at each change of state and every 10 s.

    latency_ms: how long the device took to answer; absent where nothing answered.
    gap_s: seconds without frames since the last one, for a camera that is lost.
    frames, sent, gated, corrupt: counts since this run of the source began. facts: what the device
    said of itself, by name, such as `model`, `channels_online`, `disks_failed`.
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
    facts: dict[Label, Text | int | float | bool] = field(default_factory=dict)


class DeviceSeverity(StrEnum):
    """How a device is, by its polls."""

    NORMAL = "normal"
    """It answers."""
    SUSPECT = "suspect"
    """It failed, but not for long; or it just came back."""
    CRITICAL = "critical"
    """It is down, or too slow to be of use."""


class Breaker(StrEnum):
    """A device's circuit breaker. Half open lasts as long as the trial poll, and is not written."""

    CLOSED = "closed"
    OPEN = "open"


class DeviceHealth(Message, frozen=True, kw_only=True):
    """A device's current health, the value of `device.health.v1`.

    at: when the newest poll was made; since: when it became as it is. last_latency_ms: of the
    newest answer. failure_count: failures in a row by the breaker, to which an answer that was too
    slow is one. load_shed: the optional polls of its whole site are left out while it is so.
    flapping_since: from when on it changes too often to be told of each time.
    """

    SCHEMA: ClassVar[str] = "device-health.v1"

    site_id: SiteId
    device_id: DeviceId
    severity: DeviceSeverity
    breaker: Breaker
    consecutive_failures: int
    load_shed: bool
    at: UtcTime
    since: UtcTime
    next_poll_at: UtcTime
    last_latency_ms: float | None = None
    last_failure_at: UtcTime | None = None
    opened_at: UtcTime | None = None
    error: Text | None = None
    flapping_since: UtcTime | None = None
    failure_count: int = 0


class Pulse(Message, frozen=True, kw_only=True):
    """Polls of a site arrive, the value of `watch.pulses.v1`: one a minute and partition at most.

    at: when the newest of them was made. partition: of `device.probes.v1`, on which it was.
    """

    SCHEMA: ClassVar[str] = "pulse.v1"

    site_id: SiteId
    at: UtcTime
    partition: int = 0
