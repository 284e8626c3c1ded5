"""When a group of alerts is told: waits, intervals and repeats, by processing time."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from schemas.base import Severity
from schemas.document import Route

__all__ = ["Group", "Timing", "changed", "flushed", "timing"]


class Timing(Struct, frozen=True, kw_only=True):
    """A route's times, with its defaults filled in. wait None: by severity."""

    receiver: str | None
    wait: timedelta | None
    interval: timedelta
    repeat: timedelta
    resolve_after: timedelta
    send_resolved: bool


class Group(Struct, frozen=True, kw_only=True):
    """A notification group: one receiver, its alerts, and what it was told.

    flushes: how many notifications it has made. due: when the next one goes. waiting: the events
    that it will carry.
    """

    site_id: str
    receiver: str
    alerts: tuple[str, ...]
    flushes: int = 0
    last_sent: datetime | None = None
    due: datetime | None = None
    waiting: tuple[str, ...] = ()


def timing(route: Route | None) -> Timing:
    """The root route's times; the defaults are those of `conformance/README.md`."""
    root = route or Route()
    return Timing(
        receiver=root.receiver,
        wait=root.group_wait,
        interval=_or(root.group_interval, timedelta(minutes=5)),
        repeat=_or(root.repeat_interval, timedelta(hours=4)),
        resolve_after=_or(root.resolve_after, timedelta(minutes=30)),
        send_resolved=True if root.send_resolved is None else root.send_resolved,
    )


def _or(value: timedelta | None, default: timedelta) -> timedelta:
    return default if value is None else value


def changed(
    group: Group, alert: str, event: str, severity: Severity, times: Timing, now: datetime
) -> Group:
    """The group after an admitted event of one of its alerts.

    A new group waits `group_wait` (by default 0 s with a critical alert in it, else 5 s), a group
    that was sent waits for the next `group_interval` since then. due == now: it goes at once.
    """
    if group.due is not None:
        due = group.due
        if severity is Severity.CRITICAL and group.last_sent is None and times.wait is None:
            due = now
    elif group.last_sent is not None:
        due = max(now, group.last_sent + times.interval)
    else:
        default = timedelta(0) if severity is Severity.CRITICAL else timedelta(seconds=5)
        due = now + _or(times.wait, default)
    alerts = group.alerts if alert in group.alerts else (*group.alerts, alert)
    return replace(group, alerts=alerts, due=due, waiting=(*group.waiting, event)[-1000:])


def flushed(group: Group, now: datetime) -> Group:
    """The group after it was told."""
    return replace(group, flushes=group.flushes + 1, last_sent=now, due=None, waiting=())
