"""How long a camera is left alone."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from agents.capture.backoff import CAP, next_delay


@pytest.mark.parametrize(
    ("attempt", "bound"), [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (7, 60), (10_000, 60)]
)
def test_full_jitter_below_a_doubling_bound(attempt: int, bound: float) -> None:
    rng = random.Random(attempt)
    delays = [next_delay(attempt, rng) for _ in range(400)]
    assert all(timedelta(0) <= delay <= timedelta(seconds=bound) for delay in delays)
    assert max(delays) > timedelta(seconds=0.9 * bound)
    assert min(delays) < timedelta(seconds=0.1 * bound)
    assert max(delays) <= CAP


def test_same_dice_same_delay() -> None:
    assert next_delay(4, random.Random(1)) == next_delay(4, random.Random(1))
