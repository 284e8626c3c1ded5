"""Processing time as a record."""

from __future__ import annotations

from typing import ClassVar

from schemas.base import Message, UtcTime

__all__ = ["Tick"]


class Tick(Message, frozen=True, kw_only=True):
    """The time, as the owner of a partition (or a runner with a clock of its own) says it is."""

    SCHEMA: ClassVar[str] = "tick.v1"

    now: UtcTime
