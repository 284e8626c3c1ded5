"""What is answered about alerts, and what an analyst may ask for."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from api.query import CLEAN
from schemas.alert import ActivityKind, Alert, CommandKind, CommandOutcome
from schemas.base import ID_PATTERN, UtcTime

__all__ = [
    "ActivityView",
    "AlertView",
    "BulkBody",
    "CommandBody",
    "CommandTaken",
    "HandoverBody",
    "HandoverView",
    "OutcomeView",
    "ProcedureView",
    "StepView",
    "ZoneProcedure",
    "snapshot_url",
    "view",
]

NO_NUL: Final = r"^[^\x00]*$(?!\n)"

Person = Annotated[str, Meta(min_length=1, max_length=200, pattern=CLEAN)]
AnyId = Annotated[str, Meta(min_length=1, max_length=200, pattern=CLEAN)]
AlertIds = Annotated[
    tuple[AnyId, ...], Meta(max_length=1000, description="at most 1000 ids of alerts")
]
Words = Annotated[str, Meta(min_length=1, max_length=2000, pattern=NO_NUL)]


class AlertView(Alert, frozen=True, kw_only=True, omit_defaults=False):
    """An alert as `security.alerts.v1` has it; what is not there is null.

    snapshot_url: the best picture, which may still be on its way (404 until then).
    """

    snapshot_url: str | None = None


_FIELDS: Final = tuple(field.name for field in msgspec.structs.fields(Alert))


def snapshot_url(alert_id: str, snapshot: str | None) -> str | None:
    """Where the best picture of an alert is, where it has one."""
    return f"/v1/alerts/{alert_id}/snapshot" if snapshot else None


def view(alert: Alert) -> AlertView:
    """What a client sees of an alert."""
    return AlertView(
        **{name: getattr(alert, name) for name in _FIELDS},
        snapshot_url=snapshot_url(alert.alert_id, alert.snapshot),
    )


class ActivityView(Struct, frozen=True, kw_only=True):
    """One entry of an alert's history. cause: the event, command or timer behind it."""

    activity_id: str
    alert_id: str
    site_id: str
    kind: ActivityKind
    at: UtcTime
    actor: str
    cause: str
    detail: str | None


class CommandBody(Struct, frozen=True, kw_only=True):
    """What an analyst asks for. Who asks is told by the credential.

    to: for `assign`. for: how long to `snooze`: `30m`, `2h`, or seconds. reason: of a `resolve`:
    true_positive, false_positive, benign, duplicate or test. text: of a `comment`. alert_ids: what
    to `merge` under this alert, or to `split` off with it. step: of a `step`, its id in the alert's
    procedure; done: false takes it back.
    """

    kind: CommandKind
    to: Person | None = None
    for_: str | Annotated[float, Meta(ge=0)] | None = msgspec.field(default=None, name="for")
    reason: Words | None = None
    text: Words | None = None
    alert_ids: AlertIds = ()
    step: AnyId | None = None
    done: bool = True


class BulkBody(Struct, frozen=True, kw_only=True):
    """The same asked of many alerts; the other fields as for one."""

    kind: CommandKind
    alert_ids: Annotated[
        tuple[AnyId, ...],
        Meta(min_length=1, max_length=1000, description="1 to 1000 ids of alerts"),
    ]
    to: Person | None = None
    for_: str | Annotated[float, Meta(ge=0)] | None = msgspec.field(default=None, name="for")
    reason: Words | None = None
    text: Words | None = None


class StepView(Struct, frozen=True, kw_only=True):
    """A step of a procedure. done_by, done_at: null while nobody has done it."""

    step_id: str
    text: str
    done_by: str | None
    done_at: UtcTime | None


class ZoneProcedure(Struct, frozen=True, kw_only=True):
    """What is to be done at a zone's alerts. zone_id: null for alerts about the site's devices."""

    zone_id: str | None
    steps: tuple[StepView, ...]


class ProcedureView(Struct, frozen=True, kw_only=True):
    """What is to be done at an alert, by the site's document as it is now, and what of it was.

    zones: that of the alert, and those of the alerts that it leads; only such as have steps.
    """

    alert_id: str
    site_id: str
    zones: tuple[ZoneProcedure, ...]


class HandoverBody(Struct, frozen=True, kw_only=True):
    """A note for the next shift of a site. shift: its name. alert_ids: what it is about."""

    site_id: Annotated[str, Meta(pattern=ID_PATTERN, max_length=63)]
    text: Words
    shift: Person | None = None
    alert_ids: AlertIds = ()


class HandoverView(Struct, frozen=True, kw_only=True):
    """A note from one shift to the next. alert_ids: what it is about."""

    handover_id: str
    site_id: str
    at: UtcTime
    actor: str
    text: str | None
    shift: str | None
    alert_ids: tuple[str, ...] = ()


class OutcomeView(Struct, frozen=True, kw_only=True):
    """What became of a command at one alert. detail: why it was refused, or what it did."""

    alert_id: str | None
    site_id: str
    outcome: CommandOutcome
    kind: ActivityKind
    detail: str | None


class CommandTaken(Struct, frozen=True, kw_only=True):
    """The command is safe in Kafka. What became of it is in the alert's activity.

    alert_id: where it is about one. site_id: null where it went to several sites. done: whether
    all outcomes are here, which they are not without `wait`.
    """

    command_id: str
    alert_id: str | None
    site_id: str | None
    location: str
    done: bool = False
    outcomes: tuple[OutcomeView, ...] = ()
