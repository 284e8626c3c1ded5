"""When a channel is tried again. Pure: the jitter follows from the notification's id."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

from msgspec import Struct

__all__ = ["DEFAULT", "STEADY", "Backoff", "backoff_of", "share", "wait"]

JITTER: Final = 0.2


class Backoff(Struct, frozen=True, kw_only=True):
    """first, most: seconds; each wait is twice the one before. jitter: a share, taken off."""

    first: float = 10.0
    most: float = 120.0
    jitter: float = JITTER


DEFAULT: Final = Backoff()
STEADY: Final = Backoff(jitter=0.0)
"""Without jitter: for what is on this machine, where there is no crowd to spread."""

_BY_KIND: Final = {
    "log": STEADY,
    "recording": STEADY,
    # Carriers queue by themselves, and every copy is paid for.
    "sms": Backoff(first=20.0, most=240.0),
    "whatsapp": Backoff(first=20.0, most=240.0),
    # Greylisting servers take a sender back after some minutes, not seconds (RFC 6647).
    "email": Backoff(first=30.0, most=300.0),
}


def backoff_of(kind: str, *, first: float | None = None, most: float | None = None) -> Backoff:
    """The kind's own backoff, with what a channel's document says instead. Seconds."""
    own = _BY_KIND.get(kind, DEFAULT)
    begin = own.first if first is None else first
    return Backoff(
        first=begin, most=max(begin, own.most if most is None else most), jitter=own.jitter
    )


def share(*parts: object) -> float:
    """A number in [0, 1) that follows from the parts: random to the eye, the same every time."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2.0**56


def wait(backoff: Backoff, tries: int, *seed: object) -> timedelta:
    """The wait after `tries` failures (1 is the first): doubling, at most `most`, minus jitter.

    The jitter only shortens, so that `most` is a promise.
    """
    exponent = min(max(tries, 1) - 1, 62)
    full = min(backoff.most, backoff.first * 2.0**exponent)
    return timedelta(seconds=full * (1.0 - backoff.jitter * share(*seed, tries)))
