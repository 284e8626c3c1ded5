"""A role's process: its Faust app, its services, its health, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agents.runtime import eventloop
from agents.runtime.app import RoleApp, Take, changelog_name, changelog_names
from agents.runtime.chain import ChainRunner
from agents.runtime.clock import wall
from agents.runtime.configuration import ROUTING_KEY, Configuration
from agents.runtime.emitter import Emitter
from agents.runtime.follower import Follower
from agents.runtime.generations import foreign_keys
from agents.runtime.health import Health, HealthServer
from agents.runtime.host import ChainHost
from agents.runtime.inspection import TableView
from agents.runtime.journal import Journal
from agents.runtime.lease import Lease
from agents.runtime.memory import keep_small
from agents.runtime.metrics import METRICS
from agents.runtime.ownership import Ownership
from agents.runtime.record import Record
from agents.runtime.role import Role, Worker
from agents.runtime.service import RoleContext, Service
from agents.runtime.ticker import TickerService
from schemas.base import SchemaError
from topics.catalogue import CONFIG
from topics.declare import Topic
from topics.plan import partitions_of

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["RoleProcess", "main"]

log = logging.getLogger("watchfloor.worker")

BACKOFF: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
OUTSIDE_TIME: Final = "outside"
"""Processing time is the watermark, and what a runner ticks."""
TICKED_TIME: Final = "ticks"
"""Processing time is what a runner ticks, and nothing else."""
SETTLE_S: Final = 1.5
"""For what is in work when partitions are given up; well below the session timeout."""


class RoleProcess:
    """Everything that runs in one role's process."""

    def __init__(self, role: Role, settings: Settings) -> None:
        self.role = role
        self.settings = settings
        self.configuration = Configuration()
        self.instance = os.environ.get("WATCHFLOOR_INSTANCE", role.name)
        time = os.environ.get("WATCHFLOOR_TIME")
        self.outside_time = time in (OUTSIDE_TIME, TICKED_TIME)
        self.watermark = time == OUTSIDE_TIME
        self.emitter = Emitter(settings, f"watchfloor-{role.name}")
        self.app = RoleApp(
            settings,
            role.name,
            instance=self.instance,
            standbys=int(os.environ.get("WATCHFLOOR_STANDBYS", "0")),
            static=os.environ.get("WATCHFLOOR_STATIC_MEMBER") == "1",
        )
        self.lease = Lease(settings.session_timeout.total_seconds())
        self.hosts: list[ChainHost] = []
        self.workers: list[Worker] = []
        self.tables: TableView | None = None
        self._flush: Callable[[int, int], None] = lambda turn, turns: None
        self._owned: dict[str, Ownership] = {}
        self._work: dict[type, Callable[[Any], None]] = {}
        self.health = Health(role.name, self._ready, self._facts, self._oldest)
        self.context = RoleContext(
            role=role.name,
            settings=settings,
            emitter=self.emitter,
            now=wall,
            configuration=self.configuration,
            ownership=self.ownership,
            report=self.health.report,
            alive=self.lease.check,
        )
        # Where time is not the world's, nobody asks the world anything.
        self.services: list[Service] = [
            service
            for service in (make() for make in role.services)
            if not (self.outside_time and getattr(service, "real_time", False))
        ]
        self._wire()

    def ownership(self, topic: Topic) -> Ownership:
        """Which partitions of a topic this replica owns."""
        found = self._owned.get(topic.name)
        if found is None:
            found = self._owned[topic.name] = Ownership(topic)
            # They may have been given to us before anybody asked.
            found.set(self.app.assigned.get(topic.name, frozenset()))
        return found

    def _wire(self) -> None:
        for service in self.services:
            handler = getattr(service, "handles", None)
            if handler is not None:
                self._work[handler] = service.start_work  # type: ignore[attr-defined]
        if self.role.chains:
            partitions = partitions_of(self.role.chains[0].ticks, self.settings.site_partitions)
            store = self.app.add_tables(self.role.chains, partitions, self.emitter)
            self.tables = TableView(store, self.role.chains)
            self._flush = store.flush
            for chain in self.role.chains:
                runner = ChainRunner(chain, self.configuration, store, watermark=self.watermark)
                named = partial(changelog_name, self.role.name)
                journal = Journal(self.emitter, store, runner.timers.table, named, self._foreign)
                host = ChainHost(
                    runner, self.emitter, self._start_work, journal, alive=self.lease.check
                )
                self.hosts.append(host)
                for topic in chain.reads:
                    # One agent a topic: their turns at the chain come round and round.
                    urgent = chain.priority(topic) <= len(chain.urgent)
                    take = partial(host.take, urgent=urgent)
                    self.app.add_agent(f"{chain.name} {topic}", (topic,), self._gate(take))
                if not self.outside_time:
                    self.services.append(TickerService(chain.ticks))
        for item in self.role.inputs:
            worker = item.worker(self.context)
            self.workers.append(worker)
            self.app.add_agent(item.name, (item.reads,), self._gate(_singly(worker)))
        for topic in self.role.owns:
            self.app.add_agent(f"owner of {topic.name}", (topic,), _acknowledge)
        self.app.on_change(self._on_change)
        self.app.on_settle(self._settle)

    def _gate(self, take: Take) -> Take:
        async def gated(
            records: Sequence[Record], start: int, done: Callable[[int, int], None]
        ) -> None:
            # Nothing is decided before what was configured is known.
            if not self.configuration.loaded.is_set():
                await self.configuration.loaded.wait()
            await take(records, start, done)

        return gated

    async def _settle(self, topic: str, lost: frozenset[int]) -> None:
        for chain, host in zip(self.role.chains, self.hosts, strict=True):
            if topic in {t.name for t in chain.reads}:
                await host.settle(lost, SETTLE_S)

    async def _foreign(
        self, topic: str, partition: int, ranges: Sequence[range], generation: int
    ) -> set[bytes]:
        prefix = f"{self.settings.namespace}." if self.settings.namespace else ""
        return await foreign_keys(
            self.settings, prefix + topic, partition, ranges, generation=generation
        )

    def _start_work(self, work: Any) -> None:
        self._work[type(work)](work)

    def _on_change(self, topic: str, owned: frozenset[int], lost: frozenset[int]) -> None:
        METRICS.owned.labels(topic).set(len(owned))
        if topic in self._owned:
            self._owned[topic].set(owned)
        for chain, host in zip(self.role.chains, self.hosts, strict=True):
            if topic in {t.name for t in chain.reads}:
                host.abandon(lost)
                if owned:
                    host.resume()
        for item, worker in zip(self.role.inputs, self.workers, strict=True):
            if item.reads.name == topic:
                worker.assigned(owned)

    def _ready(self) -> bool:
        return self.app.recovered and self.configuration.loaded.is_set()

    def _facts(self) -> dict[str, Any]:
        return {
            "instance": self.instance,
            "namespace": self.settings.namespace,
            "config_revision": self.configuration.revision,
            "config_loaded": self.configuration.loaded.is_set(),
            "partitions": {topic: sorted(p) for topic, p in self.app.assigned.items()},
            **({"tables": self.app.recovery.facts()} if self.role.chains else {}),
            **{name: fact for worker in self.workers for name, fact in worker.facts().items()},
        }

    def _oldest(self) -> float | None:
        waits = [host.oldest() for host in self.hosts]
        return max((wait for wait in waits if wait is not None), default=None)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; raise what no record and no service is to blame for."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        note = (
            Path(self.settings.state_dir)
            / "run"
            / (self.settings.namespace or "live")
            / f"{self.instance}.json"
        )
        port = int(os.environ.get("WATCHFLOOR_HEALTH_PORT", "0"))
        server = HealthServer(self.health, port, note, self.tables)
        self.lease.start()
        await self.emitter.start(many=bool(self.role.chains))
        await server.start()
        tasks = [
            asyncio.create_task(self.health.watch_loop(), name="loop"),
            asyncio.create_task(keep_small(self._flush), name="memory"),
            asyncio.create_task(self._follow_configuration(), name="configuration"),
            asyncio.create_task(self._watch_app(), name="faust"),
            *(asyncio.create_task(host.failed(), name="commit") for host in self.hosts),
            *(asyncio.create_task(self._keep(s), name=s.name) for s in self.services),
        ]
        stopped = asyncio.create_task(stop.wait())
        try:
            await self.app.app.start()
            done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task is not stopped:
                    task.result()
        finally:
            log.info("%s stops", self.role.name)
            for task in [*tasks, stopped]:
                task.cancel()
            with contextlib.suppress(asyncio.TimeoutError):
                async with asyncio.timeout(5):
                    await asyncio.gather(*tasks, stopped, return_exceptions=True)
            for worker in self.workers:
                await worker.close()
            # What is under way is finished: its offsets are among those that Faust commits last.
            with contextlib.suppress(asyncio.TimeoutError):
                async with asyncio.timeout(2):
                    await asyncio.gather(*(host.drain() for host in self.hosts))
            with contextlib.suppress(asyncio.TimeoutError):
                async with asyncio.timeout(10):
                    await self.app.app.stop()
            await self.emitter.stop()
            await server.stop()
            self.lease.stop()

    async def _watch_app(self) -> None:
        """Return an error when Faust gave up: a new process starts clean."""
        while True:
            await asyncio.sleep(0.2)
            self.lease.check()
            if self.app.app.crashed:
                reason = self.app.app.crash_reason
                what = f"the stream of {self.role.name} stopped: {reason!r}"
                raise RuntimeError(what) from reason

    async def _follow_configuration(self) -> None:
        async with Follower(self.settings, [CONFIG], client_id="configuration") as follower:
            # A broker that does not answer now says nothing about what is configured.
            while not (ends := await follower.end_offsets()):
                await asyncio.sleep(0.5)
            async for chunk in follower.chunks(timeout=0.5):
                for record in chunk:
                    self._configure(record)
                reached = follower.positions()
                if not self.configuration.loaded.is_set() and all(
                    end == 0 or reached.get(part, 0) >= end for part, end in ends.items()
                ):
                    self.configuration.loaded.set()

    def _configure(self, record: Record) -> None:
        key = (record.key or b"").decode("utf-8", "replace")
        try:
            document = None if record.value is None else record.message()
        except SchemaError as error:
            # The document before it stays in force; `apply` writes only what it has validated.
            log.error("%s: %s", CONFIG, error)
            return
        self.configuration.apply(key or ROUTING_KEY, document)
        METRICS.revision.set(self.configuration.revision)

    async def _keep(self, service: Service) -> None:
        """Run a service, again with backoff when it raises."""
        attempt = 0
        self.health.report(service.name, None)
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                await self.configuration.loaded.wait()
                await service.run(self.context)
                problem = "it ended"
            except Exception as error:
                log.exception("%s failed", service.name)
                problem = f"{type(error).__name__}: {error}"
            self.health.report(service.name, problem)
            if asyncio.get_running_loop().time() - begun > 60:
                attempt = 0
            await asyncio.sleep(BACKOFF[min(attempt, len(BACKOFF) - 1)])
            attempt += 1
            self.health.report(service.name, None)


async def _acknowledge(
    records: Sequence[Record], start: int, done: Callable[[int, int], None]
) -> None:
    """The records of a topic that only says who owns what are read by a follower."""
    done(start, records[-1].offset + 1)


def _singly(worker: Worker) -> Take:
    """A chunk for a worker that takes single records, and is done with them in its own order."""

    async def take(records: Sequence[Record], start: int, done: Callable[[int, int], None]) -> None:
        for number, record in enumerate(records, 1):
            end = records[number].offset if number < len(records) else record.offset + 1
            await worker.take(record, partial(done, start, end))
            start = end

    return take


def main(name: str, settings: Settings) -> None:
    """Run the process of the role `name` to its end. Raises KeyError for no role."""
    from agents.roles import role as find
    from topics.admin import ensure_changelogs

    role = find(name)
    if role.chains:
        names = changelog_names(settings, role.name, role.chains)
        ticks = role.chains[0].ticks
        ensure_changelogs(settings, names, partitions_of(ticks, settings.site_partitions))

    async def run() -> None:
        await RoleProcess(role, settings).run()

    eventloop.run(run())
