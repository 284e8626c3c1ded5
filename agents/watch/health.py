"""From polls to a device's health: suspect, critical, and back; its breaker; when to poll next.

Everything goes by the poll's own time, so the same polls make the same health whenever they are
read. The way back is a step at a time: a critical device that answers is suspect, and normal with
its next answer, which is what keeps one that comes and goes from ringing with each turn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.watch.flapping import FLAPPING, RULES, Turning, turn
from schemas.base import Severity
from schemas.device import Breaker, DeviceHealth, DeviceSeverity, Probe, ProbeKind
from schemas.document import SiteWatch
from schemas.event import EventSource, SecurityEvent
from schemas.ids import device_event_id

__all__ = [
    "MEAN_NORMAL_S",
    "OFFLINE",
    "OPTIONAL",
    "BreakerState",
    "Device",
    "PollState",
    "counts",
    "health_of",
    "next_poll",
    "observe",
    "sheds",
]

OFFLINE: Final = "device_offline"

FAILURES: Final = 5
"""In a row: that many are critical, fewer suspect."""
SLOW_MS: Final = 5000.0
"""An answer that took longer is critical at once."""
AHEAD: Final = timedelta(minutes=5)
"""A poll from further ahead was made by a clock that is wrong; later ones would look old."""

NORMAL_S: Final = (180.0, 300.0)
MEAN_NORMAL_S: Final = sum(NORMAL_S) / 2
JITTER_S: Final = 60.0
URGENT_S: Final = 60.0

OPTIONAL: Final = frozenset({ProbeKind.PICTURE, ProbeKind.CHANNELS})
"""What a site's devices are not asked for while one of them is critical."""


class PollState(Struct, frozen=True, kw_only=True):
    """What polls said of a device. at: the newest one; since: of this severity.

    told: it went critical, and its return to normal has yet to be told. turns: when it changed,
    the newest few; flapping: since when it changes too often to be told each time; fallen: it went
    critical, and has not been normal since (the same as told, but while it is flapping).
    """

    severity: DeviceSeverity
    at: datetime
    since: datetime
    next_poll_at: datetime
    last_latency_ms: float | None = None
    consecutive_failures: int = 0
    load_shed: bool = False
    told: bool = False
    error: str | None = None
    turns: tuple[datetime, ...] = ()
    flapping: datetime | None = None
    fallen: bool = False


class BreakerState(Struct, frozen=True, kw_only=True):
    """A device's breaker. failure_count: failures in a row, those of trials included.

    at: the newest poll; None where an earlier release wrote it.
    """

    state: Breaker
    at: datetime | None = None
    failure_count: int = 0
    last_failure_at: datetime | None = None
    last_latency_ms: float | None = None
    opened_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device's state: both of its rows."""

    poll: PollState
    breaker: BreakerState


def counts(probe: Probe) -> bool:
    """Whether a poll says something of the device itself.

    Capture's reports on frames are no polls, and a recorder that has no picture to give answers.
    """
    return probe.kind is not ProbeKind.FRAMES and probe.kind not in OPTIONAL


def observe(
    device: Device | None,
    probe: Probe,
    now: datetime,
    rules: SiteWatch = RULES,
    *,
    normal_s: float = MEAN_NORMAL_S,
) -> tuple[Device | None, tuple[SecurityEvent, ...]]:
    """The device after a poll, and the events that this makes.

    The poll of a device whose breaker is open is the breaker's trial: success closes it. A poll
    that is not newer than the newest one changes nothing. normal_s: see `next_poll`. Raises
    ValueError for one from more than 5 min ahead of `now`.
    """
    if probe.at > now + AHEAD:
        raise ValueError(f"the poll is of {probe.at.isoformat()}, and it is {now.isoformat()}")
    before = None if device is None else device.poll
    if not counts(probe) or (before is not None and probe.at <= before.at):
        return device, ()
    slow = probe.latency_ms is not None and probe.latency_ms > SLOW_MS
    failures = 0 if probe.ok else (0 if before is None else before.consecutive_failures) + 1
    severity = _severity(before, probe.ok and not slow, slow or failures >= FAILURES)
    down = severity is DeviceSeverity.CRITICAL
    begins = down and (before is None or before.severity is not DeviceSeverity.CRITICAL)
    # A row of an earlier release says only what was told, which is the same for one of these.
    steady = before is not None and before.flapping is None
    fell = before is not None and (before.told if steady else before.fallen)
    ends = fell and severity is DeviceSeverity.NORMAL
    turning = turn(
        () if before is None else before.turns,
        None if before is None else before.flapping,
        probe.at,
        changed=begins or ends,
        rules=rules,
    )
    told, said = _said(turning, before is not None and before.told, severity, begins=begins)
    poll = PollState(
        severity=severity,
        at=probe.at,
        since=before.since if before is not None and before.severity is severity else probe.at,
        next_poll_at=next_poll(severity, probe, normal_s),
        last_latency_ms=_latest(probe, None if before is None else before.last_latency_ms),
        consecutive_failures=failures,
        load_shed=down,
        told=told,
        error=None if probe.ok else probe.error,
        turns=turning.turns,
        flapping=turning.since,
        fallen=(fell or begins) and not ends,
    )
    breaker = _breaker(None if device is None else device.breaker, probe, poll, slow)
    events = tuple(_event(probe, what, ended=ended) for what, ended in said)
    return Device(poll=poll, breaker=breaker), events


def _said(
    turning: Turning, told: bool, severity: DeviceSeverity, *, begins: bool
) -> tuple[bool, tuple[tuple[str, bool], ...]]:
    """Whether it is told as down now, and the events that say so: (type, whether it is over).

    While it is flapping nothing else is said of it; after that, what it has come to.
    """
    over = ((FLAPPING, True),) if turning.ends else ()
    if turning.since is not None:
        return told, ((FLAPPING, False),) if turning.begins else ()
    if severity is DeviceSeverity.NORMAL:
        # Its being down ends first: else it would be told anew once nothing explains it.
        return False, (*(((OFFLINE, True),) if told else ()), *over)
    if begins or (turning.ends and severity is DeviceSeverity.CRITICAL and not told):
        return True, (*over, (OFFLINE, False))
    return told, over


def _severity(before: PollState | None, well: bool, down: bool) -> DeviceSeverity:
    was_down = before is not None and before.severity is DeviceSeverity.CRITICAL
    if down or (was_down and not well):
        return DeviceSeverity.CRITICAL
    if was_down or not well:
        return DeviceSeverity.SUSPECT
    return DeviceSeverity.NORMAL


def _latest(probe: Probe, before: float | None) -> float | None:
    return before if probe.latency_ms is None else probe.latency_ms


def _breaker(
    before: BreakerState | None, probe: Probe, poll: PollState, slow: bool
) -> BreakerState:
    old = before or BreakerState(state=Breaker.CLOSED)
    failed = slow or not probe.ok
    open_ = poll.severity is DeviceSeverity.CRITICAL
    fresh = replace(
        old,
        state=Breaker.OPEN if open_ else Breaker.CLOSED,
        at=probe.at,
        failure_count=old.failure_count + 1 if failed else 0,
        last_failure_at=probe.at if failed else old.last_failure_at,
        last_latency_ms=_latest(probe, old.last_latency_ms),
    )
    if not open_:
        return replace(fresh, opened_at=None)
    return replace(fresh, opened_at=old.opened_at or probe.at)


def next_poll(severity: DeviceSeverity, probe: Probe, normal_s: float = MEAN_NORMAL_S) -> datetime:
    """When to poll again: after 3 to 5 min ±60 s where all is well, else after 60 s.

    normal_s: the mean of the former, where a site's devices are to be asked less often.

    Which, follows from the device and the time of its poll: a restart changes no plan, and the
    devices of a site do not come to be polled together.
    """
    if severity is not DeviceSeverity.NORMAL:
        return probe.at + timedelta(seconds=URGENT_S)
    seed = f"{probe.site_id}/{probe.device_id}/{probe.at.isoformat()}".encode()
    digest = hashlib.sha256(seed).digest()
    base, jitter = (int.from_bytes(part, "big") / 2**64 for part in (digest[:8], digest[8:16]))
    least, most = NORMAL_S
    seconds = least + base * (most - least) + (2.0 * jitter - 1.0) * JITTER_S
    seconds *= normal_s / MEAN_NORMAL_S
    return probe.at + timedelta(seconds=seconds)


def _event(probe: Probe, what: str, *, ended: bool) -> SecurityEvent:
    return SecurityEvent(
        event_id=device_event_id(probe.site_id, probe.device_id, what, probe.at, ended=ended),
        site_id=probe.site_id,
        device_id=probe.device_id,
        event_type=what,
        occurred_at=probe.at,
        source=EventSource.WATCH,
        severity=Severity.CRITICAL,
        ended=ended,
    )


def health_of(site_id: str, device_id: str, device: Device) -> DeviceHealth:
    """What is published of a device."""
    poll, breaker = device.poll, device.breaker
    return DeviceHealth(
        site_id=site_id,
        device_id=device_id,
        severity=poll.severity,
        breaker=breaker.state,
        consecutive_failures=poll.consecutive_failures,
        load_shed=poll.load_shed,
        at=poll.at,
        since=poll.since,
        next_poll_at=poll.next_poll_at,
        last_latency_ms=poll.last_latency_ms,
        last_failure_at=breaker.last_failure_at,
        opened_at=breaker.opened_at,
        error=poll.error,
        flapping_since=poll.flapping,
        failure_count=breaker.failure_count,
    )


def sheds(kind: ProbeKind, site: list[DeviceHealth]) -> bool:
    """Whether a poll of that kind is left out, by the health of the devices of its site."""
    return kind in OPTIONAL and any(one.load_shed for one in site)
