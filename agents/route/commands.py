"""What analysts ask for: each alert that a command names has one outcome, and the asker is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from agents.route import incidents
from agents.route.alerts import resolve, revised, situation_of
from agents.route.escalate import escalate
from agents.route.life import close, judged, look_again, publish, reopened
from agents.route.outputs import activity_record
from agents.route.procedure import ProcedureError, ProcedureStep, steps_of, taken, zone_of
from agents.route.rows import row_of
from agents.route.tables import OPEN, ROWS, AlertRow
from agents.runtime.stage import Context, Effect, Emit
from schemas.alert import (
    RESOLUTIONS,
    ActivityKind,
    AlertState,
    Command,
    CommandKind,
    CommandOutcome,
)

__all__ = ["CommandError", "answer", "obey"]

REMEMBERED: Final = 50
"""Ids of commands that an alert keeps, so that one that comes again does nothing again."""
ALWAYS: Final = (CommandKind.REOPEN, CommandKind.COMMENT, CommandKind.MERGE, CommandKind.SPLIT)
"""What may be asked of an alert that is resolved."""


class CommandError(ValueError):
    """A command that makes no sense for its alert as it is now; the message says why."""


def obey(ctx: Context, command: Command, out: list[Effect]) -> None:
    """Do what a command says at each alert that it names, and answer for each."""
    named = dict.fromkeys(one for one in (command.alert_id, *command.alert_ids) if one)
    if command.kind is CommandKind.HANDOVER:
        _hand_over(ctx, command, tuple(named), out)
        return
    if not named:
        answer(ctx, command, "", "it names no alert", out)
        return
    if command.kind is CommandKind.MERGE:
        _merge(ctx, command, tuple(named), out)
        return
    for alert_id in named:
        row = _row(ctx, command, alert_id, out)
        if row is None:
            continue
        led = incidents.members(ctx, row) if command.kind in incidents.SHARED else ()
        _one(ctx, command, row, out)
        # What is said of the alert that leads an incident is said of all that it leads.
        for other in led:
            if other not in named:
                member = _row(ctx, command, other, out)
                if member is not None:
                    _one(ctx, command, member, out)


def answer(ctx: Context, command: Command, alert_id: str, why: str, out: list[Effect]) -> None:
    """Refuse a command at one alert, and say why."""
    record = activity_record(
        ctx,
        site_id=command.site_id,
        alert_id=alert_id,
        kind=ActivityKind.REFUSED,
        actor=command.actor,
        cause=command.command_id,
        detail=f"{command.kind.value}: {why}",
        outcome=CommandOutcome.REFUSED,
    )
    out.append(Emit(record))


def _row(ctx: Context, command: Command, alert_id: str, out: list[Effect]) -> AlertRow | None:
    """The alert's row with the command noted; None where it is unknown, or was done before."""
    row = row_of(ctx, alert_id)
    if row is None or row.alert.site_id != command.site_id:
        answer(ctx, command, alert_id, f"site {command.site_id} has no alert of this id", out)
        return None
    if command.command_id in row.commands:
        return None
    row = replace(row, commands=(*row.commands, command.command_id)[-REMEMBERED:])
    ctx.put(ROWS, alert_id, row)
    return row


def _one(ctx: Context, command: Command, row: AlertRow, out: list[Effect]) -> None:
    try:
        _check(ctx, command, row)
        _apply(ctx, command, row, out)
    except (CommandError, ProcedureError, incidents.IncidentError) as error:
        answer(ctx, command, row.alert.alert_id, str(error), out)


def _when(at: datetime | None) -> str:
    return "" if at is None else f" at {at:%H:%M} UTC"


def _check(ctx: Context, command: Command, row: AlertRow) -> None:
    """Raises CommandError for what makes no sense now."""
    alert, kind = row.alert, command.kind
    if alert.state is AlertState.RESOLVED and kind not in ALWAYS:
        raise CommandError(f"already resolved by {alert.resolved_by}{_when(alert.resolved_at)}")
    match kind:
        case CommandKind.ACK if alert.state is AlertState.ACKNOWLEDGED:
            raise CommandError(
                f"already acknowledged by {alert.acknowledged_by}{_when(alert.acknowledged_at)}"
            )
        case CommandKind.ASSIGN if not command.to:
            raise CommandError("needs `to`, a name")
        case CommandKind.SNOOZE if not command.duration_s:
            raise CommandError("needs a duration")
        case CommandKind.COMMENT if not command.text:
            raise CommandError("needs `text`")
        case CommandKind.STEP if not command.step:
            raise CommandError("needs `step`, the id of one")
        case CommandKind.RESOLVE if command.reason not in (None, *RESOLUTIONS):
            raise CommandError(f"a reason is one of {', '.join(RESOLUTIONS)}")
        case CommandKind.REOPEN:
            if alert.state is not AlertState.RESOLVED:
                raise CommandError("it is open")
            now = ctx.get(OPEN, situation_of(alert))
            if now is not None and now.alert_id != alert.alert_id:
                raise CommandError("the situation came back, and has another alert that is open")


def _apply(ctx: Context, command: Command, row: AlertRow, out: list[Effect]) -> None:
    now, actor, alert = ctx.now, command.actor, row.alert
    match command.kind:
        case CommandKind.ACK:
            row = revised(
                row,
                now,
                state=AlertState.ACKNOWLEDGED,
                acknowledged_by=actor,
                acknowledged_at=now,
            )
            _done(ctx, command, row, ActivityKind.ACKNOWLEDGED, None, out)
        case CommandKind.ASSIGN:
            before = f" (was {alert.assigned_to})" if alert.assigned_to else ""
            row = revised(row, now, assigned_to=command.to)
            _done(ctx, command, row, ActivityKind.ASSIGNED, f"{command.to}{before}", out)
        case CommandKind.SNOOZE:
            until = now + timedelta(seconds=command.duration_s or 0)
            row = revised(row, now, snoozed_until=until)
            _done(ctx, command, row, ActivityKind.SNOOZED, f"until {until.isoformat()}", out)
            look_again(ctx, alert.alert_id, out)
        case CommandKind.ESCALATE:
            ctx.put(ROWS, alert.alert_id, escalate(ctx, row, actor, command.command_id, out))
        case CommandKind.RESOLVE:
            row = resolve(row, now, actor, command.reason)
            detail = command.text or command.reason
            _done(ctx, command, row, ActivityKind.RESOLVED, detail, out)
            out += judged(row.alert, command.reason)
            close(ctx, row, out)
        case CommandKind.REOPEN:
            out += judged(alert, alert.resolution, taken_back=True)
            row = revised(
                row,
                now,
                state=AlertState.OPEN,
                resolved_at=None,
                resolved_by=None,
                resolution=None,
                acknowledged_by=None,
                acknowledged_at=None,
                escalation=0,
            )
            _done(ctx, command, row, ActivityKind.REOPENED, command.text, out)
            reopened(ctx, row, out)
        case CommandKind.STEP:
            _step(ctx, command, row, out)
        case CommandKind.SPLIT:
            for split in incidents.split(ctx, row):
                _done(ctx, command, split, ActivityKind.SPLIT, f"from {alert.incident}", out)
        case _:
            _done(ctx, command, revised(row, now), ActivityKind.COMMENTED, command.text, out)


def _done(
    ctx: Context,
    command: Command,
    row: AlertRow,
    kind: ActivityKind,
    detail: str | None,
    out: list[Effect],
) -> None:
    """Store the row, publish the alert, and tell the asker that it was applied."""
    ctx.put(ROWS, row.alert.alert_id, row)
    publish(
        ctx,
        row,
        kind,
        command.actor,
        command.command_id,
        out,
        detail=detail,
        outcome=CommandOutcome.APPLIED,
    )


def _step(ctx: Context, command: Command, row: AlertRow, out: list[Effect]) -> None:
    """Note that a step of the procedure was done, or was not after all."""
    step = command.step or ""
    steps = {one.step_id: one.text for one in _steps(ctx, row)}
    alert, now = row.alert, ctx.now
    done = taken(alert, steps, step, done=command.done, by=command.actor, now=now)
    kind = ActivityKind.STEP_DONE if command.done else ActivityKind.STEP_UNDONE
    # What was done of a step that the document had before can still be taken back.
    _done(ctx, command, revised(row, now, procedure=done), kind, steps.get(step), out)


def _steps(ctx: Context, row: AlertRow) -> list[ProcedureStep]:
    """The steps of an alert's procedure, and of those that it leads."""
    config = ctx.configuration.sites.get(row.alert.site_id)
    led = (row_of(ctx, one) for one in incidents.members(ctx, row))
    alerts = (row.alert, *(one.alert for one in led if one is not None))
    zones = dict.fromkeys(zone_of(one.zone_id, one.device_id) for one in alerts)
    return [step for zone in zones for step in steps_of(config, zone)]


def _merge(ctx: Context, command: Command, named: tuple[str, ...], out: list[Effect]) -> None:
    """Put alerts under the first one, which leads them from now on."""
    lead_id = command.alert_id or named[0]
    others = [one for one in named if one != lead_id]
    lead = _row(ctx, command, lead_id, out)
    if lead is None:
        return
    if not others:
        answer(ctx, command, lead_id, "needs `alert_ids`, what is to be merged", out)
        return
    if lead.alert.incident not in (None, lead_id):
        why = f"it is part of the incident that {lead.alert.incident} leads"
        answer(ctx, command, lead_id, why, out)
        return
    merged = 0
    for alert_id in others:
        row = _row(ctx, command, alert_id, out)
        if row is None:
            continue
        try:
            row = incidents.merge(ctx, lead_id, row)
        except incidents.IncidentError as error:
            answer(ctx, command, alert_id, str(error), out)
            continue
        merged += 1
        _done(ctx, command, row, ActivityKind.MERGED, f"into {lead_id}", out)
    if not merged:
        answer(ctx, command, lead_id, "none of the alerts could be merged into it", out)
        return
    lead = revised(lead, ctx.now, incident=lead_id)
    _done(ctx, command, lead, ActivityKind.MERGED, f"leads {merged} more", out)


def _hand_over(ctx: Context, command: Command, named: tuple[str, ...], out: list[Effect]) -> None:
    """Leave a note for the next shift, and at each alert that it is about."""
    if not command.text:
        answer(ctx, command, "", "needs `text`", out)
        return

    def note(alert_id: str) -> None:
        record = activity_record(
            ctx,
            site_id=command.site_id,
            alert_id=alert_id,
            kind=ActivityKind.HANDED_OVER,
            actor=command.actor,
            cause=command.command_id,
            detail=command.text,
            outcome=CommandOutcome.APPLIED,
            shift=command.shift,
        )
        out.append(Emit(record))

    # About no alert: the site's own note. The same command again makes the same entries.
    note("")
    for alert_id in named:
        row = row_of(ctx, alert_id)
        if row is None or row.alert.site_id != command.site_id:
            answer(ctx, command, alert_id, f"site {command.site_id} has no alert of this id", out)
        else:
            note(alert_id)
