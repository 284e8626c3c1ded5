"""The pure roles on dictionaries, with a clock that somebody turns and a channel that records.

Records go in, outputs come out, and each other's are fed back in the order in which they were
made. Time stands still until it is turned on, and then ticks at every second in which something
is due.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from agents.decide import DECIDE_CHAIN
from agents.notify.passes import Attempt, chosen, summary
from agents.notify.stage import ACT_CHAIN, result_record
from agents.runtime.chain import ChainRunner
from agents.runtime.configuration import Configuration
from agents.runtime.record import Record
from agents.runtime.stage import Chain
from agents.runtime.state import MemoryStore, decode_row
from agents.runtime.ticker import tick_record
from agents.watch.stage import WATCH_CHAIN
from infra.conformance.compare import Delivered
from schemas.alert import Alert
from schemas.base import Message, decode
from schemas.document import Channel, ConfigRecord, Routing, Site
from schemas.notification import ChannelOutcome, NotifyResult, Outcome
from topics.catalogue import ALERTS
from topics.declare import Topic
from topics.record import OutRecord

__all__ = ["START", "Side", "Virtual", "messages", "to_record"]

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def to_record(
    out: OutRecord, offset: int = 0, now: datetime = START, *, replayed: bool = False
) -> Record:
    """What a consumer would see of a record that was produced."""
    headers = dict(out.headers)
    if replayed:
        headers["wf_replayed"] = b"1"
    return Record(
        topic=out.topic,
        partition=0,
        offset=offset,
        timestamp_ms=int(now.timestamp() * 1000),
        key=out.key,
        value=out.value,
        headers=headers,
    )


def messages(outputs: Sequence[OutRecord], topic: Topic) -> list[Any]:
    """The messages on a topic among outputs, in order; tombstones left out."""
    kind: type[Message] = topic.value
    return [decode(o.value, kind) for o in outputs if o.topic is topic and o.value is not None]


@dataclass
class Side:
    """One chain on a dictionary."""

    chain: Chain
    configuration: Configuration
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.runner = ChainRunner(self.chain, self.configuration, self.store)
        self.reads = {topic.name for topic in self.chain.reads}
        self._timers = self.runner.timers.table
        self._hours = self.runner.timers.row("h")
        self._firsts: dict[str, int] = {}
        for (table, _, key), value in self.store.rows.items():
            self._note(table, key, value)

    def keep(self, table: str, key: str, value: bytes | None) -> None:
        """Keep a row that the chain has made; None removes it."""
        self.store.write(table, 0, key, value)
        self._note(table, key, value)

    def _note(self, table: str, key: str, value: bytes | None) -> None:
        if table == self._timers and key.startswith(self._hours):
            self._firsts.pop(key, None)
            if value is not None:
                self._firsts[key] = min(decode_row(self.runner.timers, value).seconds)

    def next_due(self) -> float | None:
        """The earliest second in which a timer waits."""
        return min(self._firsts.values(), default=None)


TICK: Final = timedelta(seconds=1)


class Virtual:
    """Sites' decide, act and watch.

    outputs: what the chains emitted; results: what the deliveries said of their attempts.
    failing, hanging: (receiver, channel's name or None for all of them) that take nothing.
    busy: the moments in which a tick made something. act: False lets requests lie, as if the act
    role were away.
    """

    def __init__(self, *, act: bool = True, now: datetime = START) -> None:
        self.configuration = Configuration()
        self.now = now
        self.failing: set[tuple[str, str | None]] = set()
        self.hanging: set[tuple[str, str | None]] = set()
        self.outputs: list[OutRecord] = []
        self.delivered: list[Delivered] = []
        self.attempts: list[Attempt] = []
        self.results: list[OutRecord] = []
        self.busy: list[datetime] = []
        self.decide = Side(DECIDE_CHAIN, self.configuration)
        self.act = Side(ACT_CHAIN, self.configuration)
        self.watch = Side(WATCH_CHAIN, self.configuration)
        # Who acts knows the time before it is asked to.
        self._sides = [self.act, self.watch, self.decide] if act else [self.watch, self.decide]
        self._offset = 0
        self._revision = 0
        self._ticked = False
        self._changed = False

    def configure(self, *sites: Site, routing: Routing) -> None:
        """Put a document in force."""
        self._revision += 1
        self._changed = True

        def record(**parts: Any) -> ConfigRecord:
            return ConfigRecord(revision=self._revision, author="t", at=START, **parts)

        for one in sites:
            self.configuration.apply(one.site_id, record(site=one))
        self.configuration.apply("routing", record(routing=routing))

    def start_act(self) -> None:
        """The act role comes back."""
        self._sides = [self.act, self.watch, self.decide]

    def feed(self, *outs: OutRecord, replayed: bool = False) -> list[OutRecord]:
        """Run records on whoever reads their topics, commit, and what follows from them too."""
        made: list[OutRecord] = []
        queue = deque((out, replayed) for out in outs)
        while queue:
            out, again = queue.popleft()
            for side in self._sides:
                if out.topic.name not in side.reads:
                    continue
                outputs, work = self._run(side, out, again)
                made += outputs
                queue.extend((one, False) for one in outputs)
                for attempt in work:
                    self.attempts.append(attempt)
                    result = result_record(self.deliver(attempt), attempt.trace)
                    self.results.append(result)
                    queue.append((result, False))
        return made

    def _run(self, side: Side, out: OutRecord, replayed: bool) -> tuple[list[OutRecord], list[Any]]:
        self._offset += 1
        batch = side.runner.batch(0)
        side.runner.run(to_record(out, self._offset, self.now, replayed=replayed), batch)
        side.runner.finish(batch)
        for table, key, value in batch.state.rows():
            side.keep(table, key, value)
        outputs = [output for _, output in batch.outputs]
        self.outputs += outputs
        return outputs, batch.work

    def deliver(self, attempt: Attempt) -> NotifyResult:
        """A pass over the receiver's channels, as the delivery service makes it."""
        request = attempt.request
        receivers = {one.name: one for one in self.configuration.routing.receivers}
        receiver = receivers.get(request.receiver)
        if receiver is None:
            return summary(attempt, (), {}, self.now, error=f"no receiver {request.receiver}")
        site = self.configuration.site(request.site_id)
        channels = chosen(receiver, attempt, None if site is None else site.site)
        outcomes: list[ChannelOutcome] = []
        for key, channel in channels.items():
            outcome = self._take(attempt, channel)
            outcomes.append(ChannelOutcome(channel=key, kind=channel.kind, outcome=outcome))
            if outcome is Outcome.DELIVERED and not receiver.fanout:
                break
        return summary(attempt, outcomes, channels, self.now, fanout=receiver.fanout)

    def _take(self, attempt: Attempt, channel: Channel) -> Outcome:
        request = attempt.request
        name = channel.name or channel.kind
        places = {(request.receiver, None), (request.receiver, name)}
        if places & self.hanging:
            return Outcome.TIMED_OUT
        if places & self.failing:
            return Outcome.FAILED
        self.delivered.append(
            Delivered(
                receiver=request.receiver,
                channel=name,
                status=request.status.value,
                alerts=request.total,
                kind=request.kind,
                at=self.now,
                request=request,
            )
        )
        return Outcome.DELIVERED

    def advance(self, to: datetime) -> list[OutRecord]:
        """Let time go on, with a tick wherever something is due; it never goes back."""
        made: list[OutRecord] = []
        if self._changed:
            # What a changed document does at once, it does at the next of its ticks, one a second.
            self._changed = False
            made += self._tick(min(to, self.now + TICK))
        while True:
            dues = [due for side in self._sides if (due := side.next_due()) is not None]
            due = min(dues, default=None)
            if due is None or due > to.timestamp():
                break
            made += self._tick(max(self.now, datetime.fromtimestamp(due, UTC)))
        return made + self._tick(to)

    def _tick(self, now: datetime) -> list[OutRecord]:
        if self._ticked and now <= self.now:
            return []
        self._ticked = True
        self.now = now
        tried = len(self.attempts)
        made = self.feed(*(tick_record(side.chain.ticks, 0, now, "test") for side in self._sides))
        if made or len(self.attempts) > tried:
            self.busy.append(now)
        return made

    def alerts(self) -> dict[str, Alert]:
        """Every alert, as its newest record says."""
        found: dict[str, Alert] = {}
        for out in self.outputs:
            if out.topic is ALERTS:
                assert out.key is not None
                if out.value is None:
                    found.pop(out.key.decode(), None)
                else:
                    found[out.key.decode()] = decode(out.value, Alert)
        return found
