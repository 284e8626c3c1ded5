"""What disturbs a site: weather, animals, staff, cleaners, guards, lorries, lights, a bad sensor.

Each source yields trains for an hour of a day: sightings of one camera and rule in a row. Sources
share severities, types, zones and labels with what is truly wrong, and their hours overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp
from random import Random
from typing import Final

from infra.bench.ranking.world import MIN_CONFIDENCE, RESOLVE_AFTER, Area, World

__all__ = ["BENIGN", "FALSE", "TRUE", "Sky", "Train", "noise", "train", "walk"]

APART: Final = RESOLVE_AFTER + timedelta(minutes=2)
FALSE: Final = "false"
BENIGN: Final = "benign"
TRUE: Final = "true"


@dataclass(frozen=True)
class Train:
    """Sightings of one camera and rule.

    steps: seconds from `at`, and the confidence or None. nature: what an analyst who looks finds.
    incident: whose it is, where it is true.
    """

    at: datetime
    camera: str
    zone: str
    rule: str
    label: str | None
    steps: tuple[tuple[float, float | None], ...]
    nature: str
    source: str
    incident: str | None = None

    @property
    def situation(self) -> tuple[str, str, str]:
        """What makes two trains one alert."""
        return self.zone, self.camera, self.rule

    @property
    def end(self) -> datetime:
        """Its last sighting."""
        return self.at + timedelta(seconds=self.steps[-1][0])

    @property
    def passes(self) -> bool:
        """Whether the zone's least confidence lets any of it through."""
        return any(sure is None or sure >= MIN_CONFIDENCE for _, sure in self.steps)

    def apart(self, other: Train) -> bool:
        """Whether quiet in between makes two alerts of them, and not one."""
        return self.at - other.end > APART or other.at - self.end > APART


@dataclass(frozen=True)
class Sky:
    """The weather of each hour of the whole time, 0 to about 1.5, and the seasons' own noise."""

    wind: dict[datetime, float]
    broken: dict[str, tuple[tuple[datetime, datetime], ...]]


def poisson(rng: Random, mean: float) -> int:
    """A Poisson number (Knuth); means here are small."""
    limit, count, product = exp(-min(mean, 50.0)), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def train(
    rng: Random,
    at: datetime,
    area: Area,
    camera: str,
    rule: str,
    label: str | None,
    *,
    many: float,
    gap: float,
    sure: tuple[float, float] | None,
    nature: str,
    source: str,
    incident: str | None = None,
) -> Train:
    """A train of about `many` sightings, about `gap` seconds apart.

    sure: the confidence's mean and spread; None where the source gives none.
    """
    seconds, steps = 0.0, []
    for _ in range(1 + poisson(rng, many - 1)):
        confidence = None
        if sure is not None:
            confidence = round(min(0.99, max(0.3, rng.gauss(*sure))), 3)
        steps.append((round(seconds, 3), confidence))
        seconds += 0.5 + rng.expovariate(1 / gap)
    return Train(at, camera, area.zone_id, rule, label, tuple(steps), nature, source, incident)


def noise(
    rng: Random, world: World, hour: datetime, local: datetime, sky: Sky, *, more: bool = False
) -> Iterator[Train]:
    """Everything that disturbs within an hour; `local` is its beginning by the site's clock.

    more: once more what can come more than once in an hour: no second round, no second storm.
    """
    yield from _animals(rng, world, hour, local)
    yield from _lights(rng, world, hour, local)
    yield from _staff(rng, world, hour, local)
    yield from _lorries(rng, world, hour, local)
    if more:
        return
    yield from _weather(rng, world, hour, sky)
    yield from _broken(rng, world, hour, sky)
    yield from _rounds(rng, world, hour, local)


def _when(rng: Random, hour: datetime) -> datetime:
    return hour + timedelta(seconds=round(rng.uniform(0, 3599), 3))


def _rule(rng: Random, world: World, area: Area, camera: str, *rules: str) -> str:
    """The rule that answers: nearly always the camera's own, where it is one of these."""
    offered = [rule for rule in area.kind.rules if rule in rules] or list(area.kind.rules)
    own = offered[world.spots[camera].rule % len(offered)]
    return own if rng.random() < 0.85 else rng.choice(offered)


def _weather(rng: Random, world: World, hour: datetime, sky: Sky) -> Iterator[Train]:
    force = sky.wind.get(hour, 0.0)
    if force <= 0:
        return
    # A gust goes over many cameras within a minute or two.
    gusts = [_when(rng, hour) for _ in range(2 + poisson(rng, 2))]
    for area in world.areas:
        for camera in area.cameras:
            mean = 0.5 * force * area.kind.weather * world.spots[camera].weather
            for _ in range(poisson(rng, mean)):
                at = rng.choice(gusts) + timedelta(seconds=rng.uniform(0, 150))
                if at >= hour + timedelta(hours=1):
                    continue
                rule = _rule(rng, world, area, camera, "motion", "object_in_zone", "line_crossing")
                label = None if rule == "motion" else rng.choice(("person", "person", "vehicle"))
                yield train(
                    rng, at, area, camera, rule, label,
                    many=2.5, gap=40, sure=(0.73, 0.08), nature=FALSE, source="weather",
                )  # fmt: skip


def _animals(rng: Random, world: World, hour: datetime, local: datetime) -> Iterator[Train]:
    night = 1.0 if local.hour >= 21 or local.hour < 6 else 0.15
    for area in world.areas:
        for camera in area.cameras:
            mean = 0.02 * night * area.kind.animals * world.spots[camera].animals
            for _ in range(poisson(rng, mean)):
                at = _when(rng, hour)
                label = rng.choice(("cat", "dog", "person", "person"))
                for place in [camera, *([rng.choice(area.cameras)] if rng.random() < 0.3 else [])]:
                    rule = _rule(rng, world, area, place, "object_in_zone", "motion", "loitering")
                    yield train(
                        rng, at, area, place, rule, label,
                        many=2.5, gap=15, sure=(0.74, 0.09), nature=FALSE, source="animal",
                    )  # fmt: skip
                    at += timedelta(seconds=rng.uniform(20, 90))


def _lights(rng: Random, world: World, hour: datetime, local: datetime) -> Iterator[Train]:
    if 8 <= local.hour < 17:
        return
    busy = 1.0 if local.hour in (6, 7, 17, 18, 19, 20, 21) else 0.4
    for area in world.of("gate", "parking", "fence", "yard"):
        for camera in area.cameras:
            mean = 0.05 * busy * area.kind.traffic * world.spots[camera].lights
            for _ in range(poisson(rng, mean)):
                rule = _rule(rng, world, area, camera, "motion", "object_in_zone")
                yield train(
                    rng, _when(rng, hour), area, camera, rule, rng.choice(("vehicle", None)),
                    many=1.5, gap=6, sure=(0.71, 0.07), nature=FALSE, source="headlights",
                )  # fmt: skip


def _broken(rng: Random, world: World, hour: datetime, sky: Sky) -> Iterator[Train]:
    for area in world.areas:
        for camera in area.cameras:
            for begin, end in sky.broken.get(camera, ()):
                if begin <= hour < end:
                    rule = area.kind.rules[world.spots[camera].rule % len(area.kind.rules)]
                    yield train(
                        rng, _when(rng, hour), area, camera, rule, None,
                        many=12, gap=60, sure=None, nature=FALSE, source="flapping",
                    )  # fmt: skip


def walk(
    rng: Random, world: World, areas: Sequence[Area], at: datetime
) -> Iterator[tuple[Area, str, datetime]]:
    """Somebody walks the usual way through areas: a camera or two in each, a minute or so apart."""
    for area in areas:
        weights = [world.spots[camera].people for camera in area.cameras]
        for camera in dict.fromkeys(rng.choices(area.cameras, weights, k=2)):
            yield area, camera, at
            at += timedelta(seconds=rng.uniform(20, 120))


def _staff(rng: Random, world: World, hour: datetime, local: datetime) -> Iterator[Train]:
    weekday = local.weekday() < 5
    rush = {6: 0.5, 7: 1.0, 8: 0.8, 12: 0.5, 13: 0.4, 16: 0.7, 17: 1.0, 18: 0.5, 19: 0.2}
    level = rush.get(local.hour, 0.2 if 9 <= local.hour < 16 else 0.03)
    level *= 1.0 if weekday else 0.08
    for area in world.areas:
        for camera in area.cameras:
            mean = 0.09 * level * area.kind.staff * world.spots[camera].people
            for _ in range(poisson(rng, mean)):
                rule = _rule(
                    rng, world, area, camera, "object_in_zone", "tailgating", "line_crossing"
                )
                yield train(
                    rng, _when(rng, hour), area, camera, rule, "person",
                    many=2, gap=30, sure=(0.87, 0.07), nature=BENIGN, source="staff",
                )  # fmt: skip


def _rounds(rng: Random, world: World, hour: datetime, local: datetime) -> Iterator[Train]:
    """Cleaners in the evening, guards twice a night: people who walk past many cameras."""
    walks: list[tuple[list[Area], str]] = []
    if local.hour in (20, 21) and local.weekday() < 5:
        rooms = [area for area in world.areas if rng.random() < area.kind.cleaning * 0.7]
        walks.append((rooms, "cleaning"))
    if local.hour in (23, 3):
        around = list(world.of("fence", "yard", "dock", "parking", "entrance", "warehouse"))
        walks.append((rng.sample(around, min(4, len(around))), "guard"))
    for areas, source in walks:
        begin = hour + timedelta(minutes=rng.uniform(0, 15))
        for area, camera, at in walk(rng, world, areas, begin):
            if at < hour + timedelta(hours=1):
                rule = _rule(rng, world, area, camera, "object_in_zone", "loitering")
                yield train(
                    rng, at, area, camera, rule, "person",
                    many=2, gap=30, sure=(0.86, 0.07), nature=BENIGN, source=source,
                )  # fmt: skip


def _lorries(rng: Random, world: World, hour: datetime, local: datetime) -> Iterator[Train]:
    level = {4: 0.3, 5: 0.8, 6: 1.0, 7: 0.7, 19: 0.3, 22: 0.2}.get(
        local.hour, 0.3 if 8 <= local.hour < 17 else 0.0
    )
    if local.weekday() >= 5:
        level *= 0.3
    for _ in range(poisson(rng, 0.7 * level)):
        at = _when(rng, hour)
        way = [rng.choice(world.of(kind)) for kind in ("gate", "yard", "dock")]
        for area, camera, when in walk(rng, world, way, at):
            if when < hour + timedelta(hours=1):
                rule = _rule(
                    rng, world, area, camera, "object_in_zone", "line_crossing", "loitering"
                )
                yield train(
                    rng, when, area, camera, rule, rng.choice(("vehicle", "vehicle", "person")),
                    many=2.5, gap=60, sure=(0.88, 0.07), nature=BENIGN, source="lorry",
                )  # fmt: skip
