from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from agents.watch.drivers.recording import GAP, LAG, WINDOW, Block, covered, missing, window_before

NOON = datetime(2026, 3, 4, 12, 0)  # noqa: DTZ001  device time; a Wednesday
START, END = NOON - LAG - WINDOW, NOON - LAG


def span(begins: float, ends: float) -> tuple[datetime, datetime]:
    """Minutes after the window's start."""
    return START + timedelta(minutes=begins), START + timedelta(minutes=ends)


def test_the_window_ends_a_while_ago_and_has_no_midnight_inside() -> None:
    assert window_before(NOON) == (START, END)
    assert window_before(NOON.replace(hour=0, minute=29)) is None
    assert window_before(NOON.replace(hour=0, minute=30)) == (
        NOON.replace(hour=0, minute=0),
        NOON.replace(hour=0, minute=20),
    )


@pytest.mark.parametrize(
    ("spans", "gone"),
    [
        ([], True),  # nothing
        ([span(0, 20)], False),  # all of it
        ([span(-60, 60)], False),  # more than all of it
        ([span(0, 10), span(10, 20)], False),  # in two files
        ([span(10, 20), span(0, 10)], False),  # in any order
        ([span(0, 10), span(10.4, 20)], False),  # files that do not quite touch
        ([span(0, 10), span(11, 20)], True),  # a hole
        ([span(1, 20)], True),  # begins late
        ([span(0, 19)], True),  # ends early
        ([span(0, 20), span(2, 3)], False),  # one within another
        ([span(0, 10), span(5, 6), span(11, 20)], True),  # a hole behind one within another
        ([span(30, 40)], True),  # elsewhere
    ],
)
def test_missing(spans: list[tuple[datetime, datetime]], gone: bool) -> None:
    assert missing(spans, (START, END)) is gone


def test_a_gap_is_more_than_what_is_not_told() -> None:
    held = [(START, NOON - LAG - WINDOW / 2), (NOON - LAG - WINDOW / 2 + GAP, END)]
    assert not missing(held, (START, END))
    later = [held[0], (held[1][0] + timedelta(seconds=1), END)]
    assert missing(later, (START, END))


@pytest.mark.parametrize(
    ("block", "held"),
    [
        (("Wednesday", "00:00:00", "Wednesday", "24:00:00"), True),
        (("wednesday", "00:00", "wednesday", "24:00"), True),
        (("Wednesday", "00:00:00", "Thursday", "00:00:00"), True),  # the day's end, otherwise
        (("Wednesday", "11:30:00", "Wednesday", "11:50:00"), True),  # to the second
        (("Wednesday", "11:30:01", "Wednesday", "24:00:00"), False),
        (("Wednesday", "00:00:00", "Wednesday", "11:49:59"), False),
        (("Thursday", "00:00:00", "Thursday", "24:00:00"), False),  # another day
        (("Wednesday", "", "Wednesday", "24:00:00"), False),
        (("Wednesday", "00:00:00", "Wednesday", "25:00:00"), False),
        (("Wednesday", "0:61:00", "Wednesday", "24:00:00"), False),
        (("Wednesday", "²:00:00", "Wednesday", "24:00:00"), False),  # a digit that is no number
        (("", "", "", ""), False),
    ],
)
def test_covered(block: Block, held: bool) -> None:
    assert covered([block], (START, END)) is held
    assert not covered([], (START, END))
