"""Was everything recorded that should have been? Pure: spans of recordings against a window.

The window ends some minutes ago, since a recorder lists a file once it is closed, and lies within
one day, so that one entry of a weekly schedule covers it or does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Final, TypeAlias

__all__ = ["GAP", "LAG", "WINDOW", "Block", "Span", "covered", "missing", "window_before"]

WINDOW: Final = timedelta(minutes=20)
LAG: Final = timedelta(minutes=10)
GAP: Final = timedelta(seconds=30)
"""Not told: the files of a continuous recording do not touch to the second."""

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Span: TypeAlias = tuple[datetime, datetime]
Block: TypeAlias = tuple[str, str, str, str]
"""First day's English name and time of day, last day's and time; `24:00:00` is a day's end."""


def window_before(local: datetime) -> Span | None:
    """What is looked at when it is `local` (naive device time); None where midnight is inside."""
    end = (local - LAG).replace(microsecond=0)
    start = end - WINDOW
    return (start, end) if start.date() == end.date() else None


def covered(blocks: Iterable[Block], window: Span) -> bool:
    """Whether one block of a weekly schedule holds the whole window."""
    return any(_holds(block, window) for block in blocks)


def _holds(block: Block, window: Span) -> bool:
    first, begins, last, ends = block
    day = DAYS[window[0].weekday()]
    if first.lower() != day:
        return False
    opening, closing = _seconds(begins), _seconds(ends)
    if opening is None or closing is None:
        return False
    if last.lower() != day:
        # Some write the end of Monday as Tuesday, 00:00.
        closing = 86_400
    return opening <= _of_day(window[0].time()) and _of_day(window[1].time()) <= closing


def _of_day(at: time) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def _seconds(said: str) -> int | None:
    parts = said.rstrip("Z").split(":")
    if len(parts) not in (2, 3) or not all(p.isdecimal() and len(p) <= 2 for p in parts):
        return None
    hours, minutes, seconds = (*map(int, parts), 0)[:3]
    total = hours * 3600 + minutes * 60 + seconds
    return total if total <= 86_400 and minutes < 60 and seconds < 60 else None


def missing(spans: Sequence[Span], window: Span) -> bool:
    """Whether the spans leave more than GAP of the window without a recording."""
    at = window[0]
    for start, end in sorted(spans):
        if start - at > GAP:
            return True
        at = max(at, end)
    return window[1] - at > GAP
