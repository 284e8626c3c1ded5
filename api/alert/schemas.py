"""What is answered about alerts, and what an analyst may ask for."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from schemas.alert import ActivityKind, Alert, CommandKind
from schemas.base import UtcTime

__all__ = ["ActivityView", "AlertView", "CommandBody", "CommandTaken", "view"]

CLEAN: Final = r"^[^\x00-\x1f\x7f]*$(?!\n)"
NO_NUL: Final = r"^[^\x00]*$(?!\n)"

Person = Annotated[str, Meta(min_length=1, max_length=200, pattern=CLEAN)]
Words = Annotated[str, Meta(min_length=1, max_length=2000, pattern=NO_NUL)]


class AlertView(Alert, frozen=True, kw_only=True, omit_defaults=False):
    """An alert as `security.alerts.v1` has it; what is not there is null.

    snapshot_url: the best picture, which may still be on its way (404 until then).
    """

    snapshot_url: str | None = None


_FIELDS: Final = tuple(field.name for field in msgspec.structs.fields(Alert))


def view(alert: Alert) -> AlertView:
    """What a client sees of an alert."""
    return AlertView(
        **{name: getattr(alert, name) for name in _FIELDS},
        snapshot_url=f"/v1/alerts/{alert.alert_id}/snapshot" if alert.snapshot else None,
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
    """What an analyst asks for. actor: who asks, until there are accounts.

    to: for `assign`. for: how long to `snooze`: `30m`, `2h`, or seconds. reason: of a `resolve`.
    text: of a `comment`.
    """

    kind: CommandKind
    actor: Person
    to: Person | None = None
    for_: str | Annotated[float, Meta(ge=0)] | None = msgspec.field(default=None, name="for")
    reason: Words | None = None
    text: Words | None = None


class CommandTaken(Struct, frozen=True, kw_only=True):
    """The command is safe in Kafka. What became of it is in the alert's activity."""

    command_id: str
    alert_id: str
    site_id: str
    location: str
