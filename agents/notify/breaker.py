"""The circuit breaker of a target: whether it may be asked now. Pure; state in, state out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

__all__ = ["CLOSED", "OPEN_AFTER", "Breaker", "allowed_in", "asked", "failed", "left_alone", "took"]

OPEN_AFTER: Final = 5
"""Failures in a row; the same number as for devices."""

FIRST_OPEN: Final = timedelta(seconds=15)
MOST_OPEN: Final = timedelta(minutes=2)
TRIAL: Final = timedelta(seconds=75)
"""A trial without an outcome for this long is forgotten: longer than any channel's time limit."""


class Breaker(Struct, frozen=True, kw_only=True):
    """failures: in a row. until: nobody asks before it. opened: how often since it last worked.

    trial: when the one attempt began that is let through while the breaker is half open.
    """

    failures: int = 0
    opened: int = 0
    until: datetime | None = None
    trial: datetime | None = None


CLOSED: Final = Breaker()


def allowed_in(state: Breaker, now: datetime) -> timedelta:
    """How long to wait before asking; zero: ask now."""
    if state.until is not None and now < state.until:
        return state.until - now
    if state.trial is not None and now < state.trial + TRIAL:
        return min(FIRST_OPEN, state.trial + TRIAL - now)
    return timedelta(0)


def asked(state: Breaker, now: datetime) -> Breaker:
    """An attempt begins. While it is half open this is the trial, and nobody else asks."""
    return replace(state, trial=now, until=None) if state.opened else replace(state, until=None)


def took(state: Breaker) -> Breaker:
    """The target works."""
    return CLOSED


def failed(state: Breaker, now: datetime) -> Breaker:
    """The target is in trouble. The fifth time in a row, and each failed trial, opens it."""
    failures = state.failures + 1
    if failures < OPEN_AFTER and not state.opened:
        return replace(state, failures=failures)
    if state.until is not None and now < state.until:
        # An attempt that was under way when it opened says nothing new.
        return replace(state, failures=failures)
    pause = min(MOST_OPEN, FIRST_OPEN * 2 ** min(state.opened, 10))
    return Breaker(failures=failures, opened=state.opened + 1, until=now + pause)


def left_alone(state: Breaker, now: datetime, seconds: float) -> Breaker:
    """The target asks for quiet (429 or 503 with Retry-After): that is no failure of it."""
    until = now + timedelta(seconds=seconds)
    if state.until is not None and state.until > until:
        until = state.until
    return replace(state, until=until, trial=None)
