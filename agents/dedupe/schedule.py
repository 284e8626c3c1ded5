"""Weekly schedules: is an instant inside one of the windows, and when does that change?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.document import Schedule

__all__ = ["DAYS", "Weekly", "active", "compiled"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AHEAD_DAYS = 9
"""A window of one day a week comes again within these, whatever the clocks do."""


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


class Weekly:
    """A schedule, ready to be asked often.

    A window belongs to the day on which it starts, by the wall clock of its timezone, so one that
    ends before it starts ends on the next day; the end is not inside. Across a change of clocks
    the wall clock counts. No windows: always.
    """

    __slots__ = ("_answer", "_known", "_minute", "always", "windows", "zone")

    def __init__(self, schedule: Schedule, default_timezone: str | None) -> None:
        self.zone = _zone(schedule.timezone or default_timezone or "UTC")
        self.windows = tuple(
            (
                frozenset(DAYS.index(day) for day in window.days if day in DAYS),
                _minutes(window.start),
                _minutes(window.end),
            )
            for window in schedule.windows
        )
        self.always = not self.windows
        self._minute = -1
        self._answer = False
        self._known: tuple[datetime, datetime | None] | None = None

    def active(self, at: datetime) -> bool:
        """Whether `at` is inside a window."""
        if self.always:
            return True
        # Windows and changes of clocks begin and end on whole minutes: one answer a minute.
        minute = int(at.timestamp() // 60)
        if minute != self._minute:
            self._answer = self._inside(at)
            self._minute = minute
        return self._answer

    def _inside(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        today = local.weekday()
        minutes = local.hour * 60 + local.minute
        for days, start, end in self.windows:
            if start < end:
                if today in days and start <= minutes < end:
                    return True
            elif (today in days and minutes >= start) or (
                (today - 1) % 7 in days and minutes < end
            ):
                return True
        return False

    def next_change(self, at: datetime) -> datetime | None:
        """The first instant after `at` at which `active` answers otherwise; None: never."""
        if self.always:
            return None
        if self._known is not None:
            since, change = self._known
            if since <= at and (change is None or at < change):
                return change
        change = self._next(at)
        self._known = (at, change)
        return change

    def _next(self, at: datetime) -> datetime | None:
        now = self._inside(at)
        floor = datetime.fromtimestamp(at.timestamp() // 60 * 60, UTC)
        for edge in self._edges(floor):
            if edge > at and self._inside(edge) is not now:
                return edge
        return None

    def _edges(self, at: datetime) -> list[datetime]:
        """Instants at which the answer may change: windows' ends, and changes of clocks."""
        local = at.astimezone(self.zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        found: set[datetime] = set()
        for day in range(-1, AHEAD_DAYS):
            base = midnight + timedelta(days=day)
            for minute in {edge for _, start, end in self.windows for edge in (start, end)}:
                wall = base + timedelta(minutes=minute)
                for fold in (0, 1):
                    # A wall time that comes twice is an edge twice; one that never comes lies
                    # beside the change of clocks, which is an edge itself.
                    found.add(wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC))
        for day in range(AHEAD_DAYS):
            begin = at + timedelta(days=day)
            change = self._change_of_clocks(begin, begin + timedelta(days=1))
            if change is not None:
                found.add(change)
        return sorted(found)

    def _change_of_clocks(self, low: datetime, high: datetime) -> datetime | None:
        """The minute after `low`, up to `high`, from which another offset holds."""
        before = low.astimezone(self.zone).utcoffset()
        if high.astimezone(self.zone).utcoffset() == before:
            return None
        while high - low > timedelta(minutes=1):
            middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
            if middle.astimezone(self.zone).utcoffset() == before:
                low = middle
            else:
                high = middle
        return high


@lru_cache(maxsize=8192)
def compiled(schedule: Schedule, default_timezone: str | None) -> Weekly:
    """The schedule, ready to be asked. default_timezone: the site's; None: UTC."""
    return Weekly(schedule, default_timezone)


def active(schedule: Schedule, default_timezone: str | None, at: datetime) -> bool:
    """Whether `at` is inside a window of the schedule; no windows: always."""
    return compiled(schedule, default_timezone).active(at)
