"""Drives chains without a broker: records in, outputs out, results fed back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.decide import DECIDE_CHAIN
from agents.runtime.chain import ChainRunner
from agents.runtime.configuration import Configuration
from agents.runtime.record import Record
from agents.runtime.stage import Chain
from agents.runtime.state import MemoryStore
from agents.runtime.ticker import tick_record
from schemas.base import Message, decode
from schemas.decision import Decision
from schemas.document import Channel, ConfigRecord, Receiver, Route, Routing, Site
from schemas.ids import result_id
from schemas.notification import NotifyRequest, NotifyResult, Outcome
from topics.catalogue import DECISIONS, NOTIFY_REQUESTS, NOTIFY_RESULTS
from topics.record import OutRecord, make

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """That many seconds after the harness's beginning of time."""
    return T0 + timedelta(seconds=seconds)


def to_record(out: OutRecord, offset: int = 0, now: datetime = T0) -> Record:
    """What a consumer would see of a record that was produced."""
    return Record(
        topic=out.topic,
        partition=0,
        offset=offset,
        timestamp_ms=int(now.timestamp() * 1000),
        key=out.key,
        value=out.value,
        headers=dict(out.headers),
    )


@dataclass
class Harness:
    """A chain on a dictionary. `fails`: receivers that take nothing."""

    site: Site
    routing: Routing = field(
        default_factory=lambda: Routing(
            route=Route(receiver="soc", group_wait=timedelta(0), group_interval=timedelta(0)),
            receivers=(Receiver(name="soc", channels=(Channel(kind="recording"),)),),
        )
    )
    chain: Chain = DECIDE_CHAIN
    fails: set[str] = field(default_factory=set)
    outputs: list[OutRecord] = field(default_factory=list)
    requests: list[NotifyRequest] = field(default_factory=list)
    offset: int = 0

    def __post_init__(self) -> None:
        self.configuration = Configuration()
        self.store = MemoryStore()
        self.configure(self.site, self.routing)
        self.runner = ChainRunner(self.chain, self.configuration, self.store)

    def configure(self, site: Site, routing: Routing) -> None:
        """Put another document in force."""
        self.configuration.apply(
            site.site_id, ConfigRecord(revision=1, author="t", at=T0, site=site)
        )
        self.configuration.apply(
            "routing", ConfigRecord(revision=1, author="t", at=T0, routing=routing)
        )

    def feed(self, out: OutRecord) -> list[OutRecord]:
        """Run one record, commit, and play act for the notifications that it causes."""
        self.offset += 1
        batch = self.runner.batch(0)
        self.runner.run(to_record(out, self.offset), batch)
        for table, key, value in batch.state.rows():
            self.store.write(table, 0, key, value)
        made = [output for _, output in batch.outputs]
        self.outputs += made
        for output in list(made):
            if output.topic is NOTIFY_REQUESTS:
                assert output.value is not None
                request = decode(output.value, NotifyRequest)
                self.requests.append(request)
                made += self.feed(self.answer(request))
        return made

    def answer(self, request: NotifyRequest) -> OutRecord:
        """What act would say of a request's first pass."""
        failed = request.receiver in self.fails
        result = NotifyResult(
            result_id=result_id(request.notification_id, 1),
            notification_id=request.notification_id,
            site_id=request.site_id,
            receiver=request.receiver,
            outcome=Outcome.FAILED if failed else Outcome.DELIVERED,
            attempt=1,
            at=request.requested_at,
            channel="recording",
            channel_kind="recording",
            event_ids=request.event_ids,
        )
        return make(
            NOTIFY_RESULTS,
            result,
            id=result.result_id,
            time=result.at,
            source="test",
            key=request.site_id,
        )

    def tick(self, now: datetime) -> list[OutRecord]:
        """Let processing time be `now`."""
        return self.feed(tick_record(self.chain.ticks, 0, now, "test"))


def messages(outputs: list[OutRecord], kind: type[Message]) -> list[Any]:
    """The messages of one type among outputs, in order."""
    return [
        decode(out.value, kind)
        for out in outputs
        if out.value is not None and out.topic.value is kind
    ]


def decisions(outputs: list[OutRecord]) -> list[tuple[str, str | None]]:
    """Result and reason of each decision among outputs."""
    made = [out for out in outputs if out.topic is DECISIONS]
    return [(str(d.result), d.reason) for d in messages(made, Decision)]
