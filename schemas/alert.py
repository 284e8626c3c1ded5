"""An alert: one situation, from the event that opened it until it is resolved."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Final

from msgspec import Meta, Struct

from schemas.base import CameraId, DeviceId, Message, Severity, SiteId, Text, UtcTime, ZoneId
from schemas.detection import Box

__all__ = [
    "RESOLUTIONS",
    "Activity",
    "ActivityKind",
    "Alert",
    "AlertState",
    "Command",
    "CommandKind",
    "CommandOutcome",
    "RankPart",
    "StepDone",
]

RESOLUTIONS: Final = ("true_positive", "false_positive", "benign", "duplicate", "test")
"""What an analyst may say of an alert when resolving it."""


class AlertState(StrEnum):
    """Where an alert is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class RankPart(Struct, frozen=True, kw_only=True, gc=False):
    """One reason of a rank: its points, and a sentence for the analyst."""

    name: str
    points: int
    reason: str


class StepDone(Struct, frozen=True, kw_only=True, gc=False):
    """A step of a procedure that was done: which, by whom, when."""

    step_id: str
    by: str
    at: UtcTime


class Alert(Message, frozen=True, kw_only=True):
    """An alert's whole current state, the value of `security.alerts.v1`.

    rank: 0..100, the sum of the points of `reasons`. events: admitted ones; repeats: those that a
    window folded. updated_at: the stage clock. first_event, last_event: event times. revision:
    grows by one with each change, so that a sink never goes back; changes that come together have
    one record, the newest. event_ids: the newest admitted ones, newest last. snapshot: the event
    whose pictures show it best.
    detector_ms, completed_at: of its newest event, for measuring latency. quiet: why nobody is
    told of it now (`held`, `snoozed`, `silenced`, `inhibited`, `muted_by_schedule`,
    `notifications_disabled`). incident: the alert that leads the incident it was merged into; a
    leading alert names itself. escalation: how many steps were told. procedure: the steps of its
    zone's procedure that were done, in that order.
    """

    SCHEMA: ClassVar[str] = "alert.v1"

    alert_id: str
    site_id: SiteId
    state: AlertState
    severity: Severity
    event_type: str
    rank: int
    reasons: tuple[RankPart, ...]
    opened_at: UtcTime
    updated_at: UtcTime
    first_event: UtcTime
    last_event: UtcTime
    events: int
    repeats: int
    revision: int
    site_name: str | None = None
    camera_id: CameraId | None = None
    camera_name: str | None = None
    zone_id: ZoneId | None = None
    device_id: DeviceId | None = None
    device_name: str | None = None
    label: str | None = None
    confidence: float | None = None
    box: Box | None = None
    event_ids: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    snapshot: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at: UtcTime | None = None
    assigned_to: str | None = None
    snoozed_until: UtcTime | None = None
    escalation: int = 0
    resolved_at: UtcTime | None = None
    resolved_by: str | None = None
    resolution: str | None = None
    detector_ms: float | None = None
    quiet: str | None = None
    incident: str | None = None
    procedure: Annotated[tuple[StepDone, ...], Meta(max_length=100)] = ()


class ActivityKind(StrEnum):
    """What happened to an alert."""

    OPENED = "opened"
    UPDATED = "updated"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    COMMENTED = "commented"
    MERGED = "merged"
    """It became part of an incident; `detail` names the alert that leads it."""
    SPLIT = "split"
    """It left its incident."""
    STEP_DONE = "step_done"
    """A step of the procedure was done; `detail` says which."""
    STEP_UNDONE = "step_undone"
    """It was not, after all."""
    HANDED_OVER = "handed_over"
    """A note from one shift to the next; about no alert, `alert_id` is empty."""
    REFUSED = "refused"
    """A command that came too late or made no sense; `detail` says why."""


class CommandOutcome(StrEnum):
    """What became of a command at one alert."""

    APPLIED = "applied"
    REFUSED = "refused"


class Activity(Message, frozen=True, kw_only=True):
    """One entry of an alert's history. actor: a person's name, or `watchfloor`.

    cause: the id of the event, command or timer behind it. command_id, outcome: where it answers a
    command; each alert that the command names has an answer of its own. alert_id: as the command
    gave it, where there is no such alert; empty for a hand-over note. shift: of such a note.
    """

    SCHEMA: ClassVar[str] = "alert-activity.v1"

    activity_id: str
    alert_id: str
    site_id: SiteId
    kind: ActivityKind
    at: UtcTime
    actor: str
    cause: str
    detail: Text | None = None
    command_id: str | None = None
    outcome: CommandOutcome | None = None
    shift: str | None = None


class CommandKind(StrEnum):
    """What an analyst may ask for."""

    ACK = "ack"
    ASSIGN = "assign"
    SNOOZE = "snooze"
    ESCALATE = "escalate"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    COMMENT = "comment"
    MERGE = "merge"
    """Put `alert_ids` into the incident that `alert_id` leads."""
    SPLIT = "split"
    """Take the named alerts out of their incident; the leading one dissolves it."""
    STEP = "step"
    """A step of the alert's procedure was done, or was not after all (`done`)."""
    HANDOVER = "handover"
    """Leave a note for the next shift; about the named alerts too, where some are."""


class Command(Message, frozen=True, kw_only=True):
    """What an analyst asked for. duration_s: of a snooze, seconds.

    alert_id, alert_ids: whom it is about, one or many; each has an outcome of its own. reason: of a
    resolve, one of RESOLUTIONS. shift: of a hand-over, as people call it (`night of 2 March`).
    step, done: the id of a procedure's step, and whether it was done.
    """

    SCHEMA: ClassVar[str] = "alert-command.v1"

    command_id: str
    site_id: SiteId
    alert_id: str = ""
    kind: CommandKind
    actor: Annotated[str, Meta(min_length=1, max_length=200)]
    at: UtcTime
    to: str | None = None
    duration_s: Annotated[float, Meta(ge=0, le=30 * 86400)] | None = None
    reason: str | None = None
    text: Text | None = None
    alert_ids: Annotated[
        tuple[Annotated[str, Meta(max_length=200)], ...], Meta(max_length=1000)
    ] = ()
    shift: Annotated[str, Meta(max_length=200)] | None = None
    step: Annotated[str, Meta(max_length=200)] | None = None
    done: bool = True
