"""What waited in a group that nobody could be told of: its windows hold nothing back any more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from agents.dedupe.stage import Disarm
from agents.route.rows import row_of
from agents.route.tables import GROUPS, AlertRow
from agents.runtime.stage import Context, Effect, Forward
from schemas.notification import NotifyResult

__all__ = ["unheard"]

HOUR: Final = timedelta(hours=1)


def unheard(
    ctx: Context,
    key: str,
    result: NotifyResult,
    told: datetime | None,
    asking: frozenset[str],
    out: list[Effect],
) -> None:
    """Take back the windows of events that waited in a group which nobody could be told of.

    Their decisions are long final; without this, a window would hold back the next event of what
    nobody heard of. told: when the group's notification before this one went, None where there is
    none; what an alert took since then waited, whether the notification had room to name it or
    not. asking: events whose decisions wait for this pass, which are seen to there.
    """
    for alert_id in result.alert_ids:
        row = row_of(ctx, alert_id)
        if row is None or _told_elsewhere(ctx, key, row):
            continue
        alert = row.alert
        waited = set(result.event_ids)
        if told is None or (row.admitted_at is not None and row.admitted_at > told):
            waited.update(alert.event_ids[-1:])
        waited -= asking
        # Windows are kept by the hour, and those that waited together may span two.
        hours = {alert.last_event, max(alert.first_event, alert.last_event - HOUR)}
        out += [
            Forward(
                Disarm(
                    site_id=alert.site_id,
                    zone_id=alert.zone_id,
                    camera_id=alert.camera_id,
                    device_id=alert.device_id,
                    event_type=alert.event_type,
                    event_id=event_id,
                    occurred_at=at,
                )
            )
            for event_id in alert.event_ids
            if event_id in waited
            for at in sorted(hours)
        ]


def _told_elsewhere(ctx: Context, key: str, row: AlertRow) -> bool:
    """Whether another group has told of the alert's newest event, or is about to."""
    for standing in row.groups:
        other = None if standing.group == key else ctx.get(GROUPS, standing.group)
        if other is None:
            continue
        told = other.last_sent is not None and (row.admitted_at or ctx.now) <= other.last_sent
        if told or other.due is not None or other.held:
            return True
    return False
