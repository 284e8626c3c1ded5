"""Tables against a real broker: recovery, fences, standbys, and who else wrote."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from agents.runtime.app import RoleApp, changelog_name, changelog_names
from agents.runtime.emitter import Emitter
from agents.runtime.generations import HEADER, FencedError, fence_key, fence_value, foreign_keys
from agents.runtime.journal import changelog_topic
from agents.runtime.record import Record
from agents.runtime.stage import Chain, Stage
from agents.runtime.state import TableSpec
from agents.runtime.store import TableStore, row_key
from infra.settings import Settings
from infra.tables import known_tables, partitions, read_row
from tests.integration.runtime.support import emitting, namespace
from topics import admin
from topics.catalogue import EVENTS, TICKS_DECIDE
from topics.record import OutRecord

pytestmark = pytest.mark.kafka

ROWS = TableSpec(name="trial", value=str)
CHAIN = Chain(
    name="trial",
    stages=(Stage(name="trial", reads=(EVENTS,), writes=(), state=(ROWS,)),),
    ticks=TICKS_DECIDE,
    timed=(),
)
PARTITIONS = EVENTS.partitions
CHANGELOG = changelog_name("decide", "trial")


@contextlib.asynccontextmanager
async def world(bootstrap: str, folder: Path) -> AsyncIterator[tuple[Settings, Emitter]]:
    """A namespace with the changelogs of one table, and a producer."""
    with namespace(bootstrap, folder) as box:
        names = changelog_names(box.settings, "decide", [CHAIN])
        await asyncio.to_thread(admin.ensure_changelogs, box.settings, names, PARTITIONS)
        async with emitting(box.settings) as emitter:
            yield box.settings, emitter


@contextlib.asynccontextmanager
async def worker(
    settings: Settings, emitter: Emitter, instance: str = "one", *, standbys: int = 0
) -> AsyncIterator[tuple[RoleApp, TableStore]]:
    """A worker with that table, which takes records and does nothing with them."""
    app = RoleApp(settings, "decide", instance=instance, standbys=standbys)
    store = app.add_tables([CHAIN], PARTITIONS, emitter)

    async def take(records: Sequence[Record], start: int, done: Callable[[int, int], None]) -> None:
        done(start, records[-1].offset + 1)

    for topic in CHAIN.reads:
        app.add_agent(f"trial {topic}", (topic,), take)
    await app.app.start()
    try:
        yield app, store
    finally:
        await app.app.stop()


async def until(what: str, condition: Callable[[], Any], app: RoleApp, limit: float = 60) -> None:
    """Return once `condition()` holds; fail when the app crashed, or after `limit` s."""
    deadline = monotonic() + limit
    while not condition():
        assert not app.app.crashed, app.app.crash_reason
        assert monotonic() < deadline, f"{what}: not within {limit:.0f} s"
        await asyncio.sleep(0.05)


async def ready(app: RoleApp) -> None:
    """Return once tables are up to date and records flow."""
    await until(
        "recovered", lambda: app.recovered and app.recovery.facts()["state"] == "ready", app
    )


def rows(
    values: Iterable[tuple[str, bytes | None]], generation: int | None, partition: int = 0
) -> list[OutRecord]:
    """Records of the changelog."""
    headers = () if generation is None else ((HEADER, str(generation).encode()),)
    return [
        OutRecord(
            topic=changelog_topic(CHANGELOG),
            key=row_key(partition, key),
            value=value,
            headers=headers,
            partition=partition,
        )
        for key, value in values
    ]


def fence(generation: int) -> OutRecord:
    """Somebody's fence."""
    return OutRecord(
        topic=changelog_topic(CHANGELOG),
        key=fence_key(0),
        value=fence_value(generation),
        headers=((HEADER, str(generation).encode()),),
        partition=0,
    )


def content(store: TableStore, partition: int = 0) -> dict[str, bytes]:
    """All rows of a partition."""
    return dict(store.scan("trial", partition, "", None, 10_000))


async def test_tables_come_back_from_their_changelog(kafka_bootstrap: str, tmp_path: Path) -> None:
    many = [(f":{n:04d}", b"v%d" % n) for n in range(3_000)]
    async with world(kafka_bootstrap, tmp_path) as (settings, emitter):
        for partition in range(PARTITIONS):
            await emitter.append(rows(many[partition::PARTITIONS], 1, partition))
        await emitter.append(rows([(":0000", b"newer"), (":0004", None), (":old", b"v")], None))
        await emitter.append([fence(2), *rows([(":0008", b"late"), (":late", b"late")], 1)])
        async with worker(settings, emitter) as (app, store):
            await ready(app)
            wanted = dict(many[0::PARTITIONS]) | {":0000": b"newer", ":old": b"v"}
            del wanted[":0004"]
            assert content(store) == wanted
            assert content(store, 1) == dict(many[1::PARTITIONS])
            assert store.stale("trial", 0) == [(":0008", b"v8"), (":late", None)]
            facts = app.recovery.facts()
            assert facts["rows"] == 3_003
            assert facts["done"] == facts["total"] > 3_000
            generation = store.generation("trial", 0)
            assert generation > 2
        # With its folder kept, it reads its new fences and no row.
        async with worker(settings, emitter) as (app, store):
            await ready(app)
            assert content(store) == wanted
            assert app.recovery.facts()["rows"] == 0
            assert store.generation("trial", 0) > generation
            assert [key for key, _ in store.stale("trial", 0)] == [":0008", ":late"]
        # With its folder gone, everything is read again, and the late rows are still late.
        await asyncio.to_thread(shutil.rmtree, settings.state_dir / "tables")
        async with worker(settings, emitter) as (app, store):
            await ready(app)
            assert content(store) == wanted
            assert content(store, 1) == dict(many[1::PARTITIONS])


async def test_a_group_that_was_forgotten_fences_above_its_earlier_life(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    """The broker counts generations from 1 again; the worker's rows must count all the same."""
    before = 10**30
    async with world(kafka_bootstrap, tmp_path) as (settings, emitter):
        await emitter.append([fence(before), *rows([(":a", b"v")], before)])
        async with worker(settings, emitter) as (app, store):
            await ready(app)
            own = store.generation("trial", 0)
            assert own > before
            assert content(store) == {":a": b"v"}
            await emitter.append(rows([(":a", b"mine")], own))
        await asyncio.to_thread(shutil.rmtree, settings.state_dir / "tables")
        async with worker(settings, emitter) as (app, store):
            await ready(app)
            assert content(store) == {":a": b"mine"}


async def test_a_standby_follows_and_takes_over(kafka_bootstrap: str, tmp_path: Path) -> None:
    async with (
        world(kafka_bootstrap, tmp_path) as (settings, emitter),
        worker(settings, emitter, "two", standbys=1) as (second, theirs),
    ):
        async with worker(settings, emitter, "one", standbys=1) as (first, store):
            for app in (first, second):
                await ready(app)
            await until("shared", lambda: 0 < len(first.assigned["security.events.v1"]) < 4, first)
            await ready(second)
            (number, *_) = first.assigned["security.events.v1"]
            own = store.generation("trial", number)
            values = [(f":{n}", b"v") for n in range(500)]
            await emitter.append(rows(values, own, number))
            await emitter.append(rows([(":late", b"late")], 1, number))
            await emitter.append(rows([(":end", b"v")], own, number))
            await until(
                "followed",
                lambda: theirs.get("trial", number, ":end") is not None,
                second,
            )
            # The owner has not written its own store here; its standby has it all.
            assert content(theirs, number) == dict(values) | {":end": b"v"}
        await until("taken over", lambda: len(second.assigned["security.events.v1"]) == 4, second)
        await ready(second)
        assert content(theirs, number) == dict(values) | {":end": b"v"}
        assert theirs.stale("trial", number) == [(":late", None)]
        assert theirs.generation("trial", number) > own


async def test_a_worker_shows_its_tables(kafka_bootstrap: str, tmp_path: Path) -> None:
    """What `watchfloor tables` shows while it runs, and the same once it does not."""
    known = {name: spec for name, (_, spec) in known_tables().items()}
    clock = known["decide-timers"]
    with namespace(kafka_bootstrap, tmp_path) as box:
        box.start("decide", "decide")
        await asyncio.to_thread(box.wait_ready, ["decide"])

        def ticked() -> bool:
            places = partitions(box.settings, known)
            return len(read_row(places, clock, "clock")) == PARTITIONS

        deadline = monotonic() + 30
        while not await asyncio.to_thread(ticked):
            assert monotonic() < deadline, "no partition's clock is there"
            await asyncio.sleep(0.1)
        live = await asyncio.to_thread(partitions, box.settings, known)
        assert {place.source.live for place in live} == {True}
        assert {place.source.instance for place in live} == {"decide"}
        assert len([p for p in live if p.table == "decide-timers"]) == PARTITIONS
        box.children["decide"].kill()
        left = await asyncio.to_thread(partitions, box.settings, known)
        assert {place.source.live for place in left} == {False}
        rows_left = await asyncio.to_thread(read_row, left, clock, "clock")
        assert [place.partition for place, _ in rows_left] == list(range(PARTITIONS))
        assert all(row["value"]["now"] > 0 for _, row in rows_left)


async def test_who_else_wrote_is_found(kafka_bootstrap: str, tmp_path: Path) -> None:
    async with world(kafka_bootstrap, tmp_path) as (settings, emitter):
        topic = f"{settings.namespace}.{CHANGELOG}"
        await emitter.append(rows([(":a", b"1")], 7))  # 0
        await emitter.append(rows([(":b", b"1"), (":c", None)], 6))  # 1, 2
        await emitter.append([fence(6), *rows([(":d", b"1")], None)])  # 3, 4
        await emitter.append(rows([(":e", b"1")], 7))  # 5

        async def found(*spans: range, generation: int = 7) -> set[bytes]:
            return await foreign_keys(settings, topic, 0, spans, generation=generation)

        assert await found(range(1, 3)) == {b"0/:b", b"0/:c"}
        assert await found(range(0, 1), range(3, 9)) == {b"0/fence", b"0/:d"}
        assert await found() == set()
        with pytest.raises(FencedError, match="generation 7"):
            await found(range(0, 2), generation=6)
