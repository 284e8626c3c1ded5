"""What is counted of events and alerts, whoever they come from."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
import pytest

from api import examples
from schemas.alert import Alert
from schemas.decision import Decision, Result
from schemas.ids import decision_id
from tests.integration.api.support import NOW, Stack, decision_record, wait_until
from topics.catalogue import ALERTS
from topics.record import OutRecord, make

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def figure(stack: Stack, line: str) -> float:
    with stack.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return sum(float(one.rpartition(" ")[2]) for one in lines if one.startswith(line + " "))


def decided(result: Result, reason: str | None = None, site: str = "south") -> OutRecord:
    """Of an event that nobody posted."""
    event = uuid.uuid4().hex
    decision = Decision(
        decision_id=decision_id(site, event),
        event_id=event,
        site_id=site,
        result=result,
        reason=reason,
        decided_at=NOW,
    )
    return decision_record(decision)


def alert(revision: int, **fields: Any) -> OutRecord:
    known = msgspec.structs.asdict(examples.ALERT)
    known.pop("snapshot_url")
    made = Alert(**{**known, "alert_id": uuid.uuid4().hex, "revision": revision, **fields})
    return make(
        ALERTS, made, id=made.alert_id, time=NOW, source="test", key=made.alert_id, subject="south"
    )


DEVICE = {"site_id": "south", "zone_id": None, "camera_id": None, "device_id": "nvr-1"}


def test_events_of_every_source_are_counted_once_by_their_decision(stack: Stack) -> None:
    lines = {
        'cv_events_received_total{site="south"}': 4,
        'cv_alerts_sent_total{site="south"}': 1,
        'cv_events_suppressed_total{reason="dedupe_window",site="south"}': 1,
        'cv_events_rejected_total{reason="unknown_zone",site="south"}': 1,
        'cv_events_received_total{site="unknown"}': 1,
        'cv_camera_health_alerts_total{site="south"}': 1,
    }
    before = {line: figure(stack, line) for line in lines}
    sent = decided(Result.SENT)
    stack.produce(
        sent,
        sent,  # the same event came again, and so does its decision
        decided(Result.GROUPED),
        decided(Result.SUPPRESSED, "dedupe_window"),
        decided(Result.REJECTED, "unknown_zone"),
        decided(Result.SENT, site="nowhere"),
        alert(1, **DEVICE),
        alert(2, **DEVICE),  # one that was opened before
        alert(1, site_id="south"),  # a zone's
    )

    def counted() -> bool:
        return all(figure(stack, line) == before[line] + more for line, more in lines.items())

    wait_until(counted, "everything is counted")


def test_the_names_of_the_first_gateway_are_there(stack: Stack) -> None:
    with stack.client() as client:
        text = client.get("/metrics").text
    for name in (
        "cv_events_received_total",
        "cv_events_suppressed_total",
        "cv_alerts_sent_total",
        "cv_event_processing_seconds",
        "cv_camera_health_alerts_total",
    ):
        assert f"# HELP {name} " in text
