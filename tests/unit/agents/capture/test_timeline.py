"""Source time that only grows."""

from __future__ import annotations

import pytest

from agents.capture.sources.base import Timeline


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([(5.0, 0), (5.1, 0.3), (5.2, 0.3)], [0, 0.1, 0.2]),  # presentation time decides
        ([(None, 0), (0.2, 0.1), (0.4, 0.1)], [0, 0.1, 0.3]),  # the first has none
        ([(9.0, 0), (0.0, 0.1), (0.1, 0.2)], [0, 0.1, 0.2]),  # the camera's clock starts again
        ([(0.0, 0), (900.0, 0.1), (900.1, 0.2)], [0, 0.1, 0.2]),  # and leaps
        ([(0.0, 0), (0.0, 0.1), (0.0, 0.2)], [0, 0.1, 0.2]),  # and stands still
        ([(None, 0), (None, 0), (None, 0)], [0, 0.001, 0.002]),
    ],
)
def test_timeline(frames: list[tuple[float | None, float]], expected: list[float]) -> None:
    timeline = Timeline()
    got = [timeline.next(pts, arrived).total_seconds() for pts, arrived in frames]
    assert got == pytest.approx(expected)
