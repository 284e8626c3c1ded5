"""An alert's life: opened by an event, changed by more of them and by people, resolved."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.enrich.stage import Names
from agents.rank.score import Feedback, Inputs, rank_parts
from agents.rank.stage import Ranked, rule_key
from schemas.alert import ActivityKind, Alert, AlertState, Command, CommandKind
from schemas.event import SecurityEvent
from schemas.ids import alert_id

__all__ = ["AlertRow", "CommandError", "admit", "obey", "repeat", "resolve", "situation"]

KEEP_IDS: Final = 50


class AlertRow(Struct, frozen=True, kw_only=True):
    """An alert with what its rank is made of, and when quiet will have resolved it.

    groups: the notification groups that it is in. commands: the newest commands' ids, so that one
    that comes again is the same one.
    """

    alert: Alert
    rule: str
    hour_share: float | None = None
    since_same: timedelta | None = None
    feedback: Feedback = Feedback()
    quiet_at: datetime | None = None
    groups: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


class CommandError(ValueError):
    """A command that makes no sense for its alert as it is now; the message says why."""


def situation(event: SecurityEvent) -> str:
    """Same site, zone, camera or device, and type: one alert at a time."""
    return "/".join(
        (
            event.site_id,
            event.zone_id or "",
            event.camera_id or event.device_id or "",
            event.event_type,
        )
    )


def _ranked(row: AlertRow, alert: Alert, now: datetime) -> AlertRow:
    """The row with this alert, its rank and its revision brought up to date."""
    parts = rank_parts(
        Inputs(
            severity=alert.severity,
            confidence=alert.confidence,
            hour_share=row.hour_share,
            since_same=row.since_same,
            events=alert.events,
            repeats=alert.repeats,
            feedback=row.feedback,
        )
    )
    return replace(
        row,
        alert=replace(
            alert,
            rank=sum(part.points for part in parts),
            reasons=parts,
            updated_at=now,
            revision=alert.revision + 1,
        ),
    )


def admit(row: AlertRow | None, ranked: Ranked, now: datetime) -> tuple[AlertRow, ActivityKind]:
    """The alert with an admitted event in it; opened by it where there was none."""
    item = ranked.item
    event = item.event
    if row is None:
        alert = _open(event, item.names, ranked, now)
        fresh = AlertRow(
            alert=alert,
            rule=rule_key(
                event.site_id, event.camera_id or event.device_id, event.zone_id, event.event_type
            ),
            hour_share=item.hour_share,
            since_same=None if item.last_same is None else event.occurred_at - item.last_same,
            feedback=ranked.feedback,
        )
        return _ranked(fresh, alert, now), ActivityKind.OPENED
    alert = row.alert
    newer = event.occurred_at >= alert.last_event
    changed = replace(
        alert,
        severity=item.severity if newer else alert.severity,
        events=alert.events + 1,
        first_event=min(alert.first_event, event.occurred_at),
        last_event=max(alert.last_event, event.occurred_at),
        event_ids=(*alert.event_ids, event.event_id)[-KEEP_IDS:],
        detector_ms=event.detector_ms,
        label=event.label if newer else alert.label,
        confidence=_greatest(alert.confidence, event.confidence),
        # The box belongs to the picture that is shown.
        box=event.box if newer and (event.snapshots or alert.snapshot is None) else alert.box,
        snapshot=event.event_id if newer and event.snapshots else alert.snapshot,
    )
    return _ranked(replace(row, feedback=ranked.feedback), changed, now), ActivityKind.UPDATED


def _open(event: SecurityEvent, names: Names, ranked: Ranked, now: datetime) -> Alert:
    return Alert(
        alert_id=alert_id(event.site_id, situation(event), event.event_id),
        site_id=event.site_id,
        state=AlertState.OPEN,
        severity=ranked.item.severity,
        event_type=event.event_type,
        rank=0,
        reasons=(),
        opened_at=now,
        updated_at=now,
        first_event=event.occurred_at,
        last_event=event.occurred_at,
        events=1,
        repeats=0,
        revision=0,
        site_name=names.site,
        camera_id=event.camera_id,
        camera_name=names.camera,
        zone_id=event.zone_id,
        device_id=event.device_id,
        device_name=names.device,
        label=event.label,
        confidence=event.confidence,
        box=event.box,
        event_ids=(event.event_id,),
        snapshot=event.event_id if event.snapshots else None,
        detector_ms=event.detector_ms,
    )


def _greatest(one: float | None, other: float | None) -> float | None:
    """A weaker look at the same situation takes no confidence away."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


def repeat(row: AlertRow, now: datetime) -> AlertRow:
    """The alert with one more event that a window folded."""
    return _ranked(row, replace(row.alert, repeats=row.alert.repeats + 1), now)


def resolve(row: AlertRow, now: datetime, by: str, resolution: str | None) -> AlertRow:
    """The alert, resolved."""
    alert = replace(
        row.alert,
        state=AlertState.RESOLVED,
        resolved_at=now,
        resolved_by=by,
        resolution=resolution,
        updated_at=now,
        revision=row.alert.revision + 1,
    )
    return replace(row, alert=alert, quiet_at=None)


RESOLUTIONS: Final = ("true_positive", "false_positive", "benign", "duplicate", "test")


def obey(row: AlertRow, command: Command, now: datetime) -> tuple[AlertRow, ActivityKind]:
    """The alert after a command.

    Raises CommandError for one that makes no sense now, such as acknowledging what is resolved.
    """
    alert = row.alert
    kind = command.kind
    gone = alert.state is AlertState.RESOLVED
    if gone and kind not in (CommandKind.REOPEN, CommandKind.COMMENT):
        raise CommandError(f"the alert was resolved by {alert.resolved_by}")
    if kind is CommandKind.RESOLVE:
        if command.reason is not None and command.reason not in RESOLUTIONS:
            raise CommandError(f"a reason is one of {', '.join(RESOLUTIONS)}")
        return resolve(row, now, command.actor, command.reason), ActivityKind.RESOLVED
    changed, activity = _obeyed(alert, command, now)
    changed = replace(changed, updated_at=now, revision=alert.revision + 1)
    return replace(row, alert=changed), activity


def _obeyed(alert: Alert, command: Command, now: datetime) -> tuple[Alert, ActivityKind]:
    match command.kind:
        case CommandKind.ACK:
            if alert.state is AlertState.ACKNOWLEDGED:
                raise CommandError(f"{alert.acknowledged_by} acknowledged it before")
            changed = replace(
                alert,
                state=AlertState.ACKNOWLEDGED,
                acknowledged_by=command.actor,
                acknowledged_at=now,
            )
            return changed, ActivityKind.ACKNOWLEDGED
        case CommandKind.ASSIGN:
            if not command.to:
                raise CommandError("assign needs `to`")
            return replace(alert, assigned_to=command.to), ActivityKind.ASSIGNED
        case CommandKind.SNOOZE:
            if not command.duration_s:
                raise CommandError("snooze needs a duration")
            until = now + timedelta(seconds=command.duration_s)
            return replace(alert, snoozed_until=until), ActivityKind.SNOOZED
        case CommandKind.ESCALATE:
            return replace(alert, escalation=alert.escalation + 1), ActivityKind.ESCALATED
        case CommandKind.REOPEN:
            if alert.state is not AlertState.RESOLVED:
                raise CommandError("it is open")
            changed = replace(
                alert, state=AlertState.OPEN, resolved_at=None, resolved_by=None, resolution=None
            )
            return changed, ActivityKind.REOPENED
        case _:
            return alert, ActivityKind.COMMENTED
