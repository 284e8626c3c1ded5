"""The stage: alerts are kept, groups are told, and decisions become final."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.dedupe.stage import Disarm, Folded, Settled
from agents.rank.stage import Judged, Ranked
from agents.route.alerts import AlertRow, CommandError, admit, obey, repeat, resolve, situation
from agents.route.groups import Group, Timing, changed, flushed, timing
from agents.route.outputs import (
    activity_record,
    alert_record,
    request_record,
    settled,
    verdict,
)
from agents.runtime.stage import Context, Effect, Emit, Forward, Stage
from agents.runtime.state import TableSpec
from agents.runtime.timers import Timer
from schemas.alert import ActivityKind, AlertState, Command, CommandKind
from schemas.decision import Result, StageVerdict
from schemas.event import SecurityEvent
from schemas.notification import NotifyResult, NotifyStatus, Outcome
from topics.catalogue import ACTIVITY, ALERTS, COMMANDS, NOTIFY_REQUESTS, NOTIFY_RESULTS
from topics.record import tombstone

__all__ = ["ROUTE"]

FORGET: Final = timedelta(days=30)
SYSTEM: Final = "watchfloor"


class Situation(Struct, frozen=True):
    """The alert that a situation is in, until it is resolved."""

    alert_id: str


class Pending(Struct, frozen=True, kw_only=True):
    """An event whose decision waits for the first pass of these notifications."""

    event: SecurityEvent
    alert_id: str
    outstanding: tuple[str, ...]
    stages: tuple[StageVerdict, ...]


ROWS: Final = TableSpec(name="route.alerts", value=AlertRow)
OPEN: Final = TableSpec(name="route.open", value=Situation)
GROUPS: Final = TableSpec(name="route.groups", value=Group)
PENDING: Final = TableSpec(name="route.pending", value=Pending)

ROUTE = Stage(
    name="route",
    reads=(Ranked, Folded, COMMANDS, NOTIFY_RESULTS),
    writes=(ALERTS, ACTIVITY, NOTIFY_REQUESTS),
    state=(ROWS, OPEN, GROUPS, PENDING),
)


def _times(ctx: Context) -> Timing:
    return timing(ctx.configuration.routing.route)


def _current(ctx: Context, event: SecurityEvent) -> AlertRow | None:
    found = ctx.get(OPEN, situation(event))
    return None if found is None else ctx.get(ROWS, found.alert_id)


@ROUTE.on(Ranked)
def on_ranked(ctx: Context, ranked: Ranked) -> Iterable[Effect]:
    """Open or change the alert, and tell those who are to be told."""
    event = ranked.item.event
    times = _times(ctx)
    row, kind = admit(_current(ctx, event), ranked, ctx.now)
    row = _quiet(ctx, row)
    ctx.put(OPEN, situation(event), Situation(row.alert.alert_id))
    yield from _publish(ctx, row, kind, SYSTEM, event.event_id)
    alert_id = row.alert.alert_id

    def final(result: Result, reason: str | None, detail: str) -> Settled:
        stages = (*ranked.stages, verdict(result, reason, detail))
        return settled(ctx, event, alert_id, stages, result, reason)

    silent = _silent(ctx, ranked)
    receivers = () if silent else _receivers(ctx, event, times)
    if not receivers:
        ctx.put(ROWS, row.alert.alert_id, row)
        reason, detail = silent or ("notifications_disabled", "no route has a receiver for it")
        yield Forward(final(Result.SUPPRESSED, reason, detail))
        return
    flushing: list[str] = []
    for receiver in receivers:
        key = f"{event.site_id}/{receiver}/{row.alert.alert_id}"
        group = ctx.get(GROUPS, key) or Group(site_id=event.site_id, receiver=receiver, alerts=())
        group = changed(
            group, row.alert.alert_id, event.event_id, row.alert.severity, times, ctx.now
        )
        ctx.put(GROUPS, key, group)
        if key not in row.groups:
            row = replace(row, groups=(*row.groups, key))
        assert group.due is not None
        if group.due <= ctx.now:
            flushing.append(key)
        else:
            ctx.set_timer(group.due, "flush", key)
    ctx.put(ROWS, row.alert.alert_id, row)
    if not flushing:
        yield Forward(final(Result.GROUPED, None, "its group waits"))
        return
    sent = []
    for key in flushing:
        effects, notification = _flush(ctx, key, NotifyStatus.FIRING)
        yield from effects
        sent.append(notification)
    ctx.put(
        PENDING,
        f"{event.site_id}/{event.event_id}",
        Pending(
            event=event,
            alert_id=row.alert.alert_id,
            outstanding=tuple(one for one in sent if one),
            stages=ranked.stages,
        ),
    )


def _quiet(ctx: Context, row: AlertRow) -> AlertRow:
    """Let quiet resolve a zone's alert some time from now; a device's is resolved by its return."""
    if row.alert.zone_id is None:
        return row
    quiet = ctx.now + _times(ctx).resolve_after
    ctx.set_timer(quiet, "quiet", row.alert.alert_id)
    return replace(row, quiet_at=quiet)


def _silent(ctx: Context, ranked: Ranked) -> tuple[str, str] | None:
    """Why nobody is told of this event, or None."""
    if ranked.item.late:
        return "late", f"it happened at {ranked.item.event.occurred_at.isoformat()}"
    site = ctx.configuration.site(ranked.item.event.site_id)
    if site is not None and not site.site.notifications.enabled:
        return "notifications_disabled", "the site's notifications are off"
    return None


def _receivers(ctx: Context, event: SecurityEvent, times: Timing) -> tuple[str, ...]:
    """The zone's own destinations; none, or none that exists: the root route's receiver."""
    site = ctx.configuration.site(event.site_id)
    zone = None if site is None or event.zone_id is None else site.zones.get(event.zone_id)
    known = {receiver.name for receiver in ctx.configuration.routing.receivers}
    wanted = [name for name in (zone.alert_destinations if zone else ()) if name in known]
    if not wanted and times.receiver in known:
        wanted = [times.receiver]
    return tuple(dict.fromkeys(wanted))


def _publish(
    ctx: Context,
    row: AlertRow,
    kind: ActivityKind,
    actor: str,
    cause: str,
    detail: str | None = None,
) -> Iterable[Effect]:
    yield Emit(alert_record(row.alert, ctx))
    yield Emit(activity_record(row.alert, kind, actor, cause, detail, ctx))


def _flush(ctx: Context, key: str, status: NotifyStatus) -> tuple[list[Effect], str | None]:
    """Tell a group's receiver; its effects and the notification's id."""
    group = ctx.get(GROUPS, key)
    assert group is not None
    rows = [row for row in (ctx.get(ROWS, alert) for alert in group.alerts) if row is not None]
    receivers = {one.name: one for one in ctx.configuration.routing.receivers}
    receiver = receivers.get(group.receiver)
    if receiver is None or not rows:
        ctx.put(GROUPS, key, replace(group, due=None, waiting=()))
        return [], None
    record, notification = request_record(group, key, receiver, rows, status, ctx)
    ctx.put(GROUPS, key, flushed(group, ctx.now))
    if status is NotifyStatus.FIRING:
        ctx.set_timer(ctx.now + _times(ctx).repeat, "repeat", key)
    return [Emit(record)], notification


@ROUTE.on(Folded)
def on_folded(ctx: Context, folded: Folded) -> Iterable[Effect]:
    """Count a repeat where its own alert is open."""
    row = _current(ctx, folded.event)
    if row is not None:
        row = repeat(row, ctx.now)
        ctx.put(ROWS, row.alert.alert_id, row)
        yield Emit(alert_record(row.alert, ctx))
    yield Forward(
        settled(
            ctx,
            folded.event,
            None if row is None else row.alert.alert_id,
            (StageVerdict(stage="dedupe", verdict=folded.by, detail=f"repeats {folded.twin}"),),
            Result.SUPPRESSED,
            folded.by,
        )
    )


@ROUTE.on(NotifyResult)
def on_result(ctx: Context, result: NotifyResult) -> Iterable[Effect]:
    """Make the decisions final that waited for this first pass."""
    if result.attempt != 1:
        return
    for event_id in result.event_ids:
        key = f"{result.site_id}/{event_id}"
        pending = ctx.get(PENDING, key)
        if pending is None or result.notification_id not in pending.outstanding:
            continue
        left = tuple(one for one in pending.outstanding if one != result.notification_id)
        event = pending.event
        final: tuple[Result, str | None, str]
        if result.outcome is Outcome.DELIVERED:
            final = (Result.SENT, None, f"{result.receiver} took it")
        elif left:
            ctx.put(PENDING, key, replace(pending, outstanding=left))
            continue
        else:
            word = "timeout" if result.outcome is Outcome.TIMED_OUT else "send_failed"
            reason = f"{result.channel_kind or 'channel'}_{word}"
            final = (Result.FAILED, reason, f"{result.receiver}: {result.error or word}")
            yield Forward(
                Disarm(
                    site_id=event.site_id,
                    zone_id=event.zone_id,
                    camera_id=event.camera_id,
                    device_id=event.device_id,
                    event_type=event.event_type,
                    event_id=event.event_id,
                )
            )
        ctx.put(PENDING, key, None)
        stages = (*pending.stages, verdict(*final))
        yield Forward(settled(ctx, event, pending.alert_id, stages, *final[:2]))


@ROUTE.on(Command)
def on_command(ctx: Context, command: Command) -> Iterable[Effect]:
    """Do what an analyst asked for; the same command again does nothing."""
    row = ctx.get(ROWS, command.alert_id)
    if row is None or row.alert.site_id != command.site_id:
        return
    if command.command_id in row.commands:
        return
    row = replace(row, commands=(*row.commands, command.command_id)[-50:])
    try:
        current = ctx.get(OPEN, _situation_of(row))
        if command.kind is CommandKind.REOPEN and current not in (
            None,
            Situation(command.alert_id),
        ):
            raise CommandError("the situation came back, and has another alert that is open")
        row, kind = obey(row, command, ctx.now)
    except CommandError as error:
        ctx.put(ROWS, command.alert_id, row)
        yield Emit(
            activity_record(
                row.alert, ActivityKind.REFUSED, command.actor, command.command_id, str(error), ctx
            )
        )
        return
    detail = command.text or command.reason or command.to
    yield from _publish(ctx, row, kind, command.actor, command.command_id, detail)
    if kind is ActivityKind.RESOLVED:
        if command.reason in ("true_positive", "false_positive"):
            yield Forward(Judged(rule=row.rule, true=command.reason == "true_positive"))
        yield from _close(ctx, row)
    elif kind is ActivityKind.REOPENED:
        ctx.put(OPEN, _situation_of(row), Situation(row.alert.alert_id))
        row = _quiet(ctx, row)
    ctx.put(ROWS, command.alert_id, row)


def _situation_of(row: AlertRow) -> str:
    alert = row.alert
    return "/".join(
        (
            alert.site_id,
            alert.zone_id or "",
            alert.camera_id or alert.device_id or "",
            alert.event_type,
        )
    )


def _close(ctx: Context, row: AlertRow) -> Iterable[Effect]:
    """End what goes on about an alert that is resolved."""
    place = _situation_of(row)
    current = ctx.get(OPEN, place)
    if current is not None and current.alert_id == row.alert.alert_id:
        ctx.put(OPEN, place, None)
    ctx.put(ROWS, row.alert.alert_id, row)
    ctx.set_timer(ctx.now + FORGET, "forget", row.alert.alert_id)
    times = _times(ctx)
    for key in row.groups:
        group = ctx.get(GROUPS, key)
        if group is None:
            continue
        if group.flushes == 0 or not times.send_resolved:
            # Nothing is said of what was never notified.
            ctx.put(GROUPS, key, replace(group, due=None, waiting=()))
            continue
        due = ctx.now if group.last_sent is None else max(ctx.now, group.last_sent + times.interval)
        ctx.put(GROUPS, key, replace(group, due=due))
        if due <= ctx.now:
            effects, _ = _flush(ctx, key, NotifyStatus.RESOLVED)
            yield from effects
        else:
            ctx.set_timer(due, "flush", key)


@ROUTE.on(Timer)
def on_timer(ctx: Context, timer: Timer) -> Iterable[Effect]:
    """What is due: a group, a repeat, an alert gone quiet, one to be forgotten."""
    match timer.kind:
        case "flush":
            yield from _on_flush(ctx, timer.key)
        case "repeat":
            yield from _on_repeat(ctx, timer.key)
        case "quiet":
            row = ctx.get(ROWS, timer.key)
            if row is None or row.quiet_at is None or row.quiet_at > ctx.now:
                return
            row = resolve(row, ctx.now, SYSTEM, "quiet")
            yield from _publish(ctx, row, ActivityKind.RESOLVED, SYSTEM, f"quiet {timer.at:.0f}")
            yield from _close(ctx, row)
        case "forget":
            yield from _forget(ctx, timer.key)


def _on_flush(ctx: Context, key: str) -> Iterable[Effect]:
    group = ctx.get(GROUPS, key)
    if group is None or group.due is None or group.due > ctx.now:
        return
    firing = _firing(ctx, group)
    status = NotifyStatus.FIRING if firing else NotifyStatus.RESOLVED
    effects, _ = _flush(ctx, key, status)
    yield from effects


def _firing(ctx: Context, group: Group) -> bool:
    rows = (ctx.get(ROWS, alert) for alert in group.alerts)
    return any(row is not None and row.alert.state is not AlertState.RESOLVED for row in rows)


def _on_repeat(ctx: Context, key: str) -> Iterable[Effect]:
    group = ctx.get(GROUPS, key)
    if group is None or group.last_sent is None or group.due is not None:
        return
    if ctx.now - group.last_sent >= _times(ctx).repeat and _firing(ctx, group):
        effects, _ = _flush(ctx, key, NotifyStatus.FIRING)
        yield from effects


def _forget(ctx: Context, alert_id: str) -> Iterable[Effect]:
    row = ctx.get(ROWS, alert_id)
    if row is None or row.alert.state is not AlertState.RESOLVED:
        return
    resolved: datetime | None = row.alert.resolved_at
    if resolved is not None and ctx.now - resolved < FORGET:
        return
    ctx.put(ROWS, alert_id, None)
    for key in row.groups:
        # Not before: a group's flush number makes its notifications' ids.
        ctx.put(GROUPS, key, None)
    yield Emit(
        tombstone(
            ALERTS,
            key=alert_id,
            id=f"{alert_id}/forgotten",
            time=ctx.now,
            source="watchfloor/decide",
        )
    )
