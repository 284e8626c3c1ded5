"""One way walked or driven once: where somebody is at a time, as a function of that time alone."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from math import atan2, hypot, pi
from random import Random

import numpy as np

from agents.capture.simulator.layout import Leg, Place, Route
from agents.capture.simulator.people import Pose

__all__ = ["Journey", "longest", "travel"]

_STEPS = 16
_RAMP = {"person": 0.5, "vehicle": 2.2, "animal": 0.4}
"""Seconds to get from standing to full speed."""


@lru_cache(maxsize=256)
def _curve(points: tuple[Place, ...]) -> tuple[list[float], list[Place]]:
    """A Catmull-Rom spline through `points`: metres along it, and the places there."""
    knots = np.array(points, np.float64)
    if len(knots) > 2:
        padded = np.vstack((2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]))
        u = np.linspace(0.0, 1.0, _STEPS, endpoint=False)[:, None]
        parts = []
        for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
            slope, end = (c - a) / 2, (d - b) / 2
            bend = 3 * (c - b) - 2 * slope - end
            parts.append(b + u * slope + u**2 * bend + u**3 * (slope + end - 2 * (c - b)))
        knots = np.vstack((*parts, knots[-1:]))
    steps = np.hypot(*np.diff(knots, axis=0).T)
    return [0.0, *np.cumsum(steps).tolist()], [(x, y) for x, y in knots.tolist()]


@dataclass(frozen=True)
class _Stretch:
    way: list[float]
    places: list[Place]
    start: float
    length: float
    speed: float
    ramp_in: float
    ramp_out: float
    pause: float
    before: float
    backwards: bool

    @property
    def moving(self) -> float:
        return self.length / self.speed + (self.ramp_in + self.ramp_out) / 2

    def along(self, since: float) -> tuple[float, float]:
        """Metres made, and the speed, `since` seconds after the stretch began."""
        if since >= self.moving:
            return self.length, 0.0 if self.ramp_out else self.speed
        if since < self.ramp_in:
            return self.speed * since**2 / (2 * self.ramp_in), self.speed * since / self.ramp_in
        left = self.moving - since
        if left < self.ramp_out:
            made = self.length - self.speed * left**2 / (2 * self.ramp_out)
            return made, self.speed * left / self.ramp_out
        return self.speed * (since - self.ramp_in / 2), self.speed


@dataclass(frozen=True)
class Journey:
    """start and end: seconds. dx, dy: how far beside the route this one goes, in metres."""

    stretches: tuple[_Stretch, ...]
    start: float
    end: float
    dx: float
    dy: float

    def at(self, seconds: float) -> Pose | None:
        """Where and how at `seconds`; None before the start and from the end on."""
        if not self.start <= seconds < self.end:
            return None
        stretch = self.stretches[0]
        for candidate in self.stretches:
            if seconds >= candidate.start:
                stretch = candidate
        made, speed = stretch.along(seconds - stretch.start)
        x, y = self._place(stretch, made)
        ax, ay = self._place(stretch, max(0.0, made - 0.15))
        bx, by = self._place(stretch, min(stretch.length, made + 0.15))
        heading = atan2(by - ay, bx - ax) + (pi if stretch.backwards else 0.0)
        return Pose(
            x + self.dx, y + self.dy, heading, stretch.before + made, speed, seconds - self.start
        )

    @staticmethod
    def _place(stretch: _Stretch, made: float) -> Place:
        index = min(max(bisect_right(stretch.way, made), 1), len(stretch.way) - 1)
        low, high = stretch.way[index - 1], stretch.way[index]
        part = (made - low) / (high - low)
        (ax, ay), (bx, by) = stretch.places[index - 1], stretch.places[index]
        return ax + (bx - ax) * part, ay + (by - ay) * part


def _legs(route: Route, *, back: bool) -> list[Leg]:
    if not back:
        return list(route.legs)
    pauses = [(leg.pause, leg.pause_chance) for leg in route.legs[:-1]][::-1]
    pauses.append(((0.0, 0.0), 1.0))
    return [
        Leg(leg.points[::-1], pause, chance, leg.backwards)
        for leg, (pause, chance) in zip(route.legs[::-1], pauses, strict=True)
    ]


def travel(
    route: Route, kind: str, start: float, speed: float, dice: Random, *, aside: float = 0.0
) -> Journey:
    """Somebody's journey on `route` from `start` (seconds) at `speed` (m/s).

    aside: metres beside the others of a group.
    """
    legs = _legs(route, back=route.both_ways and dice.random() < 0.5)
    ramp = _RAMP[kind]
    stretches: list[_Stretch] = []
    at, before = start, 0.0
    for index, leg in enumerate(legs):
        way, places = _curve(leg.points)
        last = index == len(legs) - 1
        pause = leg.pause[0] + (leg.pause[1] - leg.pause[0]) * dice.random()
        stretch = _Stretch(
            way, places, at, way[-1], speed,
            0.0 if index == 0 else ramp, 0.0 if last else ramp,
            0.0 if last or dice.random() >= leg.pause_chance else pause, before, leg.backwards,
        )  # fmt: skip
        stretches.append(stretch)
        at += stretch.moving + stretch.pause
        before += stretch.length
    dx = route.spread * (2 * dice.random() - 1)
    dy = route.spread * (2 * dice.random() - 1)
    first, final = legs[0].points[0], legs[-1].points[-1]
    far = hypot(final[0] - first[0], final[1] - first[1]) or 1.0
    dx += aside * -(final[1] - first[1]) / far
    dy += aside * (final[0] - first[0]) / far
    return Journey(tuple(stretches), start, at, dx, dy)


def longest(routes: tuple[Route, ...], kind: str, slowest: float) -> float:
    """Seconds that no journey on any of `routes` exceeds."""
    return max(
        sum(_curve(leg.points)[0][-1] / slowest + leg.pause[1] + _RAMP[kind] for leg in route.legs)
        for route in routes
    )
