"""The archive service over a real broker, a real database and a real folder."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from psycopg import sql
from psycopg.conninfo import make_conninfo

from agents.archive.service import GROUP, ArchiveService
from agents.runtime.configuration import Configuration
from agents.runtime.emitter import Emitter
from agents.runtime.ownership import Ownership
from agents.runtime.service import RoleContext
from infra.db.migrate import drop, prepare
from infra.db.pool import connect, site_scope_sync
from infra.db.target import Role
from infra.settings import Settings
from topics.admin import admin_client, delete_namespace, ensure
from topics.declare import Topic
from topics.record import OutRecord

DEADLINE_S = 60


@pytest.fixture(scope="session")
def archive_database(postgres_url: str) -> Iterator[str]:
    """A database of these tests' own."""
    name = f"wf_archive_{uuid.uuid4().hex[:12]}"
    parts = urlsplit(postgres_url)
    yield urlunsplit(parts._replace(path=f"/{name}"))
    with psycopg.connect(make_conninfo(postgres_url, dbname="postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


class Gate:
    """A way to a server that can be shut: a TCP relay on a port of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._server: asyncio.Server | None = None
        self._to = (host, port)
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse connections, and cut those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there = None
        try:
            back, there = await asyncio.open_connection(*self._to)
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, there))
                both.create_task(_copy(back, writer))
        except (OSError, asyncio.CancelledError, ExceptionGroup):
            pass
        finally:
            self._tasks.discard(task)
            for end in (writer, there):
                if end is not None:
                    end.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()
    raise ConnectionResetError


class Bench:
    """One namespace with everything that archive needs, and its service started and stopped."""

    def __init__(self, settings: Settings, emitter: Emitter) -> None:
        self.settings = settings
        self.emitter = emitter
        self.reports: list[str | None] = []
        self._admin = admin_client(settings)

    @asynccontextmanager
    async def running(self, settings: Settings | None = None) -> AsyncIterator[None]:
        """The service, as a role would run it."""
        context = RoleContext(
            role="act",
            settings=settings or self.settings,
            emitter=self.emitter,
            now=lambda: datetime.now(UTC),
            configuration=Configuration(),
            ownership=Ownership,
            report=lambda _name, problem: self.reports.append(problem),
        )
        task = asyncio.create_task(ArchiveService().run(context))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def emit(self, *records: OutRecord) -> None:
        await self.emitter.emit(records)

    def rows(self, query: str, *sites: str) -> list[Any]:
        """What the API sees of those sites."""
        with connect(self.settings, Role.API) as api, site_scope_sync(api, sites):
            return api.execute(query.encode()).fetchall()

    def count(self, table: str, *sites: str) -> int:
        return len(self.rows(f"TABLE {table}", *sites))

    def committed(self, topic: Topic) -> int:
        """Records of the topic whose offsets the group has committed."""
        name = f"{self.settings.namespace}.{topic.name}"
        parts = [TopicPartition(name, number) for number in range(topic.partitions)]
        group = f"{self.settings.namespace}.{GROUP}"
        asked = self._admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, parts)]
        )
        found = asked[group].result(30).topic_partitions
        return sum(max(part.offset, 0) for part in found)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not await asyncio.to_thread(condition):
                await asyncio.sleep(0.02)


@pytest.fixture
async def bench(
    archive_database: str,
    kafka_bootstrap: str,
    tmp_path: Path,
) -> AsyncIterator[Bench]:
    settings = Settings(
        state_dir=tmp_path,
        namespace=f"arch-{uuid.uuid4().hex[:8]}",
        postgres_url=archive_database,
        kafka_url=kafka_bootstrap,
    )
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(prepare, settings)
        stack.push_async_callback(asyncio.to_thread, drop, settings)
        await asyncio.to_thread(ensure, settings)
        stack.push_async_callback(asyncio.to_thread, delete_namespace, settings)
        emitter = Emitter(settings, "archive-test")
        await emitter.start()
        stack.push_async_callback(emitter.stop)
        yield Bench(settings, emitter)


@pytest.fixture
async def gate(bench: Bench) -> AsyncIterator[tuple[Gate, Settings]]:
    """A gate before the database, and settings that go through it."""
    parts = urlsplit(bench.settings.postgres_url or "")
    assert parts.hostname is not None
    made = Gate(parts.hostname, parts.port or 5432)
    await made.open()
    user, _, place = parts.netloc.rpartition("@")
    assert place
    through = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{made.port}"))
    yield made, replace(bench.settings, postgres_url=through)
    await made.shut()
