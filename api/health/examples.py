"""Examples for the API's description: a site whose recorder is slow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from api.health.schemas import Check, PipelineView, Ready, RoleView, TickView
from api.health.verdict import PipelineState, Reason

__all__ = ["NOT_READY", "PIPELINE", "READY"]

READY: Final = Ready(
    status="ready", checks=(Check(name="broker", ok=True), Check(name="database", ok=True))
)
NOT_READY: Final = Ready(
    status="not ready",
    checks=(
        Check(name="broker", ok=True),
        Check(name="database", ok=False, problem="the database does not answer"),
    ),
)
PIPELINE: Final = PipelineView(
    state=PipelineState.LATE,
    at=datetime(2026, 3, 2, 22, 14, 7, tzinfo=UTC),
    reasons=(
        Reason(
            code="role_late",
            state=PipelineState.LATE,
            text="detect is 14 s behind",
            subject="detect",
        ),
    ),
    roles=(
        RoleView(
            role="detect",
            members=2,
            lag=420,
            unit="frames",
            lag_seconds=14.0,
            at_least=False,
            late=True,
        ),
    ),
    ticks=(TickView(partition=0, age_seconds=0.6),),
    cameras_without_frames=(),
)
