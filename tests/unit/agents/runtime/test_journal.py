"""The changelog: cut off anywhere, a chunk's rows are all there for the next owner, or none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.runtime import journal as module
from agents.runtime.emitter import Place, RefusedError, Span
from agents.runtime.generations import HEADER
from agents.runtime.journal import MOST_BYTES, SHOW_AFTER_S, Journal, Row
from topics.catalogue import DECISIONS
from topics.record import OutRecord


class LocalStore:
    """A worker's own store. Keys and values as Faust's tables have them."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, bytes], bytes] = {}
        self.offsets: dict[tuple[str, int], int] = {}
        self.marked: dict[tuple[str, int], set[bytes]] = {}
        self.own = 7

    @staticmethod
    def key(partition: int, key: str) -> bytes:
        return f"{partition}/{key}".encode()

    def get(self, table: str, partition: int, key: str) -> bytes | None:
        return self.rows.get((table, self.key(partition, key)))

    def write(self, table: str, partition: int, key: str, value: bytes | None) -> None:
        if value is None:
            self.rows.pop((table, self.key(partition, key)), None)
        else:
            self.rows[(table, self.key(partition, key))] = value

    def write_rows(self, partition: int, rows: Sequence[Row], reached: Mapping[str, int]) -> None:
        for table, key, value in rows:
            self.write(table, partition, key, value)
        for table, offset in reached.items():
            self.offsets[(table, partition)] = offset

    names = ("alerts", "ledger", "timers")

    def generation(self, table: str, partition: int) -> int:
        return self.own

    def offset(self, table: str, partition: int) -> int:
        return self.offsets.get((table, partition), -1)

    def stale(self, table: str, partition: int) -> list[tuple[str, bytes | None]]:
        prefix = f"{partition}/"
        return [
            (key.decode().removeprefix(prefix), self.rows.get((table, key)))
            for key in sorted(self.marked.get((table, partition), set()))
        ]

    def mark_stale(self, table: str, partition: int, keys: Iterable[bytes]) -> None:
        self.marked.setdefault((table, partition), set()).update(keys)


class Died(Exception):
    """The worker was killed."""


class Changelogs:
    """The topics. lives: how many more records are taken before the worker is killed."""

    def __init__(self) -> None:
        self.records: list[OutRecord] = []
        self.lives: int | None = None
        self.refuses: str | None = None

    def end(self, topic: str) -> int:
        return sum(record.topic.name == topic for record in self.records)

    async def append(self, records: Sequence[OutRecord]) -> Mapping[Place, Span]:
        reached: dict[Place, Span] = {}
        if self.refuses is not None and records[0].topic.name == self.refuses:
            raise RefusedError([(records[0], "too large")])
        for record in records:
            if self.lives is not None:
                if self.lives == 0:
                    raise Died
                self.lives -= 1
            place = (record.topic.name, record.partition or 0)
            offset = self.end(record.topic.name)
            self.records.append(record)
            reached[place] = Span(offset, offset, 1).joined(reached.get(place))
        return reached

    def recover(self) -> LocalStore:
        """What a worker without a store of its own has after recovery."""
        store = LocalStore()
        for record in self.records:
            if not record.topic.name.startswith("log-"):
                continue
            assert record.key is not None
            where = (record.topic.name.removeprefix("log-"), record.key)
            if record.value is None:
                store.rows.pop(where, None)
            else:
                store.rows[where] = record.value
        return store


def journal(changelogs: Changelogs, store: LocalStore) -> Journal:
    return Journal(changelogs, store, "timers", lambda table: f"log-{table}")


async def commit(one: Journal, rows: Sequence[Row], outputs: Sequence[OutRecord] = ()) -> None:
    """As ChainHost does it."""
    one.prepare(0)
    chunk = one.chunk(0, rows, outputs)
    intended = await one.intend(0, chunk)
    if outputs:
        await one._emitter.append(outputs)
    one.write(0, chunk, {**intended, **await one.append(0, chunk)})


def contents(store: LocalStore) -> dict[tuple[str, bytes], bytes]:
    """A store's rows, without the journal's own."""
    return {
        where: value for where, value in store.rows.items() if not where[1].startswith(b"0/chunk")
    }


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["alerts", "ledger", "timers"]),
        st.sampled_from([":a", ":b", ":c"]),
        st.one_of(st.none(), st.binary(min_size=1, max_size=3)),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda row: row[:2],
)


@given(
    chunks=st.lists(ROWS, min_size=1, max_size=4),
    after=ROWS,
    most=st.sampled_from([MOST_BYTES, 20]),
    data=st.data(),
)
@settings(max_examples=200, deadline=None)
async def test_killed_anywhere_a_chunk_is_whole_or_not_there(
    chunks: list[list[Row]], after: list[Row], most: int, data: st.DataObject
) -> None:
    with patch.object(module, "MOST_BYTES", most):
        await _killed_anywhere(chunks, after, data)


async def _killed_anywhere(chunks: list[list[Row]], after: list[Row], data: st.DataObject) -> None:
    changelogs, store = Changelogs(), LocalStore()
    one = journal(changelogs, store)
    for rows in chunks[:-1]:
        await commit(one, rows)
    without = contents(store)
    written = len(changelogs.records)
    changelogs.lives = data.draw(st.integers(0, 16), label="records before the kill")
    died = False
    try:
        await commit(one, chunks[-1])
    except Died:
        died = True
    changelogs.lives = None
    expected = dict(without)
    # A chunk's head is the last of what is written before its rows.
    whole = any(record.key == b"0/chunk" for record in changelogs.records[written:]) or not died
    if whole:
        for table, key, value in chunks[-1]:
            expected.pop((table, f"0{'/'}{key}".encode()), None)
            if value is not None:
                expected[(table, f"0/{key}".encode())] = value

    # The next owner has the changelog alone.
    heir = changelogs.recover()
    second = journal(changelogs, heir)
    second.prepare(0)
    assert contents(heir) == expected
    # What it finished reaches the changelog with its first chunk, for the owner after it.
    await commit(second, after)
    third = changelogs.recover()
    journal(changelogs, third).prepare(0)
    assert contents(third) == contents(heir)


async def test_the_same_worker_is_not_taken_back_to_an_older_chunk_by_a_rebalance() -> None:
    changelogs, store = Changelogs(), LocalStore()
    one = journal(changelogs, store)
    await commit(one, [("alerts", ":a", b"1")])
    await commit(one, [("alerts", ":a", b"2")])
    one.forget()
    one.prepare(0)
    assert contents(store) == {("alerts", b"0/:a"): b"2"}


async def test_the_store_learns_how_far_its_changelogs_go() -> None:
    changelogs, store = Changelogs(), LocalStore()
    await commit(journal(changelogs, store), [("alerts", ":a", b"1"), ("ledger", ":b", b"2")])
    # Of the timers' it has the chunk itself: a restart does not read it again.
    assert store.offsets == {("alerts", 0): 0, ("ledger", 0): 0, ("timers", 0): 0}


async def test_rows_that_came_and_went_within_a_chunk_are_not_written() -> None:
    changelogs, store = Changelogs(), LocalStore()
    one = journal(changelogs, store)
    await commit(one, [("timers", ":s1", None)])
    assert changelogs.records == []
    await commit(one, [("timers", ":s1", b"1"), ("timers", ":s2", None)])
    assert [record.key for record in changelogs.records] == [b"0/chunk", b"0/:s1"]


@pytest.mark.parametrize("lives", range(9))
async def test_a_chunk_too_large_for_one_record_is_whole_or_not_there(lives: int) -> None:
    """Three pages and a head, its output, its row, and of the chunk before nothing."""
    changelogs, store = Changelogs(), LocalStore()
    one = journal(changelogs, store)
    await commit(one, [("alerts", ":a", b"1")], [said("e1")])
    changelogs.lives = lives
    large = b"x" * (2 * MOST_BYTES + 1)
    with contextlib.suppress(Died):
        await commit(one, [("alerts", ":a", large)], [said("e2")])
    changelogs.lives = None
    assert all(len(record.value or b"") <= MOST_BYTES for record in changelogs.records[:7])
    heir = changelogs.recover()
    second = journal(changelogs, heir)
    await commit(second, [("alerts", ":b", b"2")])
    written = large if lives >= 4 else b"1"
    assert contents(heir) == {("alerts", b"0/:a"): written, ("alerts", b"0/:b"): b"2"}
    assert contents(changelogs.recover()) == contents(heir)
    assert set(heard(changelogs)) == ({b"e1", b"e2"} if lives >= 4 else {b"e1"})


async def test_pages_that_are_not_written_over_are_removed() -> None:
    """By the worker that wrote them, and by the next owner."""
    changelogs, store = Changelogs(), LocalStore()
    one = journal(changelogs, store)
    large = b"x" * (2 * MOST_BYTES)
    await commit(one, [("alerts", ":a", large)])
    assert ("timers", b"0/chunk.3") in changelogs.recover().rows
    await commit(one, [("alerts", ":a", b"1")])
    journals = [where for where in changelogs.recover().rows if b"chunk" in where[1]]
    assert journals == [("timers", b"0/chunk")]
    await commit(one, [("alerts", ":a", large)])
    heir = changelogs.recover()
    await commit(journal(changelogs, heir), [("alerts", ":a", b"2")])
    assert heir.rows == {("alerts", b"0/:a"): b"2"}
    journals = [where for where in changelogs.recover().rows if b"chunk" in where[1]]
    assert journals == [("timers", b"0/chunk")]


async def test_rows_say_which_owner_wrote_them() -> None:
    changelogs, store = Changelogs(), LocalStore()
    store.own = 17
    await commit(journal(changelogs, store), [("alerts", ":a", b"1"), ("ledger", ":b", b"2")])
    assert [record.headers for record in changelogs.records] == [((HEADER, b"17"),)] * 3


async def test_what_a_late_writer_wrote_over_is_written_once_more() -> None:
    changelogs, store = Changelogs(), LocalStore()
    asked: list[tuple[str, int, list[range], int]] = []

    async def foreign(topic: str, part: int, ranges: Sequence[range], own: int) -> set[bytes]:
        asked.append((topic, part, list(ranges), own))
        return {b"0/:a"}

    one = Journal(changelogs, store, "timers", lambda table: f"log-{table}", foreign)
    await commit(one, [("alerts", ":a", b"1"), ("alerts", ":b", b"1")])
    assert asked == []
    late = changelogs.records[1]
    assert late.key == b"0/:a"
    await changelogs.append([OutRecord(late.topic, late.key, b"late", (), 0)])
    await commit(one, [("alerts", ":b", b"2")])
    assert asked == [("log-alerts", 0, [range(2, 3)], 7)]
    # Now, or with the next chunk at the latest: the clock's row changes every second.
    await commit(one, [("timers", ":clock", b"3")])
    assert changelogs.recover().rows[("alerts", b"0/:a")] == b"1"


async def test_what_was_written_over_before_a_takeover_is_written_once_more() -> None:
    changelogs, store = Changelogs(), LocalStore()
    store.write("alerts", 0, ":a", b"1")
    store.mark_stale("alerts", 0, [b"0/:a", b"0/:gone"])
    await commit(journal(changelogs, store), [("timers", ":clock", b"3")])
    again = [(record.key, record.value) for record in changelogs.records[1:3]]
    assert again == [(b"0/:a", b"1"), (b"0/:gone", None)]


@pytest.mark.parametrize("partition", [0, 3])
async def test_rows_go_to_their_own_partition(partition: int) -> None:
    changelogs, store = Changelogs(), LocalStore()
    one = journal(changelogs, store)
    one.prepare(partition)
    chunk = one.chunk(partition, [("alerts", ":a", b"1")])
    await one.intend(partition, chunk)
    await one.append(partition, chunk)
    assert {record.partition for record in changelogs.records} == {partition}
    assert changelogs.records[-1].key == f"{partition}/:a".encode()


async def test_an_idle_changelog_gets_its_owners_fence_again() -> None:
    """Between that and the fence before, a late writer makes a hole, and is found."""
    now = [100.0]
    asked: list[tuple[str, list[range]]] = []

    async def foreign(
        topic: str, _partition: int, ranges: Sequence[range], _own: int
    ) -> set[bytes]:
        asked.append((topic, list(ranges)))
        return {b"0/:a"}

    changelogs, store = Changelogs(), LocalStore()
    one = Journal(
        changelogs, store, "timers", lambda table: f"log-{table}", foreign, clock=lambda: now[0]
    )
    await commit(one, [("alerts", ":a", b"1"), ("timers", ":now", b"1")])
    fences = [record for record in changelogs.records if record.key == b"0/fence"]
    assert fences == []
    late = [record for record in changelogs.records if record.topic.name == "log-alerts"]
    changelogs.records += late
    now[0] += SHOW_AFTER_S
    await commit(one, [("timers", ":now", b"2")])
    fences = [record for record in changelogs.records if record.key == b"0/fence"]
    assert {record.topic.name for record in fences} >= {"log-alerts", "log-ledger"}
    assert {record.headers for record in fences} == {((HEADER, b"7"),)}
    assert ("log-alerts", [range(1, 2)]) in asked
    await commit(one, [("timers", ":now", b"3")])
    assert changelogs.recover().rows["alerts", b"0/:a"] == b"1"
    newest = [record for record in changelogs.records if record.topic.name == "log-alerts"][-1]
    assert (newest.key, newest.value) == (b"0/:a", b"1")


def said(text: str) -> OutRecord:
    return OutRecord(DECISIONS, text.encode(), b"{}", (("ce_id", text.encode()),))


def heard(changelogs: Changelogs) -> list[bytes | None]:
    return [one.key for one in changelogs.records if one.topic.name == DECISIONS.name]


@pytest.mark.parametrize("lives", range(6))
async def test_once_a_chunk_is_written_down_its_outputs_come_whoever_goes_on(lives: int) -> None:
    """Killed anywhere: either nothing was said, or all of it is, and the state knows it."""
    changelogs, store = Changelogs(), LocalStore()
    changelogs.lives = lives
    rows: list[Row] = [("ledger", ":e1", b"sent"), ("alerts", ":a", b"1")]
    with contextlib.suppress(Died):
        await commit(journal(changelogs, store), rows, [said("e1"), said("a")])
    changelogs.lives = None
    before = set(heard(changelogs))

    heir = changelogs.recover()
    second = journal(changelogs, heir)
    second.prepare(0)
    known = ("ledger", b"0/:e1") in contents(heir)
    assert known == (lives > 0)
    assert known or not before
    await commit(second, [("timers", ":clock", b"1")])
    assert set(heard(changelogs)) == ({b"e1", b"a"} if known else set())
    again = [one for one in changelogs.records if one.key == b"e1"]
    assert {(one.value, one.headers) for one in again} <= {(b"{}", (("ce_id", b"e1"),))}


@pytest.mark.parametrize("lives", [1, 2])
async def test_records_that_change_nothing_the_second_time_pass_nothing_that_is_owed(
    lives: int,
) -> None:
    """They find their own ids, and their offsets are committed: with what they caused."""
    changelogs, store = Changelogs(), LocalStore()
    changelogs.lives = lives
    with contextlib.suppress(Died):
        await commit(journal(changelogs, store), [("ledger", ":e1", b"x")], [said("e1"), said("a")])
    changelogs.lives = None
    heir = changelogs.recover()
    second = journal(changelogs, heir)
    await commit(second, [])
    assert set(heard(changelogs)) == {b"e1", b"a"}
    assert contents(changelogs.recover()) == {("ledger", b"0/:e1"): b"x"}
    count = len(changelogs.records)
    await commit(second, [])
    assert len(changelogs.records) == count


async def test_what_is_owed_and_refused_does_not_stop_the_next_owner() -> None:
    changelogs, store = Changelogs(), LocalStore()
    await commit(journal(changelogs, store), [("alerts", ":a", b"1")], [said("e1")])
    changelogs.refuses = DECISIONS.name
    heir = changelogs.recover()
    await commit(journal(changelogs, heir), [("alerts", ":a", b"2")])
    assert changelogs.recover().rows[("alerts", b"0/:a")] == b"2"


async def test_a_chunk_of_the_first_releases_is_finished_too() -> None:
    store = LocalStore()
    old: list[Row] = [("alerts", ":a", b"1")]
    store.write("timers", 0, "chunk", msgspec.msgpack.encode(old))
    journal(Changelogs(), store).prepare(0)
    assert contents(store) == {("alerts", b"0/:a"): b"1"}


async def test_a_worker_that_finished_its_chunk_says_nothing_again() -> None:
    changelogs, store = Changelogs(), LocalStore()
    await commit(journal(changelogs, store), [("alerts", ":a", b"1")], [said("e1")])
    await commit(journal(changelogs, store), [("alerts", ":a", b"2")])
    assert heard(changelogs) == [b"e1"]
