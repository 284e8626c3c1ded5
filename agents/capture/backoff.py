"""How long to wait before a camera is asked again."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Final

__all__ = ["CAP", "PATIENT", "next_delay"]

FIRST: Final = timedelta(seconds=1)
CAP: Final = timedelta(seconds=60)

PATIENT: Final = 6
"""The first attempt that is at the cap. Where we are refused we start here: cameras lock out a
user who tries a wrong password again and again."""


def next_delay(attempt: int, rng: random.Random) -> timedelta:
    """The pause after the attempt of that number, counted from 0, failed.

    Exponential with full jitter: anything between 0 and a bound that doubles, 60 s at most, so that
    a site's cameras do not come back all at once (Brooker, "Exponential Backoff And Jitter", AWS
    Architecture Blog, 2015).
    """
    bound = min(CAP, FIRST * 2 ** min(max(attempt, 0), PATIENT))
    return timedelta(seconds=bound.total_seconds() * rng.random())
