"""A camera's habits: on how many days it saw something at an hour, and how often it sees a kind.

Days are counted, not events: a stormy night with four hundred events is one night. The share of
days is a Beta-Binomial posterior mean under Jeffreys' prior, (active + 1/2) / (days + 1) (Brown,
Cai and DasGupta, Interval Estimation for a Binomial Proportion, 2001), and every count fades. A
kind's prior mean is its camera's share in place of one half.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

__all__ = ["Days", "Hours", "active_at", "active_on", "hours_until", "note_day", "note_hour"]

MEMORY: Final = 0.98
"""Yesterday counts 2% less than today, so that habits are those of about seven weeks."""
ENOUGH: Final = 6.5
"""Days before a history says anything: everything is new to a camera that was just hung up."""
PRIOR: Final = 0.5
"""Jeffreys' prior: half a day with, half a day without."""
SHRINK: Final = 4.0
"""Days of the week as a whole that a weekend's own, which are few, are weighed against."""
BESIDE: Final = 0.5
"""What the hours before and after count: who comes at 7 comes at 6:55 as well."""
WEEKEND: Final = 5
"""Monday is 0. Saturday and Sunday have habits of their own."""


class Hours(Struct, frozen=True, gc=False, kw_only=True):
    """A camera's active days by local hour.

    work, rest: 24 weights each, of Monday to Friday and of Saturday and Sunday, up to the day
    before `day`. day: ordinal of the newest day; mask: its active hours, a bit each. first: of the
    oldest day.
    """

    work: tuple[float, ...] = (0.0,) * 24
    rest: tuple[float, ...] = (0.0,) * 24
    first: int = 0
    day: int = 0
    mask: int = 0


class Days(Struct, frozen=True, gc=False, kw_only=True):
    """On which days a kind of event came. weight: of the days before `day`, its newest."""

    weight: float = 0.0
    day: int = 0


def _days(first: int, day: int) -> float:
    """The weight of all days from `first` to the one before `day`."""
    return MEMORY * float(1.0 - MEMORY ** max(0, day - first)) / (1.0 - MEMORY)


def hours_until(before: Hours | None, day: int) -> Hours:
    """The habits up to the day before `day`; a late event's day does not turn them back."""
    if before is None:
        return Hours(first=day, day=day)
    if day <= before.day:
        return before
    fade = MEMORY ** (day - before.day)
    weekend = (before.day - 1) % 7 >= WEEKEND

    def rolled(weights: tuple[float, ...], add: bool) -> tuple[float, ...]:
        mask = before.mask if add else 0
        return tuple((each + (mask >> hour & 1)) * fade for hour, each in enumerate(weights))

    return Hours(
        work=rolled(before.work, not weekend),
        rest=rolled(before.rest, weekend),
        first=before.first,
        day=day,
    )


def note_hour(hours: Hours, local: datetime) -> Hours:
    """The habits with something seen at `local`. Unchanged: the same object, nothing to store."""
    bit = 1 << local.hour
    if local.toordinal() != hours.day or hours.mask & bit:
        return hours
    return Hours(
        work=hours.work,
        rest=hours.rest,
        first=hours.first,
        day=hours.day,
        mask=hours.mask | bit,
    )


def active_at(hours: Hours, local: datetime) -> float | None:
    """The share of days like this one on which the camera saw something about this hour, 0..1.

    Today is left out: what goes on now does not make itself usual. None with less than a week.
    """
    days = _days(hours.first, hours.day)
    if days < ENOUGH:
        return None
    weekend = local.weekday() >= WEEKEND
    own, other = (hours.rest, hours.work) if weekend else (hours.work, hours.rest)
    own_days = days * (2 / 7 if weekend else 5 / 7)

    def share(hour: int) -> float:
        whole = (own[hour] + other[hour] + PRIOR) / (days + 2 * PRIOR)
        return (own[hour] + SHRINK * whole) / (own_days + SHRINK)

    hour = local.hour
    beside = max(share(hour - 1), share((hour + 1) % 24))
    return min(1.0, max(share(hour), BESIDE * beside))


def note_day(before: Days | None, day: int) -> Days:
    """The days of a kind with one on `day`. Unchanged: the same object."""
    if before is None:
        return Days(day=day)
    if day <= before.day:
        return before
    return Days(weight=(before.weight + 1.0) * MEMORY ** (day - before.day), day=day)


def active_on(days: Days | None, hours: Hours, whole: float | None = None) -> float | None:
    """The share of the camera's days on which the kind came, today left out; None as above.

    whole: the share of days on which the camera saw anything, which a kind is drawn to.
    """
    known = _days(hours.first, hours.day)
    if known < ENOUGH:
        return None
    weight = 0.0
    if days is not None:
        newer = hours.day > days.day
        weight = (days.weight + newer) * (MEMORY ** max(0, hours.day - days.day))
    prior = PRIOR if whole is None else 2 * PRIOR * whole
    return min(1.0, (weight + prior) / (known + 2 * PRIOR))
