"""Rows by partition, with the offset that goes with them."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import faust
import pytest
from faust.types import TP

from agents.runtime.rocks import NOTE_KEY, OFFSET_KEY, open_read_only, scan
from agents.runtime.store import StoreError, TableStore
from tests.unit.agents.runtime.tables import Rec, app, changelog, chunk, tables

NOW_MS = int(time.time() * 1000)


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[faust.App]:
    one = app(tmp_path)
    yield one
    for table in one.tables.values():
        await table.data.stop()


async def reopen(made: faust.App, store: TableStore) -> None:
    """As after a restart."""
    for name in store.names:
        await store.of(name).stop()


async def test_rows_are_kept_by_partition(made: faust.App) -> None:
    store = tables(made, "dedupe")
    store.write("dedupe", 1, ":a", b"one")
    assert store.get("dedupe", 1, ":a") == b"one"
    assert store.get("dedupe", 2, ":a") is None
    store.write("dedupe", 1, ":a", None)
    assert store.get("dedupe", 1, ":a") is None


async def test_a_chunk_of_rows_goes_to_its_tables_with_their_offsets(made: faust.App) -> None:
    store = tables(made, "dedupe", "route")
    rows = [("dedupe", ":a", b"1"), ("route", ":x", b"2"), ("dedupe", ":a", b"3")]
    store.write_rows(0, rows, {"dedupe": 7, "route": 4})
    await reopen(made, store)
    assert store.get("dedupe", 0, ":a") == b"3"
    assert store.get("route", 0, ":x") == b"2"
    assert store.offset("dedupe", 0) == 7
    persisted = store.of("route").persisted_offset(changelog(made, "route", 0))
    assert persisted == 4
    assert store.offset("route", 1) == -1


async def test_tables_of_earlier_releases_stay_valid(made: faust.App) -> None:
    """What Faust's own store wrote: the same keys, the same offset, no note."""
    store = tables(made, "dedupe")
    database = store.of("dedupe")._db_for_partition(3)
    database.put(b"3/:a", b"old")
    database.put(OFFSET_KEY, b"41")
    await reopen(made, store)
    assert store.get("dedupe", 3, ":a") == b"old"
    assert store.offset("dedupe", 3) == 41
    assert store.generation("dedupe", 3) == 0


async def test_a_changelogs_chunk_is_applied_with_its_fence(made: faust.App) -> None:
    store = tables(made, "dedupe")
    tp = changelog(made, "dedupe", 0)
    of = store.of("dedupe")
    rows = [(":a", b"1"), (":b", b"1"), ("fence", b"x"), (":b", None), (":c", b"1")]
    assert of.apply_chunk(chunk(tp, rows, generation=2, at=NOW_MS)) == (4, 0)
    assert of.apply_chunk(chunk(tp, [(":a", b"9")], first=5, generation=1, at=NOW_MS)) == (0, 1)
    await reopen(made, store)
    of = store.of("dedupe")
    assert of.scan_rows(0, None, 10) == [(b"0/:a", b"1"), (b"0/:c", b"1")]
    assert store.offset("dedupe", 0) == 5
    assert store.generation("dedupe", 0) == 2
    assert store.stale("dedupe", 0) == [(":a", b"1")]
    # The owner appends it again, and is rid of it.
    store.write_rows(0, [("dedupe", ":a", b"1")], {"dedupe": 6})
    await reopen(made, store)
    assert store.stale("dedupe", 0) == []


async def test_a_fence_that_was_written_over_is_written_again(made: faust.App) -> None:
    store = tables(made, "dedupe")
    tp = changelog(made, "dedupe", 0)
    store.of("dedupe").apply_chunk(chunk(tp, [("fence", b"")], generation=10**25, at=NOW_MS))
    store.mark_stale("dedupe", 0, [b"0/fence"])
    again = store.stale("dedupe", 0)
    assert [key for key, _ in again] == ["fence"]
    assert str(10**25).encode() in (again[0][1] or b"")
    store.write_rows(0, [("dedupe", *again[0])], {"dedupe": 3})
    assert store.stale("dedupe", 0) == []
    assert store.of("dedupe").scan_rows(0, None, 10) == []


async def test_a_large_chunk_survives_a_later_logged_write(
    made: faust.App,
) -> None:
    """Unlogged rows are flushed before the log goes on: a copy of the files has both, or neither
    offset would be right."""
    store = tables(made, "dedupe")
    tp = changelog(made, "dedupe", 0)
    many = [(f":{n:03d}", b"v") for n in range(50)]
    store.of("dedupe").apply_chunk(chunk(tp, many, at=NOW_MS), logged=False)
    store.write_rows(0, [("dedupe", ":z", b"v")], {"dedupe": 50})
    # Open beside the writer: what a killed process would leave.
    left = open_read_only(store.of("dedupe").partition_path(0))
    assert len(scan(left, None, 100)) == 51
    assert left.get(OFFSET_KEY) == b"50"


async def test_a_killed_writer_leaves_an_offset_that_is_true(made: faust.App) -> None:
    store = tables(made, "dedupe")
    tp = changelog(made, "dedupe", 0)
    store.of("dedupe").apply_chunk(chunk(tp, [(":a", b"v")], at=NOW_MS))
    many = [(f":{n:03d}", b"v") for n in range(50)]
    store.of("dedupe").apply_chunk(chunk(tp, many, first=1, at=NOW_MS), logged=False)
    left = open_read_only(store.of("dedupe").partition_path(0))
    assert left.get(OFFSET_KEY) == b"0"
    assert scan(left, None, 100) == [(b"0/:a", b"v")]


async def test_a_store_that_was_away_too_long_is_read_anew(
    made: faust.App, caplog: pytest.LogCaptureFixture
) -> None:
    """Tombstones that it has not seen may be gone from the changelog."""
    store = tables(made, "old", "new")
    for name, days in (("old", 5), ("new", 2)):
        at = NOW_MS - days * 86_400_000
        store.of(name).apply_chunk(chunk(changelog(made, name, 0), [(":a", b"v")], at=at))
    await reopen(made, store)
    assert store.get("old", 0, ":a") is None
    assert store.offset("old", 0) == -1
    assert store.get("new", 0, ":a") == b"v"
    assert "read anew" in caplog.text


async def test_a_store_of_an_earlier_release_is_dated_by_its_files(made: faust.App) -> None:
    store = tables(made, "dedupe")
    database = store.of("dedupe")._db_for_partition(0)
    database.put(b"0/:a", b"old")
    database.put(OFFSET_KEY, b"1")
    del database
    await reopen(made, store)
    long_ago = time.time() - 10 * 86_400
    for file in store.of("dedupe").partition_path(0).iterdir():
        os.utime(file, (long_ago, long_ago))
    assert store.get("dedupe", 0, ":a") is None


async def test_a_damaged_store_is_read_anew(
    made: faust.App, caplog: pytest.LogCaptureFixture
) -> None:
    store = tables(made, "dedupe")
    store.write_rows(0, [("dedupe", ":a", b"v")], {"dedupe": 3})
    await reopen(made, store)
    (store.of("dedupe").partition_path(0) / "CURRENT").write_text("nonsense\n", "ascii")
    assert store.get("dedupe", 0, ":a") is None
    assert store.offset("dedupe", 0) == -1
    assert "damaged" in caplog.text


async def test_a_partition_that_was_lost_is_closed(made: faust.App) -> None:
    """Another process, or this one, can open it at once."""
    store = tables(made, "dedupe")
    store.write("dedupe", 0, ":a", b"v")
    store.write("dedupe", 1, ":a", b"v")
    of = store.of("dedupe")
    held = of._db_for_partition(0)
    lost = {changelog(made, "dedupe", 0), TP("something.else", 1)}
    of.revoke_partitions(made.tables["dedupe"], lost)
    assert [one.partition for one in of.statistics()] == [1]
    assert store.get("dedupe", 0, ":a") == b"v"
    with pytest.raises(Exception, match="closed"):
        held.get(b"0/:a")


async def test_statistics(made: faust.App) -> None:
    store = tables(made, "dedupe")
    store.write_rows(2, [("dedupe", f":{n}", b"v" * 100) for n in range(40)], {"dedupe": 39})
    (one,) = store.statistics()
    assert (one.table, one.partition, one.offset) == ("dedupe", 2, 39)
    assert one.rows >= 40
    assert one.memory > 4000
    assert one.written is not None
    assert abs(one.written - time.time()) < 60


async def test_rows_are_written_to_files_a_share_at_a_time(made: faust.App) -> None:
    store = tables(made, "dedupe", "route")
    for table in store.names:
        for partition in range(3):
            store.write_rows(partition, [(table, ":a", b"v" * 1000)], {})

    def in_files() -> list[tuple[str, int]]:
        return [(one.table, one.partition) for one in store.statistics() if one.disk > 0]

    assert in_files() == []
    for turn, written in ((0, {0, 2}), (1, {0, 1, 2})):
        store.flush(turn, 2)
        wanted = [(table, number) for table in store.names for number in sorted(written)]
        deadline = time.monotonic() + 20
        while in_files() != wanted:
            assert time.monotonic() < deadline, in_files()
            await asyncio.sleep(0.02)
    assert store.get("route", 1, ":a") == b"v" * 1000


async def test_records_without_a_key_are_left_out(made: faust.App) -> None:
    store = tables(made, "dedupe")
    found = chunk(changelog(made, "dedupe", 0), [(":a", b"v")], at=NOW_MS)
    found.records.append(Rec(1, None, b"v", (), NOW_MS))  # type: ignore[attr-defined]
    assert store.of("dedupe").apply_chunk(found) == (1, 1)
    assert store.offset("dedupe", 0) == 1


async def test_pages_are_the_rows_in_order(made: faust.App) -> None:
    store = tables(made, "dedupe")
    chance = random.Random(5)

    def text(most: int) -> str:
        return "".join(chance.choices("ab/:", k=chance.randrange(most + 1)))

    kept: dict[str, bytes] = {}
    for _ in range(60):
        store.write_rows(0, [("dedupe", key, None) for key in kept], {})
        kept = {f"{text(3)}.": bytes([n]) for n in range(chance.randrange(20))}
        store.write_rows(0, [("dedupe", key, value) for key, value in kept.items()], {"dedupe": 1})
        prefix, limit = text(2), chance.randrange(1, 6)
        read: list[tuple[str, bytes]] = []
        after = None
        while rows := store.scan("dedupe", 0, prefix, after, limit):
            assert len(rows) <= limit
            read += rows
            after = rows[-1][0]
        assert read == sorted((k, v) for k, v in kept.items() if k.startswith(prefix))


async def test_a_page_ends_with_its_partition(made: faust.App) -> None:
    """Keys of partition 1 and of partition 10 begin alike."""
    store = tables(made, "dedupe")
    of = store.of("dedupe")
    of.write_rows(1, [(b"1/:a", b"v"), (b"10/:a", b"v")], 1)
    assert store.scan("dedupe", 1, "", None, 10) == [(":a", b"v")]


async def test_a_store_that_cannot_be_written_says_which_and_why(
    made: faust.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tables(made, "dedupe")
    store.write_rows(0, [("dedupe", ":a", b"v")], {"dedupe": 1})

    class Full:
        def write(self, *_: object) -> None:
            raise OSError("No space left on device")

    with monkeypatch.context() as full:
        full.setitem(store.of("dedupe")._dbs, 0, Full())
        with pytest.raises(StoreError, match=r"table dedupe, partition 0: .*No space left"):
            store.write_rows(0, [("dedupe", ":b", b"v")], {"dedupe": 2})
    assert store.offset("dedupe", 0) == 1
    assert store.get("dedupe", 0, ":b") is None


async def test_what_is_the_stores_own_is_no_row(made: faust.App) -> None:
    store = tables(made, "dedupe")
    store.write_rows(0, [("dedupe", ":a", b"v")], {"dedupe": 1})
    database = store.of("dedupe")._db_for_partition(0)
    assert database.get(NOTE_KEY) is not None
    assert scan(database, None, 10) == [(b"0/:a", b"v")]
