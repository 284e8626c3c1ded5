"""What is on the topics ends up in the database and the blob store, once, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from agents.runtime.follower import Follower
from agents.runtime.record import Record
from infra.blob.open import open_store
from infra.db.documents import publish
from infra.settings import Settings
from schemas.alert import Alert, AlertState
from schemas.base import Message, Severity
from schemas.decision import Decision, Result
from schemas.device import (
    Breaker,
    CameraState,
    DeviceHealth,
    DeviceSeverity,
    Probe,
    ProbeKind,
)
from schemas.document import Camera, Device, Document, Site
from schemas.event import SecurityEvent
from schemas.frame import SnapshotMeta
from schemas.notification import NotifyResult, NotifyStatus, Outcome
from tests.integration.archive.conftest import Bench, Gate
from tests.unit.agents.archive.test_rows import ALERT, AT, EVENT, JPEG, REQUEST
from topics.catalogue import (
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
from topics.record import OutRecord, make

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def out(topic: Topic, message: Any, payload: bytes | None = None) -> OutRecord:
    assert isinstance(message, Message)
    key = getattr(message, "alert_id" if topic is ALERTS else "site_id")
    return make(topic, message, id="i", time=AT, source="test", key=key, payload=payload)


def event(number: int, site: str = "north", **fields: Any) -> SecurityEvent:
    return msgspec.structs.replace(EVENT, event_id=f"e{number}", site_id=site, **fields)


def alert(revision: int, **fields: Any) -> Alert:
    return msgspec.structs.replace(ALERT, revision=revision, **fields)


def snapshot(number: int, position: int) -> OutRecord:
    meta = SnapshotMeta(
        event_id=f"e{number}",
        site_id="north",
        camera_id="gate",
        captured_at=AT,
        position=position,
        width=640,
        height=360,
    )
    return out(SNAPSHOTS, meta, JPEG + bytes([number, position + 3]))


def probe(at: datetime, state: CameraState, seen: datetime | None) -> OutRecord:
    ok = state is CameraState.CONNECTED
    message = Probe(
        site_id="north",
        device_id="gate",
        kind=ProbeKind.FRAMES,
        at=at,
        ok=ok,
        state=state,
        last_frame_at=seen,
        frames=9,
    )
    return out(PROBES, message)


def decision(number: int) -> OutRecord:
    return out(
        DECISIONS,
        Decision(
            decision_id=f"d{number}",
            event_id=f"e{number}",
            site_id="north",
            result=Result.SENT,
            decided_at=AT,
            alert_id="a1",
        ),
    )


RESULT = NotifyResult(
    result_id="r1",
    notification_id="n1",
    site_id="north",
    receiver="soc",
    outcome=Outcome.FAILED,
    attempt=1,
    at=AT,
    channel="hook",
    target="https://example.org/hook",
    error="connection refused",
    status=NotifyStatus.FIRING,
)


async def test_everything_arrives_and_reads_as_the_first_schema_did(bench: Bench) -> None:
    cameras = (Camera(camera_id="gate", nvr_id="nvr", stream="sim:1"),)
    devices = (Device(device_id="nvr", kind="nvr"),)
    site = Site(site_id="north", cameras=cameras, devices=devices)
    await asyncio.to_thread(publish, bench.settings, Document(sites=(site,)), "kim")
    await bench.emit(
        # the picture and the decision before their event: topics know no order among each other
        snapshot(1, 0),
        snapshot(1, 1),
        decision(1),
        out(EVENTS, event(1, camera_id="gate", zone_id="yard", confidence=0.9, label="person")),
        out(EVENTS, event(1, site="south")),  # the same id elsewhere is another event
        out(ALERTS, alert(1)),
        out(NOTIFY_REQUESTS, REQUEST),
        out(NOTIFY_RESULTS, RESULT),
        probe(AT, CameraState.CONNECTED, AT),
    )
    async with bench.running():
        await bench.until(
            lambda: (
                bench.count("device_state", "north") == 1
                and bench.count("delivery", "north") == 1
                and bench.count("event", "north", "south") == 2
                and bench.count("decision", "north") == 1
                and bench.count("notification", "north") == 1
                and bench.count("alert", "north") == 1
                and bench.count("snapshot", "north") == 2
            )
        )
        await bench.until(lambda: bench.committed(EVENTS) == 2)
    assert bench.rows(
        "SELECT id, camera_id, event_type, severity, score, ts_event, dedup_key, "
        "metadata_json->>'label', metadata_json->>'result' FROM ai_event",
        "north",
    ) == [("e1", "gate", "intrusion", "high", 0.9, AT, "yard:gate:intrusion", "person", "sent")]
    assert bench.rows("SELECT id, severity FROM ai_event", "south") == [("e1", None)]
    stored = bench.rows(
        "SELECT event_id, type, storage_path, (metadata_json->>'position')::int FROM ai_artifact "
        "ORDER BY 4",
        "north",
    )
    kinds = [(row[0], row[1], row[3]) for row in stored]
    assert kinds == [("e1", "snapshot", 0), ("e1", "snapshot", 1)]
    store = open_store(bench.settings)
    assert [store.get(row[2]) for row in stored] == [JPEG + b"\x01\x03", JPEG + b"\x01\x04"]
    assert bench.rows(
        "SELECT channel, severity, status, target, payload->>'total', error_message, created_at "
        "FROM notification_log",
        "north",
    ) == [("hook", "high", "failed", "https://example.org/hook", "2", "connection refused", AT)]
    assert bench.rows("SELECT id, nvr_id, status, last_seen_at FROM camera", "north") == [
        ("gate", "nvr", "connected", AT)
    ]
    assert bench.reports[-1] is None


async def test_rows_never_go_back(bench: Bench) -> None:
    minute = timedelta(minutes=1)
    resolved = alert(5, state=AlertState.RESOLVED, resolved_by="kim", rank=10)
    async with bench.running():
        await bench.emit(
            out(ALERTS, alert(3)),
            out(ALERTS, resolved),
            out(ALERTS, alert(4, severity=Severity.CRITICAL)),
            probe(AT, CameraState.CONNECTED, AT),
            probe(AT + 2 * minute, CameraState.LOST, None),
            probe(AT + minute, CameraState.CONNECTED, AT + minute),
        )
        await bench.until(lambda: bench.committed(ALERTS) == 3 and bench.committed(PROBES) == 3)
        # and in a chunk of its own, after the newer one is in the table
        await bench.emit(
            out(ALERTS, alert(2)), out(ALERTS, resolved), probe(AT, CameraState.CONNECTED, AT)
        )
        await bench.until(lambda: bench.committed(ALERTS) == 5 and bench.committed(PROBES) == 4)
    assert bench.rows("SELECT revision, state, rank, resolved_by FROM alert", "north") == [
        (5, "resolved", 10, "kim")
    ]
    assert bench.rows("SELECT state, at FROM device_state", "north") == [("lost", AT + 2 * minute)]


def health(severity: DeviceSeverity, since: int, at: int, **fields: Any) -> OutRecord:
    """A recorder's health, by minutes after AT."""
    minute = timedelta(minutes=1)
    down = severity is DeviceSeverity.CRITICAL
    message = DeviceHealth(
        site_id="north",
        device_id="nvr",
        severity=severity,
        breaker=Breaker.OPEN if down else Breaker.CLOSED,
        consecutive_failures=at,
        failure_count=at,
        load_shed=down,
        at=AT + at * minute,
        since=AT + since * minute,
        next_poll_at=AT + (at + 1) * minute,
        **fields,
    )
    return out(DEVICE_HEALTH, message)


async def test_a_devices_health_is_its_two_states_and_a_row_a_change(bench: Bench) -> None:
    minute = timedelta(minutes=1)
    normal, suspect, critical = DeviceSeverity
    told = [
        health(normal, 0, 0),
        health(suspect, 1, 1, error="timeout"),
        health(suspect, 1, 2, error="refused"),
        # the topic forgot the third and the fourth failure
        health(critical, 5, 5, error="refused", opened_at=AT + 5 * minute),
        health(critical, 5, 6, error="timeout", opened_at=AT + 5 * minute),
    ]
    changes = "SELECT device_id, at, severity, error FROM device_change ORDER BY at"
    expected = [
        ("nvr", AT, "normal", None),
        ("nvr", AT + minute, "suspect", "timeout"),
        ("nvr", AT + 5 * minute, "critical", "refused"),  # of the poll that made it
    ]
    async with bench.running():
        await bench.emit(*told)
        await bench.until(lambda: bench.committed(DEVICE_HEALTH) == 5)
        assert bench.rows(changes, "north") == expected
        # Again, and a record without a value, as compaction leaves: nothing changes.
        await bench.emit(*told[:3], OutRecord(DEVICE_HEALTH, b"north/nvr", None, ()))
        await bench.until(lambda: bench.committed(DEVICE_HEALTH) == 9)
    assert bench.rows(changes, "north") == expected
    assert bench.rows(
        "SELECT component, severity, next_poll_at, consecutive_failures, load_shed_mode, at, "
        "since, error FROM poll_state",
        "north",
    ) == [
        (
            "nvr",
            "critical",
            AT + 7 * minute,
            6,
            True,
            AT + 6 * minute,
            AT + 5 * minute,
            "timeout",
        )
    ]
    assert bench.rows(
        "SELECT target_service, state, failure_count, opened_at FROM circuit_breaker_state",
        "north",
    ) == [("nvr", "open", 6, AT + 5 * minute)]
    assert bench.rows(changes, "south") == []


async def dead_letters(bench: Bench, topics: Iterable[Topic], count: int) -> list[Record]:
    found: list[Record] = []
    letters = [replace(topic, name=topic.dlq) for topic in topics]
    async with asyncio.timeout(30), Follower(bench.settings, letters) as follower:
        async for chunk in follower.chunks(timeout=0.5):
            found += chunk
            if len(found) >= count:
                break
    return found


async def test_bad_records_go_to_the_dead_letters_and_stop_nothing(bench: Bench) -> None:
    good = [out(EVENTS, event(n)) for n in range(40)]
    poison = [
        out(EVENTS, event(100, labels={"plate": "B\x00AD"})),  # PostgreSQL stores no NUL
        out(EVENTS, event(101, frame=2**63)),  # no bigint
        OutRecord(EVENTS, b"north", b"\xff{ not JSON", ()),
        OutRecord(EVENTS, b"north", None, ()),
    ]
    # in one chunk, so that they must be told apart from their neighbours in one transaction
    await bench.emit(*good[:20], *poison, *good[20:])
    async with bench.running():
        await bench.until(lambda: bench.committed(EVENTS) == 44)
    assert bench.count("event", "north") == 40
    letters = await dead_letters(bench, [EVENTS], 4)
    by_value = {letter.value: letter for letter in letters}
    assert set(by_value) == {record.value for record in poison}
    for letter in letters:
        reason = {
            name.removeprefix("__watchfloor.errors."): value.decode()
            for name, value in letter.headers.items()
            if name.startswith("__watchfloor.errors.")
        }
        assert (reason["topic"], reason["stage"]) == ("security.events.v1", "archive")
        assert reason["offset"].isdigit()
        assert reason["attempt"] == "1"
    first = by_value[poison[0].value]
    assert first.headers["__watchfloor.errors.class"] == b"UntranslatableCharacter"
    assert first.headers["ce_id"] == b"i"  # the original's own headers are untouched


async def test_a_database_that_is_away_loses_nothing(
    bench: Bench, gate: tuple[Gate, Settings]
) -> None:
    way, settings = gate
    async with bench.running(settings):
        await bench.emit(out(EVENTS, event(1)))
        await bench.until(lambda: bench.count("event", "north") == 1)
        await way.shut()
        await bench.emit(*(out(EVENTS, event(n)) for n in range(2, 30)))
        await bench.until(lambda: bool(bench.reports) and bench.reports[-1] is not None)
        assert "PostgreSQL" in (bench.reports[-1] or "")
        assert bench.committed(EVENTS) <= 1
        await way.open()
        await bench.until(lambda: bench.committed(EVENTS) == 29)
    assert bench.count("event", "north") == 29
    assert bench.reports[-1] is None


async def test_a_blob_store_that_is_away_holds_the_rows_back(bench: Bench) -> None:
    """A row never points at a picture that is not there yet."""
    blobs = bench.settings.state_dir / f"blobs-{bench.settings.namespace}"
    blobs.write_bytes(b"in the way")
    async with bench.running():
        await bench.emit(snapshot(1, 0))
        await bench.until(lambda: bool(bench.reports) and bench.reports[-1] is not None)
        assert "blob store" in (bench.reports[-1] or "")
        assert bench.count("snapshot", "north") == 0
        assert bench.committed(SNAPSHOTS) == 0
        blobs.unlink()
        await bench.until(lambda: bench.committed(SNAPSHOTS) == 1)
    assert bench.count("snapshot", "north") == 1


async def test_a_crash_before_the_offsets_repeats_and_duplicates_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = asyncio.Event()

    async def crash(_self: Follower) -> None:
        crashed.set()
        await asyncio.Event().wait()  # until the service is cancelled: it never gets to commit

    await bench.emit(
        *(out(EVENTS, event(n)) for n in range(10)), *(snapshot(n, 0) for n in range(10))
    )
    monkeypatch.setattr(Follower, "commit", crash)
    async with bench.running():
        async with asyncio.timeout(60):
            await crashed.wait()
    monkeypatch.undo()
    assert bench.committed(EVENTS) == bench.committed(SNAPSHOTS) == 0
    assert bench.count("event", "north") + bench.count("snapshot", "north") > 0
    async with bench.running():
        await bench.until(
            lambda: bench.committed(EVENTS) == 10 and bench.committed(SNAPSHOTS) == 10
        )
    assert bench.count("event", "north") == 10
    assert bench.count("snapshot", "north") == 10
    assert open_store(bench.settings).usage().blobs == 10


async def test_an_alerts_tombstone_leaves_its_history(bench: Bench) -> None:
    async with bench.running():
        await bench.emit(out(ALERTS, alert(1)))
        await bench.emit(OutRecord(ALERTS, b"a1", None, ()))
        await bench.until(lambda: bench.committed(ALERTS) == 2)
    assert bench.count("alert", "north") == 1


async def test_pictures_stay_within_their_quota(bench: Bench) -> None:
    small = replace(bench.settings, blob_quota=4 * len(JPEG))
    async with bench.running(small):
        for number in range(10):
            await bench.emit(snapshot(number, 0))
        await bench.until(lambda: bench.committed(SNAPSHOTS) == 10)
        store = open_store(bench.settings)
        await bench.until(lambda: store.usage().bytes <= 4 * len(JPEG))
    assert bench.count("snapshot", "north") == 10
