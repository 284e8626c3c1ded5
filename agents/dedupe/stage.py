"""The stage: an event is known, ended by policy, folded, or admitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, cast

from msgspec import Struct

from agents.dedupe.policy import LATE, Reach, ZonePolicy, judge, not_applied, policy_of, reach
from agents.dedupe.windows import HOUR_US, KEEP, Armed, arm, disarm, hour_of, joined, twin
from agents.runtime.metrics import METRICS
from agents.runtime.stage import Context, Effect, Emit, Forward, Stage
from agents.runtime.state import TableSpec
from agents.runtime.timers import Timer
from schemas.base import Severity
from schemas.decision import Decision, Result, StageVerdict
from schemas.event import SecurityEvent
from schemas.ids import decision_id
from schemas.tick import Tick
from topics.catalogue import DECISIONS, EVENTS
from topics.record import Draft, Provenance

__all__ = [
    "DEDUPE",
    "LEDGER",
    "Admitted",
    "Disarm",
    "Ended",
    "Folded",
    "Settled",
    "fold",
    "provenance",
    "severity_of",
]

REMEMBER: Final = timedelta(hours=25)
"""The same event within this time gets its first decision again; older ones are rejected."""
RETENTION: Final = timedelta(days=30)
"""That of `security.events.v1`."""
SOURCE: Final = "watchfloor/decide"
PAGE: Final = 64
NEWEST: Final = 8
"""Keys of the page that each event is put on: what is copied and touched for each is so much."""
MINUTE: Final = 60


class Known(Struct, frozen=True, gc=False, kw_only=True):
    """An event that was decided, or is being: its decision once it is final."""

    occurred_at: datetime
    decision: Decision | None = None


class Page(Struct, frozen=True, gc=False):
    """Rows that are forgotten together: keys of windows, and of events. pages: full ones beside."""

    windows: tuple[str, ...] = ()
    pages: int = 0
    events: tuple[str, ...] = ()


NO_KEYS: Final = Page()


class Admitted(Struct, frozen=True, gc=False, kw_only=True):
    """An event that is admitted. late: its time is more than 10 min behind the tick."""

    event: SecurityEvent
    severity: Severity
    late: bool
    stages: tuple[StageVerdict, ...]


class Ended(Struct, frozen=True, gc=False, kw_only=True):
    """A device's return to normal: it resolves an alert, and is none."""

    event: SecurityEvent
    stages: tuple[StageVerdict, ...]


class Folded(Struct, frozen=True, gc=False, kw_only=True):
    """An event that repeats another. by: `dedupe_window` or `suppression_window`.

    place: its site, zone, camera and type, which is the situation of its alert.
    """

    event: SecurityEvent
    place: str
    by: str
    twin: str


class Settled(Struct, frozen=True, gc=False, kw_only=True):
    """A final decision, from whichever stage took it."""

    decision: Decision
    occurred_at: datetime


class Disarm(Struct, frozen=True, gc=False, kw_only=True):
    """Nobody could be told of this event: its windows are taken back."""

    site_id: str
    zone_id: str | None
    camera_id: str | None
    device_id: str | None
    event_type: str
    event_id: str
    occurred_at: datetime


def migrate_v1(row: dict[str, object]) -> dict[str, object]:
    """Version 1 had one list of keys: those of windows began with a `w`, of events with an `e`."""
    keys = cast("Sequence[str]", row.get("keys", ()))
    return {
        "windows": [key[1:] for key in keys if key[0] == "w"],
        "pages": row.get("pages", 0),
        "events": [key[1:] for key in keys if key[0] == "e"],
    }


DECIDED: Final = frozenset({Settled, Folded})
"""Of these the decision is final in the same commit: route settles what is folded at once."""

LEDGER: Final = TableSpec(name="dedupe.ledger", value=Known)
WINDOWS: Final = TableSpec(name="dedupe.hours", value=Armed)
FORGET: Final = TableSpec(name="dedupe.forget", value=Page, version=2, migrations={1: migrate_v1})

DEDUPE = Stage(name="dedupe", reads=(EVENTS,), writes=(DECISIONS,), state=(LEDGER, WINDOWS, FORGET))


def severity_of(event: SecurityEvent, ctx: Context) -> Severity:
    """The zone's, or the device event's own."""
    site = ctx.configuration.site(event.site_id)
    zone = None if site is None or event.zone_id is None else policy_of(site, event.zone_id)
    return _severity(event, zone)


def _severity(event: SecurityEvent, zone: ZonePolicy | None) -> Severity:
    return zone.severity if zone is not None else event.severity or Severity.MEDIUM


def _keys(event: SecurityEvent | Disarm) -> tuple[str, str]:
    """The dedupe window's key, and the suppression window's, each without its hour."""
    camera = event.camera_id or event.device_id or ""
    place = f"{event.site_id}/{event.zone_id or ''}/{camera}"
    return f"d/{place}/{event.event_type}", f"s/{place}"


@DEDUPE.on(SecurityEvent)
def on_event(ctx: Context, event: SecurityEvent) -> Iterable[Effect]:
    """Fold an event into the one that it repeats, or admit it."""
    # Ids are the sender's to choose, so they are told apart by site.
    key = f"{event.site_id}/{event.event_id}"
    known = ctx.get(LEDGER, key)
    if known is not None:
        # The same event again: its first decision again, and nothing is counted.
        if known.decision is not None:
            return (Emit(decision_record(known.decision, event.occurred_at, ctx)),)
        return ()
    now, occurred_at = ctx.now, event.occurred_at
    # Older than this is rejected by its time; one from the future is kept until it is as old, or
    # until its record is gone from the topic: a sender may have written the year 9999.
    moment = _moment(now)
    if occurred_at <= now:
        minute = moment.past
    elif occurred_at <= moment.taken.newest:
        minute = moment.ahead
    else:
        minute = _minute(min(occurred_at, now + RETENTION) + REMEMBER)
    # Forgotten at the end of that minute: one timer a minute, not one an event.
    page = ctx.get(FORGET, minute)
    if page is None or len(page.events) + len(page.windows) >= NEWEST:
        page = _fresh(ctx, minute, page)
    # Put together so, a tuple is copied once.
    events = page.events + (key,)  # noqa: RUF005
    ctx.put(FORGET, minute, Page(page.windows, page.pages, events))
    made = _fold(ctx, event, now, moment.taken)
    if type(made[0].message) not in DECIDED:
        # Until its decision is final, it is known as one that is being decided.
        ctx.put(LEDGER, key, Known(occurred_at=occurred_at))
    return made


def fold(ctx: Context, event: SecurityEvent) -> tuple[Forward, ...]:
    """What becomes of an event that was not seen before: settled, folded, ended or admitted."""
    now = ctx.now
    return _fold(ctx, event, now, reach(now))


def _fold(ctx: Context, event: SecurityEvent, now: datetime, taken: Reach) -> tuple[Forward, ...]:
    occurred_at = event.occurred_at
    site = ctx.configuration.sites.get(event.site_id)
    zone = None if site is None or event.zone_id is None else policy_of(site, event.zone_id)
    ended = judge(event, site, zone, taken)
    if ended is not None:
        return (Forward(_settle(event, *ended, now)),)
    if zone is not None and (zone.dedupe_us or zone.suppression_us):
        hour, into = hour_of(occurred_at)
        place = f"{event.site_id}/{event.zone_id}/{event.camera_id}/{event.event_type}"
        if zone.dedupe_us:
            twin_id = _twin(ctx, "d", place, hour, into, zone.dedupe_us)
            if twin_id is not None:
                return (
                    Forward(Folded(event=event, place=place, by="dedupe_window", twin=twin_id)),
                )
        if zone.suppression_us:
            whole = f"{event.site_id}/{event.zone_id}/{event.camera_id}"
            twin_id = _twin(ctx, "s", whole, hour, into, zone.suppression_us)
            if twin_id is not None:
                by = "suppression_window"
                return (Forward(Folded(event=event, place=place, by=by, twin=twin_id)),)
            _arm(ctx, f"s/{whole}", hour, into, event)
        if zone.dedupe_us:
            _arm(ctx, f"d/{place}", hour, into, event)
    stages = (StageVerdict(stage="dedupe", verdict="pass", detail=not_applied(event, zone)),)
    if event.ended:
        return (Forward(Ended(event=event, stages=stages)),)
    admitted = Admitted(
        event=event,
        severity=_severity(event, zone),
        late=now - occurred_at > LATE,
        stages=stages,
    )
    return (Forward(admitted),)


def _twin(ctx: Context, kind: str, place: str, hour: int, into: int, window: int) -> str | None:
    """The admitted event that one at that time repeats, of the rows in which it may lie."""
    at = hour * HOUR_US + into
    if window <= into < HOUR_US - window:
        row = ctx.get(WINDOWS, f"{kind}/{place}/{hour}")
        return None if row is None else twin(row, at, window)
    hours = range((at - window + 1) // HOUR_US, (at + window - 1) // HOUR_US + 1)
    rows = [ctx.get(WINDOWS, f"{kind}/{place}/{each}") for each in hours]
    return twin(joined(rows), at, window)


def _arm(ctx: Context, where: str, hour: int, into: int, event: SecurityEvent) -> None:
    key = f"{where}/{hour}"
    known = ctx.get(WINDOWS, key)
    if known is None:
        end = datetime.fromtimestamp((hour + 1) * HOUR_US / 1e6, UTC)
        # A window of a day reaches a day further back than the oldest event that is taken.
        _forget_window(ctx, _minute(max(end, ctx.now) + 2 * KEEP), key)
    ctx.put(WINDOWS, key, arm(known, hour * HOUR_US + into, event.event_id))


def _minute(at: datetime) -> str:
    """The minute's end at which a row is forgotten, seconds since the epoch."""
    return str(-int(-at.timestamp() // MINUTE) * MINUTE)


class _Moment(Struct, frozen=True, gc=False):
    """What is the same for all events between two ticks.

    past: the minute until whose end events are known that are behind the tick. ahead: of those
    that are ahead of it but taken, as most are: some minutes longer, and nothing is made for each.
    """

    taken: Reach
    past: str
    ahead: str


@lru_cache(maxsize=64)
def _moment(now: datetime) -> _Moment:
    taken = reach(now)
    return _Moment(taken, _minute(now + REMEMBER), _minute(taken.newest + REMEMBER))


def _forget_window(ctx: Context, minute: str, key: str) -> None:
    page = ctx.get(FORGET, minute)
    if page is None or len(page.events) + len(page.windows) >= NEWEST:
        page = _fresh(ctx, minute, page)
    ctx.put(FORGET, minute, Page((*page.windows, key), page.pages, page.events))


def _fresh(ctx: Context, minute: str, newest: Page | None) -> Page:
    """An empty newest page of that minute; what was in it is in the last one beside it."""
    if newest is None:
        ctx.set_timer(datetime.fromtimestamp(int(minute), UTC), "forget", minute)
        return NO_KEYS
    last, pages = NO_KEYS, newest.pages
    if pages:
        last = ctx.get(FORGET, f"{minute}/{pages - 1}") or NO_KEYS
    if not pages or len(last.events) + len(last.windows) + NEWEST > PAGE:
        last, pages = NO_KEYS, pages + 1
    windows, events = last.windows + newest.windows, last.events + newest.events
    ctx.put(FORGET, f"{minute}/{pages - 1}", Page(windows, 0, events))
    return Page(pages=pages)


def _settle(event: SecurityEvent, result: Result, reason: str, now: datetime) -> Settled:
    verdict = StageVerdict(stage="dedupe", verdict=reason, detail=reason)
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
    known = Known(occurred_at=settled.occurred_at, decision=decision)
    ctx.put(LEDGER, f"{decision.site_id}/{decision.event_id}", known)
    for verdict in decision.stages:
        said = (verdict.stage, verdict.verdict)
        _counts[said] = _counts.get(said, 0) + 1
    return (Emit(decision_record(decision, settled.occurred_at, ctx)),)


_counts: Final[dict[tuple[str, str], int]] = {}


@DEDUPE.on(Tick)
def on_tick(ctx: Context, tick: Tick) -> Iterable[Effect]:
    """Hand what was counted to Prometheus: once a second, not once a verdict."""
    for (stage, verdict), count in _counts.items():
        METRICS.verdicts.labels(stage, verdict).inc(count)
    _counts.clear()
    return ()


@DEDUPE.on(Disarm)
def on_disarm(ctx: Context, disarmed: Disarm) -> Iterable[Effect]:
    """Take an event's windows back."""
    hour, _ = hour_of(disarmed.occurred_at)
    for where in _keys(disarmed):
        key = f"{where}/{hour}"
        known = ctx.get(WINDOWS, key)
        if known is not None:
            ctx.put(WINDOWS, key, disarm(known, disarmed.event_id))
    return ()


@DEDUPE.on(Timer)
def on_timer(ctx: Context, timer: Timer) -> Iterable[Effect]:
    """Forget events that can no longer come again, and windows that nothing falls into."""
    newest = ctx.get(FORGET, timer.key)
    if newest is None:
        return ()
    for key in (timer.key, *(f"{timer.key}/{number}" for number in range(newest.pages))):
        page = ctx.get(FORGET, key) or NO_KEYS
        for event in page.events:
            ctx.put(LEDGER, event, None)
        for window in page.windows:
            ctx.put(WINDOWS, window, None)
        ctx.put(FORGET, key, None)
    return ()


def decision_record(decision: Decision, occurred_at: datetime, ctx: Context) -> Draft:
    """The decision as a record."""
    return Draft(
        topic=DECISIONS,
        message=decision,
        id=decision.decision_id,
        time=occurred_at,
        source=SOURCE,
        site_key=decision.site_id,
        subject=decision.event_id,
        provenance=provenance(ctx, decision.site_id),
    )


def provenance(ctx: Context, site_id: str) -> Provenance:
    """With which revision of its site's document a record was made; the same for most of them."""
    site = ctx.configuration.sites.get(site_id)
    if site is not None and not ctx.replayed:
        return site.provenance
    revision = None if site is None else site.revision
    return Provenance(config_revision=revision, replayed=ctx.replayed)
