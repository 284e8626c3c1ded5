"""When decisions become final: at once, or with the first pass of what they wait for."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from agents.dedupe.stage import Disarm
from agents.route.commands import obey
from agents.route.groups import failed
from agents.route.outputs import settled, verdict
from agents.route.pages import heard
from agents.route.rows import row_of
from agents.route.tables import FLIGHTS, GROUPS, PENDING, Pending
from agents.route.unheard import unheard
from agents.runtime.stage import Context, Effect, Forward
from schemas.alert import AlertState, Command, CommandKind
from schemas.decision import Result
from schemas.notification import NotifyResult, Outcome

__all__ = ["on_outcome"]

AFTERWARDS: Final = frozenset({Outcome.CONFIRMED, Outcome.ACKNOWLEDGED, Outcome.UNDELIVERED})
"""What a channel reports later of what it took: no pass, and no decision hangs on it."""


def on_outcome(ctx: Context, result: NotifyResult, out: list[Effect]) -> None:
    """Make the decisions final that waited for this first pass.

    Where nobody took it, the group counts as not told by it, and the next event gets through; a
    later attempt that succeeds makes up for that.
    """
    if result.outcome is Outcome.ACKNOWLEDGED:
        _acknowledged(ctx, result, out)
        return
    flight = ctx.get(FLIGHTS, result.notification_id)
    if flight is None or result.attempt < 1 or result.outcome in AFTERWARDS:
        return
    took = result.outcome is Outcome.DELIVERED
    heard(ctx, result, flight.failed, out)
    group = None if flight.group is None else ctx.get(GROUPS, flight.group)
    newest = group is not None and group.flushes == flight.flush
    if took or result.outcome is Outcome.EXPIRED:
        ctx.put(FLIGHTS, result.notification_id, None)
        if took and flight.failed and newest and group is not None and flight.group is not None:
            ctx.put(GROUPS, flight.group, replace(group, last_sent=ctx.now))
    elif not flight.failed:
        ctx.put(FLIGHTS, result.notification_id, replace(flight, failed=True, events=()))
        if newest and group is not None and flight.group is not None:
            ctx.put(GROUPS, flight.group, failed(group))
        if flight.group is not None:
            told = group.sent_before if newest and group is not None else ctx.now
            unheard(ctx, flight.group, result, told, frozenset(flight.events), out)
    if flight.failed:
        return
    for event_id in flight.events:
        key = f"{result.site_id}/{event_id}"
        pending = ctx.get(PENDING, key)
        if pending is not None and result.notification_id in pending.outstanding:
            _heard(ctx, key, pending, result, out)


def _acknowledged(ctx: Context, result: NotifyResult, out: list[Effect]) -> None:
    """Whoever acknowledged at the channel (a pager's receipt) has acknowledged what is open."""
    rows = (row_of(ctx, alert_id) for alert_id in result.alert_ids)
    still = [row.alert.alert_id for row in rows if row and row.alert.state is AlertState.OPEN]
    if still:
        command = Command(
            command_id=result.result_id,
            site_id=result.site_id,
            alert_ids=tuple(still),
            kind=CommandKind.ACK,
            actor=f"{result.receiver} by {result.channel or 'its channel'}",
            at=result.at,
        )
        obey(ctx, command, out)


def _heard(
    ctx: Context, key: str, pending: Pending, result: NotifyResult, out: list[Effect]
) -> None:
    """One of the receivers that an event waits for took it, or did not."""
    event = pending.event
    final: tuple[Result, str | None, str]
    if result.outcome is Outcome.DELIVERED:
        final = (Result.SENT, None, f"{result.receiver} took it")
    else:
        left = tuple(one for one in pending.outstanding if one != result.notification_id)
        if left:
            ctx.put(PENDING, key, replace(pending, outstanding=left))
            return
        word = "timeout" if result.outcome is Outcome.TIMED_OUT else "send_failed"
        reason = f"{result.channel_kind or 'channel'}_{word}"
        final = (Result.FAILED, reason, f"{result.receiver}: {result.error or word}")
        disarm = Disarm(
            site_id=event.site_id,
            zone_id=event.zone_id,
            camera_id=event.camera_id,
            device_id=event.device_id,
            event_type=event.event_type,
            event_id=event.event_id,
            occurred_at=event.occurred_at,
        )
        out.append(Forward(disarm))
    ctx.put(PENDING, key, None)
    stages = (*pending.stages, verdict(*final))
    out.append(Forward(settled(ctx, event, pending.alert_id, stages, *final[:2])))
