"""Examples for the API's description: the first hours of a night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api.report.schemas import (
    CameraLine,
    ChannelLine,
    HourLine,
    Precision,
    RuleLine,
    SeverityLine,
    ShiftReport,
    Totals,
)
from schemas.base import Severity

__all__ = ["SHIFT"]

BEGIN: Final = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
JUDGED: Final[dict[str, Any]] = {
    "opened": 3,
    "true": 1,
    "false": 1,
    "benign": 0,
    "unjudged": 1,
    "precision": 0.5,
}
TOTALS: Final[dict[str, Any]] = {
    "opened": 3,
    "acknowledged": 2,
    "resolved": 2,
    "open": 1,
    "events": 5,
    "folded": 41,
    "ack_p50_s": 31.5,
    "ack_p90_s": 46.7,
    "resolve_p50_s": 240.0,
    "resolve_p90_s": 410.0,
}

SHIFT: Final = ShiftReport(
    sites=("north",),
    from_=BEGIN,
    to=BEGIN + timedelta(hours=2),
    at=BEGIN + timedelta(hours=2, minutes=1),
    total=Totals(**TOTALS),
    precision=Precision(**JUDGED),
    severities=(SeverityLine(severity=Severity.HIGH, **TOTALS),),
    hours=tuple(
        HourLine(
            from_=BEGIN + timedelta(hours=n),
            opened=opened,
            critical=0,
            high=opened,
            medium=0,
            low=0,
            info=0,
        )
        for n, opened in enumerate((1, 2))
    ),
    rules=(RuleLine(site_id="north", zone_id="yard", event_type="person_detected", **JUDGED),),
    cameras=(CameraLine(site_id="north", camera_id="gate", **JUDGED),),
    notifications=2,
    channels=(ChannelLine(channel_kind="webhook", delivered=2, failed=1),),
)
