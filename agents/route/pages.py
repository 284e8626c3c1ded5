"""Pages: what an escalation tells, and that those whom it told hear of the end."""

from __future__ import annotations

from msgspec.structs import replace

from agents.route.groups import TOLD, Group
from agents.route.plan import plan_of, profile_of
from agents.route.quiet import why_quiet
from agents.route.rows import row_of
from agents.route.tables import GROUPS, ROWS, AlertRow
from agents.route.telling import send
from agents.runtime.stage import Context, Effect
from schemas.alert import AlertState
from schemas.notification import NotifyResult, NotifyStatus, Outcome

__all__ = ["ESCALATION", "heard", "over", "page"]

ESCALATION = "escalation"


def page(ctx: Context, row: AlertRow, receiver: str, out: list[Effect]) -> AlertRow:
    """Tell a step's receiver of an alert; the row with it counted, which is not stored yet."""
    row = _tell(ctx, row, receiver, NotifyStatus.FIRING, out)
    return replace(row, paged=(*dict.fromkeys((*row.paged, receiver)),))


def over(ctx: Context, row: AlertRow, out: list[Effect]) -> AlertRow:
    """Tell whom escalations told that it is resolved, at once; the row is not stored yet.

    Whoever was told by a group of its own hears it there. Whether it is said at all is up to the
    receiver's own route, else the first that takes the alert (`send_resolved`); and what is quiet
    when it ends is in no notification.
    """
    if not row.paged:
        return row
    plan = plan_of(ctx.configuration)
    profile = profile_of(ctx.configuration, row.alert, row.labels)
    quiet = why_quiet(ctx, row, profile) is not None
    routes = {target.receiver: target for target in profile.targets}
    first = profile.targets[0].settings if profile.targets else plan.root.settings
    told = {one.group for one in row.groups if one.state & TOLD and _sent(ctx, one.group)}
    grouped = {one.receiver for one in profile.targets if one.key(row.alert.alert_id) in told}
    for name in row.paged:
        settings = routes[name].settings if name in routes else first
        if not quiet and settings.send_resolved and name not in grouped and name in plan.receivers:
            row = _tell(ctx, row, name, NotifyStatus.RESOLVED, out)
    return replace(row, paged=())


def heard(ctx: Context, result: NotifyResult, late: bool, out: list[Effect]) -> None:
    """A page was taken, or by nobody so far: who was not told hears of no end.

    late: an earlier pass had failed. What is taken after the end is followed by it.
    """
    took = result.outcome is Outcome.DELIVERED
    if result.kind != ESCALATION or result.status is not NotifyStatus.FIRING or (took and not late):
        return
    for alert_id in result.alert_ids:
        row = row_of(ctx, alert_id)
        if row is None:
            continue
        others = tuple(name for name in row.paged if name != result.receiver)
        row = replace(row, paged=(*others, result.receiver) if took else others)
        if row.alert.state is AlertState.RESOLVED:
            row = over(ctx, row, out)
        ctx.put(ROWS, alert_id, row)


def _sent(ctx: Context, key: str) -> bool:
    group = ctx.get(GROUPS, key)
    return group is not None and group.last_sent is not None


def _tell(
    ctx: Context, row: AlertRow, name: str, status: NotifyStatus, out: list[Effect]
) -> AlertRow:
    alert = row.alert
    receiver = plan_of(ctx.configuration).receivers[name]
    group = Group(
        site_id=alert.site_id, receiver=name, path="", born=alert.opened_at, flushes=row.escalations
    )
    key = f"{alert.site_id}/{name}/escalation/{alert.alert_id}"
    send(ctx, key, group, receiver, [row], status, out, kind=ESCALATION)
    return replace(row, escalations=row.escalations + 1)
