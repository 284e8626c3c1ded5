"""The act chain on a dictionary, with a clock that is turned and results that are handed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from agents.notify.passes import Attempt, chosen, report, summary
from agents.notify.stage import ACT_CHAIN, DELIVERIES, Delivery, result_record
from agents.runtime.chain import ChainRunner
from agents.runtime.record import Record
from agents.runtime.state import MemoryStore, decode_row
from agents.runtime.ticker import tick_record
from schemas.base import decode
from schemas.document import Channel, Receiver, Site
from schemas.notification import ChannelOutcome, NotifyRequest, NotifyResult, Outcome
from tests.unit.agents.notify.parts import T0, asked_for, configured
from topics.catalogue import NOTIFY_RESULTS
from topics.record import OutRecord


def receiver(*channels: Channel, **more: Any) -> Receiver:
    return Receiver(name="soc", channels=channels, **more)


class Act:
    """One partition of act.

    attempts: what was to be begun, in order. told: what the stage said on the results' topic.
    """

    def __init__(self, one: Receiver, site: Site | None = None) -> None:
        self.receiver = one
        self.configuration = configured(one, site=site)
        self.store = MemoryStore()
        self.runner = ChainRunner(ACT_CHAIN, self.configuration, self.store)
        self.now = T0
        self.attempts: list[Attempt] = []
        self.told: list[NotifyResult] = []
        self._offset = 0
        self.tick(0)

    def feed(self, out: OutRecord) -> list[Attempt]:
        """Run a record, commit; what is to be begun because of it."""
        self._offset += 1
        record = Record(
            topic=out.topic,
            partition=0,
            offset=self._offset,
            timestamp_ms=int(self.now.timestamp() * 1000),
            key=out.key,
            value=out.value,
            headers=dict(out.headers),
        )
        batch = self.runner.batch(0)
        self.runner.run(record, batch)
        self.runner.finish(batch)
        assert batch.dead == 0
        for table, key, value in batch.state.rows():
            self.store.write(table, 0, key, value)
        for _, output in batch.outputs:
            assert output.topic is NOTIFY_RESULTS
            self.told.append(decode(output.value or b"", NotifyResult))
        self.attempts += batch.work
        return batch.work

    def tick(self, seconds: float) -> list[Attempt]:
        """Let so much time pass, a tick a second, as the owner of the partition writes them."""
        begun: list[Attempt] = []
        end = self.now + timedelta(seconds=seconds)
        while True:
            begun += self.feed(tick_record(ACT_CHAIN.ticks, 0, self.now, "test"))
            if self.now >= end:
                return begun
            self.now = min(end, self.now + timedelta(seconds=1))

    def ask(self, request: NotifyRequest) -> list[Attempt]:
        return self.feed(asked_for(request))

    def end(self, attempt: Attempt, *failing: str, **more: Any) -> list[Attempt]:
        """The attempt is over: the channels named fail, the others take it. more: of the failures.

        confirm: a reference under which what was taken can be asked after.
        """
        confirm = more.pop("confirm", None)
        channels = chosen(self.receiver, attempt, None)
        outcomes: list[ChannelOutcome] = []
        for key, channel in channels.items():
            bad = key in failing
            outcomes.append(
                ChannelOutcome(
                    channel=key,
                    kind=channel.kind,
                    outcome=Outcome.FAILED if bad else Outcome.DELIVERED,
                    reference=None if bad else confirm,
                    confirm=not bad and confirm is not None,
                    **(more if bad else {}),
                )
            )
            if not bad and not self.receiver.fanout:
                break
        result = summary(attempt, outcomes, channels, self.now, fanout=self.receiver.fanout)
        return self.feed(result_record(result))

    def say(self, attempt: Attempt, outcome: Outcome) -> list[Attempt]:
        """A channel says what became of the first thing that it was asked about."""
        asked = attempt.checks[0]
        made = report(attempt.request, asked, None, outcome, None, None, self.now)
        return self.feed(result_record(made))

    def row(self, name: str = "n-1") -> Delivery | None:
        data = self.store.get(DELIVERIES.table, 0, DELIVERIES.row(name))
        return None if data is None else decode_row(DELIVERIES, data)

    def seconds(self) -> float:
        return (self.now - datetime(T0.year, T0.month, T0.day, T0.hour, tzinfo=UTC)).total_seconds()
