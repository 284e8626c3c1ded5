"""The way out: the same partition as every client, refusals, and a broker that goes and comes."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from time import monotonic

import pytest

from agents.runtime.emitter import BrokerError, EmitError, Emitter, RefusedError
from agents.runtime.follower import Follower
from agents.runtime.record import Record
from infra.embedded.kafka import kafka_child
from infra.settings import Settings
from tests.integration.runtime.support import emitting, namespace
from topics import admin
from topics.catalogue import DECISIONS, EVENTS
from topics.declare import Topic
from topics.partitioner import partition_for
from topics.record import OutRecord

pytestmark = pytest.mark.kafka


def record(key: str, value: bytes = b"x", partition: int | None = None) -> OutRecord:
    return OutRecord(EVENTS, key.encode(), value, (("ce_id", key.encode()),), partition)


async def everything(settings: Settings, topic: Topic = EVENTS) -> list[Record]:
    """All records of a topic, by partition and offset."""
    found: list[Record] = []
    async with Follower(settings, [topic]) as follower:
        ends = await follower.end_offsets()
        async for chunk in follower.chunks(timeout=0.2):
            found += chunk
            reached = follower.positions()
            if all(reached.get(part, 0) >= end for part, end in ends.items()):
                break
    return sorted(found, key=lambda one: (one.partition, one.offset))


async def test_it_chooses_the_partition_that_every_client_chooses(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    keys = [f"site-{number}" for number in range(200)] + ["", "gate/ö", "x" * 300]
    with namespace(kafka_bootstrap, tmp_path) as box:
        async with emitting(box.settings) as emitter:
            await emitter.emit([record(key) for key in keys])
            await emitter.emit([record("elsewhere", partition=3)])
            found = await everything(box.settings)
    places = {(one.key or b"").decode(): one.partition for one in found}
    assert places.pop("elsewhere") == 3
    # An empty key is no key to librdkafka's partitioner, which then takes any partition.
    assert places.pop("") in range(EVENTS.partitions)
    assert places == {key: partition_for(key.encode(), EVENTS.partitions) for key in keys if key}
    assert len(set(places.values())) == EVENTS.partitions


@pytest.mark.parametrize("neighbours", [0, 10, 300])
async def test_a_record_that_is_too_large_is_refused_alone(
    kafka_bootstrap: str, tmp_path: Path, neighbours: int
) -> None:
    """Above the topic's limit, and above the client's own."""
    large = [record(f"large-{size}", b"x" * size) for size in (EVENTS.max_bytes + 1, 9 << 20)]
    small = [record(f"small-{number}", b"y" * 100) for number in range(neighbours)]
    half = neighbours // 2
    mixed = [*small[:half], large[0], *small[half:], large[1]]
    with namespace(kafka_bootstrap, tmp_path) as box:
        async with emitting(box.settings) as emitter:
            with pytest.raises(RefusedError) as refusal:
                async with asyncio.timeout(30):
                    await emitter.emit(mixed)
            assert [one for one, _ in refusal.value.refused] == large
            assert "too large" in str(refusal.value).lower()
            found = await everything(box.settings)
            # What was confirmed is there, once each where nothing had to be asked again.
            assert {one.key for one in found} == {one.key for one in small}


async def test_a_topic_that_is_missing_is_the_clusters_fault_and_no_records(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    with namespace(kafka_bootstrap, tmp_path) as box:
        nowhere = box.settings.in_namespace("test-nowhere")
        async with emitting(nowhere) as emitter:
            with pytest.raises(BrokerError, match=r"security\.events\.v1"):
                async with asyncio.timeout(60):
                    await emitter.emit([record("north")])


async def test_while_the_broker_is_away_it_waits_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "kafka"
    with contextlib.ExitStack() as stack:
        bootstrap, server = stack.enter_context(kafka_child(folder))
        settings = Settings(state_dir=tmp_path / "state", kafka_url=bootstrap)
        admin.ensure(settings)
        async with emitting(settings) as emitter:
            await emitter.emit([record(f"before-{number}") for number in range(50)])
            server.kill()
            waiting = asyncio.create_task(
                emitter.emit([record(f"during-{number}") for number in range(50)])
            )
            deadline = monotonic() + 30
            while emitter.retried == 0:
                assert monotonic() < deadline, "nothing was tried again"
                assert not waiting.done()
                await asyncio.sleep(0.05)
            port = int(bootstrap.rpartition(":")[2])
            again = kafka_child(folder, port=port)
            assert (await asyncio.to_thread(stack.enter_context, again))[0] == bootstrap
            async with asyncio.timeout(60):
                await waiting
            await emitter.emit([record("after")])
            found = {(one.key or b"").decode() for one in await everything(settings)}
        assert found == {
            "after",
            *(f"before-{number}" for number in range(50)),
            *(f"during-{number}" for number in range(50)),
        }


async def test_whoever_waits_is_told_when_it_is_stopped(tmp_path: Path) -> None:
    """No broker is there at all: `emit` waits, until `stop` says that nothing was confirmed."""
    settings = Settings(state_dir=tmp_path, kafka_url="127.0.0.1:1")
    emitter = Emitter(settings, "test")
    await emitter.start()
    waiting = asyncio.create_task(emitter.emit([OutRecord(DECISIONS, b"k", b"v", ())]))
    await asyncio.sleep(0)
    assert not waiting.done()
    await emitter.stop()
    with pytest.raises(EmitError):
        async with asyncio.timeout(5):
            await waiting


async def test_it_must_be_started(tmp_path: Path) -> None:
    emitter = Emitter(Settings(state_dir=tmp_path, kafka_url="127.0.0.1:1"), "test")
    with pytest.raises(EmitError, match="not started"):
        await emitter.emit([OutRecord(DECISIONS, b"k", b"v", ())])
    await emitter.stop()
    assert isinstance(emitter, Emitter)
