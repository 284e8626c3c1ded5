"""Every topic, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from schemas.alert import Activity, Alert, Command
from schemas.audit import Audit
from schemas.decision import Decision
from schemas.detection import FrameDetections, TrackPath
from schemas.device import Assignment, DeviceHealth, Probe, Pulse
from schemas.document import ConfigRecord
from schemas.event import SecurityEvent
from schemas.frame import FrameMeta, SnapshotMeta
from schemas.notification import NotifyRequest, NotifyResult
from schemas.tick import Tick
from topics.declare import Content, KeyKind, Topic

__all__ = [
    "ACTIVITY",
    "ALERTS",
    "ASSIGNMENTS",
    "AUDIT",
    "BY_NAME",
    "COMMANDS",
    "CONFIG",
    "DECISIONS",
    "DETECTIONS",
    "DEVICE_HEALTH",
    "EVENTS",
    "FRAMES",
    "NOTIFY_REQUESTS",
    "NOTIFY_RESULTS",
    "PROBES",
    "PULSES",
    "SNAPSHOTS",
    "TICKS_ACT",
    "TICKS_DECIDE",
    "TICKS_WATCH",
    "TOPICS",
    "TRACKS",
]

CAMERA_GROUP: Final = "camera"
DEVICE_GROUP: Final = "device"
"""What watch keeps state by: polls and ticks."""
SITE_GROUP: Final = "site"
"""Everything that decide and act keep state by: events, commands, requests, results, ticks."""

FRAMES = Topic(
    name="camera.frames.v1",
    key=KeyKind.CAMERA,
    value=FrameMeta,
    header="wf_frame",
    content=Content.JPEG,
    keep=timedelta(minutes=10),
    owner="capture",
    group=CAMERA_GROUP,
    max_bytes=4 * 1_048_576,
    personal=True,
    promise="frames that passed the motion gate, in capture order per camera; the JPEG is the "
    "value, what describes it is the JSON in the header wf_frame; seq has gaps where nothing moved",
)
SNAPSHOTS = Topic(
    name="camera.snapshots.v1",
    key=KeyKind.CAMERA,
    value=SnapshotMeta,
    header="wf_snapshot",
    content=Content.JPEG,
    keep=timedelta(days=7),
    owner="detect",
    max_bytes=4 * 1_048_576,
    personal=True,
    promise="up to seven JPEGs of an event: the completing frame (position 0), up to three before "
    "it, and up to three after it, which follow when they exist; equal ce_id: the same picture",
)
DETECTIONS = Topic(
    name="camera.detections.v1",
    key=KeyKind.CAMERA,
    value=FrameDetections,
    keep=timedelta(days=1),
    owner="detect",
    promise="one record a processed frame with at least one detection, in capture order per "
    "camera; duplicates have equal ce_id",
)
TRACKS = Topic(
    name="camera.tracks.v1",
    key=KeyKind.CAMERA,
    value=TrackPath,
    keep=timedelta(days=30),
    owner="detect",
    promise="one record a finished track: its simplified path, label and scores",
)
ASSIGNMENTS = Topic(
    name="device.assignments.v1",
    key=KeyKind.CAMERA,
    value=Assignment,
    keep=None,
    compact=True,
    owner="api",
    promise="the newest record of a key says what to capture or poll; a tombstone takes it away",
)
PROBES = Topic(
    name="device.probes.v1",
    key=KeyKind.CAMERA,
    value=Probe,
    keep=timedelta(days=7),
    owner="capture",
    group=DEVICE_GROUP,
    promise="one record a poll; capture's own at each change of a camera's state and every 10 s",
)
DEVICE_HEALTH = Topic(
    name="device.health.v1",
    key=KeyKind.CAMERA,
    value=DeviceHealth,
    keep=None,
    compact=True,
    owner="watch",
    promise="a device's current health, breaker and next poll, after each poll; the newest record "
    "of a key counts",
)
PULSES = Topic(
    name="watch.pulses.v1",
    key=KeyKind.SITE,
    value=Pulse,
    keep=timedelta(days=1),
    owner="watch",
    group=SITE_GROUP,
    promise="polls of a site arrive: at most one a minute and partition of device.probes.v1; none "
    "for 18 min means that nobody polls",
)
TICKS_WATCH = Topic(
    name="ticks.watch.v1",
    key=KeyKind.NONE,
    value=Tick,
    keep=timedelta(hours=1),
    owner="watch",
    group=DEVICE_GROUP,
    promise="processing time: one a second and partition, from the partition's owner",
)
TICKS_DECIDE = Topic(
    name="ticks.decide.v1",
    key=KeyKind.NONE,
    value=Tick,
    keep=timedelta(hours=1),
    owner="decide",
    group=SITE_GROUP,
    promise="processing time: one a second and partition, from the partition's owner",
)
TICKS_ACT = Topic(
    name="ticks.act.v1",
    key=KeyKind.NONE,
    value=Tick,
    keep=timedelta(hours=1),
    owner="act",
    group=SITE_GROUP,
    promise="processing time: one a second and partition, from the partition's owner",
)
EVENTS = Topic(
    name="security.events.v1",
    key=KeyKind.SITE,
    value=SecurityEvent,
    keep=timedelta(days=30),
    owner="detect, api, watch, decide",
    group=SITE_GROUP,
    personal=True,
    promise="what happened, per camera in order; the same event may come again with the same ce_id",
)
DECISIONS = Topic(
    name="security.decisions.v1",
    key=KeyKind.SITE,
    value=Decision,
    keep=timedelta(days=30),
    owner="decide",
    promise="one final decision an event, with its reason stage by stage; duplicates have equal "
    "ce_id and equal content",
)
ALERTS = Topic(
    name="security.alerts.v1",
    key=KeyKind.ALERT,
    value=Alert,
    keep=None,
    compact=True,
    owner="decide",
    personal=True,
    promise="an alert's whole current state; revision never goes back for a reader that keeps the "
    "greatest; a tombstone 30 days after it was resolved",
)
ACTIVITY = Topic(
    name="security.alert-activity.v1",
    key=KeyKind.SITE,
    value=Activity,
    keep=timedelta(days=365),
    owner="decide",
    promise="who did what to an alert, and when; duplicates have equal ce_id",
)
COMMANDS = Topic(
    name="alert.commands.v1",
    key=KeyKind.SITE,
    value=Command,
    keep=timedelta(days=7),
    owner="api",
    group=SITE_GROUP,
    promise="what an analyst asked for; what became of it is in security.alert-activity.v1",
)
NOTIFY_REQUESTS = Topic(
    name="notify.requests.v1",
    key=KeyKind.SITE,
    value=NotifyRequest,
    keep=timedelta(days=30),
    owner="decide",
    group=SITE_GROUP,
    promise="one delivery to one receiver; the same id is the same delivery",
)
NOTIFY_RESULTS = Topic(
    name="notify.results.v1",
    key=KeyKind.SITE,
    value=NotifyResult,
    keep=timedelta(days=30),
    owner="act",
    group=SITE_GROUP,
    promise="the outcome of each attempt at a delivery; duplicates have equal ce_id",
)
CONFIG = Topic(
    name="config.documents.v1",
    key=KeyKind.DOCUMENT,
    value=ConfigRecord,
    keep=None,
    compact=True,
    owner="api",
    partitions=1,
    promise="one whole validated document a record, with its revision; a tombstone removes a site",
)
AUDIT = Topic(
    name="audit.v1",
    key=KeyKind.ACTOR,
    value=Audit,
    keep=timedelta(days=365),
    owner="api",
    partitions=1,
    personal=True,
    promise="every administrative act and every sign-in, granted or refused; written with the act "
    "in one transaction, in order per actor; duplicates have equal ce_id",
)

TOPICS: Final[tuple[Topic, ...]] = (
    FRAMES,
    SNAPSHOTS,
    DETECTIONS,
    TRACKS,
    ASSIGNMENTS,
    PROBES,
    DEVICE_HEALTH,
    TICKS_DECIDE,
    TICKS_ACT,
    PULSES,
    TICKS_WATCH,
    EVENTS,
    DECISIONS,
    ALERTS,
    ACTIVITY,
    COMMANDS,
    NOTIFY_REQUESTS,
    NOTIFY_RESULTS,
    CONFIG,
    AUDIT,
)
"""The topics that exist now; those of learning come with it."""

BY_NAME: Final[dict[str, Topic]] = {topic.name: topic for topic in TOPICS}
