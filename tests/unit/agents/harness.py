"""Drives decide and act without a broker: records in, outputs out, each other's fed back.

Time is the harness's: it stands still until a step moves it, and then ticks at every second in
which something is due. What would leave the machine is a delivery in a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.decide import DECIDE_CHAIN
from agents.notify.stage import ACT_CHAIN, Attempt, result_record
from agents.runtime.chain import ChainRunner
from agents.runtime.configuration import Configuration
from agents.runtime.record import Record
from agents.runtime.stage import Chain
from agents.runtime.state import MemoryStore, TableSpec, decode_row
from agents.runtime.ticker import tick_record
from schemas.alert import Activity, Alert, Command, CommandKind
from schemas.base import Message, Severity, decode
from schemas.decision import Decision
from schemas.document import (
    Camera,
    Channel,
    ConfigRecord,
    Receiver,
    Route,
    Routing,
    Site,
    Zone,
)
from schemas.event import SecurityEvent
from schemas.ids import result_id
from schemas.notification import NotifyRequest, NotifyResult, Outcome
from topics.catalogue import (
    ACTIVITY,
    ALERTS,
    COMMANDS,
    DECISIONS,
    EVENTS,
    NOTIFY_REQUESTS,
    NOTIFY_RESULTS,
)
from topics.declare import Topic
from topics.record import OutRecord, make

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """That many seconds after the harness's beginning of time."""
    return T0 + timedelta(seconds=seconds)


def site(**zone: Any) -> Site:
    """A site with the zone `yard` over two cameras; arguments are the zone's."""
    return Site(
        site_id="north",
        name="North depot",
        timezone="Europe/London",
        cameras=(Camera(camera_id="cam-1", name="Gate"), Camera(camera_id="cam-2", name="Fence")),
        zones=(
            Zone(
                **{
                    "zone_id": "yard",
                    "camera_ids": ("cam-1", "cam-2"),
                    "severity": Severity.HIGH,
                    **zone,
                }
            ),
        ),
    )


def routing(*receivers: Receiver, **route: Any) -> Routing:
    """One receiver that records, told at once; arguments are the root route's."""
    given = receivers or (Receiver(name="soc", channels=(Channel(kind="recording"),)),)
    root: dict[str, Any] = {
        "receiver": given[0].name,
        "group_wait": timedelta(0),
        "group_interval": timedelta(0),
    }
    return Routing(route=Route(**{**root, **route}), receivers=given)


_routing = routing


def event(name: str, *, at_seconds: float = 0, **more: Any) -> SecurityEvent:
    """An intrusion in the yard, seen by cam-1, at that time."""
    fields: dict[str, Any] = {
        "event_id": name,
        "site_id": "north",
        "camera_id": "cam-1",
        "zone_id": "yard",
        "event_type": "intrusion",
        "occurred_at": at(at_seconds),
    }
    return SecurityEvent(**{**fields, **more})


def to_record(
    out: OutRecord, offset: int = 0, now: datetime = T0, *, replayed: bool = False
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


@dataclass(frozen=True)
class Delivered:
    """Something that a channel took. alerts: how many it is about."""

    receiver: str
    channel: str
    status: str
    alerts: int
    kind: str
    at: datetime
    request: NotifyRequest


@dataclass
class Side:
    """One chain on a dictionary."""

    chain: Chain
    configuration: Configuration
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.runner = ChainRunner(self.chain, self.configuration, self.store)
        self.reads = {topic.name for topic in self.chain.reads}

    def next_due(self) -> float | None:
        """The earliest second in which a timer waits."""
        prefix = self.runner.timers.row("h")
        seconds = [
            second
            for (table, _, key), data in self.store.rows.items()
            if table == self.runner.timers.table and key.startswith(prefix)
            for second in decode_row(self.runner.timers, data).seconds
        ]
        return min(seconds, default=None)


class Harness:
    """A site's decide and act.

    outputs: what the chains emitted; results: what the deliveries said of their attempts.
    failing, hanging: (receiver, channel's name or None for all of them) that take nothing.
    act: False lets requests lie, as if the act role were away.
    """

    def __init__(self, *sites: Site, routing: Routing | None = None, act: bool = True) -> None:
        self.configuration = Configuration()
        self.now = T0
        self.failing: set[tuple[str, str | None]] = set()
        self.hanging: set[tuple[str, str | None]] = set()
        self.outputs: list[OutRecord] = []
        self.delivered: list[Delivered] = []
        self.attempts: list[Attempt] = []
        self.results: list[OutRecord] = []
        self._offset = 0
        self._revision = 0
        self._commands = 0
        self.decide = Side(DECIDE_CHAIN, self.configuration)
        self.act = Side(ACT_CHAIN, self.configuration)
        self._sides = [self.decide, self.act] if act else [self.decide]
        self._ticked = False
        self.configure(*sites, routing=routing)

    def configure(self, *sites: Site, routing: Routing | None = None) -> None:
        """Put a document in force."""
        self._revision += 1

        def record(**parts: Any) -> ConfigRecord:
            return ConfigRecord(revision=self._revision, author="t", at=T0, **parts)

        for one in sites:
            self.configuration.apply(one.site_id, record(site=one))
        chosen = routing or _routing()
        self.configuration.apply("routing", record(routing=chosen))

    def start_act(self) -> None:
        """The act role comes back."""
        self._sides = [self.decide, self.act]

    def feed(self, out: OutRecord, *, replayed: bool = False) -> list[OutRecord]:
        """Run a record on whoever reads its topic, commit, and what follows from it too."""
        made: list[OutRecord] = []
        for side in self._sides:
            if out.topic.name not in side.reads:
                continue
            self._offset += 1
            batch = side.runner.batch(0)
            side.runner.run(to_record(out, self._offset, self.now, replayed=replayed), batch)
            for table, key, value in batch.state.rows():
                side.store.write(table, 0, key, value)
            for _, output in batch.outputs:
                made.append(output)
                self.outputs.append(output)
            for _, output in batch.outputs:
                if output.topic in (NOTIFY_REQUESTS, NOTIFY_RESULTS):
                    made += self.feed(output)
            for attempt in batch.work:
                self.attempts.append(attempt)
                result = result_record(self.deliver(attempt))
                self.results.append(result)
                made += self.feed(result)
        return made

    def deliver(self, attempt: Attempt) -> NotifyResult:
        """A pass over the receiver's channels, as the delivery service makes it."""
        request = attempt.request
        receivers = {one.name: one for one in self.configuration.routing.receivers}
        outcome, used = Outcome.FAILED, None
        for used in receivers[request.receiver].channels:
            name = used.name or used.kind
            places = {(request.receiver, None), (request.receiver, name)}
            if places & self.hanging:
                outcome = Outcome.TIMED_OUT
            elif places & self.failing:
                outcome = Outcome.FAILED
            else:
                outcome = Outcome.DELIVERED
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
                break
        return NotifyResult(
            result_id=result_id(request.notification_id, attempt.attempt),
            notification_id=request.notification_id,
            site_id=request.site_id,
            receiver=request.receiver,
            outcome=outcome,
            attempt=attempt.attempt,
            at=self.now,
            channel=None if used is None else used.name or used.kind,
            channel_kind=None if used is None else used.kind,
            event_ids=request.event_ids,
        )

    def advance(self, to: datetime) -> list[OutRecord]:
        """Let time go on, with a tick wherever something is due; it never goes back."""
        made: list[OutRecord] = []
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
        return [
            out
            for side in self._sides
            for out in self.feed(tick_record(side.chain.ticks, 0, now, "test"))
        ]

    def wait(self, seconds: float) -> list[OutRecord]:
        """Let that much time pass."""
        return self.advance(self.now + timedelta(seconds=seconds))

    def send(
        self, one: SecurityEvent, *, at_seconds: float | None = None, replayed: bool = False
    ) -> list[OutRecord]:
        """Send an event, when it happened or at that time; what came of the event itself."""
        self.advance(max(self.now, one.occurred_at if at_seconds is None else at(at_seconds)))
        out = make(
            EVENTS,
            one,
            id=one.event_id,
            time=one.occurred_at,
            source="test",
            key=one.site_id,
        )
        return self.feed(out, replayed=replayed)

    def result(self, one: SecurityEvent, **more: Any) -> tuple[str, str | None]:
        """Send an event; its decision's result and reason."""
        found = decisions(self.send(one, **more))
        assert len(found) == 1, found
        return found[0]

    def command(self, kind: str, *, alert: str | None = None, **more: Any) -> list[OutRecord]:
        """Ask something of an alert; without `alert`, of the only one."""
        self._commands += 1
        if alert is None:
            (alert,) = self.alerts()
        fields: dict[str, Any] = {
            "command_id": f"command-{self._commands}",
            "site_id": "north",
            "actor": "kim",
            "at": self.now,
        }
        one = Command(**{**fields, **more}, alert_id=alert, kind=CommandKind(kind))
        return self.feed(
            make(COMMANDS, one, id=one.command_id, time=one.at, source="test", key=one.site_id)
        )

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

    def alert(self) -> Alert:
        """The only alert."""
        (found,) = self.alerts().values()
        return found

    def row(self, table: TableSpec[Any], key: str) -> Any:
        """A row of a stage's state."""
        for side in self._sides:
            data = side.store.get(table.table, 0, table.row(key))
            if data is not None:
                return decode_row(table, data)
        return None


def messages(outputs: Sequence[OutRecord], topic: Topic) -> list[Any]:
    """The messages on a topic among outputs, in order; tombstones left out."""
    kind: type[Message] = topic.value
    return [decode(o.value, kind) for o in outputs if o.topic is topic and o.value is not None]


def decisions(outputs: Sequence[OutRecord]) -> list[tuple[str, str | None]]:
    """Result and reason of each decision among outputs."""
    made: list[Decision] = messages(outputs, DECISIONS)
    return [(str(one.result), one.reason) for one in made]


def activities(outputs: Sequence[OutRecord]) -> list[str]:
    """What happened to alerts among outputs, in order."""
    entries: list[Activity] = messages(outputs, ACTIVITY)
    return [str(one.kind) for one in entries]


def dead(outputs: Sequence[OutRecord]) -> list[str]:
    """The dead-letter topics among outputs."""
    return [out.topic.name for out in outputs if out.topic.name.endswith(".dlq")]
