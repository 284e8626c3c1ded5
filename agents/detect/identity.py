"""May this be that one again? The rules for a track that was out of sight.

Frames pass a motion gate, so there are two ways not to see an object. In a *gap* there were no
frames: nothing moved, and what stood there stands there still. When it was *missed* there were
frames without it: it is hidden, or it has left. Times and distances here are in seconds and in
sizes of the object (the root of its box's area), so they hold for near and far, small and large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import hypot, sqrt

from agents.detect.paths import UnitBox

__all__ = [
    "HIDDEN_MEMORY",
    "Reach",
    "Sighting",
    "behind",
    "covers",
    "cut_off",
    "reach",
    "travelled",
]

EXIT_MEMORY = timedelta(seconds=0.8)
"""Who was last seen leaving across the picture's border has left; the next one is another."""

MOVING_MEMORY = timedelta(seconds=2.5)
"""Somebody who walks passes behind a pillar in that time, and has a different place after it."""

GAP_MEMORY = timedelta(seconds=15)
"""Seen on the last frame, then no frames: a keep-alive comes every 10 s, and may be late."""

STILL_MEMORY = timedelta(seconds=60)
"""What stood still and vanished from a detector's sight is looked for in its place so long."""

STILL_MISSED = timedelta(seconds=10)
"""... of which frames were looked at in vain for at most so long."""

STILL_SPEED = 0.25
"""Sizes a second. A standing person's box sways by a tenth of its size; walking is above 1."""

BASE_REACH = 0.5
SPEED_SLACK = 0.75
UNKNOWN_SPEED = 2.5
"""How far from where it is expected, in sizes: half of one, plus so much for each second. A
walking person covers 1.3 sizes a second, a running one above 2, and most of that is in the
prediction, except right after the first sighting."""

COASTING = 1.0
"""Seconds for which a velocity predicts anything; people turn and stop."""

AREA_RATIO = 4.0
"""Boxes of one object from one second to the next; more is something else."""

STILL_IOU = 0.3
BORDER = 0.02
"""A box that ends within this share of the picture's border may be cut off there."""

COVERED = 0.6
"""The share of a lost object's box that another's covers when it may be behind it."""

HIDDEN_MEMORY = timedelta(seconds=10)
"""Who walks behind or beside somebody comes out again within that time, or has left unseen."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where an object was; aspect: the picture's width over its height."""

    at: datetime
    box: UnitBox
    aspect: float

    @property
    def centre(self) -> tuple[float, float]:
        """In picture heights, so that distances mean the same across and down."""
        x1, y1, x2, y2 = self.box
        return (x1 + x2) / 2 * self.aspect, (y1 + y2) / 2

    @property
    def area(self) -> float:
        """In squared picture heights."""
        x1, y1, x2, y2 = self.box
        return max((x2 - x1) * self.aspect * (y2 - y1), 1e-9)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a lost track may be found again.

    places: centres where it is expected. radius: in picture heights; None: in its place only, by
    overlap.
    """

    last: Sighting
    places: tuple[tuple[float, float], ...]
    radius: float | None

    def distance(self, here: Sighting) -> float | None:
        """How far from expected, in sizes, smaller is likelier; None where it cannot be it."""
        ratio = here.area / self.last.area
        if not 1 / AREA_RATIO <= ratio <= AREA_RATIO:
            return None
        x, y = here.centre
        nearest = min(hypot(x - px, y - py) for px, py in self.places)
        if self.radius is None:
            if _iou(here.box, self.last.box) < STILL_IOU:
                return None
        elif nearest > self.radius:
            return None
        return nearest / sqrt(self.last.area)


def reach(sightings: Sequence[Sighting], missed: timedelta, t: datetime) -> Reach | None:
    """Where a track may be at t; None: nowhere any more, it has ended.

    sightings: its last ones, oldest first, at least one. missed: for how long frames were looked
    at without seeing it.
    """
    last = sightings[-1]
    away = t - last.at
    vx, vy = velocity(sightings)
    size = sqrt(last.area)
    seconds = away.total_seconds()
    coast = min(seconds, COASTING)
    slack = SPEED_SLACK if len(sightings) > 1 else UNKNOWN_SPEED
    ahead = (last.centre[0] + vx * coast, last.centre[1] + vy * coast)
    if _leaving(last, vx, vy):
        if away > EXIT_MEMORY:
            return None
        return Reach(last, (last.centre, ahead), size * (BASE_REACH + slack * seconds))
    if missed == timedelta(0) and away <= GAP_MEMORY:
        return Reach(last, (last.centre, ahead), size * (BASE_REACH + slack * coast))
    if away <= MOVING_MEMORY:
        return Reach(last, (last.centre, ahead), size * (BASE_REACH + slack * seconds))
    if hypot(vx, vy) < STILL_SPEED * size and missed <= STILL_MISSED and away <= STILL_MEMORY:
        return Reach(last, (last.centre,), None)
    return None


def covers(front: UnitBox, behind: UnitBox) -> bool:
    """Whether one box covers enough of another for the object in the other to be out of sight."""
    width = min(front[2], behind[2]) - max(front[0], behind[0])
    height = min(front[3], behind[3]) - max(front[1], behind[1])
    if width <= 0 or height <= 0:
        return False
    return width * height >= COVERED * (behind[2] - behind[0]) * (behind[3] - behind[1])


def behind(last: Sighting, front: Sighting) -> Reach:
    """Where an object may come out that walks with the one that hides it."""
    x1, y1, x2, y2 = front.box
    half = hypot((x2 - x1) * front.aspect, y2 - y1) / 2
    return Reach(last, (front.centre,), half + BASE_REACH * sqrt(last.area))


def cut_off(here: Sighting) -> bool:
    """Whether a box ends at the picture's border, so that the object may go on behind it."""
    return min(here.box) <= BORDER or max(here.box) >= 1 - BORDER


def travelled(origin: Sighting, here: Sighting) -> float:
    """How far a box has moved as a whole since its origin, in sizes.

    A box that only grows or shrinks has not moved: along each axis the edge that moved less
    counts, and none where they moved apart. An edge at the picture's border tells nothing; the
    other one counts where the box grows, as it does when somebody comes in.
    """
    moved = []
    for low, high, scale in ((0, 2, here.aspect), (1, 3, 1.0)):
        shifts = [
            (here.box[edge] - origin.box[edge]) * scale
            for edge in (low, high)
            if BORDER < origin.box[edge] < 1 - BORDER and BORDER < here.box[edge] < 1 - BORDER
        ]
        same = all(shift > 0 for shift in shifts) or all(shift < 0 for shift in shifts)
        grown = here.box[high] - here.box[low] > origin.box[high] - origin.box[low]
        counts = same and (len(shifts) == 2 or (len(shifts) == 1 and grown))
        moved.append(min(abs(shift) for shift in shifts) if counts else 0.0)
    return hypot(*moved) / sqrt(here.area)


def velocity(sightings: Sequence[Sighting]) -> tuple[float, float]:
    """Picture heights a second, over about the last second of sightings."""
    last = sightings[-1]
    first = last
    for sighting in reversed(sightings):
        if last.at - sighting.at > timedelta(seconds=1) and first is not last:
            break
        first = sighting
    seconds = (last.at - first.at).total_seconds()
    if seconds <= 0:
        return 0.0, 0.0
    return (
        (last.centre[0] - first.centre[0]) / seconds,
        (last.centre[1] - first.centre[1]) / seconds,
    )


def _leaving(last: Sighting, vx: float, vy: float) -> bool:
    x1, y1, x2, y2 = last.box
    least = STILL_SPEED * sqrt(last.area)
    return (
        (x1 <= BORDER and vx < -least)
        or (x2 >= 1 - BORDER and vx > least)
        or (y1 <= BORDER and vy < -least)
        or (y2 >= 1 - BORDER and vy > least)
    )


def _iou(a: UnitBox, b: UnitBox) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    overlap = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap
    return overlap / union
