"""One site's events under one document: the decide chain's own handlers, on memory.

It is `ChainRunner` without what nobody reads here: no record is encoded for a table, a folded
event is counted instead of told to its alert (which changes repeats and rank, and no decision),
rank learns no habits and looks for no neighbours (its points decide nothing but which alerts a
notification of more than a thousand names), and a notification is taken by its receiver at once.
`tests/unit/infra/backtest` holds that both decide the same.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from agents.decide import DECIDE_CHAIN
from agents.dedupe.stage import DEDUPE, Folded, Settled, fold
from agents.enrich.stage import Enriched
from agents.rank.score import Basis
from agents.rank.stage import PASSED, RANK, Ranked
from agents.route.tables import OPEN
from agents.runtime.configuration import Configuration
from agents.runtime.stage import Context, Emit, Forward, Handler
from agents.runtime.timers import Timer
from infra.backtest.memory import Memory, contexts
from infra.backtest.tally import Rule, Seen, Tally
from schemas.alert import Alert, Command
from schemas.base import decode
from schemas.event import SecurityEvent
from schemas.ids import result_id
from schemas.notification import NotifyRequest, NotifyResult, NotifyStatus, Outcome
from topics.catalogue import ALERTS, NOTIFY_REQUESTS
from topics.record import Draft, OutRecord

__all__ = ["Side", "rule_of"]

log = logging.getLogger("watchfloor.backtest")

MAX_STEPS: Final = 10_000
NO_BASIS: Final = Basis()

M = TypeVar("M", Alert, NotifyRequest)


def rule_of(event: SecurityEvent) -> Rule:
    """The camera and the rule that an event's figures are told by."""
    return (
        event.site_id,
        event.camera_id or event.device_id or "",
        event.zone_id or "",
        event.event_type,
    )


class Side:
    """A site under a document. watched: events whose fate is to be known one by one.

    folded: events that dedupe folded, by rule and window; whoever feeds them counts them here.
    """

    def __init__(self, configuration: Configuration, watched: Collection[str] = ()) -> None:
        self.tally = Tally()
        self.memory = Memory()
        self.counting = True
        self._watched = frozenset(watched)
        self._handlers: dict[type, list[tuple[str, Handler]]] = {
            kind: [(stage.name, stage.handlers[kind]) for stage in stages if stage is not RANK]
            for kind, stages in DECIDE_CHAIN.by_type().items()
        }
        self._handlers[Enriched] = [(RANK.name, _unranked)]
        self._timer_handlers = {
            stage.name: stage.handlers[Timer]
            for stage in DECIDE_CHAIN.stages
            if Timer in stage.handlers
        }
        self._contexts = contexts(DECIDE_CHAIN, configuration, self.memory)
        self._dedupe = self._contexts[DEDUPE.name]
        self.folded: Counter[tuple[Rule, str]] = Counter()
        self._waiting: dict[str, tuple[Rule, bool]] = {}
        self._alerts: dict[str, Rule] = {}
        self._counted: set[str] = set()
        self._told: set[str] = set()
        self._now = datetime.fromtimestamp(0, UTC)

    def fold(self, event: SecurityEvent, now: datetime) -> Sequence[Forward]:
        """What dedupe makes of an event that was not fed before. now: the site's watermark.

        Nothing where a rule broke: live it would be a dead letter, and the next event is decided.
        """
        self._dedupe.now = now
        try:
            return fold(self._dedupe, event)
        except Exception as error:
            self.tally.failed += 1
            log.debug("event %s: %s", event.event_id, error)
            return ()

    def take(
        self,
        event: SecurityEvent,
        rule: Rule,
        found: Sequence[Forward],
        now: datetime,
        *,
        counted: bool,
    ) -> bool:
        """Go on with what dedupe made of an event, here or under a document that folds as this.

        Whether a rule beyond dedupe was asked, so that timers may have been set.
        """
        asked = False
        for effect in found:
            message = effect.message
            if type(message) is Folded and event.event_id not in self._watched:
                if counted:
                    self._count(rule, "suppressed", message.by)
                continue
            self._now = now
            self.memory.now = now.timestamp()
            self._waiting[event.event_id] = (rule, counted)
            self._try(message)
            asked = True
        return asked

    def command(self, command: Command, now: datetime) -> None:
        """Do what an analyst did then."""
        self._now = now
        self.memory.now = now.timestamp()
        self._try(command)

    def knows(self, alert_id: str) -> bool:
        """Whether there is that alert on this side."""
        return alert_id in self._alerts

    def open_alert(self, place: str) -> str | None:
        """The alert that a situation is in, or None."""
        found = self.memory.tables.get(OPEN.name, {}).get(place)
        return None if found is None else str(found.alert_id)

    def next_due(self) -> float:
        """The earliest second in which a timer waits."""
        return self.memory.next_due()

    def tick(self) -> None:
        """Let the earliest second with timers pass."""
        second = self.memory.next_due()
        self.memory.now = second
        self._now = datetime.fromtimestamp(second, UTC)
        for timer in self.memory.take():
            if timer.stage in self._timer_handlers:
                self._try(timer)

    def finish(self) -> Tally:
        """The figures, once everything is fed."""
        for (rule, by), count in self.folded.items():
            self._outcomes(rule)["suppressed", by] += count
        holding = {seen.alert for seen in self.tally.watched.values() if seen.alert is not None}
        self.tally.told_alerts = self._told & holding
        return self.tally

    def _try(self, item: Any) -> None:
        try:
            self._run(item)
        except Exception as error:
            self.tally.failed += 1
            log.debug("%s: %s", type(item).__name__, error)

    def _run(self, item: Any) -> None:
        """Hand an item, and what it causes, to their stages; depth first, as ChainRunner."""
        queue = [item]
        steps = 0
        while queue:
            item = queue.pop(0)
            kind = type(item)
            if kind is Settled:
                self._settled(item)
                continue
            forwarded: list[Any] = []
            if kind is Timer:
                found = [(item.stage, self._timer_handlers[item.stage])]
            else:
                found = self._handlers.get(kind, [])
            for name, handler in found:
                steps += 1
                if steps > MAX_STEPS:
                    raise RuntimeError(f"more than {MAX_STEPS} steps for one event")
                context = self._contexts[name]
                context.now = self._now
                for effect in handler(context, item):
                    if type(effect) is Forward:
                        forwarded.append(effect.message)
                    elif type(effect) is Emit:
                        forwarded += self._emitted(effect.record)
            queue[:0] = forwarded

    def _emitted(self, record: OutRecord | Draft) -> list[Any]:
        """Look at what would have left; what comes back of it."""
        if record.topic is ALERTS:
            message = _message(record, Alert)
            if message is None:
                key = (record.key or b"").decode()
                self._alerts.pop(key, None)
                self._counted.discard(key)
            elif message.alert_id not in self._alerts:
                self._opened(message)
        elif record.topic is NOTIFY_REQUESTS:
            request = _message(record, NotifyRequest)
            if request is not None:
                return [self._delivered(request)]
        return []

    def _opened(self, alert: Alert) -> None:
        key = alert.alert_id
        rule = (
            alert.site_id,
            alert.camera_id or alert.device_id or "",
            alert.zone_id or "",
            alert.event_type,
        )
        self._alerts[key] = rule
        if self.counting:
            self._counted.add(key)
            self.tally.alerts[rule] += 1

    def _delivered(self, request: NotifyRequest) -> NotifyResult:
        """Its receiver takes it: what a channel did on that day says nothing about a document."""
        if self.counting:
            where = (request.receiver, request.kind, request.status.value)
            self.tally.notifications[where] += 1
        if request.status is NotifyStatus.FIRING:
            for line in request.alerts:
                if line.alert_id in self._told:
                    continue
                self._told.add(line.alert_id)
                if line.alert_id in self._counted:
                    self.tally.told[self._alerts[line.alert_id]] += 1
        return NotifyResult(
            result_id=result_id(request.notification_id, 1),
            notification_id=request.notification_id,
            site_id=request.site_id,
            receiver=request.receiver,
            outcome=Outcome.DELIVERED,
            attempt=1,
            at=self._now,
            status=request.status,
            kind=request.kind,
            event_ids=request.event_ids,
            alert_ids=tuple(line.alert_id for line in request.alerts),
        )

    def _settled(self, settled: Settled) -> None:
        decision = settled.decision
        found = self._waiting.pop(decision.event_id, None)
        if found is None:
            return
        rule, counted = found
        if counted:
            self._count(rule, decision.result.value, decision.reason)
        if decision.event_id in self._watched:
            self.tally.watched[decision.site_id, decision.event_id] = Seen(
                decision.result.value, decision.reason, decision.alert_id
            )

    def _count(self, rule: Rule, result: str, reason: str | None) -> None:
        self._outcomes(rule)[result, reason] += 1

    def _outcomes(self, rule: Rule) -> Counter[tuple[str, str | None]]:
        return self.tally.outcomes.setdefault(rule, Counter())


def _unranked(_ctx: Context, item: Enriched) -> tuple[Forward]:
    """What rank makes of an admitted event, without what its points are made of."""
    return (Forward(Ranked(item=item, basis=NO_BASIS, stages=(*item.stages, PASSED))),)


def _message(record: OutRecord | Draft, kind: type[M]) -> M | None:
    """What is in a record, whether or not it was written out; None in a tombstone."""
    if isinstance(record, Draft):
        assert isinstance(record.message, kind)
        return record.message
    return None if record.value is None else decode(record.value, kind)
