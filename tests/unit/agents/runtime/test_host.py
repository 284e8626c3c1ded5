"""The order of a commit, and what is left when it is cut off."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from agents.runtime import host as host_module
from agents.runtime.deadletter import PREFIX
from agents.runtime.emitter import BrokerError, RefusedError
from agents.runtime.host import ChainHost
from agents.runtime.lease import Lease, LeaseError
from agents.runtime.record import Record
from agents.runtime.state import MemoryStore, SchemaAheadError
from tests.unit.agents.runtime.parts import (
    COUNTS,
    Bench,
    Count,
    event_record,
    headers,
    raw,
    tick,
)
from topics.catalogue import DECISIONS
from topics.record import OutRecord


class LoggingStore(MemoryStore):
    """Notes each write."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self.log = log

    def write(self, table: str, partition: int, key: str, value: bytes | None) -> None:
        self.log.append(f"state {partition}/{key}")
        super().write(table, partition, key, value)


class FakeEmitter:
    """Confirms what it is given; `held` makes it wait, `refuses` says what it takes never."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.sent: list[OutRecord] = []
        self.open = asyncio.Event()
        self.open.set()
        self.refuses: Callable[[OutRecord], bool] = lambda out: False
        self.fails: Exception | None = None
        self.begun = 0

    async def emit(self, records: Sequence[OutRecord]) -> None:
        self.begun += 1
        await self.open.wait()
        if self.fails is not None:
            raise self.fails
        refused = [(out, "too large") for out in records if self.refuses(out)]
        self.sent += [out for out in records if not self.refuses(out)]
        for out in records:
            self.log.append(f"emit {(out.key or b'').decode()}")
        if refused:
            raise RefusedError(refused)


class Fixture:
    """A host on a fake emitter."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.bench = Bench()
        self.bench.store = LoggingStore(self.log)
        self.bench.runner.store = self.bench.store
        self.emitter = FakeEmitter(self.log)
        self.host = ChainHost(
            self.bench.runner, self.emitter, lambda work: self.log.append(f"start {work}")
        )

    async def take(self, one: Record, name: str) -> None:
        await self.chunk([one], name)

    async def chunk(self, records: Sequence[Record], name: str, *, urgent: bool = False) -> None:
        """`ack NAME` once all of them are done."""
        end = records[-1].offset + 1

        def done(_start: int, upto: int) -> None:
            if upto == end:
                self.log.append(f"ack {name}")

        await self.host.take(records, records[0].offset, done, urgent=urgent)

    async def settle(self, entry: str) -> None:
        """Return once that is in the log."""
        async with asyncio.timeout(5):
            while entry not in self.log:
                await asyncio.sleep(0)

    def state(self, partition: int = 0) -> Count | None:
        return self.bench.runner.batch(partition).state.get(COUNTS, "n")


@pytest.fixture
async def fixture() -> AsyncIterator[Fixture]:
    found = Fixture()
    yield found
    found.emitter.open.set()
    found.host.abandon(range(8))
    await asyncio.sleep(0)


async def test_outputs_then_state_then_ack_then_work(fixture: Fixture) -> None:
    await fixture.take(event_record("intrusion", name="e1"), "e1")
    await fixture.settle("start work e1")
    assert fixture.log == ["emit intrusion", "state 0/counts:n", "ack e1", "start work e1"]


async def test_what_is_put_off_to_the_chunks_end_is_in_its_commit(fixture: Fixture) -> None:
    records = [event_record("later:x", name=f"e{n}", offset=n) for n in range(3)]
    await fixture.chunk(records, "all")
    await fixture.settle("ack all")
    assert fixture.log == ["emit x", "state 0/counts:n", "ack all"]


async def test_nothing_is_written_or_acked_before_the_broker_confirmed(fixture: Fixture) -> None:
    fixture.emitter.open.clear()
    await fixture.take(event_record("intrusion", name="e1"), "e1")
    for _ in range(20):
        await asyncio.sleep(0)
    assert fixture.emitter.begun == 1
    assert fixture.log == []
    assert fixture.host.oldest() is not None
    fixture.emitter.open.set()
    await fixture.settle("start work e1")
    assert fixture.host.oldest() is None


async def test_what_comes_meanwhile_shares_the_next_commit_and_sees_the_state_of_the_first(
    fixture: Fixture,
) -> None:
    fixture.emitter.open.clear()
    await fixture.take(event_record("intrusion", name="e1"), "e1")
    await asyncio.sleep(0)
    for name in ("e2", "e3"):
        await fixture.take(event_record("loitering", name=name), name)
    fixture.emitter.open.set()
    await fixture.settle("start work e3")
    assert fixture.emitter.begun == 2
    assert [one for one in fixture.log if one.startswith("ack")] == ["ack e1", "ack e2", "ack e3"]
    assert fixture.state() == Count(3, "loitering")


async def test_a_partition_whose_commit_hangs_holds_up_no_other(fixture: Fixture) -> None:
    fixture.emitter.open.clear()
    await fixture.take(event_record("intrusion", name="e1", partition=0), "e1")
    for _ in range(10):
        await asyncio.sleep(0)
    held, fixture.emitter.open = fixture.emitter.open, asyncio.Event()
    fixture.emitter.open.set()
    await fixture.take(event_record("loitering", name="e2", partition=1), "e2")
    await fixture.settle("ack e2")
    assert "ack e1" not in fixture.log
    held.set()
    await fixture.settle("ack e1")


async def test_abandoned_work_leaves_no_state_and_no_ack(fixture: Fixture) -> None:
    fixture.emitter.open.clear()
    await fixture.take(event_record("intrusion", name="e1"), "e1")
    await asyncio.sleep(0)
    await fixture.take(event_record("intrusion", name="e2"), "e2")
    fixture.host.abandon([0])
    fixture.emitter.open.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert fixture.log == []
    assert fixture.state() is None
    assert fixture.host.oldest() is None
    # The partition comes back, and its records with it: from their start, from the old state.
    await fixture.take(event_record("intrusion", name="e1"), "e1")
    await fixture.settle("start work e1")
    assert fixture.state() == Count(1, "intrusion")


async def test_abandoning_one_partition_leaves_the_others_alone(fixture: Fixture) -> None:
    fixture.emitter.open.clear()
    await fixture.take(event_record("intrusion", name="e1", partition=0), "e1")
    await fixture.take(event_record("intrusion", name="e2", partition=1), "e2")
    await asyncio.sleep(0)
    fixture.host.abandon([0])
    fixture.emitter.open.set()
    await fixture.settle("start work e2")
    assert "ack e1" not in fixture.log


async def test_a_refused_output_dead_letters_its_source_and_the_rest_goes_out(
    fixture: Fixture,
) -> None:
    fixture.emitter.refuses = lambda out: out.key == b"loitering"
    await fixture.take(event_record("intrusion", name="e1"), "e1")
    source = event_record("loitering", name="e2", offset=9)
    await fixture.take(source, "e2")
    await fixture.settle("start work e2")
    sent = fixture.emitter.sent
    assert [out.topic.name for out in sent] == [DECISIONS.name, "security.events.v1.dlq"]
    assert sent[1].value == source.value
    reasons = headers(sent[1], PREFIX)
    assert (reasons["stage"], reasons["message"], reasons["offset"]) == ("emit", "too large", "9")
    assert "ack e2" in fixture.log


async def test_a_cluster_that_is_not_set_up_ends_the_worker_and_acks_nothing(
    fixture: Fixture,
) -> None:
    fixture.emitter.fails = BrokerError("no such topic")
    await fixture.take(event_record("intrusion", name="e1"), "e1")
    with pytest.raises(BrokerError):
        async with asyncio.timeout(5):
            await fixture.host.failed()
    with pytest.raises(BrokerError):
        await fixture.take(event_record("intrusion", name="e2"), "e2")
    assert fixture.log == []
    assert fixture.state() is None


async def test_state_that_is_ahead_ends_the_worker_and_takes_no_later_record(
    fixture: Fixture,
) -> None:
    """Faust would skip the record that raised, and go on with the next one."""
    fixture.bench.store.rows[(COUNTS.table, 0, COUNTS.row("n"))] = b"\x02\x80"
    with pytest.raises(SchemaAheadError):
        await fixture.take(event_record("intrusion", name="e1"), "e1")
    with pytest.raises(SchemaAheadError):
        async with asyncio.timeout(5):
            await fixture.host.failed()
    with pytest.raises(SchemaAheadError):
        await fixture.take(event_record("intrusion", name="e2", partition=1), "e2")
    assert fixture.log == []


async def test_a_dead_letter_is_confirmed_before_its_source_is_acked(fixture: Fixture) -> None:
    await fixture.take(raw(b"no json"), "bad")
    await fixture.settle("ack bad")
    assert fixture.log == ["emit north", "ack bad"]
    assert fixture.emitter.sent[0].topic.name == "security.events.v1.dlq"


def many(count: int, *, first: int = 0) -> list[Record]:
    return [event_record("intrusion", name=f"e{first + n}", offset=first + n) for n in range(count)]


async def test_a_chunk_is_told_as_done_span_by_span_without_a_gap(
    fixture: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "LARGEST_SLICE", 3)
    monkeypatch.setattr(host_module, "FIRST_SLICE", 3)
    records = [one for one in many(12, first=5) if one.offset not in (5, 9)]
    spans: list[tuple[int, int]] = []
    await fixture.host.take(records, 5, lambda start, end: spans.append((start, end)))
    await fixture.settle("start work e16")
    assert spans[0][0] == 5
    assert spans[-1][1] == 17
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert len(spans) > 2
    assert fixture.state() == Count(10, "intrusion")


async def test_between_slices_others_have_their_turn(
    fixture: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "LARGEST_SLICE", 2)
    monkeypatch.setattr(host_module, "FIRST_SLICE", 2)
    backlog = asyncio.create_task(fixture.chunk(many(40), "backlog"))
    await asyncio.sleep(0)
    await fixture.take(event_record("loitering", name="command", partition=1), "command")
    await fixture.settle("ack command")
    assert "ack backlog" not in fixture.log
    await backlog
    await fixture.settle("ack backlog")


def allow_pending(monkeypatch: pytest.MonkeyPatch, records: int) -> None:
    for name in ("LEAST_PENDING", "MOST_PENDING"):
        monkeypatch.setattr(host_module, name, records)


@pytest.mark.parametrize(
    ("each_s", "records"),
    [(0.0, 4_000), (1.0, 4_000), (0.1 / 4_000, 4_000), (1e-5, 10_000), (1e-9, 32_000)],
)
def test_what_is_quick_may_have_more_pending(each_s: float, records: int) -> None:
    assert host_module.most_pending(each_s) == records


async def test_what_is_urgent_does_not_wait_for_room(
    fixture: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_pending(monkeypatch, 2)
    fixture.emitter.open.clear()
    backlog = asyncio.create_task(fixture.chunk(many(3), "backlog"))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await fixture.chunk([tick(1, partition=1)], "tick", urgent=True)
    assert not backlog.done()
    fixture.emitter.open.set()
    async with asyncio.timeout(5):
        await backlog


async def test_partitions_that_are_given_up_are_finished_first(fixture: Fixture) -> None:
    fixture.emitter.open.clear()
    await fixture.take(event_record("intrusion", name="e1"), "e1")
    await asyncio.sleep(0)
    await fixture.take(event_record("intrusion", name="e2", offset=1), "e2")
    settled = asyncio.create_task(fixture.host.settle([0], 5.0))
    await asyncio.sleep(0)
    # What comes now is the next owner's.
    await fixture.take(event_record("intrusion", name="e3", offset=2), "e3")
    assert not settled.done()
    fixture.emitter.open.set()
    await settled
    assert [one for one in fixture.log if one.startswith("ack")] == ["ack e1", "ack e2"]
    fixture.host.abandon([0])
    fixture.host.resume()
    await fixture.take(event_record("intrusion", name="e3", offset=2), "e3")
    await fixture.settle("ack e3")


async def test_giving_up_takes_no_longer_than_it_may(fixture: Fixture) -> None:
    fixture.emitter.open.clear()
    await fixture.take(event_record("intrusion", name="e1"), "e1")
    async with asyncio.timeout(5):
        await fixture.host.settle([0], 0.01)
    assert fixture.log == []


async def test_a_worker_that_stood_still_writes_nothing_and_ends(fixture: Fixture) -> None:
    now = 0.0
    lease = Lease(6.0, lambda: now)
    host = ChainHost(fixture.bench.runner, fixture.emitter, alive=lease.check)
    now = 7.0
    await host.take(many(1), 0, lambda start, end: fixture.log.append("done"))
    with pytest.raises(LeaseError, match=r"stood still for 7\.0 s"):
        async with asyncio.timeout(5):
            await host.failed()
    assert fixture.log == []
    assert fixture.emitter.begun == 0
    # That it runs again does not make it the owner again.
    lease.beat()
    now = 7.5
    with pytest.raises(LeaseError):
        lease.check()


async def test_the_agent_waits_when_too_much_is_not_committed(
    fixture: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_pending(monkeypatch, 3)
    fixture.emitter.open.clear()

    async def feed() -> None:
        for number in range(6):
            await fixture.take(event_record("intrusion", name=f"e{number}"), f"e{number}")

    task = asyncio.create_task(feed())
    for _ in range(50):
        await asyncio.sleep(0)
    assert not task.done()
    assert fixture.state() is None
    fixture.emitter.open.set()
    async with asyncio.timeout(5):
        await task
    await fixture.settle("start work e5")
    assert fixture.state() == Count(6, "intrusion")


async def test_losing_a_partition_lets_a_waiting_agent_go(
    fixture: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_pending(monkeypatch, 1)
    fixture.emitter.open.clear()
    # One is being committed, the other waits for the next commit.
    tasks = [
        asyncio.create_task(fixture.take(event_record("intrusion", name=name), name))
        for name in ("e1", "e2")
    ]
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    fixture.host.abandon([0])
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)


async def test_draining_commits_what_was_taken_and_takes_no_more(fixture: Fixture) -> None:
    fixture.emitter.open.clear()
    await fixture.take(event_record("intrusion", name="e1"), "e1")
    await asyncio.sleep(0)
    await fixture.take(event_record("loitering", name="e2"), "e2")
    drained = asyncio.create_task(fixture.host.drain())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not drained.done()
    await fixture.take(event_record("intrusion", name="e3"), "e3")
    fixture.emitter.open.set()
    async with asyncio.timeout(5):
        await drained
    assert [one for one in fixture.log if one.startswith("ack")] == ["ack e1", "ack e2"]
    assert fixture.state() == Count(2, "loitering")


async def test_draining_ends_where_nothing_can_be_committed(fixture: Fixture) -> None:
    fixture.emitter.fails = BrokerError("no such topic")
    await fixture.take(event_record("intrusion", name="e1"), "e1")
    async with asyncio.timeout(5):
        await fixture.host.drain()
    assert fixture.log == []
    with pytest.raises(BrokerError):
        await fixture.host.failed()
