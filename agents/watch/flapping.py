"""A device that changes too often is one alert that says so, and ends when it has been quiet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.document import SiteWatch

__all__ = ["FLAPPING", "RULES", "Turning", "turn"]

FLAPPING: Final = "device_flapping"

WITHIN: Final = timedelta(hours=1)
"""In which changes are counted."""

RULES: Final = SiteWatch()
"""Those of a site that says nothing."""


@dataclass(frozen=True, kw_only=True)
class Turning:
    """How often a device changes. turns: when, the newest few, oldest first; since: from when on
    that is too often. begins, ends: with this poll."""

    turns: tuple[datetime, ...] = ()
    since: datetime | None = None
    begins: bool = False
    ends: bool = False


def turn(
    turns: tuple[datetime, ...],
    since: datetime | None,
    at: datetime,
    *,
    changed: bool,
    rules: SiteWatch,
) -> Turning:
    """How often a device changes, after a poll at `at` that found it changed, or not.

    More than `flapping_changes` in an hour are too many; what ends it is not that they get fewer,
    but that for `flapping_quiet` there was none, so that one at the limit does not flap about it.
    A limit that was lowered counts from the next change on.
    """
    most = rules.flapping_changes + 1
    if changed:
        turns = (*turns, at)[-most:]
        often = len(turns) == most and at - turns[0] < WITHIN
        begins = often and since is None
        return Turning(turns=turns, since=at if begins else since, begins=begins)
    if since is None:
        return Turning(turns=turns)
    last = turns[-1] if turns else since
    if at - last < rules.flapping_quiet:
        return Turning(turns=turns, since=since)
    return Turning(ends=True)
