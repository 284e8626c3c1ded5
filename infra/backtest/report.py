"""What a backtest answers: before and after, as it is printed and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from infra.backtest.recorded import Facts
from infra.backtest.tally import Rule, Seen, Tally
from schemas.alert import Alert
from schemas.detection import Box
from schemas.event import SecurityEvent

__all__ = ["Added", "Backtest", "Fate", "Figures", "Recorded", "RuleRow", "build", "unjudged"]

CONFIRMED = ("true_positive",)
DISMISSED = ("false_positive", "benign", "duplicate", "test")
MOST_UNJUDGED = 500
"""The newest ones: of more than that nobody looks at one by one."""
MOST_ADDED = 500


class Figures(Struct, frozen=True, kw_only=True):
    """One document's run. alerts: opened; told: of which somebody was told.

    notifications: sent, first ones and repeats, resolves too, and by receiver, kind and status.
    decisions: events by result, and by reason where there is one. failed: events at which a rule
    broke, which live are dead letters.
    """

    events: int
    alerts: int
    told: int
    notifications: int
    notifications_by: dict[str, int]
    decisions: dict[str, int]
    failed: int = 0


class Recorded(Struct, frozen=True, kw_only=True):
    """What was recorded in the span, under the documents that were in force then.

    confirmed, dismissed: alerts that analysts resolved so.
    """

    alerts: int
    notifications: int
    notifications_by: dict[str, int]
    confirmed: int
    dismissed: int


class Fate(Struct, frozen=True, kw_only=True):
    """What becomes of a recorded alert under the new document.

    reason: why its events are in no alert: the commonest decision about them. before: whether the
    current document, run the same way, has it.
    """

    alert_id: str
    site: str
    camera: str
    zone: str
    type: str
    label: str | None
    opened_at: datetime
    resolution: str
    resolved_by: str | None
    reason: str | None
    before: bool


class Added(Struct, frozen=True, kw_only=True):
    """An alert that only the new document opens, by the recorded track that opens it.

    at: when its event would have been complete. box: where the track was then, in 0..1.
    """

    site: str
    camera: str
    zone: str
    type: str
    label: str | None
    at: datetime
    track_id: str
    confidence: float | None
    box: Box | None


class RuleRow(Struct, frozen=True, kw_only=True):
    """One camera's rule. Counts, before and after."""

    site: str
    camera: str
    zone: str
    type: str
    events: tuple[int, int]
    folded: tuple[int, int]
    alerts: tuple[int, int]
    told: tuple[int, int]
    confirmed_missed: int = 0
    dismissed_gone: int = 0


class Backtest(Struct, frozen=True, kw_only=True):
    """The answer. sites: whose events were run: those that the document changes.

    missed: alerts that analysts had confirmed, and that would not be. untold: those that would be
    there, and that nobody would be told of any more. gone: dismissed ones that would not be.
    unjudged: the newest ones of which nobody said what they were, and that would not be. added:
    alerts that changed zones would open, found on recorded tracks.
    rules: only those whose figures differ, the greatest difference first. seconds: how long it
    took; cpu_seconds: processor time of its workers.
    """

    since: datetime
    until: datetime
    source: str
    sites: tuple[str, ...]
    changes: tuple[str, ...]
    events: int
    tried_on_tracks: int
    recorded: Recorded
    before: Figures
    after: Figures
    missed: tuple[Fate, ...]
    untold: tuple[Fate, ...]
    gone: tuple[Fate, ...]
    unjudged: tuple[Fate, ...]
    added: tuple[Added, ...]
    rules: tuple[RuleRow, ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def figures(tally: Tally) -> Figures:
    """A tally's sums."""
    decisions: Counter[str] = Counter()
    for outcomes in tally.outcomes.values():
        for (result, reason), count in outcomes.items():
            decisions[result if reason is None else f"{result}: {reason}"] += count
    return Figures(
        events=sum(decisions.values()),
        alerts=sum(tally.alerts.values()),
        told=sum(tally.told.values()),
        notifications=sum(tally.notifications.values()),
        notifications_by=_named(tally.notifications),
        decisions=dict(sorted(decisions.items())),
        failed=tally.failed,
    )


def _named(found: Mapping[tuple[str, str, str], int]) -> dict[str, int]:
    return {f"{r} {kind} {status}": n for (r, kind, status), n in sorted(found.items())}


class Fates:
    """Looks up what became of recorded alerts on a side.

    tracks: of watched events. made: a document's events made of tracks, by track and zone.
    """

    def __init__(
        self, tally: Tally, tracks: Mapping[str, str], made: Mapping[tuple[str, str], list[str]]
    ) -> None:
        self._tally = tally
        self._tracks = tracks
        self._made = made

    def seen(self, alert: Alert) -> list[Seen]:
        """What became of its events, as far as they were run."""
        found = []
        for event in alert.event_ids:
            one = self._tally.watched.get((alert.site_id, event))
            if one is not None:
                found.append(one)
                continue
            track = self._tracks.get(event)
            for other in self._made.get((track or "", alert.zone_id or ""), ()):
                instead = self._tally.watched.get((alert.site_id, other))
                if instead is not None:
                    found.append(instead)
        return found

    def known(self, alert: Alert) -> bool:
        """Whether any of its events was run, or replaced by what a track would have made."""
        return bool(self.seen(alert)) or any(one in self._tracks for one in alert.event_ids)

    def covered(self, alert: Alert) -> bool:
        """Whether any of its events is in an alert."""
        return any(one.alert is not None for one in self.seen(alert))

    def told(self, alert: Alert) -> bool:
        """Whether somebody was told of an alert with one of its events."""
        return any(one.alert in self._tally.told_alerts for one in self.seen(alert))

    def reason(self, alert: Alert) -> str | None:
        """The commonest decision about its events; None where the zones see no event at all."""
        every = Counter(one.reason or one.result for one in self.seen(alert))
        return every.most_common(1)[0][0] if every else "no event of these zones"


def build(
    *,
    since: datetime,
    until: datetime,
    source: str,
    sites: Sequence[str],
    changes: Sequence[str],
    facts: Facts,
    tallies: tuple[Tally, Tally],
    tracks: Mapping[str, str],
    made: tuple[Mapping[tuple[str, str], list[str]], Mapping[tuple[str, str], list[str]]],
    tried: Sequence[SecurityEvent],
    events: int,
    tried_on_tracks: int,
    notes: Iterable[str],
    seconds: float,
    cpu_seconds: float = 0.0,
) -> Backtest:
    """The whole answer. tried: the events that the new document's changed zones make of tracks."""
    before, after = (Fates(t, tracks, m) for t, m in zip(tallies, made, strict=True))
    judged = [a for a in facts.alerts.values() if a.resolution in CONFIRMED + DISMISSED]
    judged = sorted(judged, key=lambda a: (a.opened_at, a.alert_id))
    run = [alert for alert in judged if before.known(alert)]
    notes = [*notes]
    if len(run) < len(judged):
        notes.append(
            f"{len(judged) - len(run)} judged alerts have no event in what was read; nothing is "
            "said of them"
        )
    missed: list[Fate] = []
    untold: list[Fate] = []
    gone: list[Fate] = []
    for alert in run:
        confirmed = alert.resolution in CONFIRMED
        if not after.covered(alert):
            (missed if confirmed else gone).append(_fate(alert, before, after))
        elif confirmed and before.told(alert) and not after.told(alert):
            untold.append(_fate(alert, before, after))
    silent = [
        _fate(alert, before, after)
        for alert in unjudged(facts)
        if before.known(alert) and not after.covered(alert)
    ]
    added = _added([one for one in tried if since <= one.occurred_at < until], made[0], tallies)
    if len(added) > MOST_ADDED:
        notes.append(f"{len(added):,} alerts would be new; the first {MOST_ADDED} are listed")
    return Backtest(
        since=since,
        until=until,
        source=source,
        sites=tuple(sites),
        changes=tuple(changes),
        events=events,
        tried_on_tracks=tried_on_tracks,
        recorded=Recorded(
            alerts=sum(since <= alert.opened_at < until for alert in facts.alerts.values()),
            notifications=sum(facts.notifications.values()),
            notifications_by=_named(facts.notifications),
            confirmed=sum(alert.resolution in CONFIRMED for alert in judged),
            dismissed=sum(alert.resolution in DISMISSED for alert in judged),
        ),
        before=figures(tallies[0]),
        after=figures(tallies[1]),
        missed=tuple(missed),
        untold=tuple(untold),
        gone=tuple(gone),
        unjudged=tuple(silent),
        added=tuple(added[:MOST_ADDED]),
        rules=tuple(_rules(tallies, missed, gone)),
        notes=tuple(notes),
        seconds=round(seconds, 3),
        cpu_seconds=round(cpu_seconds, 3),
    )


def _fate(alert: Alert, before: Fates, after: Fates) -> Fate:
    return Fate(
        alert_id=alert.alert_id,
        site=alert.site_id,
        camera=alert.camera_id or alert.device_id or "",
        zone=alert.zone_id or "",
        type=alert.event_type,
        label=alert.label,
        opened_at=alert.opened_at,
        resolution=alert.resolution or "",
        resolved_by=alert.resolved_by,
        reason=after.reason(alert),
        before=before.covered(alert),
    )


def unjudged(facts: Facts) -> list[Alert]:
    """The newest alerts of which nobody said what they were, in order of time."""
    found = [a for a in facts.alerts.values() if a.resolution not in CONFIRMED + DISMISSED]
    return sorted(found, key=lambda alert: (alert.opened_at, alert.alert_id))[-MOST_UNJUDGED:]


def _added(
    tried: Sequence[SecurityEvent],
    made_before: Mapping[tuple[str, str], list[str]],
    tallies: tuple[Tally, Tally],
) -> list[Added]:
    """The new document's alerts that hold nothing but what the current one does not see."""
    first, second = tallies

    def place(event: SecurityEvent) -> tuple[str, str]:
        return (event.track_id or "", event.zone_id or "")

    alerts = {
        one.event_id: seen.alert
        for one in tried
        if (seen := second.watched.get((one.site_id, one.event_id))) is not None
    }
    known = {alerts.get(one.event_id) for one in tried if place(one) in made_before}
    known |= {
        seen.alert
        for key, seen in second.watched.items()
        if (other := first.watched.get(key)) is not None and other.alert is not None
    }
    found: dict[str, Added] = {}
    for one in sorted(tried, key=lambda event: (event.occurred_at, event.event_id)):
        alert = alerts.get(one.event_id)
        if alert is None or alert in known or alert in found or place(one) in made_before:
            continue
        found[alert] = Added(
            site=one.site_id,
            camera=one.camera_id or "",
            zone=one.zone_id or "",
            type=one.event_type,
            label=one.label,
            at=one.occurred_at,
            track_id=one.track_id or "",
            confidence=one.confidence,
            box=one.box,
        )
    return list(found.values())


def _rules(
    tallies: tuple[Tally, Tally], missed: Sequence[Fate], gone: Sequence[Fate]
) -> list[RuleRow]:
    keys: dict[Rule, None] = {}
    for tally in tallies:
        keys.update(dict.fromkeys([*tally.outcomes, *tally.alerts]))
    lost = Counter((one.site, one.camera, one.zone, one.type) for one in missed)
    saved = Counter((one.site, one.camera, one.zone, one.type) for one in gone)
    keys.update(dict.fromkeys([*lost, *saved]))
    rows = [_row(rule, tallies, lost[rule], saved[rule]) for rule in sorted(keys)]
    changed = [row for row in rows if _difference(row) or row.confirmed_missed]
    return sorted(changed, key=lambda row: (-row.confirmed_missed, -_difference(row)))


def _difference(row: RuleRow) -> int:
    pairs = (row.alerts, row.told, row.events, row.folded)
    return sum(abs(after - before) for before, after in pairs) + row.dismissed_gone


def _row(rule: Rule, tallies: tuple[Tally, Tally], missed: int, gone: int) -> RuleRow:
    first, second = tallies
    return RuleRow(
        site=rule[0],
        camera=rule[1],
        zone=rule[2],
        type=rule[3],
        events=(_events(first, rule), _events(second, rule)),
        folded=(_folded(first, rule), _folded(second, rule)),
        alerts=(first.alerts[rule], second.alerts[rule]),
        told=(first.told[rule], second.told[rule]),
        confirmed_missed=missed,
        dismissed_gone=gone,
    )


def _events(tally: Tally, rule: Rule) -> int:
    return sum(tally.outcomes.get(rule, Counter()).values())


def _folded(tally: Tally, rule: Rule) -> int:
    outcomes = tally.outcomes.get(rule, Counter())
    return sum(n for (_, reason), n in outcomes.items() if reason in FOLDED)


FOLDED = ("dedupe_window", "suppression_window")
