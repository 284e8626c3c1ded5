"""One record of every topic, as its owner would write it: for readers, and for the tests.

They belong together: one person at one site, from the frame to the notification.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec

from schemas import ids
from schemas.alert import Activity, ActivityKind, Alert, AlertState, Command, CommandKind, RankPart
from schemas.audit import Audit, AuditKind
from schemas.base import Message, Severity
from schemas.decision import Decision, Result, StageVerdict
from schemas.detection import Detection, FrameDetections, PathPoint, TrackPath
from schemas.device import (
    Assignment,
    Breaker,
    CameraState,
    DeviceHealth,
    DeviceSeverity,
    Probe,
    ProbeKind,
    Pulse,
)
from schemas.document import Camera, ConfigRecord, Schedule, Site, Window, Zone
from schemas.event import EventSource, SecurityEvent
from schemas.frame import FrameMeta, SnapshotMeta
from schemas.notification import Line, NotifyRequest, NotifyResult, NotifyStatus, Outcome
from schemas.tick import Tick
from topics import catalogue
from topics.declare import Content, Topic
from topics.record import OutRecord, Provenance, make

__all__ = ["JPEG", "Example", "example", "examples"]

AT: Final = datetime(2026, 3, 2, 22, 15, 4, 200_000, tzinfo=UTC)
REVISION: Final = 12
MODEL: Final = "yolox_nano"
MODEL_SHA256: Final = "0" * 64

JPEG: Final = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+"
    "MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//wAALCAAQABABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAAAAP/"
    "xAAcEAACAQUBAAAAAAAAAAAAAAAEERIAAQIDFCL/2gAIAQEAAD8AuEP1l4aJwm/SaVnQ0fkLz0TnBekm7OgR"
    "HIXhvhOD8tN2VDSOsvPfCE15bSsq/9k="
)
"""A grey picture of 16 by 16 pixels with something light in it."""

FRAME: Final = ids.frame_id("north", "gate", AT, 1042)
EVENT: Final = ids.detector_event_id("north", "gate", "yard", "object_in_zone", AT, 0)
TRACK: Final = ids.track_id("north", "gate", "person", AT - timedelta(seconds=1), 0)
ALERT: Final = ids.alert_id("north", "yard/gate/object_in_zone", EVENT)
AUDIT: Final = "5c0b7f6e-2a55-4f0c-9d1e-7f1c8f0a2b22"
COMMAND: Final = "0d1e8a52-7d0f-4f0e-9f55-6f1c8f0a2b11"
NOTIFICATION: Final = ids.notification_id("north", "soc", ALERT, 1)
BOX: Final = (0.41, 0.22, 0.52, 0.71)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A record, and the message in it."""

    message: Message
    record: OutRecord

    @property
    def headers(self) -> dict[str, str]:
        """Its headers as text."""
        return {name: value.decode() for name, value in self.record.headers}

    @property
    def body(self) -> Any:
        """The message as JSON values."""
        return msgspec.json.decode(msgspec.json.encode(self.message))


def example(topic: Topic) -> Example:
    """The example of a topic. Raises KeyError for one that has none."""
    return examples()[topic.name]


@cache
def examples() -> dict[str, Example]:
    """By topic name."""
    found = (
        *_pictures(),
        *_cameras(),
        *_decisions(),
        *_people(),
    )
    return {one.record.topic.name: one for one in found}


def _one(topic: Topic, message: Message, *, id: str, key: str | None, source: str) -> Example:
    derived = Provenance(
        config_revision=REVISION,
        model_sha256=MODEL_SHA256 if source == "watchfloor/detect" else None,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    return Example(
        message=message,
        record=make(
            topic,
            message,
            id=id,
            time=AT,
            source=source,
            key=key,
            payload=JPEG if topic.content is Content.JPEG else None,
            provenance=derived,
            partition=0 if key is None else None,
        ),
    )


def _pictures() -> tuple[Example, ...]:
    frame = FrameMeta(
        site_id="north",
        camera_id="gate",
        captured_at=AT,
        seq=1042,
        width=16,
        height=16,
        source_width=1920,
        source_height=1080,
        motion=0.031,
    )
    snapshot = SnapshotMeta(
        event_id=EVENT,
        site_id="north",
        camera_id="gate",
        captured_at=AT,
        position=0,
        width=16,
        height=16,
    )
    detections = FrameDetections(
        site_id="north",
        camera_id="gate",
        captured_at=AT,
        seq=1042,
        model=MODEL,
        detections=(Detection(label="person", score=0.91, box=BOX, track=TRACK),),
        detector_ms=23.5,
    )
    track = TrackPath(
        track_id=TRACK,
        site_id="north",
        camera_id="gate",
        label="person",
        first_seen=AT - timedelta(seconds=1),
        last_seen=AT + timedelta(seconds=7),
        frames=41,
        median_score=0.9,
        model=MODEL,
        path=(
            PathPoint(at=AT - timedelta(seconds=1), seq=1037, box=(0.3, 0.2, 0.41, 0.7), score=0.8),
            PathPoint(at=AT, seq=1042, box=BOX, score=0.91),
        ),
    )
    key, detect = "north/gate", "watchfloor/detect"
    return (
        _one(catalogue.FRAMES, frame, id=FRAME, key=key, source="watchfloor/capture"),
        _one(
            catalogue.SNAPSHOTS,
            snapshot,
            id=ids.snapshot_id("north", EVENT, 0),
            key=key,
            source=detect,
        ),
        _one(catalogue.DETECTIONS, detections, id=FRAME, key=key, source=detect),
        _one(catalogue.TRACKS, track, id=TRACK, key=key, source=detect),
    )


def _cameras() -> tuple[Example, ...]:
    assignment = Assignment(
        site_id="north",
        device_id="gate",
        kind="camera",
        revision=str(REVISION),
        source="rtsp://192.0.2.10/stream1",
        credentials="gate-camera",
    )
    health = DeviceHealth(
        site_id="north",
        device_id="nvr-1",
        severity=DeviceSeverity.SUSPECT,
        breaker=Breaker.CLOSED,
        consecutive_failures=2,
        load_shed=False,
        at=AT,
        since=AT - timedelta(minutes=1),
        next_poll_at=AT + timedelta(minutes=1),
        last_latency_ms=80.0,
        last_failure_at=AT,
        error="no answer in 10 s",
    )
    probe = Probe(
        site_id="north",
        device_id="gate",
        kind=ProbeKind.FRAMES,
        at=AT,
        ok=True,
        state=CameraState.CONNECTED,
        last_frame_at=AT,
        frames=1043,
        sent=212,
        gated=831,
        connects=1,
        width=1920,
        height=1080,
        fps=25.0,
    )
    night = Window(days=("mon", "tue", "wed", "thu", "fri"), start="18:00", end="06:00")
    config = ConfigRecord(
        revision=REVISION,
        author="kim",
        at=AT,
        site=Site(
            site_id="north",
            name="North depot",
            timezone="Europe/London",
            cameras=(
                Camera(
                    camera_id="gate",
                    name="Gate",
                    stream="rtsp://192.0.2.10/stream1",
                    credentials="gate-camera",
                ),
            ),
            zones=(
                Zone(
                    zone_id="yard",
                    camera_ids=("gate",),
                    severity=Severity.HIGH,
                    labels=("person",),
                    active_schedule=Schedule(windows=(night,)),
                    polygons={"gate": ((0.1, 0.2), (0.9, 0.2), (0.9, 0.95), (0.1, 0.95))},
                ),
            ),
        ),
    )
    tick = Tick(now=AT)
    key, api = "north/gate", "watchfloor/api"
    return (
        _one(
            catalogue.ASSIGNMENTS,
            assignment,
            id=f"assignment-{REVISION}-{key}",
            key=key,
            source=api,
        ),
        _one(
            catalogue.PROBES,
            probe,
            id=ids.probe_id("north", "gate", "frames", AT),
            key=key,
            source="watchfloor/capture",
        ),
        _one(
            catalogue.DEVICE_HEALTH,
            health,
            id=f"north/nvr-1/{AT.isoformat()}",
            key="north/nvr-1",
            source="watchfloor/watch",
        ),
        _one(
            catalogue.PULSES,
            Pulse(site_id="north", at=AT, partition=3),
            id=f"north/3/{AT.isoformat()}",
            key="north",
            source="watchfloor/watch",
        ),
        _one(catalogue.CONFIG, config, id=f"config-{REVISION}-north", key="north", source=api),
        _one(
            catalogue.TICKS_DECIDE,
            tick,
            id=f"tick-0-{int(AT.timestamp())}",
            key=None,
            source="watchfloor/decide",
        ),
        _one(
            catalogue.TICKS_ACT,
            tick,
            id=f"tick-0-{int(AT.timestamp())}",
            key=None,
            source="watchfloor/act",
        ),
        _one(
            catalogue.TICKS_WATCH,
            tick,
            id=f"tick-0-{int(AT.timestamp())}",
            key=None,
            source="watchfloor/watch",
        ),
    )


def _decisions() -> tuple[Example, ...]:
    event = SecurityEvent(
        event_id=EVENT,
        site_id="north",
        event_type="object_in_zone",
        occurred_at=AT,
        source=EventSource.DETECTOR,
        camera_id="gate",
        zone_id="yard",
        label="person",
        confidence=0.9,
        track_id=TRACK,
        first_frame=1037,
        frame=1042,
        box=BOX,
        snapshots=4,
        detector_ms=23.5,
    )
    decision = Decision(
        decision_id=ids.decision_id("north", EVENT),
        event_id=EVENT,
        site_id="north",
        result=Result.SENT,
        decided_at=AT + timedelta(milliseconds=80),
        alert_id=ALERT,
        stages=tuple(
            StageVerdict(stage=stage, verdict="pass")
            for stage in ("dedupe", "enrich", "rank", "route")
        ),
    )
    alert = Alert(
        alert_id=ALERT,
        site_id="north",
        state=AlertState.OPEN,
        severity=Severity.HIGH,
        event_type="object_in_zone",
        rank=78,
        reasons=(
            RankPart(name="severity", points=60, reason="the zone's severity is high"),
            RankPart(name="confidence", points=18, reason="the detector is sure (0.90)"),
        ),
        opened_at=AT,
        updated_at=AT,
        first_event=AT,
        last_event=AT,
        events=1,
        repeats=0,
        revision=1,
        site_name="North depot",
        camera_id="gate",
        camera_name="Gate",
        zone_id="yard",
        label="person",
        confidence=0.9,
        box=BOX,
        event_ids=(EVENT,),
        snapshot=EVENT,
        detector_ms=23.5,
    )
    activity = Activity(
        activity_id=ids.activity_id(ALERT, "opened", EVENT),
        alert_id=ALERT,
        site_id="north",
        kind=ActivityKind.OPENED,
        at=AT,
        actor="watchfloor",
        cause=EVENT,
    )
    decide = "watchfloor/decide"
    return (
        _one(catalogue.EVENTS, event, id=EVENT, key="north", source="watchfloor/detect"),
        _one(catalogue.DECISIONS, decision, id=decision.decision_id, key="north", source=decide),
        _one(catalogue.ALERTS, alert, id=f"{ALERT}-1", key=ALERT, source=decide),
        _one(catalogue.ACTIVITY, activity, id=activity.activity_id, key="north", source=decide),
    )


def _people() -> tuple[Example, ...]:
    command = Command(
        command_id=COMMAND,
        site_id="north",
        alert_id=ALERT,
        kind=CommandKind.ACK,
        actor="kim",
        at=AT + timedelta(seconds=40),
    )
    request = NotifyRequest(
        notification_id=NOTIFICATION,
        site_id="north",
        receiver="soc",
        status=NotifyStatus.FIRING,
        group=ALERT,
        flush=1,
        requested_at=AT,
        deadline=AT + timedelta(minutes=5),
        alerts=(
            Line(
                alert_id=ALERT,
                title="person in yard at Gate, North depot",
                severity=Severity.HIGH,
                rank=78,
                last_event=AT,
                event_id=EVENT,
            ),
        ),
        total=1,
        event_ids=(EVENT,),
    )
    result = NotifyResult(
        result_id=ids.result_id(NOTIFICATION, 1),
        notification_id=NOTIFICATION,
        site_id="north",
        receiver="soc",
        outcome=Outcome.DELIVERED,
        attempt=1,
        at=AT + timedelta(milliseconds=200),
        channel="webhook",
        channel_kind="webhook",
        severity=Severity.HIGH,
        target="https://soc.example.org",
        event_ids=(EVENT,),
        alert_ids=(ALERT,),
    )
    audit = Audit(
        audit_id=AUDIT,
        at=AT,
        kind=AuditKind.USER_CHANGED,
        actor="kim",
        actor_id="5e6a7c1e-9d0b-4a0e-8d6e-6b1f8a0c2d33",
        target="lee",
        detail="role: viewer to operator",
        address="192.0.2.7",
    )
    return (
        _one(catalogue.COMMANDS, command, id=COMMAND, key="north", source="watchfloor/api"),
        _one(
            catalogue.NOTIFY_REQUESTS,
            request,
            id=NOTIFICATION,
            key="north",
            source="watchfloor/decide",
        ),
        _one(
            catalogue.NOTIFY_RESULTS,
            result,
            id=result.result_id,
            key="north",
            source="watchfloor/act",
        ),
        _one(catalogue.AUDIT, audit, id=AUDIT, key="kim", source="watchfloor/api"),
    )
