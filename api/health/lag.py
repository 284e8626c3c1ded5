"""How far a consumer group is behind, in records and in seconds. Pure.

Kafka says how many records a group has not committed yet. How old the oldest of them is follows
from the topic's ends as they were seen before: the record at offset `n` was written after the last
moment at which the end was still at or below `n`. Nothing is read from the topics for that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

__all__ = ["Ends", "Lag", "LagTracker", "behind"]

HISTORY: Final = timedelta(minutes=15)
MAX_SAMPLES: Final = 900

Partition = tuple[str, int]
"""A topic's name and a partition's number."""

Ends = Mapping[Partition, int]


@dataclass(frozen=True)
class Lag:
    """records: not committed yet; seconds: the age of the oldest of them, 0.0 where there is none.

    at_least: the oldest is older than what was watched, so it is at least so old.
    """

    records: int = 0
    seconds: float = 0.0
    at_least: bool = False

    def worst(self, other: Lag) -> Lag:
        """Both together: records add up, the older one counts."""
        older = self if self.seconds >= other.seconds else other
        return Lag(self.records + other.records, older.seconds, older.at_least)


def behind(samples: Iterable[tuple[datetime, int]], committed: int, now: datetime) -> Lag:
    """The lag of one partition.

    samples: (when, the partition's end then), oldest first. committed: the next offset that the
    group will read.
    """
    end = committed
    reached: datetime | None = None
    first: datetime | None = None
    for when, at in samples:
        first = first or when
        end = at
        if at <= committed:
            reached = when
    if end <= committed:
        return Lag()
    since = reached or first or now
    return Lag(end - committed, max(0.0, (now - since).total_seconds()), reached is None)


@dataclass
class LagTracker:
    """Remembers the ends of partitions for 15 min, and says how far groups are behind them."""

    _samples: dict[Partition, deque[tuple[datetime, int]]] = field(default_factory=dict)

    def observe(self, now: datetime, ends: Ends) -> None:
        """Take in where the partitions end now."""
        for partition, end in ends.items():
            samples = self._samples.setdefault(partition, deque(maxlen=MAX_SAMPLES))
            # Of samples with one end the first and the last tell everything.
            if len(samples) >= 2 and samples[-1][1] == samples[-2][1] == end:
                samples.pop()
            samples.append((now, end))
            while len(samples) > 2 and samples[0][0] < now - HISTORY:
                samples.popleft()

    def lag(self, topics: Iterable[str], committed: Ends, now: datetime) -> Lag:
        """A group's lag over topics.

        A partition without a committed offset counts from its end when it was first seen: what
        came since then was read by nobody.
        """
        names = set(topics)
        total = Lag()
        for partition, samples in self._samples.items():
            if partition[0] not in names:
                continue
            start = committed.get(partition, -1)
            if start < 0:
                start = samples[0][1]
            total = total.worst(behind(samples, start, now))
        return total
