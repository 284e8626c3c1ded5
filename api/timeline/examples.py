"""Examples for the API's description: an evening at a gate."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from api.examples import ALERT_ID, AT, EVENT_ID
from api.timeline.schemas import AlertSpan, Condition, Lane, Moment, Span, TimelineView
from schemas.alert import AlertState
from schemas.base import Severity

__all__ = ["TIMELINE"]

TIMELINE: Final = TimelineView(
    from_=AT - timedelta(minutes=20),
    to=AT + timedelta(minutes=10),
    bucket_s=300.0,
    buckets=6,
    lanes=(Lane(site_id="north", camera_id="gate", events=(0, 0, 0, 0, 1, 0)),),
    lanes_complete=True,
    events=(
        Moment(
            event_id=EVENT_ID,
            site_id="north",
            camera_id="gate",
            zone_id="yard",
            device_id=None,
            event_type="person_detected",
            at=AT,
            severity=None,
            label="person",
            alert_id=ALERT_ID,
            pictures=7,
        ),
    ),
    events_complete=True,
    alerts=(
        AlertSpan(
            alert_id=ALERT_ID,
            site_id="north",
            camera_id="gate",
            zone_id="yard",
            device_id=None,
            event_type="person_detected",
            severity=Severity.HIGH,
            state=AlertState.ACKNOWLEDGED,
            rank=78,
            opened_at=AT,
            acknowledged_at=AT + timedelta(seconds=41),
            resolved_at=None,
            resolution=None,
            picture=True,
        ),
    ),
    alerts_complete=True,
    spans=(
        Span(
            site_id="north",
            device_id="gate",
            condition=Condition.NO_FRAMES,
            from_=AT - timedelta(minutes=15),
            to=AT - timedelta(minutes=12),
        ),
    ),
    spans_complete=True,
)
