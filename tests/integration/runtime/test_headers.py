"""A header whose name is no UTF-8, which brokers take: it is no record's end and no worker's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from agents.runtime.follower import Follower
from infra.settings import Settings
from tests.integration.runtime.support import (
    SITES,
    Gathering,
    answer_requests,
    config_records,
    emitting,
    event,
    event_record,
    namespace,
    site,
)
from tests.integration.runtime.test_crash import decided
from tests.integration.runtime.test_follower import read
from tests.unit.agents.runtime.test_fetched import no_text
from topics.catalogue import DECISIONS, EVENTS
from topics.partitioner import partition_for
from topics.plan import prefix_of
from topics.record import OutRecord

pytestmark = pytest.mark.kafka

MARK = b"a-name-of-16-by."


async def send_unreadable(settings: Settings, *records: OutRecord) -> None:
    """One batch of these, all of one key; the first has a name before its own that no text is."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_url)
    await producer.start()
    try:
        batch: Any = producer.create_batch()
        for number, one in enumerate(records):
            bad = [] if number else [(MARK.decode(), b"1")]
            headers = bad + list(one.headers)
            batch.append(key=one.key, value=one.value, timestamp=None, headers=headers)
        batch.close()
        data = bytes(batch._builder.build())
        assert data.count(MARK) == 1
        batch._buffer = no_text(data, MARK)
        name = prefix_of(settings.namespace) + EVENTS.name
        partition = partition_for(records[0].key or b"", EVENTS.partitions)
        await (await producer.send_batch(batch, name, partition=partition))
    finally:
        await producer.stop()


async def test_every_record_of_the_batch_is_decided(kafka_bootstrap: str, tmp_path: Path) -> None:
    begun = datetime.now(UTC) - timedelta(minutes=4)
    events = [event(n * len(SITES), begun + timedelta(seconds=n)) for n in range(5)]
    first, *rest, last = [event_record(one) for one in events]
    assert {one.key for one in rest} == {first.key}
    with namespace(kafka_bootstrap, tmp_path) as box:
        async with (
            emitting(box.settings) as emitter,
            Gathering(box.settings, [DECISIONS]) as gathered,
        ):
            answers = asyncio.create_task(answer_requests(box.settings, emitter))
            await emitter.emit([*config_records([site(name) for name in SITES]), first])
            await send_unreadable(box.settings, *rest)
            await emitter.emit([last])
            box.start("decide")
            await gathered.until("every decision", lambda: len(decided(gathered)) == len(events))
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
        assert set(decided(gathered)) == {one.event_id for one in events}
        async with Follower(box.settings, [EVENTS], start="earliest") as follower:
            found = await read(follower, lambda seen: len(seen) >= len(events))
        assert {one.value for one in found} == {one.value for one in (first, *rest, last)}
        # librdkafka's binding gives none of such a record's.
        assert [one.id for one in found if one.value == rest[0].value] == [None]
        assert {one.id for one in found} == {None, *(one.event_id for one in events)} - {
            events[1].event_id
        }
