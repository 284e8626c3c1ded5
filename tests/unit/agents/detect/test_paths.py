from __future__ import annotations

import math
from itertools import pairwise

import pytest

from agents.detect.paths import MAX_POINTS, Path, Point, simplify
from tests.unit.agents.detect.scenes import at


def point(seconds: float, x: float, y: float = 0.5) -> Point:
    return Point(at(seconds), round(seconds * 5), (x, y, x + 0.1, y + 0.2), 0.9)


def where(path: list[Point], seconds: float) -> float:
    """x1 by the simplified path at that time."""
    for a, b in pairwise(path):
        if a.at <= at(seconds) <= b.at:
            share = (at(seconds) - a.at) / (b.at - a.at)
            return a.box[0] + share * (b.box[0] - a.box[0])
    raise AssertionError(seconds)


def test_a_straight_walk_is_two_points() -> None:
    path = [point(i * 0.2, 0.1 + 0.01 * i) for i in range(50)]
    assert simplify(path) == [path[0], path[-1]]


def test_a_pause_keeps_its_length() -> None:
    """In space it is a straight line; what is lost would be the stay."""
    places = [0.1 + 0.01 * i for i in range(20)] + [0.3] * 100 + [0.3 + 0.01 * i for i in range(20)]
    path = [point(i * 0.2, x) for i, x in enumerate(places)]
    simple = simplify(path)
    assert 3 < len(simple) < 8
    for i, x in enumerate(places):
        assert where(simple, i * 0.2) == pytest.approx(x, abs=0.011)


def test_short_paths_and_equal_times() -> None:
    assert simplify([]) == []
    same = [point(0, 0.1), point(0, 0.5), point(0, 0.2)]
    assert simplify(same)[0] == same[0]


def test_a_path_stays_bounded_however_long() -> None:
    path = Path()
    for i in range(5000):
        path.add(point(i * 0.2, 0.5 + 0.4 * math.sin(i), 0.4 + 0.3 * math.cos(i * 1.7)))
    result = path.result()
    assert 2 < len(result) <= MAX_POINTS
    assert result[0].at == at(0)
    assert result[-1].at == at(4999 * 0.2)
