"""Weekly schedules: is an instant inside one of the windows?"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.document import Schedule, Window

__all__ = ["active"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=8192)
def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def active(schedule: Schedule, default_timezone: str | None, at: datetime) -> bool:
    """Whether `at` is inside a window; no windows: always.

    default_timezone: the site's, else UTC. A window belongs to the day on which it starts, by the
    wall clock of its timezone, so one that ends before it starts ends on the next day; the end is
    not inside. Across a change of clocks the wall clock counts.
    """
    if not schedule.windows:
        return True
    local = at.astimezone(_zone(schedule.timezone or default_timezone or "UTC"))
    today = DAYS[local.weekday()]
    yesterday = DAYS[(local - timedelta(days=1)).weekday()]
    minutes = local.hour * 60 + local.minute + (local.second + local.microsecond / 1e6) / 60
    return any(_inside(window, today, yesterday, minutes) for window in schedule.windows)


def _inside(window: Window, today: str, yesterday: str, minutes: float) -> bool:
    start, end = _minutes(window.start), _minutes(window.end)
    if start < end:
        return today in window.days and start <= minutes < end
    return (today in window.days and minutes >= start) or (
        yesterday in window.days and minutes < end
    )
