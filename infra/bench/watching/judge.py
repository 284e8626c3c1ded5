"""What was late, and how much came at once. Pure; times in seconds since the epoch."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from agents.watch.health import next_poll
from schemas.device import Breaker, DeviceHealth, DeviceSeverity, Probe, ProbeKind

__all__ = ["Lateness", "lateness", "peak", "seeded"]

LATE_S: Final = 5.0
CYCLES_S: Final = 1200.0
"""So long before the start the seeded devices were first polled: their plans have mixed by then."""


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """due: polls that were due while a worker was up; late: of them; worst: seconds."""

    due: int
    late: int
    worst: float

    @property
    def ratio(self) -> float:
        """The share that was late; NaN where nothing was due."""
        return self.late / self.due if self.due else float("nan")


def lateness(
    plans: Mapping[str, Sequence[tuple[float, float]]],
    polls: Mapping[str, Sequence[float]],
    spans: Iterable[tuple[float, float]],
) -> Lateness:
    """How many polls began more than 5 s after they were due, or did not at all.

    plans: by device, (when it was told, when the next poll is due), in order. polls: when each
    device's began. spans: when a worker was up; what is due outside of them, and within 5 s of
    their ends, is nobody's.
    """
    windows = list(spans)
    due = late = 0
    worst = 0.0
    for key, told in plans.items():
        begun = sorted(polls.get(key, ()))
        for at, planned in told:
            end = next((end for start, end in windows if start <= planned < end - LATE_S), None)
            if end is None:
                continue
            due += 1
            # The first poll after the one that the plan was made of.
            place = bisect_left(begun, at + 0.001)
            after = (begun[place] if place < len(begun) else end) - planned
            worst = max(worst, after)
            late += after > LATE_S
    return Lateness(due=due, late=late, worst=worst)


def peak(times: Sequence[float], start: float, end: float, window: float = 10.0) -> int:
    """The most that came in any window between start and end."""
    inside = sorted(at for at in times if start <= at < end)
    most = first = 0
    for last, at in enumerate(inside):
        while inside[first] <= at - window:
            first += 1
        most = max(most, last - first + 1)
    return most


def seeded(keys: Iterable[tuple[str, str]], now: datetime, seed: int) -> list[DeviceHealth]:
    """Healths of (site, device) as they are when all have been polled for a long time.

    Each device is well, and was polled by its own plan since some moment twenty minutes ago.
    """
    dice = random.Random(seed)
    found = []
    for site_id, device_id in keys:
        at = now - timedelta(seconds=CYCLES_S + dice.random() * 240.0)
        upcoming = at
        while upcoming <= now:
            at = upcoming.astimezone(UTC)
            probe = Probe(site_id=site_id, device_id=device_id, kind=ProbeKind.TCP, at=at, ok=True)
            upcoming = next_poll(DeviceSeverity.NORMAL, probe)
        found.append(
            DeviceHealth(
                site_id=site_id,
                device_id=device_id,
                severity=DeviceSeverity.NORMAL,
                breaker=Breaker.CLOSED,
                consecutive_failures=0,
                load_shed=False,
                at=at,
                since=at,
                next_poll_at=upcoming,
            )
        )
    return found
