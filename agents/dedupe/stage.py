"""The stage: an event is known, ended by policy, folded, or admitted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from agents.dedupe.policy import LATE, judge
from agents.dedupe.windows import Armed, arm, disarm, twin
from agents.runtime.metrics import METRICS
from agents.runtime.stage import Context, Effect, Emit, Forward, Stage
from agents.runtime.state import TableSpec
from agents.runtime.timers import Timer
from schemas.base import Severity
from schemas.decision import Decision, Result, StageVerdict
from schemas.event import SecurityEvent
from schemas.ids import decision_id
from topics.catalogue import DECISIONS, EVENTS
from topics.record import OutRecord, Provenance, make

__all__ = ["DEDUPE", "LEDGER", "Admitted", "Disarm", "Folded", "Settled", "severity_of"]

REMEMBER: Final = timedelta(hours=25)
"""The same event within this time gets its first decision again; older ones are rejected."""
RETENTION: Final = timedelta(days=30)
"""That of `security.events.v1`."""


class Known(Struct, frozen=True, kw_only=True):
    """An event that was decided, or is being: its decision once it is final."""

    occurred_at: datetime
    decision: Decision | None = None


class Admitted(Struct, frozen=True, kw_only=True):
    """An event that is admitted. late: its time is more than 10 min behind the tick."""

    event: SecurityEvent
    severity: Severity
    late: bool
    stages: tuple[StageVerdict, ...]


class Folded(Struct, frozen=True, kw_only=True):
    """An event that repeats another. by: `dedupe_window` or `suppression_window`."""

    event: SecurityEvent
    by: str
    twin: str


class Settled(Struct, frozen=True, kw_only=True):
    """A final decision, from whichever stage took it."""

    decision: Decision
    occurred_at: datetime


class Disarm(Struct, frozen=True, kw_only=True):
    """Nobody could be told of this event: its windows are taken back."""

    site_id: str
    zone_id: str | None
    camera_id: str | None
    device_id: str | None
    event_type: str
    event_id: str


LEDGER: Final = TableSpec(name="dedupe.ledger", value=Known)
WINDOWS: Final = TableSpec(name="dedupe.windows", value=Armed)

DEDUPE = Stage(name="dedupe", reads=(EVENTS,), writes=(DECISIONS,), state=(LEDGER, WINDOWS))


def severity_of(event: SecurityEvent, ctx: Context) -> Severity:
    """The zone's, or the device event's own."""
    site = ctx.configuration.site(event.site_id)
    zone = None if site is None or event.zone_id is None else site.zones.get(event.zone_id)
    if zone is not None:
        return zone.severity
    return event.severity or Severity.MEDIUM


def ledger_key(site_id: str, event_id: str) -> str:
    """Ids are the sender's to choose, so they are told apart by site."""
    return f"{site_id}/{event_id}"


def window_keys(site: str, place: str, camera: str, event_type: str) -> tuple[str, str]:
    """The dedupe window's key, and the suppression window's."""
    return f"d/{site}/{place}/{camera}/{event_type}", f"s/{site}/{place}/{camera}"


def _keys(event: SecurityEvent | Disarm) -> tuple[str, str]:
    return window_keys(
        event.site_id,
        event.zone_id or "",
        event.camera_id or event.device_id or "",
        event.event_type,
    )


@DEDUPE.on(SecurityEvent)
def on_event(ctx: Context, event: SecurityEvent) -> Iterable[Effect]:
    """Fold an event into the one that it repeats, or admit it."""
    key = ledger_key(event.site_id, event.event_id)
    known = ctx.get(LEDGER, key)
    if known is not None:
        # The same event again: its first decision again, and nothing is counted.
        if known.decision is not None:
            yield Emit(decision_record(known.decision, event.occurred_at, ctx))
        return
    ctx.put(LEDGER, key, Known(occurred_at=event.occurred_at))
    # Older than this is rejected by its time; one from the future is kept until it is as old, or
    # until its record is gone from the topic: a sender may have written the year 9999.
    ctx.set_timer(
        min(max(event.occurred_at, ctx.now), ctx.now + RETENTION) + REMEMBER, "forget", key
    )
    site = ctx.configuration.site(event.site_id)
    ended = judge(event, site, ctx.now)
    if ended is not None:
        yield Forward(_settle(event, ended[0], ended[1], ctx.now, ended[1]))
        return
    zone = None if site is None or event.zone_id is None else site.zones.get(event.zone_id)
    dedupe_key, suppress_key = _keys(event)
    if zone is not None:
        for name, where, seconds in (
            ("dedupe_window", dedupe_key, zone.dedupe_window_sec),
            ("suppression_window", suppress_key, zone.suppression_window_sec),
        ):
            found = twin(ctx.get(WINDOWS, where), event.occurred_at, timedelta(seconds=seconds))
            if found is not None:
                yield Forward(Folded(event=event, by=name, twin=found.event_id))
                return
        if zone.dedupe_window_sec:
            ctx.put(
                WINDOWS,
                dedupe_key,
                arm(ctx.get(WINDOWS, dedupe_key), event.occurred_at, event.event_id),
            )
        if zone.suppression_window_sec:
            ctx.put(
                WINDOWS,
                suppress_key,
                arm(ctx.get(WINDOWS, suppress_key), event.occurred_at, event.event_id),
            )
    yield Forward(
        Admitted(
            event=event,
            severity=severity_of(event, ctx),
            late=ctx.now - event.occurred_at > LATE,
            stages=(StageVerdict(stage="dedupe", verdict="pass"),),
        )
    )


def _settle(
    event: SecurityEvent, result: Result, reason: str, now: datetime, detail: str
) -> Settled:
    verdict = StageVerdict(stage="dedupe", verdict=reason, detail=detail)
    return Settled(
        occurred_at=event.occurred_at,
        decision=Decision(
            decision_id=decision_id(event.site_id, event.event_id),
            event_id=event.event_id,
            site_id=event.site_id,
            result=result,
            reason=reason,
            decided_at=now,
            stages=(verdict,),
        ),
    )


@DEDUPE.on(Settled)
def on_settled(ctx: Context, settled: Settled) -> Iterable[Effect]:
    """Publish a final decision, and remember it for the same event's return."""
    decision = settled.decision
    key = ledger_key(decision.site_id, decision.event_id)
    ctx.put(LEDGER, key, Known(occurred_at=settled.occurred_at, decision=decision))
    for verdict in decision.stages:
        METRICS.verdicts.labels(verdict.stage, verdict.verdict).inc()
    yield Emit(decision_record(decision, settled.occurred_at, ctx))


@DEDUPE.on(Disarm)
def on_disarm(ctx: Context, disarmed: Disarm) -> Iterable[Effect]:
    """Take an event's windows back."""
    for key in _keys(disarmed):
        ctx.put(WINDOWS, key, disarm(ctx.get(WINDOWS, key), disarmed.event_id))
    return ()


@DEDUPE.on(Timer)
def on_timer(ctx: Context, timer: Timer) -> Iterable[Effect]:
    """Forget an event that can no longer come again."""
    ctx.put(LEDGER, timer.key, None)
    return ()


def decision_record(decision: Decision, occurred_at: datetime, ctx: Context) -> OutRecord:
    """The decision as a record."""
    site = ctx.configuration.site(decision.site_id)
    return make(
        DECISIONS,
        decision,
        id=decision.decision_id,
        time=occurred_at,
        source="watchfloor/decide",
        key=decision.site_id,
        subject=decision.event_id,
        provenance=Provenance(
            config_revision=None if site is None else site.revision, replayed=ctx.replayed
        ),
    )
