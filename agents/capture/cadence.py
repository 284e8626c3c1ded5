"""Which frames come at `detect_fps`, by source time."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

__all__ = ["Cadence"]


class Cadence:
    """At most `fps` frames a second, evenly: a fixed grid of slots, and the first frame in each.

    The grid does not move with what was taken, so 10 frames a second at an fps of 5 are every
    second one for ever. A frame may be a quarter of a slot early: timestamps are rounded, and a
    camera's frames do not arrive evenly.
    """

    def __init__(self, fps: float) -> None:
        self._slot = Fraction(1_000_000) / Fraction(fps).limit_denominator(1000)
        self._last: int | None = None
        self._at = timedelta(0)

    def due(self, at: timedelta) -> bool:
        """Whether the frame at that source time is one of them. Time that goes back starts anew."""
        microseconds = at // timedelta(microseconds=1)
        slot = int((microseconds + self._slot / 4) // self._slot)
        due = self._last is None or slot > self._last or at < self._at
        self._at = at
        if due:
            self._last = slot
        return due
