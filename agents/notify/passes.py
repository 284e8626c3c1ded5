"""A pass over a receiver's channels: which ones, and what all of it came to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from agents.notify.message import severity_of
from agents.notify.push.selection import pushes_to_users
from schemas.document import Channel, Receiver, Site
from schemas.ids import confirmation_id, result_id
from schemas.notification import ChannelOutcome, Circuit, NotifyRequest, NotifyResult, Outcome

__all__ = ["Attempt", "Confirming", "chosen", "keyed", "report", "summary"]


class Confirming(Struct, frozen=True, kw_only=True):
    """Something that a channel took and will say more of. since: when it took it."""

    channel: str
    kind: str
    reference: str
    since: datetime
    attempt: int = 1
    tries: int = 0


class Attempt(Struct, frozen=True, kw_only=True):
    """A pass over a receiver's channels, to be made now.

    channels: only these (by key); none: all of them. waiting: those that are owed as well, and
    whose time comes later. checks: ask about these instead, and send nothing. circuits: breakers
    that were not closed when they were last heard of, by the channel's key. trace: the trace that
    its outcome belongs to.
    """

    request: NotifyRequest
    attempt: int
    channels: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    checks: tuple[Confirming, ...] = ()
    circuits: tuple[tuple[str, Circuit], ...] = ()
    trace: str = ""


def keyed(channels: Sequence[Channel]) -> dict[str, Channel]:
    """The channels by key: their name, else their kind; the second of the same is `webhook#2`."""
    found: dict[str, Channel] = {}
    for channel in channels:
        name = key = channel.name or channel.kind
        number = 1
        while key in found:
            number += 1
            key = f"{name}#{number}"
        found[key] = channel
    return found


def chosen(receiver: Receiver, attempt: Attempt, site: Site | None) -> dict[str, Channel]:
    """The channels of this pass, in order.

    A site that names channels uses those; where a receiver has none of them, or none is left that
    an earlier pass owes, it is all of them: who is to be told is told. A device that is being
    tried is told by channels that push to users, or not at all.
    """
    every = keyed(receiver.channels)
    if attempt.request.only is not None:
        return {key: channel for key, channel in every.items() if pushes_to_users(channel)}
    wanted = set() if site is None else set(site.notifications.channels)
    used = {k: c for k, c in every.items() if not wanted or {c.name, c.kind} & wanted} or every
    if not attempt.channels:
        return used
    return {key: used[key] for key in attempt.channels if key in used} or used


def summary(
    attempt: Attempt,
    outcomes: Sequence[ChannelOutcome],
    channels: dict[str, Channel],
    now: datetime,
    *,
    fanout: bool = False,
    error: str | None = None,
) -> NotifyResult:
    """What a pass came to: delivered where one channel took it, else as the last one ended.

    Owed is what failed and may be tried again; in order, nothing any more once one took it. error:
    why no channel was tried at all.
    """
    request = attempt.request
    took = [one for one in outcomes if one.outcome is Outcome.DELIVERED]
    main = took[0] if took else (outcomes[-1] if outcomes else None)
    owed: tuple[str, ...] = ()
    if fanout or not took:
        failed = (o for o in outcomes if o.outcome is not Outcome.DELIVERED and not o.final)
        owed = (*(one.channel for one in failed), *attempt.waiting)
    used = None if main is None else channels[main.channel]
    return NotifyResult(
        result_id=result_id(request.notification_id, attempt.attempt),
        notification_id=request.notification_id,
        site_id=request.site_id,
        receiver=request.receiver,
        outcome=Outcome.FAILED if main is None else main.outcome,
        attempt=attempt.attempt,
        at=now,
        channel=None if used is None else used.name or used.kind,
        channel_kind=None if used is None else used.kind,
        status=request.status,
        kind=request.kind,
        severity=severity_of(request),
        target=None if main is None else main.target,
        error=error if main is None else main.error,
        event_ids=request.event_ids,
        alert_ids=tuple(line.alert_id for line in request.alerts)[:1000],
        channels=tuple(outcomes)[:20],
        owed=owed[:20],
    )


def report(
    request: NotifyRequest,
    asked: Confirming,
    channel: Channel | None,
    outcome: Outcome,
    detail: str | None,
    target: str | None,
    now: datetime,
) -> NotifyResult:
    """What a channel said later of what it took: attempt 0."""
    return NotifyResult(
        result_id=confirmation_id(
            request.notification_id, asked.channel, asked.reference, outcome.value
        ),
        notification_id=request.notification_id,
        site_id=request.site_id,
        receiver=request.receiver,
        outcome=outcome,
        attempt=0,
        at=now,
        channel=asked.channel if channel is None else channel.name or channel.kind,
        channel_kind=asked.kind,
        status=request.status,
        kind=request.kind,
        severity=severity_of(request),
        target=target,
        error=detail,
        alert_ids=tuple(line.alert_id for line in request.alerts)[:1000],
        channels=(
            ChannelOutcome(
                channel=asked.channel,
                kind=asked.kind,
                outcome=outcome,
                target=target,
                error=detail,
                reference=asked.reference,
            ),
        ),
    )
