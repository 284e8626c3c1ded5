"""Scores events against the simulator's truth.

What is right: one object's stay in one zone, matched one to one with an event of that camera and
zone whose completion time lies within the stay, one second more at both ends. The matching is a
maximum one: no other choice of pairs makes more events right. Every other event is false; a false
one that lies within a stay is a duplicate as well.

What is left out of recall: a stay that could not be seen long enough, by this rule. A stay counts
when its clear stretch (`Stay.clear_from` to `clear_until`: at least half of the object visible,
and the camera delivers pictures), cut to the measured time, lasts at least the dwell time plus one
second to tell a movement from noise, and when it began within the measured time. The others are
counted as `excluded`. An event that only an excluded stay explains is neither true nor false, one
such event a stay. Events that completed outside the measured time are counted as `outside` and
not judged.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from msgspec import Struct

from agents.capture.simulator.truth import Stay

__all__ = ["SETTLE", "TOLERANCE", "ObservedEvent", "Score", "match", "score", "together"]

TOLERANCE = timedelta(seconds=1)
"""How far outside of a stay an event may complete and still be about it."""

SETTLE = timedelta(seconds=1)
"""How long beyond the dwell time a stay has to be clear to count."""

Spot = tuple[str, str]


class ObservedEvent(Struct, frozen=True, kw_only=True):
    """An event of the pipeline.

    completed: the capture time of the frame that completed it. published: when it, or its alert,
    was on its topic; None where nobody measured that.
    """

    camera_id: str
    zone_id: str
    completed: datetime
    published: datetime | None = None


class Score(Struct, frozen=True, kw_only=True):
    """How right a run was. latencies: seconds from completion to publication, in no order."""

    stays: int
    excluded: int
    true_events: int
    false_events: int
    duplicates: int
    neutral: int
    outside: int
    latencies: tuple[float, ...] = ()

    @property
    def missed(self) -> int:
        """Stays that count and that no event is about."""
        return self.stays - self.true_events

    @property
    def recall(self) -> float | None:
        """Part of the stays that have their event; None without a stay that counts."""
        return self.true_events / self.stays if self.stays else None

    @property
    def precision(self) -> float | None:
        """Part of the judged events that are true; None without one."""
        judged = self.true_events + self.false_events
        return self.true_events / judged if judged else None

    def latency(self, percentile: float) -> float | None:
        """Seconds, linearly interpolated; None where nothing was measured."""
        if not self.latencies:
            return None
        return float(np.percentile(np.array(self.latencies), percentile))


def score(
    stays: Iterable[Stay],
    events: Iterable[ObservedEvent],
    *,
    start: datetime,
    since: datetime,
    until: datetime,
    dwell: timedelta | Mapping[Spot, timedelta] = timedelta(0),
) -> Score:
    """Score `events` against `stays`, by the rules above.

    start: when the simulated world began. since, until: the measured time. dwell: the zones' dwell
    time, one for all or by (camera, zone); zones that are not named have none.
    """
    counted: dict[Spot, list[tuple[datetime, datetime]]] = defaultdict(list)
    excluded: dict[Spot, list[tuple[datetime, datetime]]] = defaultdict(list)
    for stay in stays:
        spot = (stay.camera_id, stay.zone_id)
        if start + stay.leave < since or start + stay.enter > until:
            continue
        needed = dwell.get(spot, timedelta(0)) if isinstance(dwell, Mapping) else dwell
        clear = min(start + stay.clear_until, until) - max(start + stay.clear_from, since)
        counts = clear >= needed + SETTLE and start + stay.enter >= since
        (counted if counts else excluded)[spot].append((start + stay.enter, start + stay.leave))
    times: dict[Spot, list[datetime]] = defaultdict(list)
    latencies = []
    outside = 0
    for event in events:
        if not since <= event.completed <= until:
            outside += 1
            continue
        times[event.camera_id, event.zone_id].append(event.completed)
        if event.published is not None:
            latencies.append((event.published - event.completed).total_seconds())
    true = false = duplicates = neutral = 0
    for spot, found in times.items():
        right, none, twice = _judge(counted[spot], excluded[spot], sorted(found))
        true, neutral, duplicates = true + right, neutral + none, duplicates + twice
        false += len(found) - right - none
    return Score(
        stays=sum(map(len, counted.values())),
        excluded=sum(map(len, excluded.values())),
        true_events=true,
        false_events=false,
        duplicates=duplicates,
        neutral=neutral,
        outside=outside,
        latencies=tuple(latencies),
    )


def _judge(
    counted: list[tuple[datetime, datetime]],
    excluded: list[tuple[datetime, datetime]],
    times: list[datetime],
) -> tuple[int, int, int]:
    """How many events are true, how many neither, and how many are one too many for their stay."""
    spans = sorted(counted) + sorted(excluded)
    pairs = match(spans, times)
    taken = set(pairs.values())
    twice = sum(
        1
        for index, time in enumerate(times)
        if index not in taken
        and any(enter - TOLERANCE <= time <= leave + TOLERANCE for enter, leave in spans)
    )
    right = sum(1 for stay in pairs if stay < len(counted))
    return right, len(pairs) - right, twice


def match(spans: Sequence[tuple[datetime, datetime]], times: Sequence[datetime]) -> dict[int, int]:
    """A maximum matching of spans (± TOLERANCE) with `times`, which is sorted: span -> time.

    Among the maximum matchings it is one that serves earlier spans of the list first: a span is
    given up for none that stands behind it (augmenting paths; Berge, "Two theorems in graph
    theory", 1957).
    """
    reach = [
        range(bisect_left(times, enter - TOLERANCE), bisect_right(times, leave + TOLERANCE))
        for enter, leave in spans
    ]
    owner: dict[int, int] = {}
    matched: dict[int, int] = {}
    for span in range(len(spans)):
        came_from: dict[int, int] = {}
        waiting = deque([span])
        free: int | None = None
        while waiting and free is None:
            current = waiting.popleft()
            for index in reach[current]:
                if index in came_from:
                    continue
                came_from[index] = current
                if index not in owner:
                    free = index
                    break
                waiting.append(owner[index])
        while free is not None:
            current = came_from[free]
            previous = matched.get(current)
            matched[current], owner[free] = free, current
            free = previous
    return matched


def together(scores: Iterable[Score]) -> Score:
    """Several runs as one: all counts added."""
    every = list(scores)
    return Score(
        stays=sum(part.stays for part in every),
        excluded=sum(part.excluded for part in every),
        true_events=sum(part.true_events for part in every),
        false_events=sum(part.false_events for part in every),
        duplicates=sum(part.duplicates for part in every),
        neutral=sum(part.neutral for part in every),
        outside=sum(part.outside for part in every),
        latencies=tuple(value for part in every for value in part.latencies),
    )
