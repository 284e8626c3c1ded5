"""Polygons that are none."""

from __future__ import annotations

import math

import pytest

from schemas.reading.geometry import polygon_problem

XY = tuple[float, float]
CIRCLE = [(0.5 + 0.4 * math.cos(i / 100 * math.tau), 0.5 + 0.4 * math.sin(i / 100 * math.tau))
          for i in range(100)]  # fmt: skip


@pytest.mark.parametrize(
    ("points", "problem"),
    [
        ([(0, 0), (1, 0), (1, 1), (0, 1)], None),
        ([(0, 1), (1, 1), (1, 0), (0, 0)], None),  # the other way round
        ([(0, 0), (1, 0), (0.2, 0.2), (0, 1)], None),  # concave
        ([(0, 0), (0.5, 0), (1, 0), (1, 1)], None),  # a point on an edge's way
        ([(0, 0), (1, 0), (1, 1), (0, 0)], None),  # closed as in GeoJSON
        (CIRCLE, None),
        ([(0, 0), (1, 1), (1, 0), (0, 1)], "crosses itself"),  # a bow tie
        ([(0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)], "crosses itself"),  # touches an edge
        ([(0, 0), (1, 0), (0.5, 0), (0.5, 1)], "crosses itself"),  # lies on itself
        ([(0, 0), (1, 0), (0, 0), (0, 1)], "the same point twice"),
        ([(0, 0), (0.5, 0.5), (1, 1)], "no area"),
        ([(0, 0), (0.0001, 0), (0, 0.0001)], "no area"),
        ([(0, 0), (1, 0), (1, 1), (1, 0.5)], "crosses itself"),  # runs back over its own edge
    ],
)
def test_polygon_problem(points: list[XY], problem: str | None) -> None:
    found = polygon_problem(points)
    if problem is None:
        assert found is None
    else:
        assert found is not None
        assert problem in found
