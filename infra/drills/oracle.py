"""The oracle: what was taken, against what came out, by id. Pure.

It knows nothing of how the pipeline works inside, only its promises: one decision an event, the
same whenever it is told; an alert that counts each of its events once; a notification that arrives;
a row for everything; a dead letter for what no stage can read.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Account", "AlertView", "Delivery", "Fault", "Finding", "Picture", "Verdict", "judge"]

WINDOWS: Final = frozenset({"dedupe_window", "suppression_window"})
COUNTED: Final = frozenset({"sent", "grouped", "failed"})
TOLD: Final = frozenset({"sent", "grouped"})
COUNTED_SILENTLY: Final = frozenset({"late", "notifications_disabled"})
"""Suppressed, and still an event of its alert: nobody is told, the alert is opened or changed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision. twin: the event that it was folded into."""

    result: str
    reason: str | None = None
    alert_id: str | None = None
    twin: str | None = None

    def __str__(self) -> str:
        return "/".join(part for part in (self.result, self.reason, self.alert_id) if part)

    @property
    def counts(self) -> bool:
        """Whether it is an event of its alert, and no repeat."""
        return self.alert_id is not None and (
            self.result in COUNTED or self.reason in COUNTED_SILENTLY
        )

    @property
    def repeats(self) -> bool:
        """Whether a window folded it into an alert."""
        return self.alert_id is not None and self.reason in WINDOWS


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert's newest revision. situation: what may have one alert that is not resolved."""

    situation: str
    resolved: bool
    events: int
    repeats: int
    revision: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a notification. arrived: when the receiver took it, each time; seconds.

    outcome: when its first result stood on the broker, None without one. delivered: some result
    says so.
    """

    arrived: tuple[float, ...] = ()
    outcome: float | None = None
    delivered: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was broken from `begin` to `end`, seconds since the epoch.

    throughout: whatever was under way at any moment of it was in flight, because nothing could be
    confirmed meanwhile, or because nobody knows the moment; else what was under way when it began
    and when it ended.
    """

    what: str
    begin: float
    end: float
    throughout: bool = False

    def catches(self, arrived: float, outcome: float | None) -> bool:
        """Whether a delivery was in flight: taken by its receiver, its outcome not yet safe."""
        until = float("inf") if outcome is None else outcome
        if self.throughout:
            return arrived <= self.end and until >= self.begin
        return arrived <= self.begin <= until or arrived <= self.end <= until


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that the broker took. sha256: of its bytes."""

    snapshot_id: str
    sha256: str


@dataclass(kw_only=True)
class Account:
    """Everything that was seen of one drill.

    taken: event id to when the broker (or the API) said yes, seconds since the epoch. unsure:
    event ids that were sent and of which nobody knows; they may come out or not. poison: ids of
    records that no stage can read. sites: event id to its site. said: every decision record, in
    order. alerts: by id, newest revision. raised: event id to when an alert's record named it
    first. requested: the notifications asked for. told: the events that the receiver heard of;
    None where nobody listens. letters: the poison's ids among the dead letters.
    *_rows: what stands in PostgreSQL; None where no database took part. expected, seen: names of
    what had to come of frames or polls, and of what came. brief: events of devices that came back:
    of an alert that was over before it was time to tell, nothing is said. odds: events whose
    answer was not their decision.
    """

    taken: Mapping[str, float] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()
    poison: frozenset[str] = frozenset()
    sites: Mapping[str, str] = field(default_factory=dict)
    said: Sequence[tuple[str, Verdict]] = ()
    alerts: Mapping[str, AlertView] = field(default_factory=dict)
    raised: Mapping[str, float] = field(default_factory=dict)
    requested: frozenset[str] = frozenset()
    told: frozenset[str] | None = None
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    letters: Sequence[str] = ()
    faults: Sequence[Fault] = ()
    event_rows: frozenset[str] | None = None
    decision_rows: Mapping[str, Verdict] | None = None
    alert_rows: Mapping[str, AlertView] | None = None
    notification_rows: frozenset[str] | None = None
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    picture_rows: frozenset[str] | None = None
    blobs: Mapping[str, str] = field(default_factory=dict)
    expected: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    brief: frozenset[str] = frozenset()
    odds: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What the oracle says. lost, duplicates: what kind, and whose ids.

    told_twice: deliveries beyond a notification's first. in_flight: notifications, a fault each,
    that had been begun and had no outcome when it came. excused: those of told_twice that were.
    """

    taken: int
    out: int
    lost: Mapping[str, tuple[str, ...]]
    duplicates: Mapping[str, tuple[str, ...]]
    told_twice: int
    in_flight: int
    excused: int
    first_alert_after_s: float | None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing; what comes late is not lost."""
        return not self.lost

    @property
    def missing(self) -> int:
        """How many things are not there yet."""
        return sum(len(names) for names in self.lost.values())

    @property
    def twice_allowed(self) -> int:
        """How many may be told twice: those in flight, where no other was."""
        return self.in_flight if self.excused == self.told_twice else self.excused


def judge(account: Account) -> Finding:
    """Count it up."""
    verdicts: dict[str, Verdict] = {}
    for event_id, verdict in account.said:
        verdicts.setdefault(event_id, verdict)
    lost = _gather(_lost(account, verdicts))
    told_twice, in_flight, excused = _notifications(account)
    lettered = account.poison & set(account.letters)
    stored = sum(account.blobs.get(key) == one.sha256 for key, one in account.pictures.items())
    return Finding(
        taken=len(account.taken) + len(account.poison) + len(account.pictures),
        out=len(account.taken.keys() & verdicts.keys()) + len(lettered) + stored,
        lost=lost,
        duplicates=_gather(_duplicates(account, verdicts)),
        told_twice=told_twice,
        in_flight=in_flight,
        excused=excused,
        first_alert_after_s=_first_alert(account),
    )


def _gather(found: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    by_kind: dict[str, dict[str, None]] = defaultdict(dict)
    for kind, name in found:
        by_kind[kind][name] = None
    return {kind: tuple(names) for kind, names in by_kind.items()}


def _lost(account: Account, verdicts: Mapping[str, Verdict]) -> Iterator[tuple[str, str]]:
    for event_id in account.taken.keys() - verdicts.keys():
        yield "no decision", event_id
    for name in account.poison - set(account.letters):
        yield "no dead letter", name
    for event_id, verdict in verdicts.items():
        if verdict.twin == event_id:
            # Redelivered, and taken for its own repeat: what it would have caused never came.
            yield "folded into itself", event_id
        if verdict.alert_id is not None and verdict.alert_id not in account.alerts:
            yield "no alert", verdict.alert_id
        if verdict.result in TOLD and not _heard_of(account, event_id, verdict):
            yield "nobody was told", event_id
    events, repeats = _truth(verdicts)
    for alert_id, alert in account.alerts.items():
        if alert.events < events[alert_id] or alert.repeats < repeats[alert_id]:
            yield "alert counts too few", alert_id
    for notification_id in account.requested:
        delivery = account.deliveries.get(notification_id, Delivery())
        if not delivery.delivered:
            yield "no result of the notification", notification_id
        elif not delivery.arrived:
            yield "notification not received", notification_id
    for name in account.expected - account.seen:
        yield "expected, and not seen", name
    yield from _rows_lost(account, verdicts)


def _heard_of(account: Account, event_id: str, verdict: Verdict) -> bool:
    """Whether somebody was told of an event, or there was no more reason to."""
    if account.told is None or event_id in account.told:
        return True
    alert = account.alerts.get(verdict.alert_id or "")
    return event_id in account.brief and alert is not None and alert.resolved


def _rows_lost(account: Account, verdicts: Mapping[str, Verdict]) -> Iterator[tuple[str, str]]:
    wanted: tuple[tuple[str, Iterable[str], Container[str] | None], ...] = (
        ("no row of the event", account.taken, account.event_rows),
        ("no row of the decision", verdicts, account.decision_rows),
        ("no row of the notification", account.requested, account.notification_rows),
    )
    for kind, names, rows in wanted:
        if rows is not None:
            yield from ((kind, name) for name in names if name not in rows)
    if account.alert_rows is not None:
        for alert_id, alert in account.alerts.items():
            row = account.alert_rows.get(alert_id)
            if row is None or row.revision < alert.revision:
                yield "no row of the alert, or an old one", alert_id
    if account.picture_rows is not None:
        for key, picture in account.pictures.items():
            if picture.snapshot_id not in account.picture_rows:
                yield "no row of the picture", picture.snapshot_id
            if account.blobs.get(key) != picture.sha256:
                yield "no blob of the picture", picture.snapshot_id


def _duplicates(account: Account, verdicts: Mapping[str, Verdict]) -> Iterator[tuple[str, str]]:
    for event_id, verdict in account.said:
        if verdict != verdicts[event_id]:
            yield "decided in two ways", f"{event_id} ({verdicts[event_id]}, then {verdict})"
    for event_id in verdicts.keys() - account.taken.keys() - account.unsure:
        yield "decided and never sent", event_id
    for name in account.seen - account.expected:
        yield "seen, and not expected", name
    for name in account.odds:
        yield "answered in one way, decided in another", name
    for name, count in Counter(account.letters).items():
        if count > 1:
            yield "two dead letters", name
    events, repeats = _truth(verdicts)
    for alert_id, alert in account.alerts.items():
        if alert.events > events[alert_id] or alert.repeats > repeats[alert_id]:
            yield "alert counts too many", alert_id
    for view in (account.alerts, account.alert_rows or {}):
        standing = Counter(one.situation for one in view.values() if not one.resolved)
        for situation in (name for name, count in standing.items() if count > 1):
            yield "one situation, two alerts", situation
    yield from _rows_at_odds(account, verdicts)


def _rows_at_odds(account: Account, verdicts: Mapping[str, Verdict]) -> Iterator[tuple[str, str]]:
    for event_id, verdict in (account.decision_rows or {}).items():
        if verdicts.get(event_id, verdict) != verdict:
            yield "the decision's row is another", event_id
    for alert_id, row in (account.alert_rows or {}).items():
        alert = account.alerts.get(alert_id)
        if alert is None:
            yield "a row of no alert", alert_id
        elif row.revision == alert.revision and row != alert:
            yield "the alert's row is another", alert_id


def _truth(verdicts: Mapping[str, Verdict]) -> tuple[Counter[str], Counter[str]]:
    """Events and repeats of each alert, as its decisions say."""
    events: Counter[str] = Counter()
    repeats: Counter[str] = Counter()
    for verdict in verdicts.values():
        if verdict.alert_id is not None:
            events[verdict.alert_id] += verdict.counts
            repeats[verdict.alert_id] += verdict.repeats
    return events, repeats


def _notifications(account: Account) -> tuple[int, int, int]:
    """Deliveries beyond the first; those in flight at a fault; and the former, where among them."""
    twice = in_flight = excused = 0
    for delivery in account.deliveries.values():
        if not delivery.arrived:
            continue
        flights = sum(
            fault.catches(min(delivery.arrived), delivery.outcome) for fault in account.faults
        )
        more = len(delivery.arrived) - 1
        in_flight += flights
        twice += more
        excused += min(more, flights)
    return twice, in_flight, excused


def _first_alert(account: Account) -> float | None:
    """The slowest fault's and the slowest site's; None where nothing broke or nothing came after.

    From the fault's beginning; of one that acts throughout, from its end.
    """
    waits: list[float] = []
    for fault in account.faults:
        since = fault.end if fault.throughout else fault.begin
        first: dict[str, float] = {}
        for event_id, at in account.taken.items():
            raised = account.raised.get(event_id)
            if at > since and raised is not None and raised > since:
                site = account.sites.get(event_id, "")
                first[site] = min(first.get(site, raised), raised)
        waits += [raised - since for raised in first.values()]
    return max(waits, default=None)
