"""A simulated site: areas with their cameras, what disturbs each, and its document.

What is drawn here is the site's own nature: where rain falls, where animals pass, which door staff
use. The roles never see it; they see events, commands and the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

from schemas.base import Severity
from schemas.document import Camera, Document, Route, Routing, Site, Zone

__all__ = ["MIN_CONFIDENCE", "RESOLVE_AFTER", "SITE", "Area", "Spot", "World", "build", "document"]

SITE: Final = "works"
MIN_CONFIDENCE: Final = 0.6
RESOLVE_AFTER: Final = timedelta(minutes=5)
TIMEZONE: Final = "Europe/Berlin"
SEVERITIES: Final = (
    Severity.INFO,
    Severity.LOW,
    Severity.MEDIUM,
    Severity.HIGH,
    Severity.CRITICAL,
)


@dataclass(frozen=True)
class Kind:
    """A kind of area. cameras: from, to. weather, animals, staff, cleaning, traffic: 0..1, how
    much of each there is. rules: the event types that are watched for. outside: out of doors.
    """

    name: str
    severity: Severity
    cameras: tuple[int, int]
    rules: tuple[str, ...]
    outside: bool = False
    weather: float = 0.0
    animals: float = 0.0
    staff: float = 0.0
    cleaning: float = 0.0
    traffic: float = 0.0


OPEN_RULES: Final = ("object_in_zone", "line_crossing", "motion", "loitering")
DOOR_RULES: Final = ("object_in_zone", "tailgating", "loitering")
ROOM_RULES: Final = ("object_in_zone", "loitering", "motion")

KINDS: Final = (
    Kind("fence", Severity.MEDIUM, (6, 9), OPEN_RULES, True, 1.0, 0.9, 0.0, 0.0, 0.2),
    Kind("gate", Severity.MEDIUM, (3, 4), OPEN_RULES, True, 0.7, 0.3, 0.8, 0.0, 1.0),
    Kind("parking", Severity.LOW, (5, 8), OPEN_RULES, True, 0.7, 0.5, 0.9, 0.0, 0.8),
    Kind("yard", Severity.HIGH, (6, 9), OPEN_RULES, True, 0.8, 0.6, 0.3, 0.0, 0.5),
    Kind("dock", Severity.HIGH, (4, 6), OPEN_RULES, True, 0.3, 0.2, 0.4, 0.3, 0.8),
    Kind("roof", Severity.HIGH, (3, 4), OPEN_RULES, True, 1.0, 0.5),
    Kind("entrance", Severity.MEDIUM, (3, 5), DOOR_RULES, staff=1.0, cleaning=0.8),
    Kind("corridor", Severity.MEDIUM, (5, 8), ROOM_RULES, staff=0.8, cleaning=1.0),
    Kind("office", Severity.LOW, (4, 7), ROOM_RULES, staff=0.7, cleaning=1.0),
    Kind("warehouse", Severity.HIGH, (5, 8), ROOM_RULES, animals=0.15, staff=0.5, cleaning=0.4),
    Kind("server-room", Severity.CRITICAL, (2, 3), DOOR_RULES, staff=0.15, cleaning=0.2),
    Kind("vault", Severity.CRITICAL, (2, 3), DOOR_RULES, staff=0.2, cleaning=0.15),
    Kind("perimeter", Severity.CRITICAL, (3, 5), OPEN_RULES, True, 0.35, 0.25, 0.0, 0.0, 0.1),
)
MANY: Final = ("fence", "parking", "yard", "corridor", "office", "warehouse", "dock")
"""Kinds of which a site has more than of the others."""
WAYS: Final = (
    ("fence", "yard"),
    ("perimeter", "yard"),
    ("gate", "parking"),
    ("gate", "yard"),
    ("parking", "entrance"),
    ("yard", "dock"),
    ("yard", "roof"),
    ("dock", "warehouse"),
    ("entrance", "corridor"),
    ("corridor", "office"),
    ("corridor", "server-room"),
    ("corridor", "vault"),
    ("warehouse", "corridor"),
)
"""Between which kinds people can walk."""


@dataclass(frozen=True)
class Area:
    """A zone. cameras: its own first, then those that look in from next door."""

    zone_id: str
    kind: Kind
    severity: Severity
    cameras: tuple[str, ...]


@dataclass(frozen=True)
class Spot:
    """A camera's own nature: how much it gets of each, around 1.

    Few cameras make most of the false alarms (the `bad actors` of ISA-18.2 and EEMUA 191): one
    hangs under a lamp where spiders live, one looks at the door that everybody uses. rule: which
    of its rules answers first to what disturbs it.
    """

    weather: float
    animals: float
    lights: float
    people: float
    rule: int
    faulty: bool


@dataclass(frozen=True)
class World:
    """A site. ways: the areas next to an area."""

    areas: tuple[Area, ...]
    ways: dict[str, tuple[Area, ...]]
    spots: dict[str, Spot]

    def of(self, *kinds: str) -> tuple[Area, ...]:
        """The areas of these kinds."""
        return tuple(area for area in self.areas if area.kind.name in kinds)


def build(rng: Random) -> World:
    """Draw a site."""
    areas: list[Area] = []
    spots: dict[str, Spot] = {}
    for kind in KINDS:
        for number in range(1, rng.randint(3, 4) if kind.name in MANY else rng.randint(2, 3)):
            zone = f"{kind.name}-{number}"
            own = tuple(f"{zone}-c{each}" for each in range(1, rng.randint(*kind.cameras) + 1))
            for camera in own:
                spots[camera] = Spot(
                    weather=_uneven(rng) if kind.outside else 0.0,
                    animals=_uneven(rng),
                    lights=_uneven(rng) if kind.outside else 0.0,
                    people=_uneven(rng),
                    rule=rng.randrange(len(kind.rules)),
                    faulty=rng.random() < 0.05,
                )
            shift = rng.choices((-1, 0, 1), (0.15, 0.78, 0.07))[0]
            # Nobody calls a place critical that rain and foxes go through, unless it is the edge.
            most = 3 if kind.outside and kind.severity is not Severity.CRITICAL else 4
            level = min(most, max(1, kind.severity.rank + shift))
            areas.append(Area(zone, kind, SEVERITIES[level], own))
    return World(*_joined(areas, rng), spots)


def _uneven(rng: Random) -> float:
    """A factor with a heavy tail and the mean 1: a fifth of the cameras get some two thirds."""
    return rng.lognormvariate(-0.72, 1.2)


def _joined(areas: list[Area], rng: Random) -> tuple[tuple[Area, ...], dict[str, tuple[Area, ...]]]:
    """The areas with the cameras that see into them from next door, and who is next to whom."""
    beside: dict[str, list[str]] = {area.zone_id: [] for area in areas}
    for one, other in WAYS:
        for a in (area for area in areas if area.kind.name == one):
            for b in (area for area in areas if area.kind.name == other):
                beside[a.zone_id].append(b.zone_id)
                beside[b.zone_id].append(a.zone_id)
    known = {area.zone_id: area for area in areas}
    whole = []
    for area in areas:
        extra = [
            rng.choice(known[name].cameras)
            for name in beside[area.zone_id]
            if rng.random() < 0.5 and known[name].kind.outside == area.kind.outside
        ]
        cameras = tuple(dict.fromkeys((*area.cameras, *extra)))
        whole.append(Area(area.zone_id, area.kind, area.severity, cameras))
    known = {area.zone_id: area for area in whole}
    ways = {zone: tuple(known[name] for name in names) for zone, names in beside.items()}
    return tuple(whole), ways


def document(world: World) -> Document:
    """The site as its people wrote it down; nobody is notified, the queue is what counts."""
    return Document(
        sites=(
            Site(
                site_id=SITE,
                name="Works",
                timezone=TIMEZONE,
                cameras=tuple(Camera(camera_id=name) for name in world.spots),
                zones=tuple(
                    Zone(
                        zone_id=area.zone_id,
                        camera_ids=area.cameras,
                        severity=area.severity,
                        min_confidence=MIN_CONFIDENCE,
                        dedupe_window_sec=20,
                    )
                    for area in world.areas
                ),
            ),
        ),
        routing=Routing(route=Route(resolve_after=RESOLVE_AFTER)),
    )
