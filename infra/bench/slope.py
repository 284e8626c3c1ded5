"""A straight line through points by least squares, and how sure its slope is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist, fmean, linear_regression
from typing import Final

__all__ = ["Line", "blocks", "line_through", "t_quantile"]

SURE: Final = 0.95


@dataclass(frozen=True)
class Line:
    """slope: of y per unit of x. low, high: the slope's 95 % confidence interval."""

    slope: float
    low: float
    high: float


def line_through(points: Sequence[tuple[float, float]]) -> Line:
    """The line through (x, y). Raises ValueError for fewer than two different x.

    The interval is Student's: slope ± t(n - 2) * sqrt(residual variance / sum of (x - mean)²); for
    two points it is everything. It holds for points that err independently of each other.
    """
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if len(set(xs)) < 2:
        raise ValueError("a line needs two points")
    slope, intercept = linear_regression(xs, ys)
    free = len(points) - 2
    if free < 1:
        return Line(slope, -inf, inf)
    rest = sum((y - intercept - slope * x) ** 2 for x, y in points)
    middle = fmean(xs)
    error = sqrt(rest / free / sum((x - middle) ** 2 for x in xs))
    reach = t_quantile((1 + SURE) / 2, free) * error
    return Line(slope, slope - reach, slope + reach)


def t_quantile(share: float, free: int) -> float:
    """Student's t for so many degrees of freedom, by its expansion around the normal quantile.

    Abramowitz and Stegun, 26.7.5; off by less than 0.5 % from three degrees on. One and two have
    closed forms.
    """
    from math import pi, tan

    if free == 1:
        return tan(pi * (share - 0.5))
    if free == 2:
        return (2 * share - 1) * sqrt(2 / (4 * share * (1 - share)))
    z = NormalDist().inv_cdf(share)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160
    return z + first / free + second / free**2 + third / free**3 + fourth / free**4


def blocks(points: Sequence[tuple[float, float]], width: float) -> list[tuple[float, float]]:
    """The mean point of each stretch of x that is `width` long.

    Samples that follow each other closely err alike: as single points they would make a slope look
    surer than it is.
    """
    found: dict[int, list[tuple[float, float]]] = {}
    for x, y in points:
        found.setdefault(int(x // width), []).append((x, y))
    return [(fmean(x for x, _ in group), fmean(y for _, y in group)) for group in found.values()]
