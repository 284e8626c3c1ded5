"""Stays: when an object's foot was in a zone, and when one could see it there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Protocol

from agents.capture.simulator.figures import foot_of
from agents.capture.simulator.traffic import Actor
from agents.capture.simulator.truth import Point, Signal, Stay
from agents.capture.simulator.view import View

__all__ = ["CLEAR", "stays_of"]

CLEAR = 0.5
"""The least visible part of an object at which it counts as seen."""

_STEP = 0.125
_LOOK = 0.25
_EXACT = 0.001
_LONG = 60.0


class _Zone(Protocol):
    @property
    def zone_id(self) -> str: ...

    def takes(self, label: str, foot: Point) -> bool: ...


def stays_of(view: View, zones: Iterable[_Zone], since: float, until: float) -> list[Stay]:
    """The stays at one camera that overlap [since, until], in seconds. In no order."""
    found = []
    for actor in view.traffic.between(since, until):
        for zone in zones:
            for enter, leave in _spans(view, actor, zone):
                if enter <= until and leave >= since:
                    clear = _clear(view, actor, enter, leave)
                    found.append(
                        Stay(
                            object_id=actor.object_id,
                            label=actor.label,
                            camera_id=view.layout.camera_id,
                            zone_id=zone.zone_id,
                            enter=timedelta(seconds=enter),
                            leave=timedelta(seconds=leave),
                            clear_from=timedelta(seconds=clear[0]),
                            clear_until=timedelta(seconds=clear[1]),
                        )
                    )
    return found


def _spans(view: View, actor: Actor, zone: _Zone) -> list[tuple[float, float]]:
    journey, lens = actor.journey, view.layout.lens

    def there(seconds: float) -> bool:
        pose = journey.at(seconds)
        if pose is None:
            return False
        foot = foot_of(lens, actor.look, pose)
        return foot is not None and zone.takes(actor.label, foot)

    spans: list[tuple[float, float]] = []
    entered: float | None = None
    steps = int((journey.end - journey.start) / _STEP) + 2
    before = journey.start - _STEP
    for step in range(steps):
        now = journey.start + step * _STEP
        if there(now) != (entered is not None):
            edge = _edge(there, before, now)
            if entered is None:
                entered = edge
            else:
                spans.append((entered, edge))
                entered = None
        before = now
    if entered is not None:
        spans.append((entered, journey.end))
    return spans


def _edge(there: Callable[[float], bool], low: float, high: float) -> float:
    """When `there` changes between `low` and `high`, to a millisecond."""
    at_low = there(low)
    while high - low > _EXACT:
        middle = (low + high) / 2
        if there(middle) == at_low:
            low = middle
        else:
            high = middle
    return high if not at_low else low


def _clear(view: View, actor: Actor, enter: float, leave: float) -> tuple[float, float]:
    """The longest stretch of [enter, leave] in which the object could be seen."""
    step = _LOOK if leave - enter < _LONG else 4 * _LOOK
    best = (enter, enter)
    start: float | None = None
    count = max(2, int((leave - enter) / step) + 1)
    for index in range(count + 1):
        now = min(leave, enter + index * step)
        if _shows(view, actor, min(now, leave - _EXACT)):
            start = now if start is None else start
            if now - start > best[1] - best[0]:
                best = (start, now)
        else:
            start = None
    return best


def _shows(view: View, actor: Actor, seconds: float) -> bool:
    if view.signal(seconds) is not Signal.OK:
        return False
    seen = view.seen(seconds)
    for index, (other, _, _) in enumerate(seen):
        if other.object_id == actor.object_id:
            return view.visible(seen, index) >= CLEAR
    return False
