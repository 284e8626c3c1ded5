"""How many in a sliding minute. Pure; counts by the second, so a row stays small."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

from msgspec import Struct

__all__ = ["EMPTY", "Minute", "admit"]

SECONDS: Final = 60


class Minute(Struct, frozen=True):
    """counts: (second since the epoch, how many in it), oldest first."""

    counts: tuple[tuple[int, int], ...] = ()


EMPTY: Final = Minute()


def admit(minute: Minute, now: datetime, limit: int) -> tuple[Minute, float]:
    """Count one more, where fewer than `limit` were counted in the 60 s before `now`.

    The second value is 0 where it was counted, else the seconds until one may be. A limit of 0 is
    none. A clock that goes back counts as standing still.
    """
    if limit <= 0:
        return minute, 0.0
    at = now.timestamp()
    second = math.floor(at)
    if minute.counts:
        second = max(second, minute.counts[-1][0])
        at = max(at, float(second))
    kept = tuple(pair for pair in minute.counts if pair[0] > second - SECONDS)
    if sum(count for _, count in kept) >= limit:
        over = sum(count for _, count in kept) - limit
        for when, count in kept:
            over -= count
            if over < 0:
                return Minute(kept), when + SECONDS - at
    if kept and kept[-1][0] == second:
        kept = (*kept[:-1], (second, kept[-1][1] + 1))
    else:
        kept = (*kept, (second, 1))
    return Minute(kept), 0.0
