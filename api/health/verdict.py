"""Is the pipeline seeing? Pure: what was observed in, a verdict with its reasons out.

The rule behind it: a dead pipeline must never look like a quiet night. So silence counts against
it: a camera, a role or a tick that nobody heard of makes it late or blind, and only fresh words
make it well.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from api.health.lag import Lag
from schemas.device import CameraState

__all__ = [
    "CameraSeen",
    "Observation",
    "PipelineState",
    "Reason",
    "RoleSeen",
    "Verdict",
    "judge",
    "without_frames",
]

LATE_AFTER_S: Final = 10.0
"""A role this far behind is late. Commits are a second or two apart, so less is noise."""

ARCHIVE_LATE_AFTER_S: Final = 60.0
"""Archive writes batches, and nothing that is told to anybody waits for it."""

TICK_SILENCE: Final = timedelta(seconds=10)
"""Ticks come every second; a fail-over takes the session timeout of 6 s and a little."""

PROBE_SILENCE: Final = timedelta(seconds=30)
"""Capture speaks of each camera every 10 s."""

GRACE: Final = timedelta(seconds=30)
"""What was configured or started just now has so long to be heard of."""

MAX_NAMED: Final = 5


class PipelineState(StrEnum):
    """What the banner says."""

    OK = "ok"
    LATE = "late"
    """Alerts come, but later than they should."""
    BLIND = "blind"
    """Something is not seen at all."""


class Reason(Struct, frozen=True, kw_only=True):
    """One thing that is wrong. subject: a role, or `site/camera`; text: for a person."""

    code: str
    state: PipelineState
    text: str
    site_id: str | None = None
    subject: str | None = None


class RoleSeen(Struct, frozen=True, kw_only=True):
    """A role's consumer group. members: None where the broker did not say.

    without: what the pipeline is while no worker of it runs.
    """

    role: str
    members: int | None
    lag: Lag
    unit: str = "records"
    late_after_s: float = LATE_AFTER_S
    without: PipelineState = PipelineState.BLIND


class CameraSeen(Struct, frozen=True, kw_only=True):
    """A camera that ought to be captured, and capture's newest word about it.

    expected_since: when it was configured, or when we began to listen.
    """

    site_id: str
    camera_id: str
    name: str
    expected_since: datetime
    state: CameraState | None = None
    heard_at: datetime | None = None
    last_frame_at: datetime | None = None
    error: str | None = None


class Observation(Struct, frozen=True, kw_only=True):
    """What was seen. ticks: the newest tick of each of decide's partitions; None: none yet.

    sites: how many are configured; broker_ok, database_ok: whether they answered lately.
    """

    now: datetime
    started: datetime
    broker_ok: bool
    database_ok: bool
    following: bool
    sites: int
    roles: tuple[RoleSeen, ...] = ()
    ticks: tuple[datetime | None, ...] = ()
    cameras: tuple[CameraSeen, ...] = ()


class Verdict(Struct, frozen=True, kw_only=True):
    """The worst of its reasons, and all of them, the worst first."""

    state: PipelineState
    reasons: tuple[Reason, ...] = ()


def judge(seen: Observation) -> Verdict:
    """The verdict about what was seen."""
    reasons = [*_servers(seen), *_roles(seen), *_ticks(seen), *_cameras(seen)]
    reasons.sort(key=lambda reason: reason.state is not PipelineState.BLIND)
    state = reasons[0].state if reasons else PipelineState.OK
    return Verdict(state=state, reasons=tuple(reasons))


def _blind(code: str, text: str, **where: str) -> Reason:
    return Reason(code=code, state=PipelineState.BLIND, text=text, **where)


def _late(code: str, text: str, **where: str) -> Reason:
    return Reason(code=code, state=PipelineState.LATE, text=text, **where)


def _servers(seen: Observation) -> Iterable[Reason]:
    if not seen.broker_ok:
        yield _blind("broker_unreachable", "Kafka does not answer: nothing is known.")
    elif not seen.following:
        yield _blind("not_following", "This page's server is still reading what has happened.")
    if not seen.database_ok:
        yield _late("database_unreachable", "The database does not answer: history is not shown.")
    if seen.following and not seen.sites:
        yield _blind("nothing_configured", "No site is configured: nothing is watched.")


def _roles(seen: Observation) -> Iterable[Reason]:
    if not seen.broker_ok:
        return
    for role in seen.roles:
        lag = role.lag
        if role.members == 0:
            yield Reason(
                code="role_down",
                state=role.without,
                text=f"No worker of {role.role} is running.",
                subject=role.role,
            )
        elif lag.seconds > role.late_after_s:
            more = "at least " if lag.at_least else ""
            yield _late(
                "role_late",
                f"{role.role} is {more}{lag.seconds:.0f} s and {lag.records} {role.unit} behind.",
                subject=role.role,
            )


def _ticks(seen: Observation) -> Iterable[Reason]:
    down = any(role.role == "decide" and role.members == 0 for role in seen.roles)
    if not seen.broker_ok or not seen.following or down:
        return
    silent = [
        number
        for number, tick in enumerate(seen.ticks)
        if (tick is None and seen.now - seen.started > GRACE)
        or (tick is not None and seen.now - tick > TICK_SILENCE)
    ]
    if silent:
        which = ", ".join(map(str, silent))
        what = "decide gives no sign of life"
        if len(silent) < len(seen.ticks):
            what += f" for {len(silent)} of {len(seen.ticks)} partitions ({which})"
        yield _blind("decide_silent", f"{what}: alerts are not being made.", subject="decide")


def without_frames(seen: Observation) -> list[Reason]:
    """Every camera that delivers no frames, and why it is thought so."""
    return [reason for camera in seen.cameras if (reason := _camera(camera, seen.now)) is not None]


def _cameras(seen: Observation) -> Iterable[Reason]:
    found = without_frames(seen)
    yield from found[:MAX_NAMED]
    if len(found) > MAX_NAMED:
        rest = len(found) - MAX_NAMED
        yield _blind("cameras_blind", f"{rest} more cameras deliver no frames.")


def _camera(camera: CameraSeen, now: datetime) -> Reason | None:
    if camera.heard_at is None:
        if now - camera.expected_since <= GRACE:
            return None
        code, what = "camera_unheard", "capture has not spoken of it"
    elif camera.state is CameraState.ENDED:
        # Capture speaks no more of a file that came to its end.
        code, what = "camera_ended", "its recording came to its end"
    elif now - camera.heard_at > PROBE_SILENCE:
        silence = (now - camera.heard_at).total_seconds()
        code, what = "camera_silent", f"capture has not spoken of it for {silence:.0f} s"
    elif camera.state is CameraState.LOST:
        code, what = "camera_lost", "it delivers no frames"
        if camera.last_frame_at is not None:
            what += f", the last one {(now - camera.last_frame_at).total_seconds():.0f} s ago"
    elif camera.state is CameraState.CONNECTING and now - camera.expected_since > GRACE:
        code, what = "camera_connecting", "it is not connected yet"
    else:
        return None
    name = f"{camera.name} ({camera.site_id}/{camera.camera_id})"
    return _blind(
        code,
        f"Camera {name}: {what}.",
        site_id=camera.site_id,
        subject=f"{camera.site_id}/{camera.camera_id}",
    )
