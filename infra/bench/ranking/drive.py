"""The decide chain without a broker: the stages that the live role runs, on rows in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from agents.decide import DECIDE_CHAIN
from agents.runtime.chain import ChainRunner
from agents.runtime.configuration import Configuration
from agents.runtime.record import Record
from agents.runtime.state import MemoryStore
from agents.runtime.ticker import tick_record
from schemas.alert import Alert, Command
from schemas.base import decode
from schemas.document import ConfigRecord, Document
from schemas.event import SecurityEvent
from topics.catalogue import ALERTS, COMMANDS, EVENTS, TICKS_DECIDE
from topics.record import OutRecord, make

__all__ = ["Decide", "configured"]

SOURCE: Final = "watchfloor/bench"
CHUNK: Final = 500
"""Records a commit; state is written to the store and read back from it in between."""


def configured(document: Document, at: datetime) -> Configuration:
    """A configuration with the document in force."""
    configuration = Configuration()
    for site in document.sites:
        made = ConfigRecord(revision=1, author="bench", at=at, site=site)
        configuration.apply(site.site_id, made)
    told = ConfigRecord(revision=1, author="bench", at=at, routing=document.routing)
    configuration.apply("routing", told)
    return configuration


class Decide:
    """A decide role of one partition. alerts: the newest record of each, as a reader has them."""

    def __init__(self, document: Document, at: datetime) -> None:
        self.store = MemoryStore()
        self.runner = ChainRunner(DECIDE_CHAIN, configured(document, at), self.store)
        self.alerts: dict[str, Alert] = {}
        self.outputs: list[OutRecord] = []
        self._offset = 0
        self._batch = self.runner.batch(0)
        self._tick = datetime.min.replace(tzinfo=UTC)

    def event(self, event: SecurityEvent) -> list[Alert]:
        """Run an event at its own time; the alerts that it changed."""
        self.tick(event.occurred_at)
        return self.feed(
            make(
                EVENTS,
                event,
                id=event.event_id,
                time=event.occurred_at,
                source=SOURCE,
                key=event.site_id,
            )
        )

    def command(self, command: Command) -> list[Alert]:
        """Run a command at its own time."""
        self.tick(command.at)
        return self.feed(
            make(
                COMMANDS,
                command,
                id=command.command_id,
                time=command.at,
                source=SOURCE,
                key=command.site_id,
            )
        )

    def tick(self, now: datetime) -> list[Alert]:
        """Let time go on to `now`, second by second where something waits, as the live one does."""
        now = now.replace(microsecond=0)
        if now <= self._tick:
            return []
        self._tick = now
        return self.feed(tick_record(TICKS_DECIDE, 0, now, "bench"))

    def feed(self, out: OutRecord) -> list[Alert]:
        """Run a record; what it emits is taken in, and every so often all is committed."""
        self._offset += 1
        self.runner.run(
            Record(
                topic=out.topic,
                partition=0,
                offset=self._offset,
                timestamp_ms=int(self._tick.timestamp() * 1000),
                key=out.key,
                value=out.value,
                headers=dict(out.headers),
            ),
            self._batch,
        )
        self.runner.finish(self._batch)
        changed = []
        for _, output in self._batch.outputs:
            if output.topic is ALERTS and output.value is not None:
                alert = decode(output.value, Alert)
                self.alerts[alert.alert_id] = alert
                changed.append(alert)
            elif output.topic.name.endswith(".dlq"):
                raise RuntimeError(f"dead letter: {dict(output.headers)}")
        self._batch.outputs.clear()
        if self._offset % CHUNK == 0:
            self.commit()
        return changed

    def commit(self) -> None:
        """Write the state, and go on from what was written."""
        for table, key, value in self._batch.state.rows():
            self.store.write(table, 0, key, value)
        self._batch = self.runner.batch(0)
