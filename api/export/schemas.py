"""What can be taken out in bulk, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Struct

from schemas.alert import ActivityKind, Alert, CommandOutcome
from schemas.base import Severity, UtcTime
from schemas.decision import Result, StageVerdict
from schemas.detection import Box
from schemas.event import EventSource

__all__ = [
    "COLUMNS",
    "ROWS",
    "ActivityRow",
    "After",
    "AlertRow",
    "DecisionRow",
    "DeviceRow",
    "EventRow",
    "ExportFormat",
    "ExportKind",
    "columns",
]


class ExportKind(StrEnum):
    """What is exported, and in which order within a site."""

    EVENTS = "events"
    """Events as they were recorded, by event time."""
    DECISIONS = "decisions"
    """What was decided about each event, by when."""
    ALERTS = "alerts"
    """Alerts as they are now, by when they were opened."""
    ACTIVITY = "activity"
    """Who did what to which alert, by when."""
    DEVICES = "devices"
    """Devices as they are configured, with their health, by id."""


class ExportFormat(StrEnum):
    """How rows are written."""

    NDJSON = "ndjson"
    """One JSON object a line."""
    CSV = "csv"
    """RFC 4180, with a header; lists and objects as JSON in their cell."""


class EventRow(Struct, frozen=True, kw_only=True):
    """An event as `security.events.v1` has it."""

    event_id: str
    site_id: str
    event_type: str
    occurred_at: UtcTime
    source: EventSource
    camera_id: str | None
    zone_id: str | None
    device_id: str | None
    severity: Severity | None
    label: str | None
    confidence: float | None
    vendor: str | None
    track_id: str | None
    first_frame: int | None
    frame: int | None
    box: Box | None
    snapshots: int
    ended: bool
    labels: Mapping[str, str]


class DecisionRow(Struct, frozen=True, kw_only=True):
    """A decision as `security.decisions.v1` has it."""

    decision_id: str
    event_id: str
    site_id: str
    decided_at: UtcTime
    result: Result
    reason: str | None
    alert_id: str | None
    stages: tuple[StageVerdict, ...]


class AlertRow(Alert, frozen=True, kw_only=True, omit_defaults=False):
    """An alert as `security.alerts.v1` has it; what is not there is null."""


class ActivityRow(Struct, frozen=True, kw_only=True):
    """An entry of an alert's history, as `security.alert-activity.v1` has it."""

    activity_id: str
    alert_id: str
    site_id: str
    at: UtcTime
    kind: ActivityKind
    actor: str
    cause: str
    detail: str | None
    command_id: str | None
    outcome: CommandOutcome | None
    shift: str | None


class DeviceRow(Struct, frozen=True, kw_only=True):
    """A device and its health. Addresses, streams and secrets are not told."""

    site_id: str
    device_id: str
    kind: str
    name: str | None
    driver: str | None
    parent: str | None
    severity: str | None
    since: UtcTime | None
    at: UtcTime | None
    next_poll_at: UtcTime | None
    error: str | None
    latency_ms: float | None
    consecutive_failures: int | None
    load_shed: bool | None
    breaker: str | None


ROWS: Final[Mapping[ExportKind, type[Struct]]] = {
    ExportKind.EVENTS: EventRow,
    ExportKind.DECISIONS: DecisionRow,
    ExportKind.ALERTS: AlertRow,
    ExportKind.ACTIVITY: ActivityRow,
    ExportKind.DEVICES: DeviceRow,
}


def columns(row: type[Struct]) -> tuple[str, ...]:
    """A row's columns, in their order."""
    return tuple(field.encode_name for field in msgspec.structs.fields(row))


COLUMNS: Final[Mapping[ExportKind, tuple[str, ...]]] = {
    kind: columns(row) for kind, row in ROWS.items()
}


class After(Struct, frozen=True):
    """The last row that a client has: its site, its time (none for a device) and its id."""

    site_id: str
    at: Any
    id: str
