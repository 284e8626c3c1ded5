"""A site's month with its analysts, and then an hour in which too much happens at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from infra.bench.ranking.incidents import incident
from infra.bench.ranking.noise import BENIGN, FALSE, TRUE, Sky, Train, noise, poisson
from infra.bench.ranking.world import SITE, TIMEZONE, World, build
from schemas.event import SecurityEvent
from schemas.ids import external_event_id

__all__ = ["ALERTS", "INCIDENTS", "History", "events", "judged_after", "reason", "simulate"]

DAYS: Final = 30
ALERTS: Final = 200
INCIDENTS: Final = 10
A_DAY: Final = 1.0
"""Incidents a day in the month."""
WANTED: Final = ((4,), (4,), (4,), (4, 3), (3,), (3,), (3,), (2,), (2,), (1,))
"""What the ten incidents are about, by the severity's rank: so that every seed has some of each."""
JUDGED: Final = 0.65
"""The share of alerts that an analyst gets round to judging."""
MISTAKEN: Final = 0.06
"""The share of judgements that are the wrong way round."""
SILENCE: Final = timedelta(hours=1)
"""Before the hour, so that no older alert is still open in it."""


@dataclass(frozen=True)
class History:
    """What a seed makes. hour: the beginning of the hour that is ranked."""

    seed: int
    world: World
    month: tuple[Train, ...]
    hour: datetime
    last: tuple[Train, ...]


def simulate(seed: int) -> History:
    """The history of a seed: the same one on every machine."""
    rng = Random(f"watchfloor rank {seed}")
    world = build(rng)
    zone = ZoneInfo(TIMEZONE)
    first = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=rng.randrange(300))
    # Between the end of one working day and the beginning of the next.
    local = (first + timedelta(days=DAYS)).astimezone(zone)
    local = local.replace(hour=rng.choice((19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5, 6)), minute=0)
    hour = local.astimezone(UTC)
    sky = _sky(rng, world, first, hour)
    month = _month(rng, world, first, hour, sky)
    return History(seed, world, month, hour, _last(rng, world, hour, sky))


def _sky(rng: Random, world: World, first: datetime, hour: datetime) -> Sky:
    wind: dict[datetime, float] = {}
    begin = first
    while begin < hour:
        begin += timedelta(hours=1 + int(rng.expovariate(1 / 55)))
        force = rng.uniform(0.3, 1.3)
        for each in range(1 + poisson(rng, 3)):
            wind[begin + timedelta(hours=each)] = force * rng.uniform(0.6, 1.2)
    # Weather in two of three of the hours that are ranked, or much of it would never be.
    wind = {at: force for at, force in wind.items() if at < hour - SILENCE}
    if rng.random() < 0.67:
        wind[hour] = rng.uniform(1.0, 2.5)
    broken: dict[str, tuple[tuple[datetime, datetime], ...]] = {}
    for camera, spot in world.spots.items():
        if spot.faulty:
            spells = []
            for _ in range(1 + poisson(rng, 3)):
                begin = first + timedelta(hours=rng.randrange(DAYS * 24))
                spells.append((begin, begin + timedelta(hours=rng.randint(1, 5))))
            if rng.random() < 0.6:
                spells.append((hour, hour + timedelta(hours=1)))
            broken[camera] = tuple(spells)
    return Sky(wind, broken)


def _month(
    rng: Random, world: World, first: datetime, hour: datetime, sky: Sky
) -> tuple[Train, ...]:
    zone = ZoneInfo(TIMEZONE)
    trains: list[Train] = []
    at = first
    while at < hour - SILENCE:
        trains += noise(rng, world, at, at.astimezone(zone), sky)
        at += timedelta(hours=1)
    begin = first
    number = 0
    while True:
        begin += timedelta(hours=rng.expovariate(A_DAY / 24))
        if begin >= hour - SILENCE:
            break
        # Fewer come by day, when people are there to see them.
        if 7 <= begin.astimezone(zone).hour < 18 and rng.random() < 0.6:
            continue
        number += 1
        trains += incident(rng, world, f"month-{number}", begin)
    return tuple(sorted((one for one in trains if one.at < hour - SILENCE), key=_order))


def _last(rng: Random, world: World, hour: datetime, sky: Sky) -> tuple[Train, ...]:
    """Ten incidents, and as many alerts of noise as there is room for among 200.

    What else such hours bring comes on top of this one's storm and rounds, until there is enough.
    """
    local = hour.astimezone(ZoneInfo(TIMEZONE))
    kept: dict[tuple[str, str, str], list[Train]] = {}
    for number, severities in enumerate(WANTED):
        wanted = rng.choice(severities)
        while True:
            at = hour + timedelta(seconds=rng.uniform(0, 3300))
            trains = [t for t in incident(rng, world, f"incident-{number}", at, wanted) if t.passes]
            if trains and not any(one.situation in kept for one in trains):
                break
        for one in trains:
            kept.setdefault(one.situation, []).append(one)
    true = set(kept)
    alerts = len(kept)
    for draw in range(2000):
        drawn = list(noise(rng, world, hour, local, sky, more=draw > 0))
        rng.shuffle(drawn)
        for one in filter(lambda one: one.passes, drawn):
            others = kept.setdefault(one.situation, [])
            if alerts < ALERTS and one.situation not in true and all(map(one.apart, others)):
                others.append(one)
                alerts += 1
        if alerts >= ALERTS:
            break
    return tuple(sorted((one for trains in kept.values() for one in trains), key=_order))


def _order(one: Train) -> tuple[datetime, str, str, str]:
    return one.at, one.camera, one.zone, one.rule


def events(trains: tuple[Train, ...], name: str) -> Iterator[tuple[SecurityEvent, Train]]:
    """The trains' events in order of time. All that leaves the simulator is what a camera says."""
    made = []
    for number, one in enumerate(trains):
        for step, (seconds, confidence) in enumerate(one.steps):
            made.append((one.at + timedelta(seconds=seconds), number, step, confidence, one))
    made.sort(key=lambda each: each[:3])
    for at, number, step, confidence, one in made:
        event = SecurityEvent(
            event_id=external_event_id(SITE, name, f"{number}/{step}"),
            site_id=SITE,
            event_type=one.rule,
            occurred_at=at,
            camera_id=one.camera,
            zone_id=one.zone,
            label=one.label,
            confidence=confidence,
        )
        yield event, one


def judged_after(rng: Random) -> timedelta | None:
    """How long after an alert opened somebody judges it; None where nobody gets round to it."""
    return timedelta(minutes=rng.uniform(2, 45)) if rng.random() < JUDGED else None


def reason(rng: Random, nature: str) -> str:
    """What an analyst makes of an alert."""
    if rng.random() < 0.03:
        return rng.choice(("duplicate", "test"))
    if rng.random() < MISTAKEN:
        nature = rng.choice((FALSE, BENIGN)) if nature == TRUE else TRUE
    # Some call what is none of their business false as well.
    if nature == BENIGN and rng.random() < 0.3:
        nature = FALSE
    return {TRUE: "true_positive", FALSE: "false_positive", BENIGN: "benign"}[nature]
