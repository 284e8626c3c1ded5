"""What route keeps: rows that stay small, each found by its key."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from agents.rank.score import Basis
from agents.route.groups import Group, Rate, Standing
from agents.route.plan import Labels, Step
from agents.runtime.state import TableSpec
from schemas.alert import Alert
from schemas.decision import StageVerdict
from schemas.event import SecurityEvent

__all__ = [
    "FLIGHTS",
    "GROUPS",
    "OPEN",
    "PENDING",
    "RATES",
    "ROWS",
    "SEEN",
    "SOURCES",
    "SUMMARIES",
    "AlertRow",
    "Flight",
    "Folds",
    "Pending",
    "Seen",
    "Situation",
    "Sources",
    "Summary",
]


class Folds(Struct, frozen=True, gc=False):
    """Events of an alert that windows folded. until: event time of the newest of them; at: when
    the last was taken."""

    count: int
    until: datetime
    at: datetime


class AlertRow(Struct, frozen=True, gc=False, kw_only=True):
    """An alert with what its rank, its resolve and its notifications are made of.

    folds: what was folded since the alert was last worked out, which is seldom needed before the
    chunk's end: whoever reads a row does so by `rows.row_of`.

    labels: what its newest event carried. declared: its device is one that the document had. late:
    no event of it came in time, so that it is told in a summary only. admitted_at: when its newest
    admitted event was taken; quiet_timer: when it is looked at next whether quiet resolves it.
    check_at: when it may become quiet, or end to be. groups: its standing in each. sources,
    inhibitors: the inhibitions that it counts in. since: from when on people knew or could know,
    for escalations; steps: the ones that have timers; escalations: how many notifications of it
    they made; paged: the receivers that they told. commands: the newest commands' ids, so that one
    that comes again is the same one. held_until: nobody is told before, what its device hangs on
    may explain it.
    """

    alert: Alert
    folds: Folds | None = None
    basis: Basis = Basis()
    labels: Labels = ()
    declared: bool = False
    late: bool = False
    admitted_at: datetime | None = None
    quiet_timer: datetime | None = None
    check_at: datetime | None = None
    groups: tuple[Standing, ...] = ()
    sources: tuple[tuple[str, bool], ...] = ()
    inhibitors: tuple[tuple[str, bool], ...] = ()
    since: datetime | None = None
    steps: tuple[Step, ...] = ()
    escalations: int = 0
    paged: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    held_until: datetime | None = None


class Situation(Struct, frozen=True, gc=False):
    """The alert that a situation is in, until it is resolved."""

    alert_id: str


class Pending(Struct, frozen=True, gc=False, kw_only=True):
    """An event whose decision waits for the first pass of these notifications."""

    event: SecurityEvent
    alert_id: str
    outstanding: tuple[str, ...]
    stages: tuple[StageVerdict, ...]


class Flight(Struct, frozen=True, gc=False, kw_only=True):
    """A notification under way: whose it is, and the events whose decisions wait for it.

    group: None for a summary or an escalation. flush: the group's number. failed: the first pass
    did not succeed, and a later one may.
    """

    group: str | None
    flush: int
    events: tuple[str, ...] = ()
    failed: bool = False


class Sources(Struct, frozen=True, gc=False):
    """How many open alerts are sources of an inhibition; pure: of those, no targets of it.

    until: it goes on for so long after the last of them (see `family`).
    """

    every: int = 0
    pure: int = 0
    until: datetime | None = None


class Summary(Struct, frozen=True, gc=False, kw_only=True):
    """A site's summary of what came late, or of what the rate limit held: when it goes.

    first: when the oldest of it came. last_sent: the last such summary.
    """

    due: datetime | None = None
    first: datetime | None = None
    last_sent: datetime | None = None


class Seen(Struct, frozen=True, gc=False):
    """The configuration that open alerts were last looked at under."""

    stamp: tuple[int, int, int]


def _v1(row: Any) -> Any:
    """Version 1 named groups another way: its alerts join theirs at their next event."""
    row["groups"] = []
    return row


ROWS: Final = TableSpec(name="route.alerts", value=AlertRow, version=2, migrations={1: _v1})
OPEN: Final = TableSpec(name="route.open", value=Situation)
GROUPS: Final = TableSpec(name="route.told", value=Group)
PENDING: Final = TableSpec(name="route.pending", value=Pending)
FLIGHTS: Final = TableSpec(name="route.flights", value=Flight)
SOURCES: Final = TableSpec(name="route.sources", value=Sources)
RATES: Final = TableSpec(name="route.rates", value=Rate)
SUMMARIES: Final = TableSpec(name="route.summaries", value=Summary)
SEEN: Final = TableSpec(name="route.seen", value=Seen)
