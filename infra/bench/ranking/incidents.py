"""What is truly wrong: somebody comes in, waits and then enters, follows through a door, takes.

Whoever does it is drawn to what people have marked as important, comes more often when nobody is
there, and is seen by one camera or by several on the way. What cameras say of them looks like what
they say of staff, and often like what they say of a fox in the rain.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Final

from infra.bench.ranking.noise import TRUE, Train, train
from infra.bench.ranking.world import Area, World

__all__ = ["PULL", "incident", "target"]

PULL: Final = {4: 6.0, 3: 2.0, 2: 1.2, 1: 0.8, 0: 0.4}
"""How much an area of that severity draws, by the severity's rank."""
STEPS: Final = ((1, 2, 3), (0.7, 0.2, 0.1))
"""On how many cameras an incident is seen, and how often."""


def target(rng: Random, world: World, wanted: int | None = None) -> Area:
    """Where somebody wants to be; wanted: the severity's rank, where there is such an area."""
    areas = [area for area in world.areas if area.severity.rank == wanted] or world.areas
    return rng.choices(areas, [PULL[area.severity.rank] for area in areas])[0]


def incident(
    rng: Random, world: World, name: str, at: datetime, wanted: int | None = None
) -> Iterator[Train]:
    """The trains of one incident, which begins at `at`; its last place is what it is about."""
    goal = target(rng, world, wanted)
    count = rng.choices(*STEPS)[0]
    way: list[tuple[Area, str]] = []
    area = goal
    cameras = list(goal.cameras)
    rng.shuffle(cameras)
    for _ in range(count):
        way.append((area, cameras.pop() if cameras else rng.choice(area.cameras)))
        # Half of the ways lead through the place next door, half through the place itself.
        beside = world.ways[area.zone_id]
        if beside and rng.random() < 0.5:
            area = rng.choice(beside)
            cameras = list(area.cameras)
            rng.shuffle(cameras)
    way.reverse()
    lingering = rng.random() < 0.3
    label = "vehicle" if goal.kind.outside and rng.random() < 0.15 else "person"
    # As sure as of staff by good light, as unsure as of a fox by bad.
    mean = rng.uniform(0.76, 0.93)
    for place, (where, camera) in enumerate(way):
        last = place == len(way) - 1
        # Up to the goal it is a walk past; some wait there first.
        rules = ["object_in_zone", "line_crossing", "motion", "tailgating", "loitering"]
        offered = [rule for rule in rules if rule in where.kind.rules]
        rule = rng.choice(offered)
        if lingering and "loitering" in where.kind.rules:
            rule = "loitering" if not last or rng.random() < 0.5 else "object_in_zone"
        yield train(
            rng,
            at,
            where,
            camera,
            rule,
            None if rule == "motion" and rng.random() < 0.5 else label,
            # Who walks past is gone in seconds; who wants something stays for minutes.
            many=rng.choice((2, 4, 7)) if last else 2,
            gap=60 if lingering else 35,
            sure=None if rng.random() < 0.1 else (mean, 0.06),
            nature=TRUE,
            source="incident",
            incident=name,
        )
        at += timedelta(seconds=rng.uniform(20, 120))
