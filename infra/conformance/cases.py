"""What a case is: steps with their times, and what must have come of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from schemas.device import Probe
from schemas.document import Document
from schemas.event import SecurityEvent

__all__ = ["Case", "ChannelFault", "CommandStep", "Expected", "Problem", "Step", "Wanted"]

Expected = Mapping[str, Any]
"""Names of a decision's, a health's or an alert's fields, and what they must be."""


@dataclass(frozen=True, kw_only=True)
class ChannelFault:
    """A recording channel starts or stops failing. name None: all channels of the receiver.

    fails, times_out: None leaves it as it is.
    """

    receiver: str
    name: str | None
    fails: bool | None
    times_out: bool | None


@dataclass(frozen=True, kw_only=True)
class CommandStep:
    """A command about the alerts that match. fields: those of `Command`, its own names."""

    kind: str
    match: Expected
    fields: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A notification that must have come. fields: `receiver`, `status`, `alerts`, …"""

    fields: Expected
    within: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """A moment of a case, and what happens in it: in this order where it is more than one."""

    number: int
    at: datetime
    apply: Document | None = None
    channel: ChannelFault | None = None
    command: CommandStep | None = None
    event: SecurityEvent | None = None
    probe: Probe | None = None
    expect: Expected | None = None
    notifications: tuple[Wanted, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case of a file. alerts None: whatever they are; else what is there at the end."""

    file: str
    name: str
    document: Document
    steps: tuple[Step, ...]
    alerts: tuple[tuple[Expected, Expected], ...] | None = None

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with a case, or with what came of it. field: where in the step."""

    file: str
    case: str
    message: str
    step: int | None = None
    at: datetime | None = None
    field: str | None = None

    def __str__(self) -> str:
        where = "" if self.step is None else f"step {self.step}"
        if self.at is not None:
            where += f" at {self.at:%Y-%m-%dT%H:%M:%S.%f}".rstrip("0").rstrip(".") + "Z"
        parts = [part for part in (where, self.field) if part]
        return ": ".join([*parts, self.message])
