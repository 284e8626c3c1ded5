"""Examples for the API's description: true answers of a small site."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import msgspec

from api.alert.schemas import (
    ActivityView,
    AlertView,
    CommandTaken,
    HandoverView,
    OutcomeView,
    view,
)
from api.backtest.schemas import BacktestState, BacktestView
from api.camera.schemas import CameraView
from api.device.schemas import (
    ChangeView,
    ChildView,
    DayView,
    DeviceDetail,
    DeviceKind,
    DeviceView,
    Health,
    ProbeView,
    UptimeView,
)
from api.discovery.schemas import ScanState, ScanView
from api.event.schemas import Accepted, Answer, EventView, SnapshotView
from api.onboard.schemas import CameraTaken, DescribedView, PictureView, RecorderTaken
from api.site.schemas import SiteView
from api.zone.schemas import ScheduleView, WindowView, ZoneView
from infra.onboard.described import Stream
from infra.onboard.discovery import Found
from schemas.alert import ActivityKind, Alert, AlertState, CommandOutcome, RankPart
from schemas.base import Severity
from schemas.decision import Result, StageVerdict
from schemas.device import Breaker, CameraState, DeviceSeverity, ProbeKind
from schemas.event import EventSource

AT: Final = datetime(2026, 3, 2, 22, 14, 7, 400_000, tzinfo=UTC)
EVENT_ID: Final = "6c0c0b1e-3f0c-5d0e-9a53-9d2f6f4d2a11"
ALERT_ID: Final = "0b7f6f7a-6a1c-5f1e-8d5c-2f6f1d3b9e42"

SITE_BODY: Final = {"site_id": "north", "name": "North yard", "timezone": "Europe/Berlin"}
SITE: Final = SiteView(
    site_id="north",
    name="North yard",
    timezone="Europe/Berlin",
    enabled=True,
    notifications_enabled=True,
    cameras=2,
    zones=1,
    revision=7,
)
CAMERA: Final = CameraView(
    site_id="north",
    camera_id="gate",
    name="Main gate",
    nvr_id="nvr-1",
    zone_ids=("yard",),
    captured=True,
    detect_fps=5.0,
    state=CameraState.CONNECTED,
    heard_at=AT,
    last_frame_at=AT,
    frames=9120,
    sent=411,
    width=1920,
    height=1080,
    fps=24.9,
)
DEVICE: Final = DeviceView(
    site_id="north",
    device_id="nvr-1",
    kind=DeviceKind.NVR,
    name="Recorder in the gatehouse",
    driver="isapi",
    parent=None,
    severity=Health.CRITICAL,
    since=AT - timedelta(minutes=9),
    at=AT,
    next_poll_at=AT + timedelta(minutes=1),
    error="timeout: no answer within 10 s",
    latency_ms=41.0,
    consecutive_failures=14,
    load_shed=True,
    breaker=Breaker.OPEN,
    breaker_opened_at=AT - timedelta(minutes=9),
    failures=14,
    last_failure_at=AT,
    up_today=0.9933,
)
DEVICE_DETAIL: Final = DeviceDetail(
    **msgspec.structs.asdict(DEVICE),
    probes=(
        ProbeView(
            kind=ProbeKind.ISAPI,
            at=AT,
            ok=False,
            error="timeout: no answer within 10 s",
            latency_ms=None,
            state=None,
            last_seen_at=AT - timedelta(minutes=14),
            gap_s=None,
            facts={"model": "DS-7616NI", "channels_online": 16, "disks_failed": 0},
        ),
    ),
    children=(
        ChildView(
            device_id="gate", kind=DeviceKind.CAMERA, name="Main gate", severity=Health.NORMAL
        ),
    ),
)
DEVICE_CHANGE: Final = ChangeView(
    at=AT - timedelta(minutes=9),
    until=None,
    severity=DeviceSeverity.CRITICAL,
    error="timeout: no answer within 10 s",
)
UPTIME: Final = UptimeView(
    site_id="north",
    device_id="nvr-1",
    timezone="Europe/Berlin",
    from_=datetime(2026, 3, 1, 23, tzinfo=UTC),
    to=AT,
    days=(
        DayView(
            date=date(2026, 3, 2),
            from_=datetime(2026, 3, 1, 23, tzinfo=UTC),
            to=AT,
            up=0.993547,
            down_s=540.0,
            suspect_s=240.0,
            unknown_s=0.0,
        ),
    ),
    up=0.993547,
    down_s=540.0,
    suspect_s=240.0,
    unknown_s=0.0,
    outages=1,
    repaired=0,
    mttd_s=240.0,
    mttr_s=None,
    complete=True,
)
ZONE: Final = ZoneView(
    zone_id="yard",
    site_id="north",
    camera_ids=("gate",),
    severity=Severity.HIGH,
    active_schedule=ScheduleView(
        timezone="Europe/Berlin",
        windows=(WindowView(days=("mon", "tue", "wed", "thu", "fri"), start="18:00", end="06:00"),),
    ),
    alert_destinations=("soc",),
    suppression_window_sec=60.0,
    dedupe_window_sec=120.0,
    polygons={"gate": ((0.1, 0.4), (0.9, 0.4), (0.9, 1.0), (0.1, 1.0))},
    labels=("person",),
    min_confidence=0.8,
    dwell_sec=2.0,
)
EVENT: Final = EventView(
    event_id=EVENT_ID,
    site_id="north",
    event_type="intrusion",
    occurred_at=AT,
    source=EventSource.EXTERNAL,
    camera_id="gate",
    zone_id="yard",
    device_id=None,
    severity=None,
    label="person",
    confidence=0.91,
    vendor="hikvision",
    track_id=None,
    first_frame=None,
    frame=None,
    box=None,
    result=Result.SENT,
    reason=None,
    alert_id=ALERT_ID,
    decided_at=AT,
    stages=(StageVerdict(stage="dedupe", verdict="pass"),),
)
ALERT: Final[AlertView] = view(
    Alert(
        alert_id=ALERT_ID,
        site_id="north",
        state=AlertState.OPEN,
        severity=Severity.HIGH,
        event_type="intrusion",
        rank=72,
        reasons=(
            RankPart(name="severity", points=60, reason="the zone is of high severity"),
            RankPart(name="confidence", points=12, reason="the detector is sure: 0.91"),
        ),
        opened_at=AT,
        updated_at=AT,
        first_event=AT,
        last_event=AT,
        events=1,
        repeats=3,
        revision=4,
        site_name="North yard",
        camera_id="gate",
        camera_name="Main gate",
        zone_id="yard",
        label="person",
        confidence=0.91,
        box=(0.41, 0.32, 0.48, 0.71),
        event_ids=(EVENT_ID,),
        snapshot=EVENT_ID,
    )
)
ACTIVITY: Final = ActivityView(
    activity_id="d2a0c3c6-54a0-5e0f-8f8f-2c0f7a3c1b0d",
    alert_id=ALERT_ID,
    site_id="north",
    kind=ActivityKind.OPENED,
    at=AT,
    actor="watchfloor",
    cause=EVENT_ID,
    detail=None,
)
SNAPSHOT: Final = SnapshotView(
    position=0,
    captured_at=AT,
    width=640,
    height=360,
    url=f"/v1/events/{EVENT_ID}/snapshots/0",
    box=(0.41, 0.32, 0.48, 0.71),
)
ANSWER: Final = Answer(
    event_id=EVENT_ID, site_id="north", result=Result.SENT, reason=None, alert_id=ALERT_ID
)
ACCEPTED: Final = Accepted(event_id=EVENT_ID, site_id="north", location=f"/v1/events/{EVENT_ID}")
COMMAND: Final = CommandTaken(
    command_id="3f0c8a9e-1c53-4a39-9a5e-0f0f5f6f7a10",
    alert_id=ALERT_ID,
    site_id="north",
    location=f"/v1/alerts/{ALERT_ID}/activity",
    done=True,
    outcomes=(
        OutcomeView(
            alert_id=ALERT_ID,
            site_id="north",
            outcome=CommandOutcome.REFUSED,
            kind=ActivityKind.REFUSED,
            detail="ack: already acknowledged by lee at 22:15 UTC",
        ),
    ),
)
CV_EVENTS: Final[dict[str, Any]] = {
    "a zone's event": {
        "vendor": "hikvision",
        "event_type": "intrusion",
        "site_id": "north",
        "camera_id": "gate",
        "zone_id": "yard",
        "timestamp_utc": "2026-03-02T22:14:07.4Z",
        "confidence": 0.91,
        "label": "person",
    },
    "a device's event": {
        "event_type": "device_offline",
        "site_id": "north",
        "device_id": "nvr-1",
        "severity": "critical",
        "timestamp_utc": "2026-03-02T22:14:07Z",
    },
}
COMMANDS: Final[dict[str, Any]] = {
    "ack": {"kind": "ack"},
    "snooze": {"kind": "snooze", "for": "30m"},
    "resolve": {"kind": "resolve", "reason": "false_positive"},
    "merge": {"kind": "merge", "alert_ids": [ALERT_ID]},
}
BULK: Final[dict[str, Any]] = {
    "resolve": {
        "kind": "resolve",
        "reason": "benign",
        "alert_ids": [ALERT_ID],
    }
}
HANDOVERS: Final[dict[str, Any]] = {
    "a note": {
        "site_id": "north",
        "shift": "night of 2 March",
        "text": "The gate's light is out; the guard knows.",
        "alert_ids": [ALERT_ID],
    }
}
HANDOVER: Final = HandoverView(
    handover_id="8a1c0f0e-7a53-5b4e-9c4a-6e2a6a0f7d31",
    site_id="north",
    at=AT,
    actor="kim",
    text="The gate's light is out; the guard knows.",
    shift="night of 2 March",
    alert_ids=(ALERT_ID,),
)
BACKTESTS: Final[dict[str, Any]] = {
    "last week under other zones": {
        "site_document": {
            "sites": [
                {
                    "site_id": "north",
                    "cameras": [{"camera_id": "gate"}],
                    "zones": [
                        {"zone_id": "yard", "camera_ids": ["gate"], "dedupe_window_sec": 300}
                    ],
                }
            ]
        },
        "from": "2026-03-02T00:00:00Z",
        "to": "2026-03-09T00:00:00Z",
    }
}
BACKTEST: Final = BacktestView(
    backtest_id="5b9a8a70-6a55-4f1c-a1f5-0d6a2f7f6f10",
    state=BacktestState.RUNNING,
    location="/v1/backtests/5b9a8a70-6a55-4f1c-a1f5-0d6a2f7f6f10",
    asked_at=AT,
    asked_by="kim",
    step="running events",
    done=120_000,
    total=710_000,
)
SCANS: Final[dict[str, Any]] = {
    "whoever hears multicast": {},
    "a subnet, host by host": {"subnet": "192.168.1.0/24"},
}
SCAN: Final = ScanView(
    scan_id="1d5f3c3e-9a5c-4b57-8a39-0e1f2b6f9c77",
    state=ScanState.DONE,
    location="/v1/discovery/scans/1d5f3c3e-9a5c-4b57-8a39-0e1f2b6f9c77",
    asked_at=AT,
    asked_by="kim",
    subnet="192.168.1.0/24",
    asked=508,
    total=508,
    devices=(
        Found(
            endpoint="urn:uuid:4d454930-0000-1000-8000-accc8e012345",
            address="http://192.168.1.20:80",
            name="Main gate",
            hardware="P3245-LV",
        ),
    ),
    finished_at=AT,
)
LOG_IN: Final = {"username": "watch", "password": "…"}
ONBOARDINGS: Final[dict[str, Any]] = {
    "a camera": {
        "site_id": "north",
        "address": "192.168.1.20",
        "credentials": LOG_IN,
        "name": "Main gate",
    }
}
RECORDERS: Final[dict[str, Any]] = {
    "a recorder": {
        "site_id": "north",
        "address": "192.168.1.2",
        "driver": "isapi",
        "credentials": LOG_IN,
        "device_id": "nvr-1",
    }
}
CAMERA_TAKEN: Final = CameraTaken(
    site_id="north",
    camera_id="main-gate",
    name="Main gate",
    created=True,
    revision=8,
    device=DescribedView(
        manufacturer="AXIS", model="P3245-LV", firmware="10.12.91", serial="ACCC8E012345"
    ),
    main=Stream(
        url="rtsp://192.168.1.20/axis-media/media.amp?profile=main",
        codec="H264",
        width=1920,
        height=1080,
    ),
    sub=None,
    picture=PictureView(data=b"\xff\xd8\xff\xe0", width=1920, height=1080),
)
RECORDER_TAKEN: Final = RecorderTaken(
    site_id="north",
    device_id="nvr-1",
    name="Hikvision DS-7732NI-K4",
    created=True,
    revision=9,
    device=DescribedView(
        manufacturer="Hikvision", model="DS-7732NI-K4", firmware="V4.31.102", serial="DS7732A12"
    ),
    camera_ids=("nvr-1-ch01", "nvr-1-ch02"),
    new_camera_ids=("nvr-1-ch01", "nvr-1-ch02"),
)
