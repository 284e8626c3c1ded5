"""The dead man's switch, against a real server: asked while the pipeline moves, and only then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from psycopg.conninfo import make_conninfo

from agents.notify.heartbeat import HeartbeatService, policy_of_settings, still
from agents.runtime.configuration import Configuration
from agents.runtime.ownership import Ownership
from agents.runtime.service import RoleContext
from infra.db.migrate import prepare
from infra.secrets import Secret
from infra.settings import Settings
from tests.integration.notify.servers import Server, serving
from tests.integration.runtime.support import namespace
from topics.catalogue import TICKS_ACT
from topics.record import OutRecord

LIMIT_S = 20.0
PATH = "/ping/0b5e-very-secret"


class Pipeline:
    """What the roles have committed, as the test says; each look is counted."""

    def __init__(self) -> None:
        self.moves: set[str] = {"decide", "act"}
        self.looks = 0
        self._ticks = {"decide": 0, "act": 0}
        self.reports: list[str | None] = []

    def ask(self) -> Mapping[str, int]:
        self.looks += 1
        for role in tuple(self.moves):
            self._ticks[role] += 1
        return dict(self._ticks)


class Silent:
    async def emit(self, records: list[OutRecord]) -> None:
        raise AssertionError("a heartbeat writes nothing")


async def until(condition: object) -> None:
    assert callable(condition)
    deadline = monotonic() + LIMIT_S
    while not condition():
        assert monotonic() < deadline
        await asyncio.sleep(0.005)


@asynccontextmanager
async def beating(
    pipeline: Pipeline,
    url: str,
    *,
    networks: tuple[str, ...] = ("127.0.0.0/8",),
    owned: frozenset[int] = frozenset({0}),
) -> AsyncIterator[Ownership]:
    ownership = Ownership(TICKS_ACT)
    ownership.set(owned)
    ctx = RoleContext(
        role="act",
        settings=Settings(
            state_dir=Path("unused"),
            heartbeat_url=Secret(url),
            heartbeat_every=timedelta(milliseconds=5),
            heartbeat_networks=networks,
        ),
        emitter=Silent(),  # type: ignore[arg-type]
        now=lambda: datetime.now(UTC),
        configuration=Configuration(),
        ownership=lambda _topic: ownership,
        report=lambda _name, problem: pipeline.reports.append(problem),
    )
    task = asyncio.create_task(HeartbeatService(ask=pipeline.ask).run(ctx))
    try:
        yield ownership
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"decide": 5, "act": 5}, {"decide": 6, "act": 6}, []),
        ({"decide": 5, "act": 5}, {"decide": 5, "act": 9}, ["decide"]),
        ({"decide": 5, "act": 5}, {"decide": 6, "act": 5}, ["act"]),
        ({"decide": 5, "act": 5}, {}, ["decide", "act"]),
        # Its topic was made anew.
        ({"decide": 50, "act": 5}, {"decide": 6, "act": 6}, ["decide"]),
    ],
)
def test_who_stood_still(
    before: dict[str, int], after: dict[str, int], expected: list[str]
) -> None:
    assert still(before, after) == expected


async def test_it_is_asked_while_both_roles_move_and_not_while_one_stands_still(
    server: Server,
) -> None:
    pipeline = Pipeline()
    async with beating(pipeline, server.base + PATH):
        await until(lambda: len(server.seen) >= 3)
        assert {(one.method, one.path) for one in server.seen} == {("GET", PATH)}
        assert pipeline.reports[-1] is None
        for stopped in ("decide", "act"):
            pipeline.moves.discard(stopped)
            await until(
                lambda role=stopped: pipeline.reports[-1] == f"no heartbeat: {role} did not move"
            )
            asked, looks = len(server.seen), pipeline.looks
            await until(lambda looks=looks: pipeline.looks >= looks + 5)
            assert len(server.seen) == asked
            pipeline.moves.add(stopped)
            await until(lambda asked=asked: len(server.seen) > asked)
            # It is told once the answer is there, which is after it was asked.
            await until(lambda: pipeline.reports[-1] is None)


async def test_the_first_look_says_nothing(server: Server) -> None:
    pipeline = Pipeline()
    pipeline.moves.clear()
    async with beating(pipeline, server.base + PATH):
        await until(lambda: pipeline.looks >= 3)
    assert server.seen == []


async def test_only_the_owner_of_the_first_partition_asks(server: Server) -> None:
    pipeline = Pipeline()
    async with beating(pipeline, server.base + PATH, owned=frozenset({1})) as ownership:
        for _ in range(20):
            await asyncio.sleep(0)
        assert pipeline.looks == 0
        ownership.set(frozenset({0, 1}))
        await until(lambda: len(server.seen) >= 1)


async def test_an_internal_address_is_not_asked_unless_it_is_allowed(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = Pipeline()
    with caplog.at_level(logging.WARNING):
        async with beating(pipeline, server.base + PATH, networks=("10.0.0.0/8", "nonsense")):
            await until(lambda: any(pipeline.reports))
    assert server.seen == []
    assert "this machine" in caplog.text
    assert "'nonsense' is no network" in caplog.text
    assert "very-secret" not in caplog.text
    assert len(policy_of_settings(("10.0.0.0/8", "nonsense")).networks) == 1


async def test_what_fails_there_is_reported_without_the_path(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers(500, {})
    pipeline = Pipeline()
    with caplog.at_level(logging.INFO):
        async with beating(pipeline, server.base + PATH):
            await until(lambda: any(one and "answered 500" in one for one in pipeline.reports))
    assert "very-secret" not in caplog.text
    assert not any(one and "very-secret" in one for one in pipeline.reports)


@pytest.mark.kafka
@pytest.mark.postgres
async def test_real_roles_are_heard_of_until_one_of_them_dies(
    kafka_bootstrap: str, postgres_url: str, tmp_path: Path
) -> None:
    with namespace(
        kafka_bootstrap, tmp_path, postgres_url=make_conninfo(postgres_url, dbname="heartbeat")
    ) as box:
        prepare(box.settings)
        async with serving() as hook:
            decide = box.start("decide")
            box.start(
                "act",
                WATCHFLOOR_HEARTBEAT_URL=hook.base + PATH,
                WATCHFLOOR_HEARTBEAT_EVERY="3s",
                WATCHFLOOR_HEARTBEAT_NETWORKS="127.0.0.0/8",
            )
            await asyncio.to_thread(box.wait_ready)

            async def until_it(condition: object) -> None:
                assert callable(condition)
                deadline = monotonic() + 120
                while not condition():
                    assert monotonic() < deadline
                    await asyncio.sleep(0.1)

            await until_it(lambda: len(hook.seen) >= 1)
            decide.kill()

            def left_out() -> bool:
                text = box.metrics("act")
                found = re.search(r'watchfloor_heartbeats_total\{outcome="still"\} (\S+)', text)
                return found is not None and float(found[1]) >= 2

            await until_it(left_out)
