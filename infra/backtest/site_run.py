"""One site's history under one document or two: each event once, time as the watermark goes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from agents.dedupe.stage import REMEMBER, Folded
from agents.runtime.configuration import Configuration
from agents.runtime.stage import Forward
from infra.backtest.side import Side, rule_of
from infra.backtest.tally import Rule, Tally
from schemas.alert import Command
from schemas.document import ConfigRecord, Document
from schemas.event import SecurityEvent

__all__ = ["Act", "SiteRun", "Span", "alike", "configuration_of", "group_acts"]

HOUR: Final = 3600.0
END: Final = datetime.max.replace(tzinfo=UTC)


class Span:
    """Which events count. lead: events before `since` that only warm the windows up.

    since, until: event time, half open.
    """

    def __init__(self, since: datetime, until: datetime, lead: timedelta) -> None:
        self.since = since
        self.until = until
        self.begin = since - lead


class Act:
    """What an analyst did: a command, and the situation of the alert that it was about."""

    __slots__ = ("command", "place")

    def __init__(self, command: Command, place: str | None) -> None:
        self.command = command
        self.place = place


def configuration_of(document: Document) -> Configuration:
    """The document in force, as a worker has it."""
    found = Configuration()
    at = datetime(2000, 1, 1, tzinfo=UTC)
    for site in document.sites:
        found.apply(site.site_id, ConfigRecord(revision=1, author="backtest", at=at, site=site))
    found.apply(
        "routing", ConfigRecord(revision=1, author="backtest", at=at, routing=document.routing)
    )
    return found


def alike(site_id: str, documents: Sequence[Document]) -> frozenset[str]:
    """The zones of a site of which dedupe knows the same under every document.

    What it decides follows from the event, the watermark, the zone's policy and the zone's own
    windows, and nothing but a failed delivery takes one of those back. A zone whose polygon differs
    may have other events made of tracks, so it is not alike.
    """
    sites = [next((s for s in d.sites if s.site_id == site_id), None) for d in documents]
    first = sites[0]
    if first is None or any(
        one is None or (one.enabled, one.timezone) != (first.enabled, first.timezone)
        for one in sites
    ):
        return frozenset()
    zones = [
        {zone.zone_id: replace(zone, alert_destinations=()) for zone in one.zones}
        for one in sites
        if one is not None
    ]
    return frozenset(
        name for name, zone in zones[0].items() if all(one.get(name) == zone for one in zones)
    )


class _Known:
    """Ids of events, remembered as long as dedupe's ledger remembers them."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._hours: deque[tuple[float, list[str]]] = deque()

    def again(self, event_id: str, now: float) -> bool:
        """Whether the event was there before; it is from now on."""
        if event_id in self._ids:
            return True
        self._ids.add(event_id)
        if not self._hours or now >= self._hours[-1][0]:
            self._hours.append((now + HOUR, []))
            keep = REMEMBER.total_seconds()
            while self._hours[0][0] + keep < now:
                self._ids.difference_update(self._hours.popleft()[1])
        self._hours[-1][1].append(event_id)
        return False


class SiteRun:
    """Feeds a site's events, in the order in which they were recorded, to its sides.

    acts: what analysts did at this site, by time. extra: for each side events that its zones would
    have made, by time. left_out: which recorded events are replaced by those. alike: zones whose
    events dedupe treats alike under all documents, so that it is asked once; see `alike`.
    """

    def __init__(
        self,
        configurations: Sequence[Configuration],
        span: Span,
        *,
        watched: Collection[str] = (),
        acts: Iterable[Act] = (),
        extra: Sequence[Sequence[SecurityEvent]] = (),
        left_out: Callable[[SecurityEvent], bool] | None = None,
        alike: Collection[str] = (),
    ) -> None:
        self.sides = [Side(one, watched) for one in configurations]
        self.tracks: dict[str, str] = {}
        self.counted = 0
        self._since, self._until = span.since, span.until
        self._folded: Counter[tuple[Rule, str]] = Counter()
        self._watched = frozenset(watched)
        self._acts = deque(sorted(acts, key=lambda act: (act.command.at, act.command.command_id)))
        self._extra = [deque(one) for one in extra] or [deque() for _ in configurations]
        self._left_out = left_out
        self._alike = frozenset(alike)
        self._known = _Known()
        self._now = span.begin
        self._seconds = self._now.timestamp()
        self._due = float("inf")
        self._counting = False
        self._plan()

    def feed(self, event: SecurityEvent, recorded: float) -> None:
        """An event as it was recorded. recorded: when, in seconds since the epoch.

        An event whose camera is ahead moves time no further than to when it came.
        """
        at = event.occurred_at
        seconds = at.timestamp()
        moved = seconds if seconds <= recorded else recorded
        if moved > self._seconds:
            to = at if moved == seconds else datetime.fromtimestamp(moved, UTC)
            if moved < self._due and self._counting:
                self._seconds, self._now = moved, to
            else:
                self._advance(moved, to)
        event_id = event.event_id
        if self._known.again(event_id, self._seconds):
            return
        counted = self._since <= at < self._until
        self.counted += counted
        watched = event_id in self._watched
        if watched and event.track_id is not None:
            self.tracks[event_id] = event.track_id
        if self._left_out is not None and self._left_out(event):
            return
        now = self._now
        same = event.zone_id in self._alike
        found: Sequence[Forward] | None = None
        for side in self.sides:
            if found is None or not same:
                found = side.fold(event, now)
                if not watched and found and type(found[0].message) is Folded:
                    # Nine in ten end here. It changes repeats and rank, and no decision.
                    if counted:
                        folded = self._folded if same else side.folded
                        folded[rule_of(event), found[0].message.by] += 1
                    if same:
                        return
                    continue
            if side.take(event, rule_of(event), found, now, counted=counted):
                self._due = min(self._due, side.next_due())

    def finish(self) -> list[Tally]:
        """Let time go on to the end of the span; the figures of each side."""
        self._advance(self._until.timestamp(), self._until)
        for side in self.sides:
            side.folded.update(self._folded)
        self._folded.clear()
        return [side.finish() for side in self.sides]

    def _plan(self) -> None:
        """When something is due next, on whichever side."""
        due = min(side.next_due() for side in self.sides)
        for queue in self._extra:
            if queue:
                due = min(due, queue[0].occurred_at.timestamp())
        if self._acts:
            due = min(due, self._acts[0].command.at.timestamp())
        self._due = due

    def _advance(self, seconds: float, to: datetime) -> None:
        """Move the watermark; what is due on the way happens at its own time, as with ticks."""
        while self._due <= seconds:
            due = self._due
            for side in self.sides:
                side.counting = due >= self._since.timestamp()
                while side.next_due() <= due:
                    side.tick()
            self._now = max(self._now, datetime.fromtimestamp(due, UTC))
            while self._acts and self._acts[0].command.at.timestamp() <= due:
                self._act(self._acts.popleft())
            for side, queue in zip(self.sides, self._extra, strict=True):
                while queue and queue[0].occurred_at.timestamp() <= due:
                    event = queue.popleft()
                    counted = self._since <= event.occurred_at < self._until
                    found = side.fold(event, self._now)
                    side.take(event, rule_of(event), found, self._now, counted=counted)
            self._plan()
        if seconds > self._seconds:
            self._seconds, self._now = seconds, to
        self._counting = self._now >= self._since
        for side in self.sides:
            side.counting = self._counting

    def _act(self, act: Act) -> None:
        """A command on the alert that it was about, or on the one that its situation has here."""
        for side in self.sides:
            command = act.command
            if not side.knows(command.alert_id) and act.place is not None:
                other = side.open_alert(act.place)
                if other is None:
                    continue
                command = replace(command, alert_id=other)
            side.command(command, self._now)


def group_acts(acts: Iterable[Act]) -> Mapping[str, list[Act]]:
    """By site."""
    found: dict[str, list[Act]] = {}
    for act in acts:
        found.setdefault(act.command.site_id, []).append(act)
    return found
