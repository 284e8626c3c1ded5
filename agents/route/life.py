"""What goes with an alert's changes: its records, its timers, and its neighbours' notifications."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from agents.rank.stage import Judged
from agents.rank.verdicts import verdict_of
from agents.route import bags
from agents.route.alerts import resolve, revised, situation_of
from agents.route.groups import TOLD, resolved
from agents.route.outputs import SYSTEM, activity_record, alert_record
from agents.route.pages import over
from agents.route.plan import Profile, plan_of, profile_of
from agents.route.quiet import count_in, watchers
from agents.route.rows import row_of
from agents.route.tables import GROUPS, OPEN, ROWS, SOURCES, AlertRow, Situation
from agents.route.telling import flush, leave, members, settle
from agents.route.tree import Settings
from agents.runtime.stage import Context, Effect, Emit, Forward
from schemas.alert import ActivityKind, Alert, AlertState, CommandOutcome

__all__ = [
    "EVERY",
    "back",
    "close",
    "counted",
    "end",
    "judged",
    "look_again",
    "on_check",
    "publish",
    "reopened",
    "turned",
    "wait_for_quiet",
]

FORGET: Final = timedelta(days=30)
"""After it was resolved, an alert's record becomes a tombstone."""
EVERY: Final = "open"
"""The bag of the partition's open alerts."""


def publish(
    ctx: Context,
    row: AlertRow,
    kind: ActivityKind,
    actor: str,
    cause: str,
    out: list[Effect],
    *,
    detail: str | None = None,
    outcome: CommandOutcome | None = None,
) -> None:
    """Say what the alert is now, and what happened to it."""
    alert = row.alert
    out.append(Emit(alert_record(alert, ctx)))
    out.append(
        Emit(
            activity_record(
                ctx,
                site_id=alert.site_id,
                alert_id=alert.alert_id,
                kind=kind,
                actor=actor,
                cause=cause,
                detail=detail,
                outcome=outcome,
            )
        )
    )


def wait_for_quiet(ctx: Context, row: AlertRow, profile: Profile) -> AlertRow:
    """Let quiet resolve it `resolve_after` from its newest admitted event; a device's it does not.

    One timer an alert is under way; the one that finds it is too early sets the next.
    """
    alert = row.alert
    if alert.zone_id is None and alert.device_id is not None:
        return row
    quiet = (row.admitted_at or ctx.now) + profile.resolve_after
    timer = row.quiet_timer
    if timer is not None and timer <= quiet:
        return row
    ctx.set_timer(quiet, "quiet", alert.alert_id)
    return replace(row, quiet_timer=quiet)


def counted(ctx: Context, row: AlertRow, profile: Profile) -> tuple[AlertRow, tuple[str, ...]]:
    """The row counted in its profile's inhibitions, and those that began or ended with it."""
    after = (profile.sources, profile.inhibitors)
    before = (row.sources, row.inhibitors)
    if after == before:
        return row, ()
    turned = count_in(ctx, row.alert.alert_id, before, after)
    return replace(row, sources=after[0], inhibitors=after[1]), turned


def look_again(
    ctx: Context, alert_id: str, out: list[Effect], *, anew: bool = False, fresh: bool = False
) -> None:
    """Look at an open alert anew: is it quiet, whose is it? What it newly is, is told.

    anew: it counts as new in its groups. fresh: its record is published whatever changed.
    """
    row = row_of(ctx, alert_id)
    if row is None or row.alert.state is AlertState.RESOLVED:
        return
    profile = profile_of(ctx.configuration, row.alert, row.labels)
    settling = settle(ctx, row, profile, anew=anew)
    after = settling.row
    if fresh or after.alert.quiet != row.alert.quiet:
        after = revised(after, ctx.now)
        out.append(Emit(alert_record(after.alert, ctx)))
    if after != row:
        ctx.put(ROWS, alert_id, after)
    for key in settling.due:
        flush(ctx, key, out)


def back(ctx: Context, key: str, out: list[Effect]) -> None:
    """What devices hang on has been back for long enough: those that are not are told of."""
    sources = ctx.get(SOURCES, key)
    if sources is None or sources.until is None or sources.until > ctx.now:
        return
    ctx.put(SOURCES, key, None)
    turned(ctx, (key,), "", out)


def turned(ctx: Context, keys: tuple[str, ...], cause: str, out: list[Effect]) -> None:
    """Look at those again whom inhibitions that began or ended are about."""
    for key in keys:
        for alert_id in bags.ids(ctx, watchers(key)):
            if alert_id != cause:
                look_again(ctx, alert_id, out)


def on_check(ctx: Context, alert_id: str, out: list[Effect]) -> None:
    """A silence, a snooze or a schedule began or ended."""
    look_again(ctx, alert_id, out)


def end(ctx: Context, row: AlertRow, resolution: str, cause: str, out: list[Effect]) -> None:
    """Resolve an alert by itself, and say so."""
    row = resolve(row, ctx.now, SYSTEM, resolution)
    publish(ctx, row, ActivityKind.RESOLVED, SYSTEM, cause, out, detail=resolution)
    close(ctx, row, out)


def close(ctx: Context, row: AlertRow, out: list[Effect]) -> None:
    """End what goes on about an alert that is resolved; the row is stored."""
    alert = row.alert
    alert_id = alert.alert_id
    place = situation_of(alert)
    known = ctx.get(OPEN, place)
    if known is not None and known.alert_id == alert_id:
        ctx.put(OPEN, place, None)
    bags.remove(ctx, EVERY, alert_id)
    inhibitions = count_in(ctx, alert_id, (row.sources, row.inhibitors), ((), ()))
    ends: list[Effect] = []
    row = over(ctx, replace(row, sources=(), inhibitors=()), ends)
    ctx.put(ROWS, alert_id, row)
    ctx.set_timer(ctx.now + FORGET, "forget", alert_id)
    for standing in row.groups:
        key = standing.group
        group = ctx.get(GROUPS, key)
        if group is None or not standing.state & TOLD:
            # Nothing is said of what was never notified.
            row = leave(ctx, key, row)
            if group is not None and not bags.ids(ctx, members(key)):
                ctx.put(GROUPS, key, replace(group, due=None, held=False, last_sent=None))
            continue
        later = resolved(group, _settings(ctx, row, key), ctx.now)
        ctx.put(GROUPS, key, later)
        if later.due is not None and later.due <= ctx.now:
            flush(ctx, key, out)
        elif later.due != group.due and later.due is not None:
            ctx.set_timer(later.due, "flush", key, traced=True)
    out += ends
    turned(ctx, inhibitions, alert_id, out)


def _settings(ctx: Context, row: AlertRow, key: str) -> Settings:
    """Those of the route that the alert is in the group by; the root's where it has gone."""
    for target in profile_of(ctx.configuration, row.alert, row.labels).targets:
        if target.key(row.alert.alert_id) == key:
            return target.settings
    return plan_of(ctx.configuration).root.settings


def reopened(ctx: Context, row: AlertRow, out: list[Effect]) -> None:
    """Begin again what goes on about an open alert; the row is stored."""
    alert = row.alert
    ctx.put(OPEN, situation_of(alert), Situation(alert.alert_id))
    bags.add(ctx, EVERY, alert.alert_id)
    profile = profile_of(ctx.configuration, alert, row.labels)
    row = replace(row, admitted_at=ctx.now, quiet_timer=None)
    row, inhibitions = counted(ctx, wait_for_quiet(ctx, row, profile), profile)
    ctx.put(ROWS, alert.alert_id, row)
    look_again(ctx, alert.alert_id, out, anew=True)
    turned(ctx, inhibitions, alert.alert_id, out)


def judged(alert: Alert, resolution: str | None, *, taken_back: bool = False) -> list[Effect]:
    """Tell rank what an analyst said of an alert, or takes back by reopening it."""
    said = verdict_of(resolution)
    if said is None:
        return []
    return [
        Forward(
            Judged(
                site_id=alert.site_id,
                zone_id=alert.zone_id,
                camera_id=alert.camera_id or alert.device_id,
                event_type=alert.event_type,
                verdict=said,
                at=alert.last_event,
                taken_back=taken_back,
            )
        )
    ]
