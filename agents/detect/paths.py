"""The path of a track: collected as it goes, bounded, simplified, and still with its times."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_POINTS", "Path", "Point", "UnitBox", "simplify"]

UnitBox = tuple[float, float, float, float]
"""x1, y1, x2, y2 in 0..1 of the picture's width and height."""

MAX_POINTS = 512
"""As many as a record on camera.tracks.v1 carries."""

TOLERANCE = 0.01
"""A hundredth of the picture: finer than a detector's own jitter."""


@dataclass(frozen=True, slots=True)
class Point:
    """Where a track was seen, on which frame, with which score (None: no model)."""

    at: datetime
    seq: int
    box: UnitBox
    score: float | None = None


def simplify(
    points: Sequence[Point], tolerance: float = TOLERANCE, most: int = MAX_POINTS
) -> list[Point]:
    """Leaves out the points that lie where the rest says the object was at that time.

    Douglas-Peucker with the time-ratio distance (Meratnia and de By 2004): a point is compared
    with where its neighbours put the box at the same instant, so a stay in one place survives
    with its length, which a purely spatial simplification would lose. The worst point is put back
    first, so where `most` is too few the result is as good as so many points can be. tolerance:
    of any of the box's four numbers. The first and the last point stay.
    """
    if len(points) < 3:
        return list(points)
    start = points[0].at
    times = np.array([(point.at - start) / timedelta(seconds=1) for point in points])
    boxes = np.array([point.box for point in points])
    kept = {0, len(points) - 1}
    spans: list[tuple[float, int, int, int]] = []

    def look(low: int, high: int) -> None:
        if high - low > 1:
            worst, distance = _worst(times[low : high + 1], boxes[low : high + 1])
            heapq.heappush(spans, (-distance, low + worst, low, high))

    look(0, len(points) - 1)
    while spans and len(kept) < most:
        distance, worst, low, high = heapq.heappop(spans)
        if -distance <= tolerance:
            break
        kept.add(worst)
        look(low, worst)
        look(worst, high)
    return [points[index] for index in sorted(kept)]


def _worst(times: NDArray[np.float64], boxes: NDArray[np.float64]) -> tuple[int, float]:
    """The inner point farthest from the straight line between the ends, and how far it is."""
    length = times[-1] - times[0]
    share = (times[1:-1] - times[0]) / length if length > 0 else np.zeros(len(times) - 2)
    line = boxes[0] + share[:, None] * (boxes[-1] - boxes[0])
    distances = np.abs(boxes[1:-1] - line).max(axis=1)
    worst = int(distances.argmax())
    return worst + 1, float(distances[worst])


class Path:
    """A growing path whose memory stays bounded however long the track lives."""

    __slots__ = ("_points",)

    def __init__(self) -> None:
        self._points: list[Point] = []

    def add(self, point: Point) -> None:
        """One more point; simplifies the whole where there are too many."""
        self._points.append(point)
        if len(self._points) >= 2 * MAX_POINTS:
            self._points = simplify(self._points)

    def result(self) -> tuple[Point, ...]:
        """The simplified path, at most MAX_POINTS."""
        return tuple(simplify(self._points))
