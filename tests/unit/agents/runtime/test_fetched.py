"""What was fetched is handed out whole, in order and once, and the same as by aiokafka itself."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Sequence
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from aiokafka.consumer.fetcher import Fetcher, FetchError, FetchResult, PartitionRecords
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import CorruptRecordException, TopicAuthorizationFailedError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition

from agents.runtime.fetched import Unread, fetched_records, to_records
from agents.runtime.lenient import KeptRecords
from agents.runtime.record import Record
from topics.catalogue import EVENTS

PART = TopicPartition(EVENTS.name, 3)
OTHER = TopicPartition(EVENTS.name, 4)
ROWS = TopicPartition("rows", 0)
DECLARED = {EVENTS.name: EVENTS}
CONTROL = 0x20
FOREVER = 30.0

Headers = list[tuple[str, bytes | None]]


class Entry(NamedTuple):
    """A record of the log."""

    offset: int
    key: bytes | None = b"north"
    value: bytes | None = b"{}"
    headers: Sequence[tuple[str, bytes | None]] = ()


def batch(
    *entries: Entry, end: int | None = None, compression: int = 0, attributes: int = 0
) -> bytes:
    """A batch as a broker sends it. end: the offset after it, where compaction took its last."""
    base = entries[0].offset
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1 << 20)
    for one in entries:
        at, headers = 1_000 + one.offset, list(one.headers)
        builder.append(one.offset - base, at, one.key, one.value, headers)
    data = builder.build()
    # As in KIP-98: the base offset, and after the CRC the attributes and the last one's delta.
    data[:8] = base.to_bytes(8, "big")
    data[22] |= attributes
    if end is not None:
        data[23:27] = (end - 1 - base).to_bytes(4, "big")
    return sealed(data)


def sealed(data: bytearray) -> bytes:
    """The batch with the CRC that goes with its bytes."""
    data[17:21] = calc_crc32c(bytes(data[21:])).to_bytes(4, "big")
    return bytes(data)


def entries(*offsets: int) -> list[Entry]:
    return [Entry(offset) for offset in offsets]


def upstream(data: bytes, start: int, tp: TopicPartition = PART) -> Any:
    """What aiokafka keeps of a fetch from `start` on."""
    return PartitionRecords(tp, KeptRecords(data), None, start, None, None, True, 0)


def unread(data: bytes, start: int) -> Unread:
    return Unread(upstream(data, start), EVENTS)


def offsets(records: Sequence[Any]) -> list[int]:
    return [record.offset for record in records]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], {}),
        ([("a", b"1"), ("b", b"2")], {"a": b"1", "b": b"2"}),
        ([("a", b"1"), ("b", b"2"), ("a", b"3")], {"a": b"3", "b": b"2"}),  # the last one wins
        ([("a", None), ("b", b"")], {"b": b""}),
        ([("a", b"1"), ("a", None)], {"a": b"1"}),  # without a value, it is no header
    ],
)
def test_a_record_is_what_the_log_has(headers: Headers, expected: dict[str, bytes]) -> None:
    data = batch(Entry(7, b"k", b"v", headers), Entry(8, None, None))
    first, second = to_records(EVENTS, 3, MemoryRecords(data).next_batch() or ())
    assert first == Record(EVENTS, 3, 7, 1_007, b"k", b"v", expected)
    assert second == Record(EVENTS, 3, 8, 1_008, None, None, {})


def test_what_was_handed_out_is_let_go_without_the_collector() -> None:
    """Records are none of the collector's: it may not come for hours, and a fetch is megabytes."""
    collects = gc.isenabled()
    gc.disable()
    try:
        parts = upstream(batch(*entries(3, 4)), 3)
        held = weakref.ref(parts)
        reader = Unread(parts, EVENTS)
        assert offsets(reader.take(10)) == [3, 4]
        del parts, reader
        assert held() is None
    finally:
        if collects:
            gc.enable()


def log_of(random: Random) -> tuple[bytes, int]:
    """A log with holes, batches of every size, compressed ones and markers; where it ends."""
    data, at = b"", random.randrange(5)
    for _ in range(random.randrange(1, 12)):
        found = []
        for _ in range(random.choice((1, 1, 2, 7, 40))):
            headers: Headers = [("n", str(at).encode())] if random.random() < 0.5 else []
            value = None if random.random() < 0.1 else bytes(random.randrange(60))
            found.append(Entry(at, random.choice((None, b"k%d" % at)), value, headers))
            at += random.choice((1, 1, 1, 5))
        at = max(at, found[-1].offset + 1)
        marker = CONTROL if random.random() < 0.2 else 0
        data += batch(*found, end=at, compression=random.choice((0, 0, 1)), attributes=marker)
    return data, at


@pytest.mark.parametrize("seed", range(20))
def test_the_same_comes_out_as_by_aiokafka(seed: int) -> None:
    random = Random(seed)
    data, end = log_of(random)
    start = random.randrange(end + 1)
    theirs = upstream(data, start)
    expected = to_records(EVENTS, PART.partition, list(theirs))
    ours, found = unread(data, start), []
    most = random.choice((1, 3, 1_000))
    while part := ours.take(most):
        assert len(part) <= most
        found += part
        # Where a worker would go on, were the rest of it dropped here.
        assert part[-1].offset < ours.next_fetch_offset
    assert found == expected
    assert ours.next_fetch_offset == theirs.next_fetch_offset


def test_a_fetch_of_many_small_batches_is_one_chunk() -> None:
    data = b"".join(batch(Entry(offset)) for offset in range(5))
    assert offsets(unread(data, 0).take(100)) == [0, 1, 2, 3, 4]


def test_of_a_batch_that_begins_earlier_only_the_rest_is_taken() -> None:
    assert offsets(unread(batch(*entries(3, 4, 5, 6)), 5).take(100)) == [5, 6]


def test_where_compaction_took_the_end_of_a_batch_the_next_is_asked_for() -> None:
    """Else the same batch would be fetched for ever."""
    one = unread(batch(*entries(3, 4), end=9), 5)
    assert one.take(100) == []
    assert one.next_fetch_offset == 9


def test_a_record_of_no_declared_topic_stays_as_it_is() -> None:
    pairs: Headers = [("wf_generation", b"4"), ("wf_generation", b"5")]
    data = batch(Entry(7, b"k", None, pairs))
    (record,) = Unread(upstream(data, 0, ROWS), None).take(10)
    assert (record.offset, record.timestamp, record.key, record.value, record.headers) == (
        7,
        1_007,
        b"k",
        None,
        pairs,
    )


def no_text(data: bytes, name: bytes = b"name") -> bytes:
    """The batch with the first byte of that header's name, in each of its records, no UTF-8."""
    return sealed(bytearray(data.replace(name, b"\xff" + name[1:])))


@pytest.mark.parametrize("most", [1, 3, 100])
@pytest.mark.parametrize("start", [0, 4, 6])
def test_a_header_whose_name_is_no_text_holds_nothing_up(start: int, most: int) -> None:
    headers: Headers = [("name", b"1"), ("ce_id", b"2"), ("none", None)]
    before = batch(*entries(0, 1, 2)) if start < 3 else b""
    bad = batch(Entry(3), Entry(4, None, b"v", headers), Entry(5, b"k", None), end=7)
    reader, found = unread(before + no_text(bad) + batch(*entries(8, 9)), start), []
    while part := reader.take(most):
        found += part
    assert offsets(found) == [one for one in (0, 1, 2, 3, 4, 5, 8, 9) if one >= start]
    assert reader.next_fetch_offset == 10
    if start <= 4:
        one = next(record for record in found if record.offset == 4)
        assert one == Record(EVENTS, 3, 4, 1_004, None, b"v", {r"\xffame": b"1", "ce_id": b"2"})


@pytest.mark.parametrize("seed", range(20))
def test_every_other_field_is_as_by_aiokafka(seed: int) -> None:
    random = Random(seed)
    given = [
        Entry(
            at,
            random.choice((None, bytes(random.randrange(200)))),
            random.choice((None, random.randbytes(random.randrange(300)))),
            [("name", random.choice((None, b"1" * random.randrange(90))))] * random.randrange(3),
        )
        for at in sorted(random.sample(range(400), 30))
    ]
    good = batch(*given)
    theirs = to_records(EVENTS, 3, MemoryRecords(good).next_batch() or ())
    ours = unread(no_text(good), 0).take(100)
    assert [
        Record(
            EVENTS,
            3,
            one.offset,
            one.timestamp_ms,
            one.key,
            one.value,
            {name.replace(r"\xff", "n"): value for name, value in one.headers.items()},
        )
        for one in ours
    ] == theirs


def damaged(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def test_a_damaged_batch_is_refused() -> None:
    with pytest.raises(CorruptRecordException, match="CRC"):
        unread(damaged(batch(*entries(0, 1))), 0).take(100)


class Bench:
    """aiokafka's own fetcher, of a group that has partitions and a cluster that has no leaders."""

    def __init__(self, *parts: TopicPartition) -> None:
        loop = asyncio.get_running_loop()
        self.subscription = SubscriptionState()
        self.subscription.subscribe({part.topic for part in parts})
        self.subscription.assign_from_subscribed(parts)
        for part in parts:
            self.subscription.seek(part, 0)
        cluster = SimpleNamespace(leader_for_partition=lambda _part: -1)
        client = SimpleNamespace(
            _loop=loop,
            _metadata_max_age_ms=1_000,
            cluster=cluster,
            force_metadata_update=loop.create_future,
        )
        self.fetcher = Fetcher(client, self.subscription)

    async def __aenter__(self) -> Bench:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.fetcher.close()

    @property
    def assignment(self) -> Any:
        return self.subscription.subscription.assignment

    def position(self, part: TopicPartition) -> int:
        at: int = self.assignment.state_value(part).position
        return at

    def came(self, part: TopicPartition, data: bytes) -> None:
        """A fetch was answered."""
        records = upstream(data, self.position(part), part)
        self.fetcher._records[part] = FetchResult(
            part, assignment=self.assignment, partition_records=records, backoff=0.1
        )

    def refused(self, part: TopicPartition) -> None:
        """A fetch was answered with an error."""
        error = TopicAuthorizationFailedError(part.topic)
        self.fetcher._records[part] = FetchError(error=error, backoff=0.1)

    async def take(
        self, *parts: TopicPartition, timeout: float = 0.0, most: int = 1_000
    ) -> dict[TopicPartition, list[int]]:
        found = await fetched_records(self.fetcher, set(parts), DECLARED, timeout, most)
        return {part: offsets(records) for part, records in found.items()}


async def test_what_is_there_is_handed_out_at_most_so_many_at_once() -> None:
    async with Bench(PART, OTHER) as bench:
        bench.came(PART, batch(*entries(0, 1, 2, 3, 4)))
        bench.came(OTHER, batch(*entries(0, 1)))
        assert await bench.take(PART, OTHER, most=3) == {PART: [0, 1, 2]}
        assert bench.position(PART) == 3
        assert await bench.take(PART, OTHER, most=3) == {PART: [3, 4], OTHER: [0]}
        assert await bench.take(PART, OTHER, most=3) == {OTHER: [1]}
        assert await bench.take(PART, OTHER, most=3) == {}
        assert (bench.position(PART), bench.position(OTHER)) == (5, 2)
        # What is fetched next is asked for where nothing is left.
        assert not bench.fetcher._records


async def test_what_is_declared_comes_as_ours_and_a_changelog_as_it_is() -> None:
    async with Bench(PART, ROWS) as bench:
        bench.came(PART, batch(*entries(0)))
        bench.came(ROWS, batch(*entries(0)))
        found = await fetched_records(bench.fetcher, (), DECLARED, 0.0, 10)
        assert found[PART] == [Record(EVENTS, 3, 0, 1_000, b"north", b"{}", {})]
        assert not isinstance(found[ROWS][0], Record)


async def test_a_partition_that_is_held_back_keeps_what_came() -> None:
    async with Bench(PART, OTHER) as bench:
        bench.came(PART, batch(*entries(0)))
        bench.came(OTHER, batch(*entries(0)))
        assert await bench.take(OTHER) == {OTHER: [0]}
        assert await bench.take(PART) == {PART: [0]}


async def test_what_comes_later_is_waited_for() -> None:
    async with Bench(PART) as bench:
        taking = asyncio.create_task(bench.take(PART, timeout=FOREVER))
        while not bench.fetcher._fetch_waiters:
            await asyncio.sleep(0)
        bench.came(PART, batch(*entries(0, 1)))
        for waiter in tuple(bench.fetcher._fetch_waiters):
            bench.fetcher._notify(waiter)
        async with asyncio.timeout(FOREVER):
            assert await taking == {PART: [0, 1]}


async def test_where_nothing_comes_nothing_is_waiting_afterwards() -> None:
    async with Bench(PART) as bench:
        assert await bench.take(PART, timeout=0.01) == {}
        await asyncio.sleep(0)
        assert not bench.fetcher._fetch_waiters


@pytest.mark.parametrize("begun", [False, True])
async def test_what_was_fetched_before_somebody_went_elsewhere_is_dropped(begun: bool) -> None:
    async with Bench(PART) as bench:
        bench.came(PART, batch(*entries(0, 1, 2, 3)))
        if begun:
            await bench.take(PART, most=2)
        bench.subscription.seek(PART, 1)
        assert await bench.take(PART) == {}
        assert bench.position(PART) == 1
        assert not bench.fetcher._records


async def test_what_is_not_ours_any_more_is_dropped() -> None:
    async with Bench(PART, OTHER) as bench:
        bench.came(PART, batch(*entries(0)))
        bench.subscription.assign_from_subscribed([OTHER])
        assert await bench.take(OTHER) == {}
        assert not bench.fetcher._records


async def test_an_error_is_raised_after_what_is_in_hand_was_handed_out() -> None:
    async with Bench(PART, OTHER) as bench:
        bench.came(PART, batch(*entries(0)))
        bench.refused(OTHER)
        assert await bench.take(PART, OTHER) == {PART: [0]}
        with pytest.raises(TopicAuthorizationFailedError):
            await bench.take(PART, OTHER)
        assert not bench.fetcher._records


async def test_what_was_damaged_on_its_way_is_fetched_again() -> None:
    async with Bench(PART) as bench:
        good = batch(*entries(0, 1))
        bench.came(PART, good + damaged(batch(*entries(2, 3))))
        with pytest.raises(CorruptRecordException):
            await bench.take(PART)
        assert bench.position(PART) == 0
        assert not bench.fetcher._records
        bench.came(PART, good + batch(*entries(2, 3)))
        assert await bench.take(PART) == {PART: [0, 1, 2, 3]}
