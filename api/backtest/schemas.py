"""What is asked of a backtest, and how far it is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from infra.backtest.report import Backtest
from schemas.base import UtcTime

__all__ = ["BacktestBody", "BacktestState", "BacktestView"]

Instant = Annotated[
    datetime, Meta(tz=True, description="a time as of RFC 3339, for example 2026-03-02T10:00:00Z")
]


class BacktestBody(Struct, frozen=True, kw_only=True):
    """Which document to try on which events.

    site_document: the document, as an object or as YAML in a text; sites that it does not name stay
    as they are. from, to: event time, half open; to: now where it is left out. source: the topic,
    PostgreSQL (`archive`), or by age.
    """

    site_document: dict[str, Any] | Annotated[str, Meta(max_length=1_000_000)]
    from_: Instant = msgspec.field(name="from")
    to: Instant | None = None
    source: Literal["auto", "topic", "archive"] = "auto"


class BacktestState(StrEnum):
    """Where a backtest is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The server that ran it ended; nothing was lost but its work."""


class BacktestView(Struct, frozen=True, kw_only=True):
    """A backtest. step: what is being done; done, total: how many events of how many, 0: not known.

    error: why it failed. result: before and after, once it is done.
    """

    backtest_id: str
    state: BacktestState
    location: str
    asked_at: UtcTime
    asked_by: str
    step: str = ""
    done: int = 0
    total: int = 0
    error: str | None = None
    result: Backtest | None = None
