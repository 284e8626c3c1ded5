"""Incidents: several alerts that an analyst found to be one thing, led by one of them.

An incident changes no rule: its alerts count, fire and resolve as before. It is one row of the
queue, and what is said of the alert that leads it is said of all.
"""

from __future__ import annotations

from typing import Final

from agents.route import bags
from agents.route.alerts import revised
from agents.route.rows import row_of
from agents.route.tables import AlertRow
from agents.runtime.stage import Context
from schemas.alert import CommandKind

__all__ = ["SHARED", "IncidentError", "dissolve", "members", "merge", "split"]

SHARED: Final = (
    CommandKind.ACK,
    CommandKind.ASSIGN,
    CommandKind.SNOOZE,
    CommandKind.RESOLVE,
    CommandKind.REOPEN,
)
MOST: Final = 1000


class IncidentError(ValueError):
    """What cannot be merged, or split; the message says why."""


def _bag(lead_id: str) -> str:
    return f"m/{lead_id}"


def members(ctx: Context, row: AlertRow) -> tuple[str, ...]:
    """The alerts that this one leads, itself not among them."""
    alert = row.alert
    return bags.ids(ctx, _bag(alert.alert_id)) if alert.incident == alert.alert_id else ()


def merge(ctx: Context, lead_id: str, row: AlertRow) -> AlertRow:
    """The alert in the incident that `lead_id` leads. Raises IncidentError where it cannot be."""
    alert = row.alert
    if alert.incident == alert.alert_id:
        raise IncidentError("it leads an incident of its own; split that first")
    if alert.incident is not None:
        raise IncidentError(f"it is part of the incident that {alert.incident} leads")
    if len(bags.ids(ctx, _bag(lead_id))) >= MOST:
        raise IncidentError(f"the incident has {MOST} alerts already")
    bags.add(ctx, _bag(lead_id), alert.alert_id)
    return revised(row, ctx.now, incident=lead_id)


def split(ctx: Context, row: AlertRow) -> list[AlertRow]:
    """The alerts that leave: this one, and with the leading one all. Raises IncidentError."""
    alert = row.alert
    lead_id = alert.incident
    if lead_id is None:
        raise IncidentError("it is part of no incident")
    gone = [revised(row, ctx.now, incident=None)]
    if lead_id == alert.alert_id:
        gone += _freed(ctx, lead_id)
        return gone
    bags.remove(ctx, _bag(lead_id), alert.alert_id)
    lead = row_of(ctx, lead_id)
    if not bags.ids(ctx, _bag(lead_id)) and lead is not None:
        # Nothing is left to lead.
        gone.append(revised(lead, ctx.now, incident=None))
    return gone


def dissolve(ctx: Context, lead_id: str) -> list[AlertRow]:
    """The alerts of an incident whose leading alert is forgotten."""
    return _freed(ctx, lead_id)


def _freed(ctx: Context, lead_id: str) -> list[AlertRow]:
    rows = [row_of(ctx, one) for one in bags.clear(ctx, _bag(lead_id))]
    return [
        revised(row, ctx.now, incident=None)
        for row in rows
        if row is not None and row.alert.incident == lead_id
    ]
