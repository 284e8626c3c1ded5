"""What Faust's own transport gets wrong: each of these fails on it, and passes on ours.

Where one of them begins to pass on upstream's, what works around it may go.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import OffsetResetStrategy
from aiokafka.consumer.subscription_state import Assignment
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from intervaltree import IntervalTree  # type: ignore[import-untyped]

from agents.runtime.offsets import Offsets
from agents.runtime.transport import OrderedConsumer

PART = TP("events", 0)

upstream = pytest.param(driver.Consumer, marks=pytest.mark.xfail(strict=True), id="upstream")
ours = pytest.param(OrderedConsumer, id="ours")


def bare(kind: Any) -> Any:
    """A consumer with its account alone: 10 is committed, and comes next."""
    consumer = kind.__new__(kind)
    topics = SimpleNamespace(acks_enabled_for=lambda topic: True)
    consumer.app = SimpleNamespace(topics=topics, compact=frozenset())
    consumer._gap = defaultdict(IntervalTree)
    consumer._acked = defaultdict(list)
    consumer._acked_index = defaultdict(set)
    consumer._committed_offset = defaultdict(lambda: None, {PART: 10})
    consumer._unacked_messages = WeakSet()
    consumer._n_acked = 0
    consumer._waiting_for_ack = None
    consumer.offsets = Offsets()
    consumer.offsets.begin(PART, 10)
    return consumer


def message(offset: int) -> ConsumerMessage:
    return ConsumerMessage("events", 0, offset, 0.0, 0, None, None, b"", None, 0, 0, PART)


async def committed_after(consumer: Any, skipped: tuple[int, int], done: int) -> int | None:
    """Offsets that were never handed out, then one that was, and is done."""
    await consumer._add_gap(PART, *skipped)
    if isinstance(consumer, OrderedConsumer):
        consumer.offsets.take(PART, done, done + 1)
    consumer.ack(message(done))
    offset: int | None = consumer._new_offset(PART)
    return offset


@pytest.mark.parametrize("kind", [upstream, ours])
async def test_what_was_fetched_before_the_seek_takes_nothing_for_done(kind: Any) -> None:
    """Issues 221 and 606: after a rebalance 15 comes first, and 10 to 14 are noted as a gap."""
    offset = await committed_after(bare(kind), (10, 14), 15)
    assert offset is None or offset <= 10


class Hands:
    """A consumer's thread, as far as a seek needs it; notes from which thread it was asked."""

    def __init__(self) -> None:
        self.direct: list[int] = []
        self.queued: list[int] = []

    def seek(self, _partition: TP, offset: int) -> None:
        self.direct.append(offset)

    async def go_to(self, _partition: TP, offset: int) -> None:
        self.queued.append(offset)


@pytest.mark.parametrize("kind", [upstream, ours])
async def test_a_seek_is_made_in_the_fetchers_own_thread(kind: Any) -> None:
    """As in robinhood/aiokafka issue 19: what the fetcher is just handing out is deleted under its
    hands, it raises KeyError, and the worker ends."""
    consumer = bare(kind)
    consumer._thread = hands = Hands()
    async with asyncio.timeout(5):
        await consumer._seek(PART, 10)
    assert hands.direct == []
    assert hands.queued == [10]


@pytest.mark.parametrize("kind", [upstream, ours])
def test_what_an_agent_drops_when_it_raises_is_not_taken_for_done(kind: Any) -> None:
    """Faust acks an event whose agent raised; of an ack nothing follows here, only of `done`."""
    consumer = bare(kind)
    if isinstance(consumer, OrderedConsumer):
        consumer.offsets.take(PART, 10, 11)
    consumer.ack(message(10))
    assert consumer._new_offset(PART) is None


@pytest.mark.parametrize("kind", [upstream, ours])
async def test_a_partition_without_a_position_does_not_end_the_worker(kind: Any) -> None:
    """Its records were deleted before they were read: the fetcher asks where it begins now."""

    async def at_once(_seconds: float) -> None:
        """Do not wait."""

    reset = Assignment([TopicPartition(PART.topic, PART.partition)])
    state = reset.state_value(TopicPartition(PART.topic, PART.partition))
    state.seek(10)
    state.await_reset(OffsetResetStrategy.EARLIEST)
    subscriptions = SimpleNamespace(subscription=SimpleNamespace(assignment=reset))
    consumer = bare(kind)
    consumer.app.monitor = SimpleNamespace(stream_inbound_time={})
    consumer.assignment = lambda: {PART}
    consumer.sleep = at_once
    consumer._stopped = consumer._crashed = SimpleNamespace(is_set=lambda: False)
    thread: Any = driver.AIOKafkaConsumerThread.__new__(driver.AIOKafkaConsumerThread)
    thread._consumer = SimpleNamespace(_fetcher=SimpleNamespace(_subscriptions=subscriptions))
    thread._verify_aiokafka_event_path = lambda now, tp: False
    thread.consumer, thread.time_started = consumer, 0.0
    consumer._thread = thread
    await consumer.verify_all_partitions_active()
