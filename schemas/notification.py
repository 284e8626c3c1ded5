"""What goes out to people, and what became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from schemas.base import Message, Severity, SiteId, Text, UtcTime

__all__ = ["Line", "NotifyRequest", "NotifyResult", "NotifyStatus", "Outcome"]


class NotifyStatus(StrEnum):
    """What a notification says of its alerts."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One alert in a notification, as text needs it."""

    alert_id: str
    title: str
    severity: Severity
    rank: int
    last_event: UtcTime
    event_id: str | None = None


class NotifyRequest(Message, frozen=True, kw_only=True):
    """One delivery to one receiver.

    event_ids: the events whose decisions wait for this delivery's first pass. deadline: after it
    nobody tries again (stage clock). kind: `alert`, `summary` or `escalation`.
    channels: the channels to try, in order; the receiver's, as its document had them then.
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


class Outcome(StrEnum):
    """What became of one pass over a receiver's channels."""

    DELIVERED = "delivered"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"
    """`retry_for` is over; nobody tries again."""


class NotifyResult(Message, frozen=True, kw_only=True):
    """The outcome of one attempt. attempt: 1 is the first pass. target: what was tried, no secrets.

    error: what went wrong, without credentials.
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
