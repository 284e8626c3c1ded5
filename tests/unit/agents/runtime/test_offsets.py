"""What may be committed: everything before it was handed out and done, whatever the fetcher did."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.runtime.offsets import Offsets, Sight

PART = "events/0"


def started(first: int = 10) -> Offsets[str]:
    offsets: Offsets[str] = Offsets()
    offsets.begin(PART, first)
    return offsets


def take(offsets: Offsets[str], *numbers: int) -> None:
    for number in numbers:
        assert offsets.see(PART, number) is Sight.NEXT


def done(offsets: Offsets[str], *numbers: int) -> None:
    progress = offsets.progress(PART)
    assert progress is not None
    for number in numbers:
        progress.done(number)


def test_nothing_is_safe_before_it_is_done() -> None:
    offsets = started()
    take(offsets, 10, 11, 12)
    assert offsets.safe(PART) is None
    done(offsets, 11)
    assert offsets.safe(PART) is None
    done(offsets, 10)
    assert offsets.safe(PART) == 12
    done(offsets, 12)
    assert offsets.safe(PART) == 13


def test_what_was_taken_is_not_taken_again() -> None:
    offsets = started()
    take(offsets, 10, 11)
    assert offsets.see(PART, 10) is Sight.AGAIN
    assert offsets.see(PART, 9) is Sight.AGAIN
    take(offsets, 12)


def test_what_comes_after_a_hole_is_not_taken() -> None:
    offsets = started()
    assert [offsets.see(PART, number) for number in (12, 13, 12)] == [Sight.BEYOND] * 3
    # The fetcher went back, and what was missing is there.
    take(offsets, 10, 11, 12, 13)
    assert offsets.safe(PART) is None


def test_a_hole_that_is_one_is_skipped_when_that_is_known() -> None:
    """Retention took 10 to 499."""
    offsets = started()
    assert offsets.see(PART, 500) is Sight.BEYOND
    offsets.skip(PART, 500)
    take(offsets, 500, 501)
    done(offsets, 500)
    assert offsets.safe(PART) == 501
    offsets.skip(PART, 3)
    take(offsets, 502)


def test_before_it_is_ours_nothing_of_a_partition_is_taken() -> None:
    offsets: Offsets[str] = Offsets()
    assert offsets.see(PART, 0) is Sight.STRANGE
    offsets.skip(PART, 5)
    assert offsets.safe(PART) is None
    offsets.begin(PART, 7)
    take(offsets, 7, 8)


def test_what_is_done_late_counts_for_no_later_assignment() -> None:
    offsets = started()
    take(offsets, 10, 11)
    before = offsets.progress(PART)
    assert before is not None
    offsets.forget([PART])
    before.done(10)
    assert offsets.safe(PART) is None
    offsets.begin(PART, 10)
    before.done(11)
    assert offsets.safe(PART) is None
    take(offsets, 10)
    assert list(offsets) == [PART]


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_the_fetcher_does_no_record_is_passed_over(data: st.DataObject) -> None:
    """A fetcher that skips, repeats and is sent back; a worker that finishes in any order."""
    last = 14
    offsets = started(first=0)
    progress = offsets.progress(PART)
    assert progress is not None
    taken: list[int] = []
    finished: set[int] = set()
    position = 0
    for _ in range(60):
        if data.draw(st.integers(0, 3)) == 0:
            position = data.draw(st.integers(0, last))  # a stale batch, or a seek by somebody
        if position <= last:
            seen = offsets.see(PART, position)
            if seen is Sight.NEXT:
                taken.append(position)
            position += 1
            if seen is Sight.BEYOND:
                position = progress.next
        outstanding = sorted(set(taken) - finished)
        finishes = data.draw(st.booleans())
        if outstanding and finishes:
            number = data.draw(st.sampled_from(outstanding))
            progress.done(number)
            finished.add(number)
        safe = offsets.safe(PART) or 0
        assert set(range(safe)) <= finished
        assert taken == list(range(len(taken)))
