"""What a camera looks at, as data: ground, walls, things that stand there, ways and zones.

All places are in metres on the ground (see `lens`). Which way is drawn and who comes when is
decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.capture.simulator.canvas import Colour
from agents.capture.simulator.lens import Lens

__all__ = [
    "Fence",
    "Lamp",
    "Layout",
    "Leg",
    "Parked",
    "Patch",
    "Place",
    "Route",
    "Stream",
    "Stripe",
    "Tree",
    "Wall",
    "ZoneShape",
]

Place = tuple[float, float]


@dataclass(frozen=True)
class Patch:
    """A piece of ground of one material."""

    material: str
    corners: tuple[Place, ...]


@dataclass(frozen=True)
class Stripe:
    """Paint on the ground: a line `width` metres wide."""

    points: tuple[Place, ...]
    width: float = 0.12
    colour: Colour = (205, 210, 210)


@dataclass(frozen=True)
class Wall:
    """A vertical surface from `a` to `b`, seen from the side on which `a` is left of `b`."""

    a: Place
    b: Place
    top: float
    material: str
    bottom: float = 0.0
    shadow: bool = True


@dataclass(frozen=True)
class Fence:
    """Pales or mesh, through which one sees."""

    a: Place
    b: Place
    height: float
    kind: str = "pales"


@dataclass(frozen=True)
class Tree:
    """A tree or a bush that sways. `spread` and `height` in metres."""

    at: Place
    height: float
    spread: float
    trunk: float = 0.0


@dataclass(frozen=True)
class Parked:
    """A vehicle that never moves; its colour comes from the seed."""

    at: Place
    heading: float
    model: str


@dataclass(frozen=True)
class Lamp:
    """A lamp at night. reach: metres at which its light is a quarter. A switched one goes on and
    off by itself."""

    at: tuple[float, float, float]
    reach: float
    colour: Colour
    switched: bool = False


@dataclass(frozen=True)
class ZoneShape:
    """A zone on the ground."""

    zone_id: str
    severity: str
    corners: tuple[Place, ...]


@dataclass(frozen=True)
class Leg:
    """A stretch of a way, then a pause of `pause` seconds (least, most), taken with a chance."""

    points: tuple[Place, ...]
    pause: tuple[float, float] = (0.0, 0.0)
    pause_chance: float = 1.0
    backwards: bool = False


@dataclass(frozen=True)
class Route:
    """A way through the picture. `weight` against the stream's other routes.

    both_ways: half of those who take it go the other way round.
    """

    name: str
    legs: tuple[Leg, ...]
    weight: float = 1.0
    both_ways: bool = True
    spread: float = 0.5


@dataclass(frozen=True)
class Stream:
    """Who comes: in every slot of `every` seconds, with `chance`, one (or a group).

    kind: person, vehicle or animal. speed: metres a second, least and most. alone: at most one is
    under way at a time, so that vehicles do not drive through each other.
    """

    name: str
    kind: str
    every: float
    chance: float
    speed: tuple[float, float]
    routes: tuple[Route, ...]
    models: tuple[str, ...] = ("sedan", "sedan", "van")
    alone: bool = False
    steady: float = 0.0
    vests: float = 0.1


@dataclass(frozen=True)
class Layout:
    """One camera's whole view. sun: degrees of azimuth (0 along X) and height."""

    camera_id: str
    name: str
    lens: Lens
    ground: str
    patches: tuple[Patch, ...]
    stripes: tuple[Stripe, ...]
    walls: tuple[Wall, ...]
    fences: tuple[Fence, ...]
    trees: tuple[Tree, ...]
    parked: tuple[Parked, ...]
    lamps: tuple[Lamp, ...]
    zones: tuple[ZoneShape, ...]
    streams: tuple[Stream, ...]
    sun: tuple[float, float] = (215.0, 42.0)
    infrared: bool = False
    indoors: bool = False
    skyline: str = "trees"
    stains: int = 14
