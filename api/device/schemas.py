"""What is asked and answered about devices."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from schemas.base import UtcTime
from schemas.device import Breaker, DeviceSeverity, ProbeKind

__all__ = [
    "ChangeView",
    "ChildView",
    "DayView",
    "DeviceDetail",
    "DeviceKind",
    "DeviceView",
    "Health",
    "ProbeView",
    "UptimeView",
]


class DeviceKind(StrEnum):
    """What a device is, by its site's document."""

    NVR = "nvr"
    CAMERA = "camera"
    SERVICE = "service"


class Health(StrEnum):
    """How a device is: a `DeviceSeverity`, or nothing."""

    NORMAL = "normal"
    SUSPECT = "suspect"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    """No poll has said anything of it yet."""


class DeviceView(Struct, frozen=True, kw_only=True):
    """A device and its health. Addresses, streams and secrets are not told.

    parent: the recorder or the uplink that it is behind. since: when it became so; at: of the
    newest poll. overdue: the next poll is more than 6 min late, and what is told here is old.
    latency_ms: of the newest answer. consecutive_failures: polls; failures: by the breaker, to
    which an answer that was too slow is one. up_today: share of today, in the site's timezone, as
    `/uptime` has it; null where nothing is known of it.
    """

    site_id: str
    device_id: str
    kind: DeviceKind
    name: str
    driver: str | None
    parent: str | None
    severity: Health
    since: UtcTime | None = None
    at: UtcTime | None = None
    next_poll_at: UtcTime | None = None
    overdue: bool = False
    error: str | None = None
    latency_ms: float | None = None
    consecutive_failures: int = 0
    load_shed: bool = False
    breaker: Breaker | None = None
    breaker_opened_at: UtcTime | None = None
    failures: int = 0
    last_failure_at: UtcTime | None = None
    up_today: float | None = None


class ProbeView(Struct, frozen=True, kw_only=True):
    """The newest look of one kind. facts: what the device last said of itself, by name.

    last_seen_at: its last answer, or a camera's last frame. gap_s: seconds without frames.
    """

    kind: ProbeKind
    at: UtcTime
    ok: bool
    error: str | None
    latency_ms: float | None
    state: str | None
    last_seen_at: UtcTime | None
    gap_s: float | None
    facts: dict[str, Any]


class ChildView(Struct, frozen=True, kw_only=True):
    """A device that is behind this one."""

    device_id: str
    kind: DeviceKind
    name: str
    severity: Health


class DeviceDetail(DeviceView, frozen=True, kw_only=True):
    """A device, what its newest polls said, and what is behind it (at most 1,000 devices)."""

    probes: tuple[ProbeView, ...] = ()
    children: tuple[ChildView, ...] = ()


class ChangeView(Struct, frozen=True, kw_only=True):
    """A change of a device's severity. error: of the poll that made it.

    until: when the next one came; null where it still is so.
    """

    at: UtcTime
    until: UtcTime | None
    severity: DeviceSeverity
    error: str | None


class DayView(Struct, frozen=True, kw_only=True):
    """A day in the site's timezone; the last one goes up to now.

    up: the share of its known time that the device was not critical, 0..1; null where nothing is
    known. The other figures are seconds, and `suspect_s` is part of what was up.
    """

    date: date
    from_: UtcTime = field(name="from")
    to: UtcTime
    up: float | None
    down_s: float
    suspect_s: float
    unknown_s: float


class UptimeView(Struct, frozen=True, kw_only=True):
    """How long a device was up.

    up, down_s, suspect_s, unknown_s: as of a day. Down is the time from a critical verdict to the
    next answer; unknown is the time before the first poll, and after the last one where polling
    has stopped: it counts neither way.
    outages: that began in these days; repaired: that ended in them. mttd_s: mean seconds from the
    first failed poll to the verdict, of those that began; mttr_s: mean seconds from the verdict to
    normal, of those that ended. complete: false where there were so many changes that the oldest
    are not counted; their time is unknown.
    """

    site_id: str
    device_id: str
    timezone: str
    from_: UtcTime = field(name="from")
    to: UtcTime
    days: tuple[DayView, ...]
    up: float | None
    down_s: float
    suspect_s: float
    unknown_s: float
    outages: int
    repaired: int
    mttd_s: float | None
    mttr_s: float | None
    complete: bool
