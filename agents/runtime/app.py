"""The Faust app of a role, made from its declaration.

What Faust would do otherwise is set here once: no topics of its own making, no leader topic, no
web server on every address, RocksDB for tables, `acks=all`, fail-over in seconds.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import faust
from faust.types import TP
from yarl import URL

from agents.runtime.offsets import Progress, Sight
from agents.runtime.record import Record
from agents.runtime.stage import Chain
from agents.runtime.transport import OrderedApp, OrderedConsumer
from topics.declare import Topic

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["FaustStore", "RoleApp", "changelog_name", "changelog_names"]

log = logging.getLogger("watchfloor.app")

ROCKSDB_OPTIONS: Final = {
    # Faust's defaults are for one large table a machine; ours are many small ones a worker.
    "write_buffer_size": 4 * 1024 * 1024,
    "max_write_buffer_number": 2,
    "target_file_size_base": 16 * 1024 * 1024,
    "block_cache_size": 8 * 1024 * 1024,
    "max_open_files": 64,
}


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


class FaustStore:
    """Rows in the local stores of Faust's tables, in the context of a record's Faust event.

    Faust brings them up to date from their changelogs; the journal writes those. Keys carry their
    partition: Faust looks a key up in one store a key, whatever its partition.
    """

    def __init__(self, tables: dict[str, Any]) -> None:
        self._tables = tables

    @staticmethod
    def key(partition: int, key: str) -> bytes:
        """A row's key in its table and on its changelog."""
        return f"{partition}/{key}".encode()

    def get(self, table: str, partition: int, key: str) -> bytes | None:
        """The row, or None."""
        try:
            value: bytes | None = self._tables[table].data[self.key(partition, key)]
        except KeyError:
            return None
        return value

    def write(self, table: str, partition: int, key: str, value: bytes | None) -> None:
        """Keep the row; None removes it."""
        name = self.key(partition, key)
        if value is not None:
            self._tables[table].data[name] = value
        elif self.get(table, partition, key) is not None:
            del self._tables[table].data[name]

    def reached(self, table: str, partition: int, offset: int) -> None:
        """Note how much of its changelog a table holds: the next start reads what comes after."""
        owner = self._tables[table]
        owner.data.set_persisted_offset(TP(owner.changelog_topic_name, partition), offset)


class RoleApp:
    """A role's Faust app: it brings records in, keeps tables, and commits what is acked."""

    def __init__(
        self,
        settings: Settings,
        role: str,
        *,
        instance: str,
        standbys: int = 0,
    ) -> None:
        self._prefix = f"{settings.namespace}." if settings.namespace else ""
        self.assigned: dict[str, frozenset[int]] = {}
        self._listeners: list[Callable[[str, frozenset[int], frozenset[int]], Any]] = []
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
            broker_commit_interval=0.25,
            # Not `latest`: a worker that starts after its first records must see them.
            consumer_auto_offset_reset="earliest",
            store="rocksdb://",
            datadir=str(datadir),
            key_serializer="raw",
            value_serializer="raw",
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
        self.app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        self.app.on_partitions_revoked.connect(self._on_revoked, weak=False)

    def on_change(self, listener: Callable[[str, frozenset[int], frozenset[int]], Any]) -> None:
        """Call `listener(topic, owned, lost)` on every rebalance; names are without namespace."""
        self._listeners.append(listener)

    def add_tables(self, chains: Iterable[Chain], partitions: int) -> FaustStore:
        """Make the tables of the chains."""
        tables = {
            name: self.app.Table(
                name,
                partitions=partitions,
                key_type=bytes,
                value_type=bytes,
                options=dict(ROCKSDB_OPTIONS),
            )
            for name in table_names(chains)
        }
        return FaustStore(tables)

    def add_agent(
        self,
        name: str,
        topics: Iterable[Topic],
        take: Callable[[Record, Callable[[], None]], Any],
    ) -> None:
        """Hand the records of `topics`, one after the other, to `take`, which acks them."""
        declared = {self._prefix + topic.name: topic for topic in topics}
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
                message = event.message
                consumer = cast(OrderedConsumer, self.app.consumer)
                if await consumer.sight(message.tp, message.offset) is not Sight.NEXT:
                    event.ack()
                    continue
                progress = consumer.offsets.progress(message.tp)
                assert progress is not None
                record = Record(
                    topic=declared[message.topic],
                    partition=message.partition,
                    offset=message.offset,
                    timestamp_ms=int(message.timestamp * 1000),
                    key=message.key,
                    value=message.value,
                    headers=_headers(message.headers),
                )
                await take(record, partial(_done, event, progress, message.offset))
                yield None

        self.app.agent(channel, name=name, concurrency=1)(body)

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


def _done(event: Any, progress: Progress, offset: int) -> None:
    """A record is done: for the assignment in which it was taken, and for no later one."""
    progress.done(offset)
    event.ack()


def _headers(raw: Any) -> dict[str, bytes]:
    if not raw:
        return {}
    items = raw.items() if isinstance(raw, dict) else raw
    return {name: value for name, value in items if value is not None}


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
