"""Fences: whatever a late writer does, the owner's rows are what recovery finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.runtime.generations import (
    HEADER,
    Fences,
    Sole,
    epoch,
    fence_key,
    generation_of,
)

FENCE = fence_key(0)
KEYS = [f"0/:{name}".encode() for name in "ab"]


class Rec(NamedTuple):
    offset: int
    key: bytes
    value: int | None
    generation: int | None


@dataclass
class Reader:
    """What a store does with a changelog."""

    fences: Fences = field(default_factory=Fences)
    rows: dict[bytes, int] = field(default_factory=dict)

    def read(self, log: list[Rec]) -> None:
        for rec in log:
            if not self.fences.admit(rec.offset, rec.key, rec.generation) or rec.key == FENCE:
                continue
            if rec.value is None:
                self.rows.pop(rec.key, None)
            else:
                self.rows[rec.key] = rec.value

    def again(self) -> Reader:
        """As it is after a restart: the offset, the fence and the stale keys were kept."""
        kept = Fences(self.fences.generation, self.fences.stale, self.fences.offset)
        return Reader(kept, dict(self.rows))


class World:
    """A changelog partition, its owner, its late writers, and compaction."""

    def __init__(self) -> None:
        self.log: list[Rec] = []
        self.end = 0
        self.truth: dict[bytes, int] = {}
        self.generation = 0
        self.repaired = 0
        self.standby = Reader()
        self.take_over()

    def append(self, key: bytes, value: int | None, generation: int | None) -> int:
        self.log.append(Rec(self.end, key, value, generation))
        self.end += 1
        return self.end - 1

    def take_over(self, standby: bool = False) -> None:
        """The next generation fences, recovers, and repairs."""
        self.generation += 1
        fence = self.append(FENCE, 0, self.generation)
        owner = self.standby.again() if standby else Reader()
        owner.read(self.log)
        assert owner.rows == self.truth
        self.owner = owner
        self.sole = Sole(fence)
        self.repair()

    def own(self, key: bytes, value: int | None) -> None:
        at = self.append(key, value, self.generation)
        if value is None:
            self.truth.pop(key, None)
        else:
            self.truth[key] = value
        self.owner.rows = dict(self.truth)
        self.owner.fences.stale.discard(key)
        self.owner.fences.offset = at
        for span in self.sole.observe(at, at, 1):
            self.owner.fences.stale |= {
                rec.key
                for rec in self.log
                if rec.offset in span and rec.generation != self.generation
            }

    def late(self, key: bytes, value: int | None, behind: int) -> None:
        """Somebody of an earlier generation writes, a fence of its own perhaps."""
        if self.generation - behind >= 1:
            self.append(key, value, self.generation - behind)

    def repair(self) -> None:
        """The owner looks for foreign rows up to here, and writes its own ones again."""
        self.own(b"0/:clock", self.end)
        for key in sorted(self.owner.fences.stale):
            value = self.generation if key == FENCE else self.truth.get(key)
            at = self.append(key, value, self.generation)
            self.sole.observe(at, at, 1)
            self.owner.fences.offset = at
        self.owner.fences.stale.clear()
        self.repaired = self.end

    def compact(self, upto: int) -> None:
        """The last record of a key stays, among those that are older than the lag."""
        limit = min(upto, self.repaired)
        last = {rec.key: rec.offset for rec in self.log if rec.offset < limit}
        self.log = [rec for rec in self.log if rec.offset >= limit or last[rec.key] == rec.offset]


keys = st.sampled_from(KEYS)
values = st.none() | st.integers(0, 9)
steps = st.one_of(
    st.tuples(st.just("own"), keys, values),
    st.tuples(st.just("late"), st.sampled_from([*KEYS, FENCE]), values, st.integers(1, 3)),
    st.tuples(st.just("repair")),
    st.tuples(st.just("compact"), st.integers(0, 200)),
    st.tuples(st.just("take over"), st.booleans()),
    st.tuples(st.just("standby reads")),
)


@given(st.lists(steps, max_size=40))
@settings(deadline=None)
def test_recovery_finds_the_owners_rows(story: list[tuple[Any, ...]]) -> None:
    world = World()
    for kind, *what in story:
        if kind == "own":
            world.own(*what)
        elif kind == "late":
            world.late(*what)
        elif kind == "repair":
            world.repair()
        elif kind == "compact":
            world.compact(*what)
        elif kind == "take over":
            world.take_over(*what)
        else:
            world.standby.read(world.log)
    world.take_over()
    world.compact(world.end)
    world.take_over()
    resumed = world.standby.again()
    resumed.read(world.log)
    assert resumed.rows == world.truth


def test_compaction_before_the_owner_wrote_again_loses_its_row() -> None:
    """Why changelogs have a lag: without it, what a late writer wrote over is gone."""
    world = World()
    world.own(KEYS[0], 1)
    world.take_over()
    world.late(KEYS[0], 2, 1)
    world.repaired = world.end
    world.compact(world.end)
    with pytest.raises(AssertionError):
        world.take_over()


def test_a_late_row_is_ignored_and_remembered() -> None:
    fences = Fences()
    assert fences.admit(0, b"k", 1)
    assert fences.admit(1, FENCE, 2)
    assert not fences.admit(2, b"k", 1)
    assert fences.stale == {b"k"}
    assert fences.admit(3, b"k", 2)  # its owner wrote it again
    assert fences.stale == set()


def test_a_row_stands_for_a_fence_that_was_compacted_away() -> None:
    fences = Fences()
    assert fences.admit(5, b"k", 7)
    assert not fences.admit(6, b"l", 6)


def test_rows_without_a_generation_are_admitted_wherever_they_are() -> None:
    fences = Fences()
    assert fences.admit(0, b"k", None)
    assert fences.admit(1, FENCE, 3)
    assert fences.admit(2, b"k", None)
    assert fences.generation == 3
    assert not fences.admit(3, b"k", 2)


def test_what_is_read_again_counts_once() -> None:
    fences = Fences(generation=4, offset=9)
    assert not fences.admit(9, b"k", 3)
    assert fences.stale == set()
    assert fences.admit(10, b"k", 4)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (None, None),
        ((), None),
        (((HEADER, b"12"),), 12),
        ((("traceparent", b"1"), (HEADER, b"3")), 3),
        (((HEADER, b""),), None),
        (((HEADER, b"-1"),), None),
        (((HEADER, b"1e3"),), None),
        (((HEADER, "²".encode()),), None),  # a digit, but no number
        (((HEADER, b"9" * 41),), None),  # too long to be one of ours
        (((HEADER, None),), None),
    ],
)
def test_generation_of(headers: tuple[tuple[str, bytes]] | None, found: int | None) -> None:
    assert generation_of(headers) == found


@pytest.mark.parametrize(
    ("generation", "in_force", "wanted"),
    [
        (3, 0, 3),  # nothing there
        (3, 2, 3),
        (3, 3, 3),  # its own, from before a restart of the recovery
        (1, 57, 58),  # the group counts from 1 again
        (2, 58, 60),
        (3, 58, 61),  # and two of the new count keep their order
    ],
)
def test_epoch(generation: int, in_force: int, wanted: int) -> None:
    assert epoch(generation, in_force) == wanted


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=30), st.booleans())
@settings(deadline=None)
def test_sole_finds_every_foreign_record_between_own_ones(
    writes: list[tuple[bool, int]], fenced: bool
) -> None:
    """Each write: own or foreign, and how many records; own ones are confirmed by the batch."""
    sole = Sole(0) if fenced else Sole()
    offset, foreign, last_own = 1, set(), 0
    first_own: int | None = 0 if fenced else None
    found: set[int] = set()
    for own, count in writes:
        span = range(offset, offset + count)
        offset += count
        if own:
            found |= {at for one in sole.observe(span.start, span.stop - 1, count) for at in one}
            last_own = span.stop - 1
            first_own = span.start if first_own is None else first_own
        else:
            foreign |= set(span)
    between = {at for at in foreign if first_own is not None and first_own < at < last_own}
    assert found == between


def test_sole_sees_foreign_records_within_a_batch() -> None:
    sole = Sole(9)
    assert sole.observe(10, 12, 2) == [range(10, 13)]
    assert sole.observe(13, 13, 1) == []
    assert sole.observe(11, 12, 2) == []  # told late
    assert sole.observe(16, 20, 4) == [range(14, 16), range(16, 21)]
