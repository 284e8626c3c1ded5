"""What devices say of themselves, as facts: typed, short, and left out where it makes no sense."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from agents.watch.drivers.base import Fact, Fault, Outcome

__all__ = ["MOST_TEXT", "count", "ids", "mib", "offset_s", "outcome_of", "text"]

MOST_TEXT: Final = 120
"""Letters of a text. Models and versions have some 40."""
MOST_COUNT: Final = 2**53


def text(name: str, said: str) -> Mapping[str, Fact]:
    """A text, without what is no letter on a screen; nothing where it is empty."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return {name: clean[:MOST_TEXT]} if clean else {}


def count(name: str, said: str) -> Mapping[str, Fact]:
    """A whole number from 0; nothing where it is none."""
    digits = said.strip()
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 16:
        return {}
    return {name: min(int(digits), MOST_COUNT)}


def mib(name: str, said: Iterable[str]) -> Mapping[str, Fact]:
    """The sum of whole numbers of MiB; nothing where one of them is none."""
    total = 0
    for one in said:
        found = count(name, one)
        if not found:
            return {}
        total += int(found[name])
    return {name: total}


def ids(name: str, said: Iterable[str]) -> Mapping[str, Fact]:
    """Ids with commas between; nothing where there are none. The last ones of very many go."""
    return text(name, ",".join(said))


def offset_s(device: datetime | None, before: datetime, after: datetime) -> Mapping[str, Fact]:
    """`clock_offset_s`: how far a device's clock is ahead of ours, in seconds.

    before, after: when it was asked and when it had answered; the middle is when it looked (as
    in RFC 5905, section 8). Nothing where it told no time.
    """
    if device is None:
        return {}
    middle = before + (after - before) / 2
    return {"clock_offset_s": round((device - middle).total_seconds(), 3)}


def outcome_of(facts: Mapping[str, Fact], latency_ms: float | None) -> Outcome:
    """What a recorder's facts come to: `unwell`, with what is lost, failed or not recorded.

    A full disk is none of it: recorders write over what is oldest.
    """
    wrong = []
    if lost := facts.get("channels_lost"):
        wrong.append(f"channels lost: {lost}")
    if failed := facts.get("disks_failed"):
        wrong.append(f"disks failed: {failed}")
    if facts.get("missing_recording"):
        wrong.append(f"channels not recorded: {facts.get('missing_channels', 'some')}")
    error = f"{Fault.UNWELL.value}: {'; '.join(wrong)}" if wrong else None
    return Outcome(ok=not wrong, latency_ms=latency_ms, error=error, facts=facts)
