"""When each device is polled: due times, and how many polls may begin. No I/O, no clock.

Times are seconds since the epoch, handed in. Everything follows from devices' names and the times
that their health says, so that a restart changes no plan, and one restart after the other puts
nobody off for ever.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import deque
from collections.abc import Iterator
from typing import Final

from agents.watch.health import JITTER_S, MEAN_NORMAL_S, NORMAL_S, URGENT_S
from schemas.device import DeviceSeverity

__all__ = [
    "LONGEST_S",
    "Pacer",
    "Schedule",
    "first_due",
    "interval_s",
    "longest_s",
    "spread_s",
]

LONGEST_S: Final = NORMAL_S[1] + JITTER_S
"""No device waits longer for its poll while it is well."""

WINDOW_S: Final = 10.0
PACE: Final = 1.4
"""Times the normal rate, in any window. What the devices see may be 1.5 times; connections are
not made at the instants at which they are begun."""
FEW: Final = 20
"""Polls a window that are never held back: two a second hurt no network."""

FIRST_RATE: Final = 5.0
"""Polls a second of devices that were never polled: one site's are all seen within the minute."""


def interval_s(severity: DeviceSeverity | None, normal_s: float = MEAN_NORMAL_S) -> float:
    """The mean time between two polls; None: it was never polled. normal_s: of a device that is
    well."""
    return URGENT_S if _urgent(severity) else normal_s


def longest_s(normal_s: float = MEAN_NORMAL_S) -> float:
    """How long a device waits for its poll at most while it is well."""
    return LONGEST_S * normal_s / MEAN_NORMAL_S


def spread_s(severity: DeviceSeverity | None, normal_s: float = MEAN_NORMAL_S) -> float:
    """Over how long devices are spread that were not polled when they were due.

    While those are made up for, the others go on: where a part p of an interval was missed, a
    part p of the devices come on top, spread over s intervals, at 1 + p/s times the normal rate.
    With all intervals alike s = 2 keeps that at 1.5; those of healthy devices differ, from 120 to
    360 s, so that 1.5 of them, the longest one, is enough (at most 1.4 times).
    """
    return 2 * URGENT_S if _urgent(severity) else longest_s(normal_s)


def _urgent(severity: DeviceSeverity | None) -> bool:
    return severity in (DeviceSeverity.SUSPECT, DeviceSeverity.CRITICAL)


def first_due(
    key: str,
    severity: DeviceSeverity | None,
    next_poll: float | None,
    now: float,
    new: int,
    normal_s: float = MEAN_NORMAL_S,
) -> float:
    """When a device is polled that has just become ours.

    next_poll: what its health says, None where nothing is known of it. new: how many of those
    there are. normal_s: mean time between its polls while it is well. One that is overdue has its
    own place in every spread, by its name.
    """
    if next_poll is not None and next_poll >= now:
        # A clock that was ahead once must not keep a device from being polled.
        return min(next_poll, now + longest_s(normal_s))
    never = min(LONGEST_S, max(1.0, new / FIRST_RATE))
    spread = never if next_poll is None else spread_s(severity, normal_s)
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64 * spread
    return now + (place - now) % spread


class Schedule:
    """Due times by device, the earliest first. One entry a device."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: str) -> bool:
        return key in self._due

    def put(self, key: str, due: float) -> None:
        """Plan a device, in place of what was planned for it."""
        if self._due.get(key) == due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
        if len(self._heap) > 64 + 2 * len(self._due):
            # Entries that were planned anew stay below; they must not outgrow the devices.
            self._heap = [(due, key) for key, due in self._due.items()]
            heapq.heapify(self._heap)

    def drop(self, key: str) -> None:
        """Plan it no more."""
        self._due.pop(key, None)

    def due_of(self, key: str) -> float:
        """When a device is due. Raises KeyError for one that is not planned."""
        return self._due[key]

    def next_due(self) -> float | None:
        """When the first one is due; None where nothing is planned."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float, most: int) -> Iterator[tuple[str, float]]:
        """The devices that are due by now, at most so many, with when they were; they are planned
        no more."""
        for _ in range(most):
            due = self.next_due()
            if due is None or due > now:
                return
            _, key = heapq.heappop(self._heap)
            del self._due[key]
            yield key, due


class Pacer:
    """How many polls may begin: at most PACE times the normal rate in any window."""

    def __init__(self) -> None:
        self._begun: deque[float] = deque()

    def room(self, now: float, normal_rate: float) -> int:
        """How many may begin now. normal_rate: polls a second of all devices together."""
        # One that is yet to come was begun by a clock that was set back since.
        while self._begun and not now - WINDOW_S < self._begun[0] <= now:
            self._begun.popleft()
        most = max(FEW, int(PACE * normal_rate * WINDOW_S))
        return max(0, most - len(self._begun))

    def begin(self, now: float) -> None:
        """A poll begins."""
        self._begun.append(now)

    def frees(self, now: float) -> float:
        """In how many seconds the oldest poll of the window leaves it."""
        return max(0.0, self._begun[0] + WINDOW_S - now) if self._begun else 0.0
