"""Whether a polygon is one."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["polygon_problem"]

EXACT = 1e-12
"""Coordinates are 0..1 with a few digits: a cross product below it is zero that was rounded."""
LEAST_AREA = 1e-6
"""Of the picture: a square of one pixel in a thousand by a thousand."""


def polygon_problem(points: Sequence[tuple[float, float]]) -> str | None:
    """What is wrong with a polygon of (N, 2) points in 0..1, or None.

    Two of its edges that cross, or touch where they are not neighbours, make "inside" a matter of
    taste; a polygon without area contains nothing.
    The last point may repeat the first. Every pair of edges is tried: N is 200 at most.
    """
    # Imported here: most commands read no polygon, and this import is slower than their start.
    import numpy as np

    if len(points) > 3 and points[0] == points[-1]:
        # Closed as GeoJSON closes them: it says the same.
        points = points[:-1]
    if len(set(points)) < len(points):
        return "has the same point twice"
    a = np.asarray(points, dtype=np.float64)
    b = np.roll(a, -1, axis=0)
    # side[i, j]: on which side of edge i point j lies, -1, 0 or 1.
    cross = (b - a)[:, None, 0] * (a[None, :, 1] - a[:, None, 1]) - (b - a)[:, None, 1] * (
        a[None, :, 0] - a[:, None, 0]
    )
    side = np.where(np.abs(cross) <= EXACT, 0, np.sign(cross)).astype(np.int8)
    start, end = side, np.roll(side, -1, axis=1)
    apart = start * end < 0
    crossing = apart & apart.T
    low, high = np.minimum(a, b)[:, None, :], np.maximum(a, b)[:, None, :]
    within = ((low <= a[None]) & (a[None] <= high)).all(axis=2)
    on = (side == 0) & within
    touching = on | np.roll(on, -1, axis=1)
    count = len(points)
    index = np.arange(count)
    distance = (index[None, :] - index[:, None]) % count
    strangers = (distance > 1) & (distance < count - 1)
    found = np.argwhere((crossing | touching | touching.T) & strangers)
    if len(found):
        i, j = (int(part) + 1 for part in found[0])
        return f"crosses itself: the edge after point {i} and the one after point {j}"
    area = float(np.sum(a[:, 0] * b[:, 1] - b[:, 0] * a[:, 1])) / 2
    if abs(area) < LEAST_AREA:
        return "has no area"
    return None
