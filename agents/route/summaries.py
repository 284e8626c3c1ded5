"""Summaries: what came too late to page for, and what the site's rate limit held back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from agents.route import bags
from agents.route.groups import Group, flushed
from agents.route.plan import Profile, plan_of, profile_of
from agents.route.quiet import why_quiet
from agents.route.rows import row_of
from agents.route.tables import GROUPS, SUMMARIES, AlertRow, Summary
from agents.route.telling import compose, mark_told, room, send
from agents.runtime.stage import Context, Effect
from schemas.alert import AlertState
from schemas.base import Severity
from schemas.notification import NotifyStatus

__all__ = ["late_due", "note_late", "release"]

SETTLE: Final = timedelta(seconds=5)
"""A backlog has come in when nothing late came for so long,"""
AT_MOST: Final = timedelta(seconds=60)
"""or when the oldest of it has waited this long."""


def note_late(ctx: Context, row: AlertRow, profile: Profile) -> None:
    """Put an alert that came late into the site's next summary, one for each of its receivers."""
    alert, now = row.alert, ctx.now
    for target in profile.targets:
        bags.add(ctx, f"l/{alert.site_id}", target.receiver)
        bags.add(ctx, f"l/{alert.site_id}/{target.receiver}", alert.alert_id)
    key = f"late/{alert.site_id}"
    known = ctx.get(SUMMARIES, key) or Summary()
    first = known.first or now
    due = min(now + SETTLE, first + AT_MOST)
    if known.last_sent is not None:
        due = max(due, known.last_sent + plan_of(ctx.configuration).root.settings.interval)
    if known.due is None:
        ctx.set_timer(due, "late", alert.site_id)
    ctx.put(SUMMARIES, key, replace(known, due=due, first=first))


def late_due(ctx: Context, site_id: str, out: list[Effect]) -> None:
    """Tell what came late, once the backlog is in."""
    key = f"late/{site_id}"
    known = ctx.get(SUMMARIES, key)
    if known is None or known.due is None:
        return
    if known.due > ctx.now:
        ctx.set_timer(known.due, "late", site_id)
        return
    plan = plan_of(ctx.configuration)
    for name in bags.ids(ctx, f"l/{site_id}"):
        bag = f"l/{site_id}/{name}"
        rows = []
        for alert_id in bags.ids(ctx, bag):
            row = row_of(ctx, alert_id)
            if row is not None and row.alert.state is not AlertState.RESOLVED:
                profile = profile_of(ctx.configuration, row.alert, row.labels)
                if why_quiet(ctx, row, profile) is None:
                    rows.append(row)
        if rows and name in plan.receivers:
            slot = _slot(ctx, site_id, rows)
            if slot is not None:
                ctx.put(SUMMARIES, key, replace(known, due=slot))
                ctx.set_timer(slot, "late", site_id)
                return
            _summarise(ctx, site_id, name, "late", rows, out)
        bags.clear(ctx, bag)
        bags.remove(ctx, f"l/{site_id}", name)
    ctx.put(SUMMARIES, key, Summary(last_sent=ctx.now))


def release(ctx: Context, site_id: str, out: list[Effect]) -> None:
    """Tell each receiver what the limit held back, in one summary, as soon as it allows."""
    plan = plan_of(ctx.configuration)
    for name in bags.ids(ctx, f"h/{site_id}"):
        bag = f"h/{site_id}/{name}"
        groups: list[tuple[str, Group, list[AlertRow], timedelta]] = []
        rows: dict[str, AlertRow] = {}
        for key in bags.ids(ctx, bag):
            group = ctx.get(GROUPS, key)
            if group is not None and group.held:
                composed = compose(ctx, key, group)
                groups.append((key, group, composed.firing, composed.settings.repeat))
                rows.update({row.alert.alert_id: row for row in composed.firing})
        if rows and name in plan.receivers:
            slot = _slot(ctx, site_id, list(rows.values()))
            if slot is not None:
                ctx.set_timer(slot, "release", site_id)
                return
            _summarise(ctx, site_id, name, "held", list(rows.values()), out)
        for key, group, firing, repeat in groups:
            if firing:
                # Told as if by a notification of its own.
                ctx.put(GROUPS, key, flushed(group, ctx.now, empty=False))
                ctx.set_timer(ctx.now + repeat, "repeat", key)
                mark_told(ctx, key, [_newest(ctx, row) for row in firing])
            else:
                ctx.put(GROUPS, key, replace(group, held=False, waiting=()))
        bags.clear(ctx, bag)
        bags.remove(ctx, f"h/{site_id}", name)


def _newest(ctx: Context, row: AlertRow) -> AlertRow:
    """The row as it is stored: an alert may be in several of the groups."""
    return row_of(ctx, row.alert.alert_id) or row


def _slot(ctx: Context, site_id: str, rows: list[AlertRow]) -> datetime | None:
    if any(row.alert.severity is Severity.CRITICAL for row in rows):
        return None
    return room(ctx, site_id)


def _summarise(
    ctx: Context, site_id: str, name: str, kind: str, rows: list[AlertRow], out: list[Effect]
) -> None:
    receiver = plan_of(ctx.configuration).receivers[name]
    key = f"{site_id}/{name}/summary/{kind}"
    group = ctx.get(GROUPS, key) or Group(site_id=site_id, receiver=name, path="", born=ctx.now)
    group, _ = send(ctx, key, group, receiver, rows, NotifyStatus.FIRING, out, kind="summary")
    ctx.put(GROUPS, key, group)
