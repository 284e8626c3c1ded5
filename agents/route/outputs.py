"""The records that route emits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from agents.dedupe.stage import SOURCE, Settled, provenance
from agents.runtime.stage import Context
from schemas.alert import Activity, ActivityKind, Alert, CommandOutcome
from schemas.decision import Decision, Result, StageVerdict
from schemas.document import Receiver
from schemas.event import SecurityEvent
from schemas.ids import activity_id, decision_id, notification_id
from schemas.notification import Line, NotifyRequest, NotifyStatus
from topics.catalogue import ACTIVITY, ALERTS, NOTIFY_REQUESTS
from topics.record import Draft

__all__ = [
    "SYSTEM",
    "activity_record",
    "alert_record",
    "request_record",
    "settled",
    "title",
    "verdict",
]

SYSTEM = "watchfloor"
"""Who acts where no person did."""
MOST_LINES = 1000


def alert_record(alert: Alert, ctx: Context) -> Draft:
    """The alert's whole current state."""
    return Draft(
        topic=ALERTS,
        message=alert,
        id=f"{alert.alert_id}/{alert.revision}",
        time=alert.last_event,
        source=SOURCE,
        site_key=alert.alert_id,
        subject=alert.site_id,
        provenance=provenance(ctx, alert.site_id),
    )


def activity_record(
    ctx: Context,
    *,
    site_id: str,
    alert_id: str,
    kind: ActivityKind,
    actor: str,
    cause: str,
    detail: str | None = None,
    outcome: CommandOutcome | None = None,
    shift: str | None = None,
) -> Draft:
    """One entry of an alert's history. outcome: where it answers the command `cause`."""
    activity = Activity(
        activity_id=activity_id(alert_id, kind.value, cause),
        alert_id=alert_id,
        site_id=site_id,
        kind=kind,
        at=ctx.now,
        actor=actor,
        cause=cause,
        detail=detail,
        command_id=None if outcome is None else cause,
        outcome=outcome,
        shift=shift,
    )
    return Draft(
        topic=ACTIVITY,
        message=activity,
        id=activity.activity_id,
        time=ctx.now,
        source=SOURCE,
        site_key=site_id,
        subject=alert_id,
        provenance=provenance(ctx, site_id),
    )


def title(alert: Alert) -> str:
    """What an alert is called in a line: what, where."""
    what = alert.label or alert.event_type.replace("_", " ")
    place = alert.camera_name or alert.camera_id or alert.device_name or alert.device_id or "?"
    zone = f" ({alert.zone_id})" if alert.zone_id else ""
    return f"{what} at {place}{zone}, {alert.site_name or alert.site_id}"


def request_record(
    ctx: Context,
    *,
    site_id: str,
    receiver: Receiver,
    key: str,
    flush: int,
    born: datetime,
    alerts: Sequence[Alert],
    status: NotifyStatus,
    kind: str = "alert",
    event_ids: tuple[str, ...] = (),
) -> tuple[Draft, str]:
    """A notification, and its id. The worst alerts come first."""
    life = f"{key}@{born.isoformat()}"
    notification = notification_id(site_id, receiver.name, life, flush)
    worst = sorted(alerts, key=lambda one: (-one.rank, one.alert_id))
    request = NotifyRequest(
        notification_id=notification,
        site_id=site_id,
        receiver=receiver.name,
        status=status,
        kind=kind,
        group=key,
        flush=flush,
        requested_at=ctx.now,
        deadline=ctx.now + receiver.retry_for,
        alerts=tuple(
            [
                Line(
                    alert_id=alert.alert_id,
                    title=title(alert),
                    severity=alert.severity,
                    rank=alert.rank,
                    last_event=alert.last_event,
                    event_id=alert.event_ids[-1] if alert.event_ids else None,
                )
                for alert in worst[:MOST_LINES]
            ]
        ),
        total=len(worst),
        event_ids=event_ids,
    )
    draft = Draft(
        topic=NOTIFY_REQUESTS,
        message=request,
        id=notification,
        time=ctx.now,
        source=SOURCE,
        site_key=site_id,
        subject=receiver.name,
        provenance=provenance(ctx, site_id),
    )
    return draft, notification


def verdict(result: Result, reason: str | None, detail: str) -> StageVerdict:
    """What route says of an event."""
    return StageVerdict(stage="route", verdict=reason or result.value, detail=detail)


def settled(
    ctx: Context,
    event: SecurityEvent,
    alert: str | None,
    stages: tuple[StageVerdict, ...],
    result: Result,
    reason: str | None,
) -> Settled:
    """The final decision about an event, which dedupe publishes and remembers."""
    return Settled(
        occurred_at=event.occurred_at,
        decision=Decision(
            decision_id=decision_id(event.site_id, event.event_id),
            event_id=event.event_id,
            site_id=event.site_id,
            result=result,
            reason=reason,
            decided_at=ctx.now,
            alert_id=alert,
            stages=stages,
        ),
    )
