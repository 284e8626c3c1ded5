"""Overlays: what a record changes is its own until it is merged; rows know their schema."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule
from msgspec import Struct

from agents.runtime.state import (
    MemoryStore,
    Overlay,
    SchemaAheadError,
    TableSpec,
    decode_row,
    encode_row,
)


class Row(Struct, frozen=True):
    """A value."""

    count: int


class Renamed(Struct, frozen=True):
    """The value after two changes of its schema."""

    total: int
    unit: str


ROWS = TableSpec(name="stage.rows", value=Row)
OTHER = TableSpec(name="stage.other", value=Row)


def committed(store: MemoryStore, overlay: Overlay) -> None:
    for table, key, value in overlay.rows():
        store.write(table, overlay.partition, key, value)


def test_an_overlay_sees_its_own_changes_then_those_below_then_the_store() -> None:
    store = MemoryStore()
    first = Overlay(0, None, store)
    first.put(ROWS, "a", Row(1))
    committed(store, first)
    below = Overlay(0, None, store)
    below.put(ROWS, "b", Row(2))
    above = Overlay(0, below, store)
    above.put(ROWS, "c", Row(3))
    assert [above.get(ROWS, key) for key in "abcd"] == [Row(1), Row(2), Row(3), None]
    assert below.get(ROWS, "c") is None


def test_a_removal_hides_what_is_below() -> None:
    store = MemoryStore()
    first = Overlay(0, None, store)
    first.put(ROWS, "a", Row(1))
    committed(store, first)
    over = Overlay(0, None, store)
    over.put(ROWS, "a", None)
    assert over.get(ROWS, "a") is None
    assert list(over.rows()) == [("stage", "rows:a", None)]
    committed(store, over)
    assert store.rows == {}


def test_tables_of_one_stage_share_a_store_and_no_keys() -> None:
    store = MemoryStore()
    over = Overlay(0, None, store)
    over.put(ROWS, "a", Row(1))
    over.put(OTHER, "a", Row(2))
    committed(store, over)
    assert {table for table, _, _ in store.rows} == {"stage"}
    fresh = Overlay(0, None, store)
    assert (fresh.get(ROWS, "a"), fresh.get(OTHER, "a")) == (Row(1), Row(2))


def test_partitions_share_nothing() -> None:
    store = MemoryStore()
    over = Overlay(0, None, store)
    over.put(ROWS, "a", Row(1))
    committed(store, over)
    assert Overlay(1, None, store).get(ROWS, "a") is None


def test_what_is_undone_is_as_it_was_before() -> None:
    store = MemoryStore()
    over = Overlay(0, None, store)
    over.put(ROWS, "a", Row(1))
    over.begin()
    over.put(ROWS, "a", Row(2))
    over.put(ROWS, "a", Row(3))
    over.put(ROWS, "b", Row(4))
    over.undo()
    assert (over.get(ROWS, "a"), over.get(ROWS, "b")) == (Row(1), None)
    assert len(over) == 1
    over.begin()
    over.put(ROWS, "b", Row(5))
    over.keep()
    over.begin()
    over.undo()
    assert over.get(ROWS, "b") == Row(5)


def test_rebase_reads_the_store_once_the_chunk_below_is_in_it() -> None:
    store = MemoryStore()
    below = Overlay(0, None, store)
    below.put(ROWS, "a", Row(1))
    above = Overlay(0, below, store)
    assert above.get(ROWS, "a") == Row(1)
    committed(store, below)
    below.put(ROWS, "a", Row(99))  # nobody's business any more
    above.rebase()
    assert above.get(ROWS, "a") == Row(1)


def test_a_row_begins_with_its_schema_version() -> None:
    spec = TableSpec(name="stage.rows", value=Row, version=7)
    data = encode_row(spec, Row(1))
    assert data[0] == 7
    assert decode_row(spec, data) == Row(1)


def test_an_older_row_is_migrated_step_by_step_and_written_back_new() -> None:
    first = TableSpec(name="stage.rows", value=Row, version=1)
    third = TableSpec(
        name="stage.rows",
        value=Renamed,
        version=3,
        migrations={
            1: lambda row: {"total": row["count"]},
            2: lambda row: {**row, "unit": "s"},
        },
    )
    store = MemoryStore()
    over = Overlay(0, None, store)
    over.put(first, "a", Row(5))
    committed(store, over)
    fresh = Overlay(0, None, store)
    found = fresh.get(third, "a")
    assert found == Renamed(5, "s")
    fresh.put(third, "a", found)
    committed(store, fresh)
    assert store.rows[("stage", 0, "rows:a")][0] == 3


def test_a_newer_row_is_refused_by_name() -> None:
    newer = TableSpec(name="stage.rows", value=Row, version=2)
    older = TableSpec(name="stage.rows", value=Row, version=1)
    with pytest.raises(SchemaAheadError, match=r"stage\.rows holds rows of version 2.*knows 1"):
        decode_row(older, encode_row(newer, Row(1)))


KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.one_of(st.none(), st.integers(0, 3).map(Row))


class Overlays(RuleBasedStateMachine):
    """A pile of overlays against a pile of dictionaries."""

    piles = Bundle("piles")

    @initialize()
    def start(self) -> None:
        self.store = MemoryStore()
        self.chunk = Overlay(0, None, self.store)
        self.model: dict[str, Row | None] = {}
        self.trying = False
        self.pending: dict[str, Row | None] = {}

    @rule(key=KEYS, value=VALUES)
    def put(self, key: str, value: Row | None) -> None:
        if not self.trying:
            self.trying, self.pending = True, {}
            self.chunk.begin()
        self.chunk.put(ROWS, key, value)
        self.pending[key] = value

    @rule(succeeds=st.booleans())
    def end_record(self, succeeds: bool) -> None:
        if self.trying and succeeds:
            self.chunk.keep()
            self.model.update(self.pending)
        elif self.trying:
            self.chunk.undo()
        self.trying, self.pending = False, {}

    @rule(over=st.booleans())
    def commit(self, over: bool) -> None:
        """The chunk is written; the next one began before or after that."""
        self.end_record(succeeds=False)
        above = Overlay(0, self.chunk if over else None, self.store)
        committed(self.store, self.chunk)
        above.rebase()
        self.chunk = above

    @invariant()
    def sees_the_same(self) -> None:
        for key in "abc":
            assert self.chunk.get(ROWS, key) == {**self.model, **self.pending}.get(key)


Overlays.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestOverlays = Overlays.TestCase
