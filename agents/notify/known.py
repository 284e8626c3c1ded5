"""What a delivery service knows of its targets: their places, their breakers, their limits."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from agents.notify import breaker, limits
from agents.notify.errors import ChannelError
from agents.notify.message import severity_of
from agents.notify.places import place_of
from schemas.base import Severity
from schemas.document import Channel
from schemas.notification import Circuit, NotifyRequest

__all__ = ["AT_ONCE", "Target", "Targets"]

AT_ONCE: Final = 4
"""Attempts under way at one target."""

MOST_TARGETS: Final = 2_000
"""Targets whose state is kept; documents change, and old targets go."""

LOCAL_KINDS: Final = frozenset({"log", "recording"})
"""On this machine: there is no crowd to protect, and a runner's virtual time knows no pauses."""


class Target:
    """A target: its free places, its breaker, and what its channel's own limit has counted."""

    def __init__(self, kind: str) -> None:
        self.slots = asyncio.Semaphore(AT_ONCE)
        self._local = kind in LOCAL_KINDS
        self._breaker = breaker.CLOSED
        self._minute = limits.EMPTY

    @property
    def circuit(self) -> Circuit | None:
        """What outlives this process; None: closed, and nothing is held against it."""
        known = self._breaker
        if self._local or known == breaker.CLOSED:
            return None
        return Circuit(failures=known.failures, opened=known.opened, until=known.until)

    def adopt(self, circuit: Circuit) -> None:
        """Begin with what was known before."""
        self._breaker = breaker.Breaker(
            failures=circuit.failures, opened=circuit.opened, until=circuit.until
        )

    def pause(self, now: datetime) -> float:
        """The seconds for which nobody asks."""
        return 0.0 if self._local else breaker.allowed_in(self._breaker, now).total_seconds()

    def ask(self, now: datetime) -> None:
        """An attempt begins."""
        self._breaker = breaker.asked(self._breaker, now)

    def took(self) -> None:
        """It works."""
        self._breaker = breaker.took(self._breaker)

    def failed(self, now: datetime) -> None:
        """It is in trouble."""
        self._breaker = breaker.failed(self._breaker, now)

    def learn(self, error: ChannelError, now: datetime) -> None:
        """It did not take one: because it is in trouble, wants quiet, or only for that one."""
        if error.retry_after is not None:
            self._breaker = breaker.left_alone(self._breaker, now, error.retry_after)
        elif error.faulty:
            self.failed(now)
        else:
            self.took()

    def limited(self, channel: Channel, request: NotifyRequest, now: datetime) -> float:
        """The seconds until the channel's own limit lets one more through. Critical ones, and
        escalations, neither wait nor count."""
        limit = channel.options.get("rate_limit_per_min")
        if not isinstance(limit, int) or isinstance(limit, bool) or request.kind == "escalation":
            return 0.0
        if severity_of(request) is Severity.CRITICAL:
            return 0.0
        self._minute, seconds = limits.admit(self._minute, now, limit)
        return seconds


class Targets:
    """Those that were met, the oldest forgotten first where there are too many."""

    def __init__(self) -> None:
        self._known: dict[str, Target] = {}

    def of(self, channel: Channel, circuit: Circuit | None = None) -> Target:
        """A channel's target. circuit: how it was left, for one that is met for the first time."""
        place = place_of(channel)
        found = self._known.get(place)
        if found is None:
            if len(self._known) >= MOST_TARGETS:
                self._known.pop(next(iter(self._known)))
            found = self._known[place] = Target(channel.kind)
            if circuit is not None:
                found.adopt(circuit)
        return found
