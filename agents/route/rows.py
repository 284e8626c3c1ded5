"""Alerts' rows as everybody is to see them: what windows folded since is counted in."""

from __future__ import annotations

from agents.route.alerts import caught_up
from agents.route.tables import OPEN, ROWS, AlertRow
from agents.runtime.stage import Context

__all__ = ["current", "row_of"]


def row_of(ctx: Context, alert_id: str) -> AlertRow | None:
    """The alert's row; None where it is unknown or forgotten."""
    row = ctx.get(ROWS, alert_id)
    return row if row is None or row.folds is None else caught_up(row)


def current(ctx: Context, place: str) -> AlertRow | None:
    """The open alert of a situation."""
    found = ctx.get(OPEN, place)
    return None if found is None else row_of(ctx, found.alert_id)
