"""What decide made of an event, stage by stage."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from msgspec import Struct

from schemas.base import Message, SiteId, UtcTime

__all__ = ["Decision", "Result", "StageVerdict"]


class Result(StrEnum):
    """The answer to an event; `conformance/README.md` is the specification."""

    SENT = "sent"
    """At least one receiver took it in the first pass."""
    GROUPED = "grouped"
    """Its alert waits with its group."""
    SUPPRESSED = "suppressed"
    """Told to nobody, for the reason given."""
    REJECTED = "rejected"
    """Not an event that this site can have."""
    FAILED = "failed"
    """No receiver took it in the first pass."""


class StageVerdict(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What one stage said: `pass`, or the reason why it went no further there."""

    stage: str
    verdict: str
    detail: str | None = None


class Decision(Message, frozen=True, kw_only=True):
    """The final decision about an event.

    decided_at: the stage clock's time, not the wall's. late: event time was more than 10 min
    behind. replayed: the record came from a dead-letter replay.
    """

    SCHEMA: ClassVar[str] = "decision.v1"

    decision_id: str
    event_id: str
    site_id: SiteId
    result: Result
    decided_at: UtcTime
    reason: str | None = None
    alert_id: str | None = None
    stages: tuple[StageVerdict, ...] = ()
