"""The records that route emits."""

from __future__ import annotations

from collections.abc import Sequence

from agents.dedupe.stage import Settled
from agents.route.alerts import AlertRow
from agents.route.groups import Group
from agents.runtime.stage import Context
from schemas.alert import Activity, ActivityKind, Alert
from schemas.decision import Decision, Result, StageVerdict
from schemas.document import Receiver
from schemas.event import SecurityEvent
from schemas.ids import activity_id, decision_id, notification_id
from schemas.notification import Line, NotifyRequest, NotifyStatus
from topics.catalogue import ACTIVITY, ALERTS, NOTIFY_REQUESTS
from topics.record import OutRecord, Provenance, make

__all__ = ["activity_record", "alert_record", "request_record", "settled", "title", "verdict"]

SOURCE = "watchfloor/decide"


def _provenance(site_id: str, ctx: Context) -> Provenance:
    site = ctx.configuration.site(site_id)
    return Provenance(
        config_revision=None if site is None else site.revision, replayed=ctx.replayed
    )


def alert_record(alert: Alert, ctx: Context) -> OutRecord:
    """The alert's whole current state."""
    return make(
        ALERTS,
        alert,
        id=f"{alert.alert_id}/{alert.revision}",
        time=alert.last_event,
        source=SOURCE,
        key=alert.alert_id,
        subject=alert.site_id,
        provenance=_provenance(alert.site_id, ctx),
    )


def activity_record(
    alert: Alert, kind: ActivityKind, actor: str, cause: str, detail: str | None, ctx: Context
) -> OutRecord:
    """One entry of the alert's history."""
    activity = Activity(
        activity_id=activity_id(alert.alert_id, kind.value, cause),
        alert_id=alert.alert_id,
        site_id=alert.site_id,
        kind=kind,
        at=ctx.now,
        actor=actor,
        cause=cause,
        detail=detail,
    )
    return make(
        ACTIVITY,
        activity,
        id=activity.activity_id,
        time=ctx.now,
        source=SOURCE,
        key=alert.site_id,
        subject=alert.alert_id,
        provenance=_provenance(alert.site_id, ctx),
    )


def title(alert: Alert) -> str:
    """What an alert is called in a line: what, where."""
    what = alert.label or alert.event_type.replace("_", " ")
    place = alert.camera_name or alert.camera_id or alert.device_name or alert.device_id or "?"
    zone = f" ({alert.zone_id})" if alert.zone_id else ""
    return f"{what} at {place}{zone}, {alert.site_name or alert.site_id}"


def request_record(
    group: Group,
    key: str,
    receiver: Receiver,
    rows: Sequence[AlertRow],
    status: NotifyStatus,
    ctx: Context,
) -> tuple[OutRecord, str]:
    """The notification that a group makes now, and its id. The worst alerts come first."""
    flush = group.flushes + 1
    notification = notification_id(group.site_id, receiver.name, key, flush)
    alerts = sorted((row.alert for row in rows), key=lambda one: (-one.rank, one.alert_id))
    request = NotifyRequest(
        notification_id=notification,
        site_id=group.site_id,
        receiver=receiver.name,
        status=status,
        group=key,
        flush=flush,
        requested_at=ctx.now,
        deadline=ctx.now + receiver.retry_for,
        alerts=tuple(
            Line(
                alert_id=alert.alert_id,
                title=title(alert),
                severity=alert.severity,
                rank=alert.rank,
                last_event=alert.last_event,
                event_id=alert.event_ids[-1] if alert.event_ids else None,
            )
            for alert in alerts[:1000]
        ),
        total=len(alerts),
        event_ids=group.waiting,
    )
    record = make(
        NOTIFY_REQUESTS,
        request,
        id=notification,
        time=ctx.now,
        source=SOURCE,
        key=group.site_id,
        subject=receiver.name,
        provenance=_provenance(group.site_id, ctx),
    )
    return record, notification


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
