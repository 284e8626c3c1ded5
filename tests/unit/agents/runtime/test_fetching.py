"""A fetch that ends in another generation than it began in is given back, not lost."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from agents.runtime.chunks import Chunk
from agents.runtime.fetching import ChunkThread
from agents.runtime.offsets import Offsets
from agents.runtime.transport import MOST_BYTES, OrderedConsumer

CHANGELOG = TP("rows-changelog", 0)
SOURCE = TP("events", 0)


def record(offset: int) -> Any:
    return SimpleNamespace(offset=offset)


class Fetches(OrderedConsumer):
    """The loop alone: one fetch, during which the generation becomes `after`."""

    def __init__(self, after: int, *, flows: bool = True, rebalancing: bool = False) -> None:
        self.taken: list[tuple[TP, int]] = []
        self.returned: list[tuple[TP, int]] = []
        self._after, self._flows, self._once = after, flows, True
        app: Any = SimpleNamespace(
            consumer_generation_id=1, should_stop=False, rebalancing=rebalancing
        )
        transport: Any = SimpleNamespace(app=app)
        self.app, self.transport = app, transport
        self.flow_active = True
        self._thread = self  # type: ignore[assignment]

    @property
    def should_stop(self) -> bool:
        return not self._once

    def _wanted(self) -> tuple[set[TP], bool]:
        return {CHANGELOG, SOURCE}, False

    def _is_changelog_tp(self, tp: TP) -> bool:
        return tp == CHANGELOG

    async def _getmany(self, *_args: Any) -> dict[TP, list[Any]]:
        self._once = False
        self.app.consumer_generation_id = self._after
        self.flow_active = self._flows
        return {CHANGELOG: [record(45), record(46)], SOURCE: [record(7)]}

    async def _hand_out(self, tp: TP, records: Any) -> None:
        self.taken.append((tp, records[0].offset))

    async def back_to(self, tp: TP, offset: int) -> None:
        self.returned.append((tp, offset))


@pytest.mark.parametrize(("after", "flows"), [(2, True), (1, False)])
async def test_what_recovery_sought_is_not_swallowed(after: int, flows: bool) -> None:
    """Recovery may seek while an older fetch waits; what that brings is what was sought."""
    fetches = Fetches(after, flows=flows)
    async with asyncio.timeout(5):
        await fetches._drain_messages(SimpleNamespace(should_stop=False))
    assert fetches.taken == []
    assert fetches.returned == [(CHANGELOG, 45), (SOURCE, 7)]


async def test_what_comes_before_a_rebalance_is_over_comes_again() -> None:
    """Its end empties the queues of the streams, a second after the partitions were let go."""
    fetches = Fetches(1, rebalancing=True)
    async with asyncio.timeout(5):
        await fetches._drain_messages(SimpleNamespace(should_stop=False))
    assert fetches.taken == [(CHANGELOG, 45)]
    assert fetches.returned == [(SOURCE, 7)]


async def test_what_came_in_time_is_handed_out() -> None:
    fetches = Fetches(1)
    async with asyncio.timeout(5):
        await fetches._drain_messages(SimpleNamespace(should_stop=False))
    assert fetches.taken == [(CHANGELOG, 45), (SOURCE, 7)]
    assert fetches.returned == []


class Positions:
    """aiokafka's consumer, as far as going back needs it."""

    def __init__(self, **positions: int) -> None:
        self.at = {TP(name, 0): offset for name, offset in positions.items()}

    def assignment(self) -> set[TP]:
        return set(self.at)

    async def position(self, partition: TP) -> int:
        return self.at[partition]

    def seek(self, partition: TP, offset: int) -> None:
        self.at[partition] = offset


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (47, 45),  # after what was fetched: it is to come again
        (45, 45),
        (12, 12),  # sought meanwhile to a place before it: nothing is left out
    ],
)
async def test_back_to_never_goes_forward(position: int, expected: int) -> None:
    thread = ChunkThread.__new__(ChunkThread)
    consumer = Positions(rows=position)
    thread._consumer = consumer
    await thread._back_to(TP("rows", 0), 45)
    assert consumer.at == {TP("rows", 0): expected}


async def test_back_to_leaves_what_is_not_ours_alone() -> None:
    thread = ChunkThread.__new__(ChunkThread)
    consumer = Positions(rows=50)
    thread._consumer = consumer
    await thread._back_to(TP("others", 0), 45)
    assert consumer.at == {TP("rows", 0): 50}


class Handing(OrderedConsumer):
    """Hands out alone: events are accounted for from 10 on, and chunks are kept."""

    def __init__(self, *compact: str) -> None:
        app: Any = SimpleNamespace(compact=frozenset(compact))
        self.app = app
        self._bytes, self._went_back = {}, {}
        self.offsets = Offsets()
        self.offsets.begin(SOURCE, 10)
        self.chunks: list[Chunk] = []

    def _is_changelog_tp(self, tp: TP) -> bool:
        return False

    async def _deliver(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)

    async def fetched(self, *offsets: int, value: bytes | None = b"x") -> None:
        await self._hand_out(SOURCE, [SimpleNamespace(offset=n, value=value) for n in offsets])

    def finish(self) -> int | None:
        """Everything is done, as its chunks say; what may be committed then."""
        for chunk in self.chunks:
            assert chunk.progress is not None
            chunk.progress.done(chunk.start, chunk.last + 1)
        return self.offsets.safe(SOURCE)


async def test_of_a_fetch_that_overlaps_the_one_before_only_the_rest_is_handed_out() -> None:
    handing = Handing()
    await handing.fetched(10, 11, 12)
    await handing.fetched(11, 12, 13)
    assert [[one.offset for one in chunk.records] for chunk in handing.chunks] == [
        [10, 11, 12],
        [13],
    ]
    assert handing.finish() == 14


async def test_a_hole_that_compaction_left_holds_no_commit_up() -> None:
    handing = Handing(SOURCE.topic)
    await handing.fetched(10)
    await handing.fetched(15, 16)
    assert handing.finish() == 17


async def test_a_partition_with_too_many_bytes_in_work_is_not_asked_for() -> None:
    handing = Handing()
    await handing.fetched(10, value=bytes(MOST_BYTES - 1))
    await handing.fetched(11, value=None)
    assert not handing._is_full(SOURCE)
    await handing.fetched(12, value=b"x")
    assert handing._is_full(SOURCE)
    first = handing.chunks[0]
    assert first.progress is not None
    first.progress.done(first.start, first.last + 1)
    assert not handing._is_full(SOURCE)


class Committing(OrderedConsumer):
    """Commits alone: the broker takes them, or is in a rebalance."""

    def __init__(self, *, takes: bool) -> None:
        self.asked: list[dict[TP, int]] = []
        self.heard: list[dict[TP, int]] = []
        self._takes = takes
        told = SimpleNamespace(on_commit=self.heard.append, on_tp_commit=self.heard.append)
        app: Any = SimpleNamespace(tables=told, monitor=told)
        self.app = app
        self._committed_offset = {SOURCE: 5}

    def assignment(self) -> set[TP]:
        return {SOURCE}

    async def _commit(self, offsets: Any) -> bool:
        self.asked.append(dict(offsets))
        return self._takes


@pytest.mark.parametrize(
    ("takes", "after"),
    [
        (True, 9),
        (False, 5),  # not committed, so it is to be committed yet
    ],
)
async def test_what_is_ours_is_committed_once_it_is_taken(takes: bool, after: int) -> None:
    committing = Committing(takes=takes)
    assert await committing._commit_offsets({SOURCE: 9, CHANGELOG: 3}) is takes
    assert committing.asked == [{SOURCE: 9}]
    assert committing._committed_offset == {SOURCE: after}
    assert committing._should_commit(SOURCE, 9) is not takes
    assert committing.heard == [{SOURCE: 9}] * (2 if takes else 0)


async def test_of_a_partition_that_is_another_workers_nothing_is_committed() -> None:
    committing = Committing(takes=True)
    assert not await committing._commit_offsets({CHANGELOG: 3})
    assert committing.asked == []
    assert committing._committed_offset == {SOURCE: 5}
