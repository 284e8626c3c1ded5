"""How long a sign-in has to wait after others that failed: pure, and in three measures.

- *pair*: one account from one address. Five tries are free, then the wait doubles up to 15 min.
- *address*: all accounts from one address (IPv6: its /64). Thirty are free, then it doubles too.
- *account*: one account from everywhere. It waits 30 s at most, and not at all where it signed in
  from within 30 days: an outsider who guesses from a thousand addresses is slowed down to two
  guesses a minute, and keeps nobody out for long.

A try is counted before its password is compared, so that a thousand at once are not one try; one
that succeeds takes its count away again.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

__all__ = [
    "FORGET",
    "KNOWN_FOR",
    "POLICIES",
    "Failures",
    "Measure",
    "Policy",
    "counted",
    "network_of",
    "subjects",
    "veiled",
    "wait",
]

FORGET: Final = timedelta(hours=1)
"""After so long without a failure they count no more."""

KNOWN_FOR: Final = timedelta(days=30)
"""An address that an account signed in from is known for so long."""


class Measure(StrEnum):
    """Whose failures are counted."""

    PAIR = "pair"
    ADDRESS = "address"
    ACCOUNT = "account"


class Policy(Struct, frozen=True, kw_only=True):
    """free: failures without a wait. After them it is `first`, and doubles up to `most`."""

    free: int
    first: timedelta
    most: timedelta


class Failures(Struct, frozen=True, kw_only=True):
    """Failures that count. at: the newest one."""

    count: int
    at: datetime


POLICIES: Final[Mapping[Measure, Policy]] = {
    Measure.PAIR: Policy(free=5, first=timedelta(seconds=2), most=timedelta(minutes=15)),
    Measure.ADDRESS: Policy(free=30, first=timedelta(seconds=2), most=timedelta(minutes=15)),
    Measure.ACCOUNT: Policy(free=20, first=timedelta(seconds=2), most=timedelta(seconds=30)),
}


def wait(failures: Failures | None, policy: Policy, now: datetime) -> timedelta:
    """How long from now until another try; zero where there is none to wait."""
    if failures is None or failures.count < policy.free or now - failures.at >= FORGET:
        return timedelta(0)
    # Doubled thirty times it is above any `most`; unbounded it would overflow.
    doubled = policy.first * (1 << min(failures.count - policy.free, 30))
    # A clock that was put back must not make it longer than it ever was.
    since = max(now - failures.at, timedelta(0))
    return max(min(doubled, policy.most) - since, timedelta(0))


def counted(failures: Failures | None, now: datetime) -> Failures:
    """With one more failure."""
    if failures is None or now - failures.at >= FORGET:
        return Failures(count=1, at=now)
    return Failures(count=failures.count + 1, at=max(now, failures.at))


def network_of(address: str) -> str:
    """The address as it is counted: an IPv6 client has a /64 to itself, and all of it is one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def veiled(folded: str) -> str:
    """A name as it is counted: what was typed as a name may be somebody's password."""
    return hashlib.sha256(b"watchfloor.sign-in\x00" + folded.encode()).hexdigest()[:32]


def subjects(folded: str, address: str) -> dict[Measure, str]:
    """Under what each measure counts a try at that account from that address."""
    network = network_of(address)
    return {
        Measure.PAIR: f"{veiled(folded)} {network}",
        Measure.ADDRESS: network,
        Measure.ACCOUNT: veiled(folded),
    }
