"""How long a device was up, and how fast outages were found and ended: from the changes of its
severity, by day. Pure.

- **Down** is the time from a critical verdict to the answer that ends it. **Suspect** time is up,
  and told apart: a device that failed once, or that has just come back, is not held to be down.
- **Unknown** is the time before its first poll, and that after the last one where polling has
  stopped. It is neither up nor down: a share is one of the time that is known.
- An **outage** goes from a critical verdict until the device is normal again; one that is critical
  once more before that has had no second outage. **Time to detect** is from its first failed poll
  to the verdict (0 where that poll is the verdict: an answer that was too slow), and **time to
  repair** from the verdict to normal. What fails between two polls has failed by the later one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from agents.watch.schedule import LONGEST_S
from schemas.base import utc
from schemas.device import DeviceSeverity

__all__ = [
    "OVERDUE",
    "Change",
    "Day",
    "Outage",
    "Tally",
    "known_until",
    "last_days",
    "mean",
    "outages",
    "tallies",
]

OVERDUE: Final = timedelta(seconds=LONGEST_S)
"""The longest interval between two polls: one that is later than that after it was due tells that
polling has stopped, or that archive is behind."""


@dataclass(frozen=True, slots=True)
class Change:
    """A device became so. at: of the poll that said it."""

    at: datetime
    severity: DeviceSeverity


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a timezone, half open; begin and end in UTC."""

    date: date
    begin: datetime
    end: datetime


@dataclass(slots=True)
class Tally:
    """Seconds of a span, by what is known of them."""

    normal_s: float = 0.0
    suspect_s: float = 0.0
    down_s: float = 0.0
    unknown_s: float = 0.0

    @property
    def up(self) -> float | None:
        """The share of the known time, 0..1, that it was up; None where nothing is known."""
        known = self.normal_s + self.suspect_s + self.down_s
        return None if known <= 0 else (self.normal_s + self.suspect_s) / known

    def add(self, severity: DeviceSeverity | None, seconds: float) -> None:
        """Count so many seconds; None: unknown."""
        if severity is DeviceSeverity.NORMAL:
            self.normal_s += seconds
        elif severity is DeviceSeverity.SUSPECT:
            self.suspect_s += seconds
        elif severity is DeviceSeverity.CRITICAL:
            self.down_s += seconds
        else:
            self.unknown_s += seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """One time that a device was down. normal_at: None while it is."""

    failed_at: datetime
    critical_at: datetime
    normal_at: datetime | None = None


def last_days(now: datetime, zone: ZoneInfo, count: int) -> tuple[Day, ...]:
    """Today up to now, and the whole days before it, in that timezone; the oldest first.

    A day on which the clock is changed has 23 or 25 hours, or whatever the zone says.
    """
    today = now.astimezone(zone).date()
    dates = [today - timedelta(days=back) for back in range(count - 1, -1, -1)]
    # Midnight may be left out by a change of the clock: by the offset before it, it is the change.
    begins = [utc(datetime(one.year, one.month, one.day, tzinfo=zone)) for one in dates]
    ends = [*begins[1:], utc(now)]
    return tuple(map(Day, dates, begins, ends))


def known_until(now: datetime, next_poll_at: datetime | None) -> datetime:
    """Up to when the newest word about a device holds."""
    if next_poll_at is None or now - next_poll_at <= OVERDUE:
        return now
    return next_poll_at


def tallies(changes: Sequence[Change], days: Sequence[Day], until: datetime) -> list[Tally]:
    """One tally a day.

    changes: oldest first, from the last one before the days on. until: what is known ends there.
    """
    found = [Tally() for _ in days]
    spans = list(_spans(changes, until))
    first = 0
    for day, tally in zip(days, found, strict=True):
        left = (day.end - day.begin).total_seconds()
        while first < len(spans) and spans[first][1] <= day.begin:
            first += 1
        for begin, end, severity in islice(spans, first, None):
            if begin >= day.end:
                break
            seconds = (min(end, day.end) - max(begin, day.begin)).total_seconds()
            tally.add(severity, seconds)
            left -= seconds
        tally.add(None, max(0.0, left))
    return found


def _spans(
    changes: Sequence[Change], until: datetime
) -> Iterable[tuple[datetime, datetime, DeviceSeverity]]:
    ends = [change.at for change in changes[1:]] + [until]
    for change, end in zip(changes, ends, strict=False):
        if change.at < min(end, until):
            yield change.at, min(end, until), change.severity


def outages(changes: Iterable[Change]) -> list[Outage]:
    """The outages in changes, oldest first, of which the first one is a return to normal, or the
    first of all."""
    found: list[Outage] = []
    failed: datetime | None = None
    down: Outage | None = None
    for change in changes:
        if change.severity is DeviceSeverity.NORMAL:
            if down is not None:
                found.append(replace(down, normal_at=change.at))
            failed, down = None, None
        elif down is None and change.severity is DeviceSeverity.SUSPECT:
            failed = change.at
        elif down is None:
            down = Outage(failed_at=failed or change.at, critical_at=change.at)
    if down is not None:
        found.append(down)
    return found


def mean(seconds: Sequence[float]) -> float | None:
    """The arithmetic mean; None of nothing."""
    return sum(seconds) / len(seconds) if seconds else None
