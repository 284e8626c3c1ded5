"""The changelog: cut off anywhere, a chunk's rows are all there for the next owner, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.runtime.journal import MOST_BYTES, Journal, Row
from topics.record import OutRecord


class LocalStore:
    """A worker's own store. Keys and values as Faust's tables have them."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, bytes], bytes] = {}
        self.offsets: dict[tuple[str, int], int] = {}

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

    def reached(self, table: str, partition: int, offset: int) -> None:
        self.offsets[(table, partition)] = offset


class Died(Exception):
    """The worker was killed."""


class Changelogs:
    """The topics. lives: how many more records are taken before the worker is killed."""

    def __init__(self) -> None:
        self.records: list[OutRecord] = []
        self.lives: int | None = None

    async def append(self, records: Sequence[OutRecord]) -> Mapping[tuple[str, int], int]:
        reached: dict[tuple[str, int], int] = {}
        for record in records:
            if self.lives is not None:
                if self.lives == 0:
                    raise Died
                self.lives -= 1
            self.records.append(record)
            assert record.partition is not None
            reached[(record.topic.name, record.partition)] = len(self.records) - 1
        return reached

    def recover(self) -> LocalStore:
        """What a worker without a store of its own has after recovery."""
        store = LocalStore()
        for record in self.records:
            assert record.key is not None
            where = (record.topic.name.removeprefix("log-"), record.key)
            if record.value is None:
                store.rows.pop(where, None)
            else:
                store.rows[where] = record.value
        return store


def journal(changelogs: Changelogs, store: LocalStore) -> Journal:
    return Journal(changelogs, store, "timers", lambda table: f"log-{table}")  # type: ignore[arg-type]


async def commit(one: Journal, rows: Sequence[Row]) -> None:
    """As ChainHost does it."""
    one.prepare(0)
    chunk = one.chunk(0, rows)
    one.write(0, chunk, await one.append(0, chunk))


def contents(store: LocalStore) -> dict[tuple[str, bytes], bytes]:
    """A store's rows, without the journal's own."""
    return {where: value for where, value in store.rows.items() if where[1] != b"0/chunk"}


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


@given(chunks=st.lists(ROWS, min_size=1, max_size=4), after=ROWS, data=st.data())
@settings(max_examples=120, deadline=None)
async def test_killed_anywhere_a_chunk_is_whole_or_not_there(
    chunks: list[list[Row]], after: list[Row], data: st.DataObject
) -> None:
    changelogs, store = Changelogs(), LocalStore()
    one = journal(changelogs, store)
    for rows in chunks[:-1]:
        await commit(one, rows)
    without = contents(store)
    written = len(changelogs.records)
    changelogs.lives = data.draw(st.integers(0, 7), label="records before the kill")
    died = False
    try:
        await commit(one, chunks[-1])
    except Died:
        died = True
    changelogs.lives = None
    expected = dict(without)
    whole = len(changelogs.records) > written or not died
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
    assert store.offsets == {("alerts", 0): 1, ("ledger", 0): 2}


async def test_rows_that_came_and_went_within_a_chunk_are_not_written() -> None:
    changelogs, store = Changelogs(), LocalStore()
    one = journal(changelogs, store)
    await commit(one, [("timers", ":s1", None)])
    assert changelogs.records == []
    await commit(one, [("timers", ":s1", b"1"), ("timers", ":s2", None)])
    assert [record.key for record in changelogs.records] == [b"0/chunk", b"0/:s1"]


async def test_a_chunk_too_large_for_one_record_is_written_by_its_rows() -> None:
    changelogs, store = Changelogs(), LocalStore()
    one = journal(changelogs, store)
    await commit(one, [("alerts", ":a", b"1")])
    await commit(one, [("alerts", ":a", b"x" * (MOST_BYTES + 1))])
    # The chunk before it must not be laid over it.
    heir = changelogs.recover()
    journal(changelogs, heir).prepare(0)
    assert len(contents(heir)[("alerts", b"0/:a")]) == MOST_BYTES + 1


@pytest.mark.parametrize("partition", [0, 3])
async def test_rows_go_to_their_own_partition(partition: int) -> None:
    changelogs, store = Changelogs(), LocalStore()
    one = journal(changelogs, store)
    one.prepare(partition)
    await one.append(partition, one.chunk(partition, [("alerts", ":a", b"1")]))
    assert {record.partition for record in changelogs.records} == {partition}
    assert changelogs.records[-1].key == f"{partition}/:a".encode()
