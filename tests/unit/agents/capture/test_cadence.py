"""Which frames come at detect_fps."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from agents.capture.cadence import Cadence


def taken(fps: float, times: list[float]) -> list[int]:
    cadence = Cadence(fps)
    return [n for n, t in enumerate(times) if cadence.due(timedelta(seconds=t))]


@pytest.mark.parametrize(
    ("source", "fps", "first"),
    [
        (10, 5, [0, 2, 4, 6, 8]),  # every second one, for ever
        (25, 5, [0, 4, 9, 14, 19]),  # a quarter of a slot early is early enough
        (30, 5, [0, 5, 11, 17, 23]),
        (10, 60, [0, 1, 2, 3, 4]),  # never more than there are
        (5, 5, [0, 1, 2, 3, 4]),
        (12.5, 5, [0, 2, 5, 7, 10]),
        (10, 2.5, [0, 3, 7, 11, 15]),
    ],
)
def test_grid(source: float, fps: float, first: list[int]) -> None:
    assert taken(fps, [n / source for n in range(40)])[:5] == first


@pytest.mark.parametrize("source", [5, 6, 7.5, 10, 12, 15, 25, 29.97, 60])
def test_rate_is_never_exceeded(source: float) -> None:
    seconds = 60
    assert len(taken(5, [n / source for n in range(int(seconds * source))])) <= 5 * seconds + 1


def test_phase_holds_for_an_hour() -> None:
    numbers = taken(5, [n / 10 for n in range(36_000)])
    assert numbers == list(range(0, 36_000, 2))


def test_jitter_costs_no_frame() -> None:
    rng = random.Random(3)
    times = [n / 10 + rng.uniform(-0.03, 0.03) for n in range(600)]
    assert taken(5, times) == list(range(0, 600, 2))


def test_rounded_timestamps() -> None:
    """Matroska and FLV keep milliseconds: the 30 frames of a second are 33 and 34 ms apart."""
    exact = taken(5, [n / 30 for n in range(900)])
    assert taken(5, [round(n / 30, 3) for n in range(900)]) == exact


def test_time_that_goes_back_starts_anew() -> None:
    cadence = Cadence(5)
    assert cadence.due(timedelta(seconds=100))
    assert cadence.due(timedelta(seconds=0))
    assert not cadence.due(timedelta(seconds=0.1))
    assert cadence.due(timedelta(seconds=0.2))
