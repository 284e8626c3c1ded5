"""What may be committed: everything before it was handed out and done, whatever the fetcher did."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agents.runtime.offsets import Offsets, Progress, Sight

PART = "events/0"


def started(first: int = 10) -> Offsets[str]:
    offsets: Offsets[str] = Offsets()
    offsets.begin(PART, first)
    return offsets


def progress_of(offsets: Offsets[str]) -> Progress:
    progress = offsets.progress(PART)
    assert progress is not None
    return progress


def test_nothing_is_safe_before_it_is_done() -> None:
    offsets = started()
    assert offsets.take(PART, 10, 20) is Sight.NEXT
    assert offsets.safe(PART) is None
    progress_of(offsets).done(15, 20)
    assert offsets.safe(PART) is None
    progress_of(offsets).done(10, 12)
    assert offsets.safe(PART) == 12
    assert progress_of(offsets).outstanding == 8
    progress_of(offsets).done(12, 15)
    assert offsets.safe(PART) == 20
    assert progress_of(offsets).outstanding == 0


def test_what_was_taken_is_not_taken_again() -> None:
    offsets = started()
    assert offsets.take(PART, 10, 20) is Sight.NEXT
    assert offsets.take(PART, 10, 20) is Sight.AGAIN
    assert offsets.take(PART, 5, 12) is Sight.AGAIN
    # Half of it is new: the account goes on where it ended.
    assert offsets.take(PART, 15, 25) is Sight.NEXT
    assert progress_of(offsets).next == 25


def test_what_comes_after_a_hole_is_not_taken() -> None:
    offsets = started()
    assert offsets.take(PART, 12, 14) is Sight.BEYOND
    assert offsets.take(PART, 12, 14) is Sight.BEYOND
    # The fetcher went back, and what was missing is there.
    assert offsets.take(PART, 10, 14) is Sight.NEXT
    assert offsets.safe(PART) is None


def test_a_hole_that_is_one_is_skipped_when_that_is_known() -> None:
    """Retention took 10 to 499, while 8 and 9 are still in work."""
    offsets = started(8)
    assert offsets.take(PART, 8, 10) is Sight.NEXT
    assert offsets.take(PART, 500, 502) is Sight.BEYOND
    offsets.skip(PART, 500)
    assert offsets.safe(PART) is None
    assert offsets.take(PART, 500, 502) is Sight.NEXT
    progress_of(offsets).done(8, 10)
    assert offsets.safe(PART) == 500
    offsets.skip(PART, 3)
    assert progress_of(offsets).next == 502


def test_before_it_is_ours_nothing_of_a_partition_is_taken() -> None:
    offsets: Offsets[str] = Offsets()
    assert offsets.take(PART, 0, 1) is Sight.STRANGE
    offsets.skip(PART, 5)
    assert offsets.safe(PART) is None
    offsets.begin(PART, 7)
    assert offsets.take(PART, 7, 9) is Sight.NEXT


def test_what_is_done_late_counts_for_no_later_assignment() -> None:
    offsets = started()
    offsets.take(PART, 10, 12)
    before = progress_of(offsets)
    offsets.forget([PART])
    before.done(10, 11)
    assert offsets.safe(PART) is None
    offsets.begin(PART, 10)
    before.done(11, 12)
    assert offsets.safe(PART) is None
    assert offsets.take(PART, 10, 11) is Sight.NEXT
    assert list(offsets) == [PART]


@pytest.mark.parametrize(("start", "end"), [(9, 12), (12, 21), (20, 21), (15, 15), (16, 15)])
def test_what_was_never_handed_out_cannot_be_done(start: int, end: int) -> None:
    offsets = started()
    offsets.take(PART, 10, 20)
    with pytest.raises(ValueError, match="not handed out"):
        progress_of(offsets).done(start, end)
    assert offsets.safe(PART) is None


LAST = 40


class Accounting(RuleBasedStateMachine):
    """A partition of `LAST` records, its fetcher, its worker, its group and its committed offset.

    The fetcher repeats, skips and is sent back; the worker finishes slices of what it was handed
    in any order, or never; the partition is revoked, assigned, and the process dies.
    """

    def __init__(self) -> None:
        super().__init__()
        self.offsets: Offsets[str] = Offsets()
        self.offsets.begin(PART, 0)
        self.committed = 0
        self.position = 0
        self.confirmed: set[int] = set()
        self.gone: set[int] = set()
        self.work: list[tuple[Progress, int, int]] = []

    @rule(count=st.integers(1, 9))
    def fetch(self, count: int) -> None:
        start, end = self.position, min(LAST, self.position + count)
        if start >= end:
            return
        progress = self.offsets.progress(PART)
        before = None if progress is None else progress.next
        sight = self.offsets.take(PART, start, end)
        self.position = end
        if sight is Sight.NEXT:
            assert progress is not None
            assert before is not None
            assert start <= before < end
            self.work.append((progress, before, end))
        elif sight is Sight.BEYOND:
            assert before is not None
            self.position = before

    @rule(to=st.integers(0, LAST))
    def go_elsewhere(self, to: int) -> None:
        """A stale batch, or a seek by somebody."""
        self.position = to

    @precondition(lambda self: self.work)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        """A slice of what is in work: its outputs and its state are confirmed."""
        which = data.draw(st.integers(0, len(self.work) - 1))
        progress, start, end = self.work.pop(which)
        upto = data.draw(st.integers(start + 1, end))
        self.confirmed.update(range(start, upto))
        progress.done(start, upto)
        if upto < end:
            self.work.append((progress, upto, end))

    @precondition(lambda self: self.work)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """What is in work is dropped: it is never told as done."""
        self.work.pop(data.draw(st.integers(0, len(self.work) - 1)))

    @rule()
    def commit(self) -> None:
        safe = self.offsets.safe(PART)
        if safe is not None:
            self.committed = safe

    @rule()
    def revoke(self) -> None:
        self.offsets.forget([PART])

    @rule()
    def assign(self) -> None:
        self.offsets.begin(PART, self.committed)
        self.position = self.committed

    @rule()
    def crash(self) -> None:
        self.offsets = Offsets()
        self.work = []
        self.assign()

    @rule(count=st.integers(1, 5))
    def retain(self, count: int) -> None:
        """Retention takes what comes next; the worker is told when it finds out."""
        progress = self.offsets.progress(PART)
        if progress is not None:
            to = min(LAST, progress.next + count)
            self.gone.update(range(progress.next, to))
            self.offsets.skip(PART, to)

    @invariant()
    def nothing_unconfirmed_is_committed(self) -> None:
        assert set(range(self.committed)) <= self.confirmed | self.gone
        safe = self.offsets.safe(PART)
        if safe is not None:
            assert set(range(safe)) <= self.confirmed | self.gone

    def teardown(self) -> None:
        """However it went, a worker that starts anew finishes the rest and skips none of it."""
        self.offsets = Offsets()
        self.offsets.begin(PART, self.committed)
        progress = progress_of(self.offsets)
        handed: list[int] = []
        while progress.next < LAST:
            start, end = progress.next, min(LAST, progress.next + 7)
            assert self.offsets.take(PART, start, end) is Sight.NEXT
            handed.extend(range(start, end))
            progress.done(start, end)
        assert handed == list(range(self.committed, LAST))
        if self.committed < LAST:
            assert self.offsets.safe(PART) == LAST


Accounting.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestAccounting = Accounting.TestCase
