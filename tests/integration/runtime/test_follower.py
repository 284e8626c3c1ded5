"""The plain consumer: where it starts, how far it has come, and whose offsets it commits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from time import monotonic, time

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition

from agents.runtime.follower import Follower
from agents.runtime.record import Record
from infra.embedded.kafka import kafka_child
from infra.settings import Settings
from tests.integration.runtime.support import emitting, namespace
from topics import admin
from topics.catalogue import EVENTS
from topics.record import OutRecord

pytestmark = pytest.mark.kafka

GROUP = "readers"


def records(count: int, begin: int = 0) -> list[OutRecord]:
    """Some on every partition."""
    return [
        OutRecord(EVENTS, b"k", str(number).encode(), (), number % EVENTS.partitions)
        for number in range(begin, begin + count)
    ]


async def read(
    follower: Follower, enough: Callable[[list[Record]], bool], timeout: float = 20
) -> list[Record]:
    """What it hands out until that is enough."""
    found: list[Record] = []
    deadline = monotonic() + timeout
    async for chunk in follower.chunks(timeout=0.2):
        found += chunk
        if enough(found):
            return found
        assert monotonic() < deadline, f"{len(found)} records after {timeout:.0f} s"
    return found


def values(found: list[Record]) -> list[int]:
    return sorted(int(one.value or b"-1") for one in found)


def committed(settings: Settings) -> dict[int, int]:
    """The group's offsets, by partition."""
    client = admin.admin_client(settings)
    name = f"{settings.namespace}.{GROUP}" if settings.namespace else GROUP
    futures = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)])
    parts = futures[name].result().topic_partitions
    return {part.partition: part.offset for part in parts if part.offset >= 0}


async def test_where_it_starts(kafka_bootstrap: str, tmp_path: Path) -> None:
    with namespace(kafka_bootstrap, tmp_path) as box:
        async with emitting(box.settings) as emitter:
            await emitter.emit(records(8))
            await asyncio.sleep(0.01)
            middle = int(time() * 1000)
            await emitter.emit(records(8, begin=8))
            async with Follower(box.settings, [EVENTS]) as every:
                assert values(await read(every, lambda found: len(found) == 16)) == list(range(16))
            async with Follower(box.settings, [EVENTS], start=middle) as later:
                found = await read(later, lambda found: len(found) == 8)
                assert values(found) == list(range(8, 16))
            async with Follower(box.settings, [EVENTS], start="latest") as newest:
                # Pinned when it was opened: what comes before the first read is seen.
                await emitter.emit(records(4, begin=16))
                found = await read(newest, lambda found: len(found) == 4)
                assert values(found) == list(range(16, 20))
            async with Follower(box.settings, [EVENTS], partitions=[2]) as one:
                found = await read(one, lambda found: len(found) == 5)
                assert {record.partition for record in found} == {2}


async def test_it_reaches_an_end_where_no_record_is_left(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    """A site was removed, and compaction took its tombstone: whoever waits for the end waits."""
    with namespace(kafka_bootstrap, tmp_path) as box:
        async with emitting(box.settings) as emitter:
            await emitter.emit(records(12))
            name = f"{box.settings.namespace}.{EVENTS.name}"
            # Deleting is the quickest way to a log whose end lies behind its last record.
            parts = [TopicPartition(name, number, 3) for number in range(2)]
            client = admin.admin_client(box.settings)
            for future in client.delete_records(parts, request_timeout=20).values():
                future.result(30)
            async with Follower(box.settings, [EVENTS]) as follower:
                ends = await follower.end_offsets()
                assert list(ends.values()) == [3] * EVENTS.partitions
                found = await read(follower, lambda _: follower.positions() == ends)
                assert len(found) == 6


async def test_members_share_partitions_and_take_no_offset_back(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    with namespace(kafka_bootstrap, tmp_path) as box:
        async with emitting(box.settings) as emitter:
            await emitter.emit(records(8))
            async with Follower(box.settings, [EVENTS], group=GROUP) as first:
                await read(first, lambda found: len(found) == 8)
                await first.commit()
                assert committed(box.settings) == dict.fromkeys(range(4), 2)
                async with Follower(box.settings, [EVENTS], group=GROUP) as second:
                    # Both read on, until the newcomer has its share.
                    mine = asyncio.create_task(_until_cancelled(first))
                    await emitter.emit(records(8, begin=8))
                    theirs: list[Record] = []
                    async for chunk in second.chunks(timeout=0.2):
                        theirs += chunk
                        parts = {one.partition for one in theirs}
                        if len(parts) == 2 and len(second.positions()) == 2:
                            break
                        await emitter.emit(records(4, begin=100))
                    mine.cancel()
                    await asyncio.gather(mine, return_exceptions=True)
                    await second.commit()
                    after = committed(box.settings)
                    await first.commit()
                    final = committed(box.settings)
                    assert {part: final[part] for part in parts} == {
                        part: after[part] for part in parts
                    }
                    assert {part for _, part in first.positions()} & parts == set()


async def _until_cancelled(follower: Follower) -> None:
    async for _ in follower.chunks(timeout=0.2):
        pass


async def test_one_that_loses_its_broker_goes_on_by_another_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a group and without; none is read twice, and none is left out."""
    monkeypatch.setattr("agents.runtime.follower.QUIET_S", 0.2)
    folder = tmp_path / "kafka"
    async with contextlib.AsyncExitStack() as stack:
        bootstrap, server = stack.enter_context(kafka_child(folder))
        settings = Settings(state_dir=tmp_path / "state", kafka_url=bootstrap)
        admin.ensure(settings)
        emitter = await stack.enter_async_context(emitting(settings))
        followers = [
            await stack.enter_async_context(
                Follower(settings, [EVENTS], group=group, client_id=f"follower-{group}")
            )
            for group in (None, GROUP)
        ]
        await emitter.emit(records(8))
        for follower in followers:
            assert values(await read(follower, lambda found: len(found) == 8)) == list(range(8))
            await follower.commit()
        server.kill()
        deadline = monotonic() + 60
        for number, follower in enumerate(followers, 1):
            async for chunk in follower.chunks(timeout=0.1):
                assert chunk == []
                if caplog.text.count("another connection") >= number:
                    break
                assert monotonic() < deadline, "it stays with a broker that is not there"
        again = kafka_child(folder, port=int(bootstrap.rpartition(":")[2]))
        await asyncio.to_thread(stack.enter_context, again)
        await emitter.emit(records(8, begin=8))
        for follower in followers:
            more = await read(follower, lambda found: len(found) >= 8, timeout=60)
            assert values(more) == list(range(8, 16))
            assert set((await follower.end_offsets()).values()) == {4}
            await follower.commit()


async def test_a_commit_that_is_not_answered_ends_and_nothing_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """librdkafka's own wait for it had no end: a sink stood still for good, its broker back."""
    monkeypatch.setattr("agents.runtime.follower.COMMIT_S", 0.5)
    folder = tmp_path / "kafka"
    async with contextlib.AsyncExitStack() as stack:
        bootstrap, server = stack.enter_context(kafka_child(folder))
        settings = Settings(state_dir=tmp_path / "state", kafka_url=bootstrap)
        admin.ensure(settings)
        emitter = await stack.enter_async_context(emitting(settings))
        follower = await stack.enter_async_context(Follower(settings, [EVENTS], group=GROUP))
        await emitter.emit(records(8))
        await read(follower, lambda found: len(found) == 8)
        server.kill()
        with pytest.raises(KafkaException, match="Timed out"):
            await asyncio.wait_for(follower.commit(), 60)
        again = kafka_child(folder, port=int(bootstrap.rpartition(":")[2]))
        await asyncio.to_thread(stack.enter_context, again)
        await emitter.emit(records(8, begin=8))
        everything = await read(follower, lambda found: len(found) >= 16, timeout=60)
        assert values(everything) == list(range(16))
        await follower.commit()
        assert committed(settings) == dict.fromkeys(range(4), 4)
