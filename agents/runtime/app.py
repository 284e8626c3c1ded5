"""The Faust app of a role, made from its declaration.

What Faust would do otherwise is set here once: no topics of its own making, no leader topic, no
web server on every address, RocksDB for tables, `acks=all`, fail-over in seconds.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import faust
from faust.types import TP
from yarl import URL

from agents.runtime.chunks import Chunk
from agents.runtime.clock import wall
from agents.runtime.fetching import MOST_AT_ONCE
from agents.runtime.generations import HEADER, fence_key, fence_value
from agents.runtime.journal import Confirms, changelog_topic
from agents.runtime.offsets import Progress
from agents.runtime.record import Record
from agents.runtime.recovery import ChunkRecovery, ChunkTableManager
from agents.runtime.stage import Chain
from agents.runtime.store import RowTable, TableStore
from agents.runtime.transport import OrderedApp, OrderedConsumer
from topics.declare import Topic
from topics.record import OutRecord

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["RoleApp", "Take", "changelog_name", "changelog_names"]

log = logging.getLogger("watchfloor.app")

GENERATION_STEP: Final = 10**13
"""Above any time in ms until the year 2286."""

Take = Callable[[Sequence[Record], int, Callable[[int, int], None]], Awaitable[None]]
"""Takes a chunk's records, the offset from which on they account for their partition, and whom to
tell what is done."""


def changelog_names(settings: Settings, role: str, chains: Iterable[Chain]) -> list[str]:
    """The changelog topics of a role's tables, without the namespace; Faust's own naming."""
    return [changelog_name(role, table) for table in table_names(chains)]


def changelog_name(role: str, table: str) -> str:
    """The changelog topic of one table, without the namespace."""
    return f"watchfloor-{role}-{table}-changelog"


def table_names(chains: Iterable[Chain]) -> list[str]:
    """The tables of chains, their timers' included."""
    names: dict[str, None] = {}
    for chain in chains:
        for spec in chain.tables:
            names[spec.table] = None
        names[f"{chain.name}-timers"] = None
    return list(names)


class RoleApp:
    """A role's Faust app: it brings records in, keeps tables, and commits what is done.

    static: a worker that is started again under its name within the session timeout has its
    partitions at once, without a rebalance; one that comes and goes is better without.
    """

    def __init__(
        self,
        settings: Settings,
        role: str,
        *,
        instance: str,
        standbys: int = 0,
        static: bool = False,
    ) -> None:
        self._prefix = f"{settings.namespace}." if settings.namespace else ""
        self.assigned: dict[str, frozenset[int]] = {}
        self._listeners: list[Callable[[str, frozenset[int], frozenset[int]], Any]] = []
        self._settlers: list[Callable[[str, frozenset[int]], Awaitable[None]]] = []
        self._emitter: Confirms | None = None
        self._begun_ms = int(wall().timestamp() * 1000)
        datadir = Path(settings.state_dir) / "tables" / (settings.namespace or "live") / instance
        datadir.mkdir(parents=True, exist_ok=True)
        client = settings.kafka_client_config()
        hosts = str(client["bootstrap.servers"]).split(",")
        self.app = OrderedApp(
            f"{self._prefix}watchfloor-{role}",
            broker=[URL(f"kafka://{host}") for host in hosts],
            broker_credentials=_credentials(client),
            broker_client_id=f"watchfloor-{role}-{instance}",
            broker_session_timeout=settings.session_timeout.total_seconds(),
            broker_heartbeat_interval=settings.session_timeout.total_seconds() / 3,
            broker_max_poll_interval=600.0,
            broker_commit_interval=settings.commit_interval.total_seconds(),
            # Not `latest`: a worker that starts after its first records must see them.
            consumer_auto_offset_reset="earliest",
            store="rocksdb://",
            Table=RowTable,
            TableManager=ChunkTableManager,
            datadir=str(datadir),
            key_serializer="raw",
            value_serializer="raw",
            consumer_group_instance_id=f"{role}-{instance}" if static else None,
            broker_max_poll_records=MOST_AT_ONCE,
            producer_acks=-1,
            producer_linger=0,
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=standbys,
            # Chunks are abandoned on a rebalance, and are another's to do then.
            stream_wait_empty=False,
            web_enabled=False,
            autodiscover=False,
        )
        self.app.settle = self._settle
        self.app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        self.app.on_partitions_revoked.connect(self._on_revoked, weak=False)

    def on_change(self, listener: Callable[[str, frozenset[int], frozenset[int]], Any]) -> None:
        """Call `listener(topic, owned, lost)` on every rebalance; names are without namespace."""
        self._listeners.append(listener)

    def add_tables(self, chains: Iterable[Chain], partitions: int, emitter: Confirms) -> TableStore:
        """Make the tables of the chains. emitter: how their fences are written."""
        tables = {
            name: self.app.Table(name, partitions=partitions, key_type=bytes, value_type=bytes)
            for name in table_names(chains)
        }
        self._emitter = emitter
        recovery = self.recovery
        recovery.fence = self._fence
        recovery.owns = self._owns
        recovery.generation = self._generation
        return TableStore(tables)

    @property
    def recovery(self) -> ChunkRecovery:
        """The service that brings tables up to date."""
        return cast(ChunkTableManager, self.app.tables).recovery

    def _generation(self) -> int:
        """Which owner of its partitions this worker is: later ones are greater.

        The group's generation, then the start of the process: a static member that is started
        again has the generation that it had.
        """
        return int(self.app.consumer_generation_id) * GENERATION_STEP + self._begun_ms

    async def _owns(self) -> bool:
        return await cast(OrderedConsumer, self.app.consumer).is_member()

    async def _fence(self, epochs: Mapping[TP, int]) -> Mapping[TP, int]:
        """Append fences to changelogs; where they are."""
        assert self._emitter is not None
        places = {(tp.topic.removeprefix(self._prefix), tp.partition): tp for tp in epochs}
        spans = await self._emitter.append(
            [
                OutRecord(
                    topic=changelog_topic(topic),
                    key=fence_key(partition),
                    value=fence_value(epochs[tp]),
                    headers=((HEADER, str(epochs[tp]).encode()),),
                    partition=partition,
                )
                for (topic, partition), tp in places.items()
            ]
        )
        return {tp: spans[place].last for place, tp in places.items()}

    def add_agent(self, name: str, topics: Iterable[Topic], take: Take) -> None:
        """Hand the chunks of `topics`, one after the other, to `take`."""
        declared = {self._prefix + topic.name: topic for topic in topics}
        self.app.declared.update(declared)
        self.app.compact.update(name for name, topic in declared.items() if topic.compact)
        channel = self.app.topic(
            *declared,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            allow_empty=True,
        )

        async def body(stream: Any) -> AsyncIterator[None]:
            async for event in stream.noack().events():
                chunk: Chunk = event.value
                progress = chunk.progress
                # An account that is not the current one is an earlier assignment's.
                if progress is not None and progress is self._progress(chunk.tp):
                    await take(chunk.records, chunk.start, progress.done)
                event.ack()
                yield None

        self.app.agent(channel, name=name, concurrency=1)(body)

    def _progress(self, tp: TP) -> Progress | None:
        return cast(OrderedConsumer, self.app.consumer).offsets.progress(tp)

    def on_settle(self, settle: Callable[[str, frozenset[int]], Awaitable[None]]) -> None:
        """Call `settle(topic, lost)` before partitions are given up; names without namespace."""
        self._settlers.append(settle)

    async def _settle(self, lost: set[TP]) -> None:
        parts: dict[str, set[int]] = {}
        for tp in lost:
            parts.setdefault(tp.topic.removeprefix(self._prefix), set()).add(tp.partition)
        await asyncio.gather(
            *(
                settle(topic, frozenset(numbers))
                for topic, numbers in parts.items()
                for settle in self._settlers
            )
        )

    async def _on_assigned(self, *args: Any, **_: Any) -> None:
        assigned: set[TP] = args[-1]
        self._note(
            {
                topic: [tp.partition for tp in assigned if tp.topic == topic]
                for topic in {tp.topic for tp in assigned}
            }
        )

    async def _on_revoked(self, *args: Any, **_: Any) -> None:
        revoked: set[TP] = args[-1]
        left = {
            topic: [n for n in owned if TP(self._prefix + topic, n) not in revoked]
            for topic, owned in self.assigned.items()
        }
        self._note({self._prefix + topic: numbers for topic, numbers in left.items()})

    def _note(self, now: dict[str, list[int]]) -> None:
        fresh = {name.removeprefix(self._prefix): frozenset(p) for name, p in now.items()}
        for topic in {*self.assigned, *fresh}:
            before = self.assigned.get(topic, frozenset())
            owned = fresh.get(topic, frozenset())
            self.assigned[topic] = owned
            for listener in self._listeners:
                listener(topic, owned, before - owned)

    @property
    def recovered(self) -> bool:
        """Whether the tables are up to date and records flow."""
        app = self.app
        return app.started and not app.rebalancing and app.flow_control.is_active()


def _credentials(client: dict[str, Any]) -> Any:
    """Faust's credentials from librdkafka's settings."""
    protocol = str(client.get("security.protocol", "plaintext")).lower()
    if protocol == "plaintext":
        return None
    context = None
    if "ssl" in protocol:
        context = ssl.create_default_context(cafile=client.get("ssl.ca.location"))
        if client.get("ssl.certificate.location"):
            context.load_cert_chain(
                client["ssl.certificate.location"], client.get("ssl.key.location")
            )
    if protocol == "ssl":
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=client.get("sasl.username"),
        password=client.get("sasl.password"),
        mechanism=client.get("sasl.mechanism") or client.get("sasl.mechanisms"),
        ssl_context=context,
    )
