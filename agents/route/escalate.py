"""Escalation: who is told of an alert that nobody has acknowledged."""

from __future__ import annotations

from agents.route.alerts import revised
from agents.route.life import publish
from agents.route.outputs import SYSTEM
from agents.route.pages import page
from agents.route.plan import profile_of
from agents.route.rows import row_of
from agents.route.tables import ROWS, AlertRow
from agents.runtime.stage import Context, Effect
from schemas.alert import ActivityKind, AlertState, CommandOutcome

__all__ = ["escalate", "on_escalate"]


def on_escalate(ctx: Context, key: str, at: float, out: list[Effect]) -> None:
    """A step is due: it is told if nobody acknowledged, and if the alert is told of at all."""
    alert_id, _, number = key.rpartition("|")
    index = int(number)
    row = row_of(ctx, alert_id)
    if (
        row is None
        or row.alert.state is not AlertState.OPEN
        or row.since is None
        or row.alert.quiet is not None
        or row.alert.escalation > index
    ):
        return
    steps = profile_of(ctx.configuration, row.alert, row.labels).steps
    if index >= len(steps) or row.since + steps[index].after > ctx.now:
        # The document was changed, or the clock began anew: another timer is set for it.
        return
    after = int(steps[index].after.total_seconds())
    told = f"to {steps[index].receiver}: nobody acknowledged for {after} s"
    row = _step(ctx, row, index, out)
    ctx.put(ROWS, alert_id, row)
    cause = f"escalation {index} {at:.0f}"
    publish(ctx, row, ActivityKind.ESCALATED, SYSTEM, cause, out, detail=told)


def escalate(ctx: Context, row: AlertRow, actor: str, command: str, out: list[Effect]) -> AlertRow:
    """Tell the next step's receiver now, acknowledged or not, because somebody asked for it."""
    steps = profile_of(ctx.configuration, row.alert, row.labels).steps
    index = row.alert.escalation
    if index < len(steps):
        told = f"to {steps[index].receiver}"
        row = _step(ctx, row, index, out)
    else:
        told = "its escalations have no further step: nobody else is told"
        row = revised(row, ctx.now, escalation=index + 1)
    publish(
        ctx,
        row,
        ActivityKind.ESCALATED,
        actor,
        command,
        out,
        detail=told,
        outcome=CommandOutcome.APPLIED,
    )
    return row


def _step(ctx: Context, row: AlertRow, index: int, out: list[Effect]) -> AlertRow:
    """Tell a step's receiver; the row with it counted."""
    steps = profile_of(ctx.configuration, row.alert, row.labels).steps
    return page(ctx, revised(row, ctx.now, escalation=index + 1), steps[index].receiver, out)
