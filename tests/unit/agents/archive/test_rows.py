"""What a record is in the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
import pytest

from agents.archive.rows import plan, statements
from agents.archive.sink import is_poison
from agents.runtime.record import Record
from infra.blob.store import BlobKeyError
from schemas.alert import Activity, ActivityKind, Alert, AlertState, RankPart
from schemas.base import Message, SchemaError, Severity
from schemas.decision import Decision, Result, StageVerdict
from schemas.device import (
    Breaker,
    CameraState,
    DeviceHealth,
    DeviceSeverity,
    Probe,
    ProbeKind,
)
from schemas.event import SecurityEvent
from schemas.frame import SnapshotMeta
from schemas.ids import snapshot_id
from schemas.notification import Line, NotifyRequest, NotifyResult, NotifyStatus, Outcome
from topics.catalogue import (
    ACTIVITY,
    ALERTS,
    DECISIONS,
    DEVICE_HEALTH,
    EVENTS,
    NOTIFY_REQUESTS,
    NOTIFY_RESULTS,
    PROBES,
    SNAPSHOTS,
)
from topics.declare import Topic
from topics.record import make

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 10, 5, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0 picture"

EVENT = SecurityEvent(event_id="e1", site_id="north", event_type="intrusion", occurred_at=AT)
ALERT = Alert(
    alert_id="a1",
    site_id="north",
    state=AlertState.OPEN,
    severity=Severity.HIGH,
    event_type="intrusion",
    rank=70,
    reasons=(RankPart(name="severity", points=70, reason="the zone is high"),),
    opened_at=AT,
    updated_at=AT,
    first_event=AT,
    last_event=AT,
    events=1,
    repeats=0,
    revision=3,
    box=(0.1, 0.2, 0.3, 0.4),
    event_ids=("e1",),
)
LINE = Line(alert_id="a1", title="t", severity=Severity.LOW, rank=1, last_event=AT)
REQUEST = NotifyRequest(
    notification_id="n1",
    site_id="north",
    receiver="soc",
    status=NotifyStatus.FIRING,
    group="zone=yard",
    flush=2,
    requested_at=AT,
    deadline=LATER,
    alerts=(LINE, msgspec.structs.replace(LINE, alert_id="a2", severity=Severity.HIGH)),
    total=2,
)


def record(topic: Topic, message: Message, payload: bytes | None = None) -> Record:
    out = make(topic, message, id="id", time=AT, source="test", key="north", payload=payload)
    return raw(topic, out.value, dict(out.headers))


def raw(topic: Topic, value: bytes | None, headers: Mapping[str, bytes] | None = None) -> Record:
    return Record(
        topic=topic,
        partition=0,
        offset=7,
        timestamp_ms=int(LATER.timestamp() * 1000),
        key=b"north",
        value=value,
        headers=headers or {},
    )


def columns(topic: Topic, message: Message, payload: bytes | None = None) -> dict[str, Any]:
    items, poison = plan([record(topic, message, payload)])
    assert poison == []
    row = items[0].row
    assert row is not None
    found: dict[str, Any] = msgspec.json.decode(row.data)
    return found


def test_an_event_has_every_column_defaults_too() -> None:
    found = columns(EVENTS, EVENT)
    assert set(found) == {*EVENT.__struct_fields__, "recorded_at"}
    assert (found["source"], found["snapshots"], found["labels"]) == ("external", 0, {})
    assert found["confidence"] is None
    assert found["recorded_at"] == "2026-03-02T10:05:00Z"  # the broker's time, not the event's


def test_an_alert_is_its_whole_state() -> None:
    found = columns(ALERTS, ALERT)
    assert set(found) == set(ALERT.__struct_fields__)
    assert found["reasons"] == [{"name": "severity", "points": 70, "reason": "the zone is high"}]
    assert (found["box"], found["event_ids"]) == ([0.1, 0.2, 0.3, 0.4], ["e1"])
    assert (found["escalation"], found["revision"]) == (0, 3)


def test_an_alerts_tombstone_is_no_row_and_no_poison() -> None:
    items, poison = plan([raw(ALERTS, None)])
    assert poison == []
    assert items[0].row is None
    assert statements(items) == []


def test_a_decision_and_its_stages() -> None:
    decision = Decision(
        decision_id="d1",
        event_id="e1",
        site_id="north",
        result=Result.SUPPRESSED,
        reason="dedupe_window",
        decided_at=AT,
        stages=(StageVerdict(stage="dedupe", verdict="dedupe_window"),),
    )
    found = columns(DECISIONS, decision)
    assert (found["result"], found["reason"]) == ("suppressed", "dedupe_window")
    assert found["stages"] == [{"stage": "dedupe", "verdict": "dedupe_window"}]


def test_activity() -> None:
    activity = Activity(
        activity_id="x",
        alert_id="a1",
        site_id="north",
        kind=ActivityKind.ACKNOWLEDGED,
        at=AT,
        actor="kim",
        cause="c1",
    )
    assert columns(ACTIVITY, activity) == {
        "activity_id": "x",
        "alert_id": "a1",
        "site_id": "north",
        "kind": "acknowledged",
        "at": "2026-03-02T10:00:00Z",
        "actor": "kim",
        "cause": "c1",
        "detail": None,
        "command_id": None,
        "outcome": None,
        "shift": None,
    }


def test_a_request_keeps_what_was_to_be_said() -> None:
    found = columns(NOTIFY_REQUESTS, REQUEST)
    assert found["group_key"] == "zone=yard"
    assert found["alert_ids"] == ["a1", "a2"]
    assert found["severity"] == "high"  # the worst of its alerts
    assert [line["alert_id"] for line in found["payload"]["alerts"]] == ["a1", "a2"]
    empty = msgspec.structs.replace(REQUEST, alerts=(), total=0)
    assert columns(NOTIFY_REQUESTS, empty)["severity"] is None


def test_a_result() -> None:
    result = NotifyResult(
        result_id="r1",
        notification_id="n1",
        site_id="north",
        receiver="soc",
        outcome=Outcome.TIMED_OUT,
        attempt=2,
        at=AT,
        channel="hook",
        error="no answer within 5 s",
    )
    found = columns(NOTIFY_RESULTS, result)
    assert set(found) == set(result.__struct_fields__)
    assert (found["outcome"], found["status"], found["attempt"]) == ("timed_out", "firing", 2)


@pytest.mark.parametrize(
    ("ok", "last_frame", "seen"),
    [
        (True, AT, "2026-03-02T10:00:00Z"),  # when it was seen, not when it was asked
        (True, None, "2026-03-02T10:05:00Z"),
        (False, AT, "2026-03-02T10:00:00Z"),
        (False, None, None),  # never seen: nothing is made up
    ],
)
def test_when_a_camera_was_last_seen(
    ok: bool, last_frame: datetime | None, seen: str | None
) -> None:
    probe = Probe(
        site_id="north",
        device_id="gate",
        kind=ProbeKind.FRAMES,
        at=LATER,
        ok=ok,
        state=CameraState.LOST,
        last_frame_at=last_frame,
    )
    found = columns(PROBES, probe)
    assert found["last_seen_at"] == seen
    assert (found["state"], found["kind"]) == ("lost", "frames")


def test_what_a_recorder_said_of_itself_is_kept() -> None:
    probe = Probe(
        site_id="north",
        device_id="nvr",
        kind=ProbeKind.ISAPI,
        at=AT,
        ok=True,
        facts={"model": "DS-7616", "channels_online": 15},
    )
    assert columns(PROBES, probe)["facts"] == {"model": "DS-7616", "channels_online": 15}


def test_a_devices_health_has_every_column_defaults_too() -> None:
    health = DeviceHealth(
        site_id="north",
        device_id="nvr",
        severity=DeviceSeverity.CRITICAL,
        breaker=Breaker.OPEN,
        consecutive_failures=5,
        load_shed=True,
        at=LATER,
        since=AT,
        next_poll_at=LATER,
        failure_count=6,
    )
    found = columns(DEVICE_HEALTH, health)
    assert set(found) == set(health.__struct_fields__)
    assert (found["severity"], found["breaker"], found["error"]) == ("critical", "open", None)
    assert (found["since"], found["failure_count"]) == ("2026-03-02T10:00:00Z", 6)


def test_a_snapshots_picture_and_row() -> None:
    meta = SnapshotMeta(
        event_id="e/../../1", site_id="north", camera_id="gate", captured_at=AT, position=-2
    )
    items, poison = plan([record(SNAPSHOTS, meta, JPEG)])
    assert poison == []
    (item,) = items
    name = snapshot_id("north", "e/../../1", -2)
    assert item.picture is not None
    assert item.picture.key == f"snapshots/north/2026/03/02/{name}.jpg"  # no part of it is foreign
    assert (item.picture.data, item.picture.content_type) == (JPEG, "image/jpeg")
    found = columns(SNAPSHOTS, meta, JPEG)
    assert (found["blob_key"], found["bytes"]) == (item.picture.key, len(JPEG))
    assert (found["snapshot_id"], found["position"]) == (name, -2)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (raw(EVENTS, b"{"), SchemaError),
        (raw(EVENTS, b'{"site_id": "north"}'), SchemaError),
        (raw(EVENTS, None), SchemaError),  # no tombstones where nothing is compacted
        (raw(SNAPSHOTS, JPEG), SchemaError),  # its header is missing
        (
            record(
                SNAPSHOTS,
                SnapshotMeta(
                    event_id="e", site_id="north", camera_id="g", captured_at=AT, position=0
                ),
                b"GIF89a",
            ),
            SchemaError,
        ),
        (
            record(
                SNAPSHOTS,
                # `$` of a pattern lets a newline through
                SnapshotMeta(
                    event_id="e", site_id="north\n", camera_id="g", captured_at=AT, position=0
                ),
                JPEG,
            ),
            (SchemaError, BlobKeyError),
        ),
    ],
)
def test_a_bad_record_is_set_aside_and_its_neighbours_are_not(
    bad: Record, error: type[Exception] | tuple[type[Exception], ...]
) -> None:
    good = record(EVENTS, EVENT)
    items, poison = plan([good, bad, good])
    assert [item.record for item in items] == [good, good]
    assert [p.record for p in poison] == [bad]
    assert isinstance(poison[0].error, error)


def test_one_statement_a_table_in_a_fixed_order() -> None:
    other = msgspec.structs.replace(EVENT, event_id="e2")
    items, _ = plan([record(ALERTS, ALERT), record(EVENTS, EVENT), record(EVENTS, other)])
    first, second = statements(items)
    assert (first.table, first.count, second.table, second.count) == ("events", 2, "alerts", 1)
    assert [row["event_id"] for row in msgspec.json.decode(first.rows)] == ["e1", "e2"]


def test_nothing_to_write_is_no_statement() -> None:
    assert statements([]) == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg.errors.UntranslatableCharacter(), True),  # \u0000 in text
        (psycopg.errors.NumericValueOutOfRange(), True),
        (psycopg.errors.NotNullViolation(), True),
        (psycopg.errors.ProgramLimitExceeded(), True),  # too long for an index
        (psycopg.errors.DiskFull(), False),
        (psycopg.errors.AdminShutdown(), False),
        (psycopg.errors.CannotConnectNow(), False),
        (psycopg.errors.DeadlockDetected(), False),
        (psycopg.errors.QueryCanceled(), False),
        (psycopg.errors.ReadOnlySqlTransaction(), False),
        # our own set-up: blaming records for it would empty whole topics
        (psycopg.errors.UndefinedFunction(), False),
        (psycopg.errors.InsufficientPrivilege(), False),
        (psycopg.OperationalError("connection refused"), False),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL"), True),
    ],
)
def test_whose_fault_an_error_is(error: psycopg.Error, expected: bool) -> None:
    assert is_poison(error) is expected
