"""What goes out to people, and what became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from schemas.base import Message, Severity, SiteId, Text, UtcTime

__all__ = [
    "ChannelOutcome",
    "Circuit",
    "Line",
    "Note",
    "NotifyRequest",
    "NotifyResult",
    "NotifyStatus",
    "Outcome",
]


class NotifyStatus(StrEnum):
    """What a notification says of its alerts."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One alert in a notification, as text needs it."""

    alert_id: str
    title: str
    severity: Severity
    rank: int
    last_event: UtcTime
    event_id: str | None = None


class Note(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What another service wants said (`POST /internal/notify`). source: which service."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    text: Text = ""
    severity: Severity = Severity.INFO
    link: Annotated[str, Meta(max_length=2000)] | None = None
    source: Annotated[str, Meta(max_length=63)] = ""


class NotifyRequest(Message, frozen=True, kw_only=True):
    """One delivery to one receiver.

    event_ids: the events whose decisions wait for this delivery's first pass. deadline: after it
    nobody tries again (stage clock). kind: `alert`, `summary`, `escalation`, or `internal`, which
    has a note and no alerts. channels: the receiver's, as its document has them at each pass.
    only: the id of a push subscription, where that one alone is told: somebody tries a device.
    """

    SCHEMA: ClassVar[str] = "notify-request.v1"

    notification_id: str
    site_id: SiteId
    receiver: str
    status: NotifyStatus
    kind: str = "alert"
    group: str
    flush: int
    requested_at: UtcTime
    deadline: UtcTime
    alerts: Annotated[tuple[Line, ...], Meta(max_length=1000)]
    total: int
    event_ids: tuple[str, ...] = ()
    note: Note | None = None
    only: Annotated[str, Meta(max_length=64)] | None = None


class Outcome(StrEnum):
    """What became of one pass over a receiver's channels."""

    DELIVERED = "delivered"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"
    """`retry_for` is over; nobody tries again."""
    CONFIRMED = "confirmed"
    """The channel's own report: it arrived."""
    ACKNOWLEDGED = "acknowledged"
    """The channel's own report: somebody took note."""
    UNDELIVERED = "undelivered"
    """The channel's own report: it took it and it did not arrive."""


class Circuit(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The circuit breaker of a channel's target, where it is not closed.

    failures: in a row. opened: how often since it last worked. until: nobody asks before it.
    """

    failures: int = 0
    opened: int = 0
    until: UtcTime | None = None


class ChannelOutcome(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of a pass at one channel.

    target, error: without secrets. retry_after_s: seconds that it asks to be left alone. final:
    trying again would change nothing. reference: the vendor's own id of what it took; confirm:
    whether it can be asked under that id what became of it. circuit: its target's breaker after it.
    """

    channel: str
    kind: str
    outcome: Outcome
    target: Text | None = None
    error: Text | None = None
    latency_ms: float | None = None
    retry_after_s: float | None = None
    final: bool = False
    reference: Annotated[str, Meta(max_length=500)] | None = None
    confirm: bool = False
    circuit: Circuit | None = None


class NotifyResult(Message, frozen=True, kw_only=True):
    """The outcome of one attempt. attempt: 1 is the first pass. target: what was tried, no secrets.

    attempt 0 is no attempt: it is what a channel says later of what it took (`confirmed`,
    `acknowledged`, `undelivered`, `expired`). error: what went wrong, without credentials.
    channels: every channel of this pass; channel, channel_kind, target and error are those of the
    one that took it, else of the last one. owed: the channels that are tried again.
    """

    SCHEMA: ClassVar[str] = "notify-result.v1"

    result_id: str
    notification_id: str
    site_id: SiteId
    receiver: str
    outcome: Outcome
    attempt: int
    at: UtcTime
    channel: str | None = None
    channel_kind: str | None = None
    status: NotifyStatus = NotifyStatus.FIRING
    kind: str = "alert"
    severity: Severity | None = None
    target: Text | None = None
    error: Text | None = None
    event_ids: tuple[str, ...] = ()
    alert_ids: tuple[str, ...] = ()
    channels: Annotated[tuple[ChannelOutcome, ...], Meta(max_length=20)] = ()
    owed: Annotated[tuple[str, ...], Meta(max_length=20)] = ()
