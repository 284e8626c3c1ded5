"""When a group of alerts is told: waits, intervals and repeats, by processing time. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.route.tree import Settings

__all__ = [
    "DUE",
    "OUT",
    "TOLD",
    "Group",
    "Rate",
    "Standing",
    "changed",
    "failed",
    "flushed",
    "resolved",
    "spend",
]

WAIT: Final = timedelta(seconds=5)
"""`group_wait` where the route has none and no critical alert is in the group."""
MINUTE: Final = timedelta(minutes=1)
WAITING: Final = 64
"""Events that a notification names; their decisions do not hang on it."""


TOLD: Final = 1
"""The receiver was told of it."""
DUE: Final = 2
"""The receiver is to be told of it, for the first time or again."""
OUT: Final = 4
"""It is quiet: no notification has it. When that ends it is due."""


class Standing(Struct, frozen=True, gc=False, array_like=True):
    """An alert in a group. state: of TOLD, DUE and OUT."""

    group: str
    state: int


class Group(Struct, frozen=True, gc=False, kw_only=True):
    """A notification group of a receiver; its alerts are in a bag of its key.

    born: so that a group that was forgotten and came again makes no id twice. flushes: how many
    notifications it has made. due: when it is told next. held: it waits for the site's rate limit.
    last_sent: None for a group that is empty or new; sent_before: what it was before the newest
    notification. waiting: the newest events that the next one will carry.
    """

    site_id: str
    receiver: str
    path: str
    born: datetime
    flushes: int = 0
    last_sent: datetime | None = None
    sent_before: datetime | None = None
    due: datetime | None = None
    held: bool = False
    waiting: tuple[str, ...] = ()


def changed(
    group: Group, settings: Settings, now: datetime, *, event: str | None, critical: bool
) -> Group:
    """The group after something began to fire in it, or was seen again by an admitted event.

    A new group waits `group_wait` (by default 0 s with a critical alert in it, else 5 s), a group
    that was sent waits for the next `group_interval` since then. due == now: it goes at once. What
    the rate limit holds waits for it, unless it turns critical.
    """
    if group.held:
        due = now if critical else None
    elif group.due is not None:
        # It waits, for its first notification or the next; only a first one is brought forward.
        first = group.last_sent is None and settings.wait is None
        due = min(now, group.due) if critical and first else group.due
    elif group.last_sent is not None:
        due = max(now, group.last_sent + settings.interval)
    else:
        default = timedelta(0) if critical else WAIT
        due = now + (default if settings.wait is None else settings.wait)
    waiting = group.waiting if event is None else (*group.waiting, event)[-WAITING:]
    return replace(group, due=due, waiting=waiting, held=group.held and not critical)


def resolved(group: Group, settings: Settings, now: datetime) -> Group:
    """The group after an alert that it was told of ended."""
    if group.due is not None:
        return group
    last = group.last_sent
    return replace(group, due=now if last is None else max(now, last + settings.interval))


def flushed(group: Group, now: datetime, *, empty: bool) -> Group:
    """The group after it was told. empty: nothing fires in it any more, so that it begins anew."""
    return replace(
        group,
        last_sent=None if empty else now,
        sent_before=group.last_sent,
        due=None,
        held=False,
        waiting=(),
    )


def failed(group: Group) -> Group:
    """The group after nobody took its newest notification: that one does not count as sent."""
    return replace(group, last_sent=group.sent_before)


class Rate(Struct, frozen=True, gc=False):
    """A site's notifications of the last minute: instants, and how many at each."""

    sent: tuple[tuple[datetime, int], ...] = ()


def spend(rate: Rate | None, limit: int, now: datetime) -> tuple[Rate, datetime | None]:
    """One notification more; or, where the limit is reached, when there is room for the next.

    limit: in any sliding minute; 0: none. A minute is half open: what was sent exactly a minute
    ago counts no more.
    """
    sent = tuple(one for one in (() if rate is None else rate.sent) if now - one[0] < MINUTE)
    used = sum(count for _, count in sent)
    if limit and used >= limit:
        for at, count in sent:
            used -= count
            if used < limit:
                return Rate(sent), at + MINUTE
    if sent and sent[-1][0] == now:
        return Rate((*sent[:-1], (now, sent[-1][1] + 1))), None
    return Rate((*sent, (now, 1))), None
