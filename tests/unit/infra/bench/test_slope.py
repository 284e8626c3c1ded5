"""Least squares, and what the soak makes of its samples."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from infra.bench.slope import blocks, line_through, t_quantile
from infra.bench.soak import LUMP_EVERY_S, LUMP_S, due_of, lumps_of, slope, warm_up_of
from infra.errors import WatchfloorError


def test_a_straight_line_is_found_exactly() -> None:
    line = line_through([(x, 3.0 * x - 7) for x in range(10)])
    assert line.slope == pytest.approx(3.0)
    assert line.high - line.low == pytest.approx(0.0, abs=1e-9)


def test_known_interval() -> None:
    line = line_through([(1, 1.0), (2, 2.0), (3, 1.5), (4, 4.0), (5, 4.5)])
    assert line.slope == pytest.approx(0.9)
    # By hand: sum of squares 9.7, explained 0.9² · 10 = 8.1, rest 1.6;
    # sqrt(1.6 / 3 / 10) = 0.23094; t(3) = 3.1824.
    assert line.high - line.slope == pytest.approx(3.1824 * 0.23094, rel=0.005)
    assert line.slope - line.low == pytest.approx(line.high - line.slope)


def test_two_points_say_nothing_of_how_sure() -> None:
    line = line_through([(0, 0.0), (1, 1.0)])
    assert (line.low, line.high) == (-inf, inf)


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(1.0, 2.0), (1.0, 3.0)]])
def test_no_line_without_two_places(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="two points"):
        line_through(points)


@pytest.mark.parametrize(
    ("free", "expected"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (5, 2.5706), (10, 2.2281), (120, 1.9799)],
)
def test_students_quantile(free: int, expected: float) -> None:
    assert t_quantile(0.975, free) == pytest.approx(expected, rel=0.005)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    chance = Random(4)
    held = 0
    for _ in range(400):
        line = line_through([(x, 2.0 * x + chance.gauss(0, 5)) for x in range(12)])
        held += line.low <= 2.0 <= line.high
    assert 0.92 * 400 <= held <= 0.98 * 400


def test_blocks_are_means_of_stretches() -> None:
    assert blocks([(0, 1.0), (10, 3.0), (29.9, 5.0), (30, 7.0)], 30) == [
        (pytest.approx(13.3), 3.0),
        (30, 7.0),
    ]


def grown(seconds: int, mib_per_h: float, warm: float) -> list[tuple[float, float]]:
    """Samples that grow fast until `warm`, then by so much."""
    return [
        (float(at), 100 + min(at, warm) * 0.5 + max(0.0, at - warm) / 3600 * mib_per_h)
        for at in range(0, seconds, 2)
    ]


def test_what_the_warm_up_grew_does_not_count() -> None:
    samples = grown(3600, 0.8, 600)
    value, detail = slope(samples, warm_up_of(3600))
    assert value == pytest.approx(0.8)
    assert detail["rss_first_mib"] == 100
    assert detail["ci95_mib_per_h"] == [0.8, 0.8]
    assert slope(samples, 0.0)[0] > 50


@pytest.mark.parametrize(("seconds", "expected"), [(60, 15), (2400, 600), (7200, 600)])
def test_warm_up(seconds: float, expected: float) -> None:
    assert warm_up_of(seconds) == expected


def test_too_short_a_soak_says_so() -> None:
    with pytest.raises(WatchfloorError, match="too short"):
        slope(grown(60, 0, 0), 15)


@pytest.mark.parametrize(
    ("at", "warm_up", "lumps"),
    [
        (0.0, 600.0, 1),
        (LUMP_EVERY_S - 0.1, 600.0, 1),
        (LUMP_EVERY_S, 600.0, 2),
        (599.0, 600.0, 10),
        (3600.0, 600.0, 10),
        (10.0, LUMP_EVERY_S, 1),
        (3600.0, LUMP_EVERY_S - 1, 0),
    ],
)
def test_lumps_come_with_the_warm_up_and_end_before_it(
    at: float, warm_up: float, lumps: int
) -> None:
    assert lumps_of(at, warm_up) == lumps
    assert due_of(at, 1000.0, warm_up) == int((at + lumps * LUMP_S) * 1000)


def test_after_the_warm_up_only_the_rate_is_sent() -> None:
    assert due_of(700.0, 50.0, 600.0) - due_of(600.0, 50.0, 600.0) == 5000
