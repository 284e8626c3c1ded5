"""Telling a group's receiver: who joins which group, what a notification has, and when it goes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from msgspec.structs import replace

from agents.route import bags
from agents.route.groups import DUE, OUT, TOLD, Group, Standing, changed, flushed, spend
from agents.route.outputs import request_record
from agents.route.plan import Profile, Target, plan_of, profile_of
from agents.route.quiet import boundary, why_quiet
from agents.route.rows import row_of
from agents.route.tables import FLIGHTS, GROUPS, RATES, ROWS, AlertRow, Flight
from agents.route.tree import Settings
from agents.runtime.stage import Context, Effect, Emit
from schemas.alert import AlertState
from schemas.base import Severity
from schemas.document import Receiver
from schemas.notification import NotifyStatus

__all__ = [
    "Composed",
    "Settling",
    "compose",
    "flush",
    "hold",
    "leave",
    "mark_told",
    "room",
    "send",
    "settle",
]


BURY_AFTER: Final = timedelta(days=30)
"""An empty group is forgotten after this; one that comes again is born anew."""


class Settling(NamedTuple):
    """What a look at an alert came to. due: groups to be told now; held: some wait for the limit.

    The row is not stored yet, and must be before `flush`.
    """

    row: AlertRow
    quiet: tuple[str, str] | None
    due: tuple[str, ...] = ()
    held: bool = False


class Composed(NamedTuple):
    """A group's alerts now. ended: resolved ones; those that its receiver knew of are in `over`."""

    settings: Settings
    firing: list[AlertRow]
    ended: list[AlertRow]
    over: list[AlertRow]
    fresh: bool


def settle(
    ctx: Context, row: AlertRow, profile: Profile, *, event: str | None = None, anew: bool = False
) -> Settling:
    """Put an open alert's groups right: it joins those that it belongs to, and leaves the others.

    event: the admitted event that is the cause: a change in each group. anew: a change without
    one. Otherwise it is a change only in groups where it was quiet, or was not at all.
    """
    now = ctx.now
    quiet = why_quiet(ctx, row, profile)
    reason = None if quiet is None else quiet[0]
    alert = row.alert if row.alert.quiet == reason else replace(row.alert, quiet=reason)
    # What is quiet when the summary goes is told when that ends.
    late = row.late and quiet is None
    tell = quiet is None and not late
    before = row.groups
    known = {one.group: one.state for one in before}
    critical = alert.severity is Severity.CRITICAL
    standings: list[Standing] = []
    due: list[str] = []
    held = False
    for target in profile.targets:
        key = target.key(alert.alert_id)
        state = known.pop(key, None)
        if not tell or (target.mutes and target.muted(now)):
            if state is not None:
                standings.append(Standing(key, state & TOLD | OUT))
            continue
        if event is not None or anew or state is None or state & OUT:
            if state is None:
                bags.add(ctx, members(key), alert.alert_id)
            group = _join(ctx, key, target, event, critical)
            held = held or group.held
            if group.due is not None and group.due <= now:
                due.append(key)
            state = (state or 0) & TOLD | DUE
        standings.append(Standing(key, state))
    for key in known:
        bags.remove(ctx, members(key), alert.alert_id)
    check = boundary(row, profile, now)
    if check is not None and check != row.check_at:
        ctx.set_timer(check, "check", alert.alert_id)
    row = replace(row, alert=alert, late=late, groups=tuple(standings), check_at=check)
    return Settling(_escalating(ctx, row, profile, tell), quiet, tuple(due), held)


def _escalating(ctx: Context, row: AlertRow, profile: Profile, tell: bool) -> AlertRow:
    """The row with its escalation's timers set; they count from when people could know of it."""
    if not tell:
        return row if row.since is None else replace(row, since=None, steps=())
    if row.since is not None and row.steps == profile.steps:
        return row
    since = row.since or ctx.now
    for index, step in enumerate(profile.steps):
        if index >= row.alert.escalation:
            ctx.set_timer(
                since + step.after, "escalate", f"{row.alert.alert_id}|{index}", traced=True
            )
    return replace(row, since=since, steps=profile.steps)


def members(key: str) -> str:
    """The bag of a group's alerts."""
    return f"g/{key}"


def _join(ctx: Context, key: str, target: Target, event: str | None, critical: bool) -> Group:
    before = ctx.get(GROUPS, key)
    group = before or Group(
        site_id=key.partition("/")[0],
        receiver=target.receiver,
        path=target.settings.path,
        born=ctx.now,
    )
    group = changed(group, target.settings, ctx.now, event=event, critical=critical)
    if (
        group.due is not None
        and group.due > ctx.now
        and (before is None or before.due != group.due)
    ):
        ctx.set_timer(group.due, "flush", key, traced=True)
    ctx.put(GROUPS, key, group)
    return group


def leave(ctx: Context, key: str, row: AlertRow) -> AlertRow:
    """Take an alert out of a group; the row is stored."""
    bags.remove(ctx, members(key), row.alert.alert_id)
    row = replace(row, groups=tuple([one for one in row.groups if one.group != key]))
    ctx.put(ROWS, row.alert.alert_id, row)
    return row


def compose(ctx: Context, key: str, group: Group) -> Composed:
    """A group's alerts, by the configuration of now. What does not belong to it any more leaves.

    An alert that turned quiet since it joined is left out here, whatever its timers say.
    """
    plan = plan_of(ctx.configuration)
    settings = plan.root.settings
    found = Composed(settings, [], [], [], False)
    fresh = False
    for alert_id in bags.ids(ctx, members(key)):
        row = row_of(ctx, alert_id)
        state = None
        for one in () if row is None else row.groups:
            if one.group == key:
                state = one.state
                break
        if row is None or state is None:
            bags.remove(ctx, members(key), alert_id)
            continue
        profile = profile_of(ctx.configuration, row.alert, row.labels)
        target = None
        for each in profile.targets:
            if each.key(alert_id) == key:
                target, settings = each, each.settings
                break
        quiet = why_quiet(ctx, row, profile) is not None
        quiet = quiet or (target is not None and bool(target.mutes) and target.muted(ctx.now))
        if row.alert.state is AlertState.RESOLVED:
            found.ended.append(row)
            if state & TOLD and not quiet and group.last_sent is not None:
                found.over.append(row)
        elif target is None:
            leave(ctx, key, row)
        elif not quiet:
            found.firing.append(row)
            fresh = fresh or bool(state & DUE)
    return found._replace(settings=settings, fresh=fresh)


def mark_told(ctx: Context, key: str, rows: list[AlertRow]) -> None:
    """Remember that the group's receiver was told of these alerts."""
    for row in rows:
        groups = tuple([Standing(key, TOLD) if one.group == key else one for one in row.groups])
        if groups != row.groups:
            ctx.put(ROWS, row.alert.alert_id, replace(row, groups=groups))


class Flushed(NamedTuple):
    """What telling a group came to: the notification of what fires, or that it is held back."""

    notification: str | None = None
    held: bool = False


def flush(
    ctx: Context, key: str, out: list[Effect], *, event: str | None = None, again: bool = False
) -> Flushed:
    """Tell a group's receiver what began to fire, and what ended: a notification each.

    event: whose decision waits for it. again: unchanged, it is told again; where its route says
    that, not if everything in it was acknowledged. What fires goes by the site's rate limit unless
    something critical is among it; what ended never waits.
    """
    group = ctx.get(GROUPS, key)
    if group is None:
        return Flushed()
    now = ctx.now
    composed = compose(ctx, key, group)
    for row in composed.ended:
        leave(ctx, key, row)
    receiver = plan_of(ctx.configuration).receivers.get(group.receiver)
    if receiver is None:
        ctx.put(GROUPS, key, replace(group, due=None, held=False, waiting=()))
        return Flushed()
    firing, over = composed.firing, composed.over
    told = False
    if over and composed.settings.send_resolved:
        group, _ = send(ctx, key, group, receiver, over, NotifyStatus.RESOLVED, out)
        told = True
    notification = None
    if again and not composed.settings.repeat_acknowledged:
        # What somebody has taken up needs no reminder; with anything else in it, it is told whole.
        again = any(row.alert.state is AlertState.OPEN for row in firing)
    if firing and (composed.fresh or again):
        slot = _slot(ctx, group.site_id, firing)
        if slot is not None:
            ctx.put(GROUPS, key, replace(group, due=None, held=True))
            hold(ctx, group, key, slot)
            return Flushed(held=True)
        group, notification = send(
            ctx, key, group, receiver, firing, NotifyStatus.FIRING, out, event=event
        )
        mark_told(ctx, key, firing)
        told = True
    if told:
        empty = not firing and not bags.ids(ctx, members(key))
        group = flushed(group, now, empty=empty)
        if not empty:
            ctx.set_timer(now + composed.settings.repeat, "repeat", key, traced=True)
    else:
        empty = not firing and not bags.ids(ctx, members(key))
        last = None if empty else group.last_sent
        group = replace(group, due=None, held=False, waiting=(), last_sent=last)
    if not bags.ids(ctx, members(key)):
        ctx.set_timer(now + BURY_AFTER, "bury", key)
    ctx.put(GROUPS, key, group)
    return Flushed(notification)


def send(
    ctx: Context,
    key: str,
    group: Group,
    receiver: Receiver,
    rows: list[AlertRow],
    status: NotifyStatus,
    out: list[Effect],
    *,
    kind: str = "alert",
    event: str | None = None,
) -> tuple[Group, str]:
    """Make a notification; the group with its number, and the notification's id."""
    group = replace(group, flushes=group.flushes + 1)
    record, notification = request_record(
        ctx,
        site_id=group.site_id,
        receiver=receiver,
        key=key,
        flush=group.flushes,
        born=group.born,
        alerts=[row.alert for row in rows],
        status=status,
        kind=kind,
        event_ids=group.waiting if status is NotifyStatus.FIRING else (),
    )
    flight = Flight(
        group=key if kind == "alert" and status is NotifyStatus.FIRING else None,
        flush=group.flushes,
        events=() if event is None else (event,),
    )
    ctx.put(FLIGHTS, notification, flight)
    out.append(Emit(record))
    return group, notification


def _slot(ctx: Context, site_id: str, rows: list[AlertRow]) -> datetime | None:
    """None: it may go, and is counted. Otherwise when there is room."""
    if any(row.alert.severity is Severity.CRITICAL for row in rows):
        return None
    return room(ctx, site_id)


def room(ctx: Context, site_id: str) -> datetime | None:
    """Count one notification against the site's limit; or when there will be room for one."""
    site = ctx.configuration.site(site_id)
    limit = 0 if site is None else site.site.notifications.rate_limit_per_min
    if not limit:
        return None
    rate, slot = spend(ctx.get(RATES, site_id), limit, ctx.now)
    if slot is None:
        ctx.put(RATES, site_id, rate)
    return slot


def hold(ctx: Context, group: Group, key: str, slot: datetime) -> None:
    """Keep a group for the summary that goes as soon as the limit allows."""
    bags.add(ctx, f"h/{group.site_id}", group.receiver)
    bags.add(ctx, f"h/{group.site_id}/{group.receiver}", key)
    ctx.set_timer(slot, "release", group.site_id)
