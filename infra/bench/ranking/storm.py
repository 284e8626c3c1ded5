"""A storm over a site: 20,000 events in a minute, three of whose causes are people.

Two hundred cameras in ten zones of twenty. Most hang in the open, some under a roof or inside; the
rain of earlier nights made false alarms on the first, and analysts said so of most of them. In the
storm everything in the open flaps, and some of what is sheltered does too. Three times somebody
comes in through the rain and goes on to where it is dry: same types, same severity, same zones,
same label; what a camera says of them is a little surer, and it is seen by several in a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from schemas.base import Severity
from schemas.document import Camera, Channel, Document, Receiver, Route, Routing, Site, Zone
from schemas.event import SecurityEvent
from schemas.ids import external_event_id

__all__ = ["EVENTS", "INCIDENTS", "SITE", "Storm", "document", "draw"]

SITE: Final = "harbour"
ZONES: Final = 10
CAMERAS_A_ZONE: Final = 20
SHELTERED: Final = 5
"""Of a zone's cameras: under a roof or inside."""
EVENTS: Final = 20_000
INCIDENTS: Final = 3
NIGHTS: Final = (24, 20, 17, 13, 9, 6, 4, 2)
"""Rainy nights, in days before the storm."""
DAYS: Final = 30
START: Final = datetime(2026, 11, 14, 1, 30, tzinfo=UTC)
NOISE: Final = (0.78, 0.06)
"""Confidence in what is no person, mean and spread: four in ten pass the zone's 0.8."""
RULES: Final = (("object_in_zone", 0.7), ("line_crossing", 0.2), ("loitering", 0.1))


@dataclass(frozen=True)
class Storm:
    """A seed's storm. before: events in slices, each with what was said of it afterwards: alerts by
    the event that opened them, and the reason. incidents: event id to the incident's number.
    """

    before: tuple[tuple[tuple[SecurityEvent, ...], dict[str, str]], ...]
    events: tuple[SecurityEvent, ...]
    incidents: dict[str, int]


def camera(zone: int, number: int) -> str:
    """A camera's id."""
    return f"z{zone}-c{number}"


def document() -> Document:
    """The site as the bench's description has it; one receiver, and else defaults."""
    return Document(
        sites=(
            Site(
                site_id=SITE,
                timezone="Europe/Lisbon",
                cameras=tuple(
                    Camera(camera_id=camera(zone, number))
                    for zone in range(ZONES)
                    for number in range(CAMERAS_A_ZONE)
                ),
                zones=tuple(
                    Zone(
                        zone_id=f"z{zone}",
                        camera_ids=tuple(camera(zone, each) for each in range(CAMERAS_A_ZONE)),
                        severity=Severity.HIGH,
                        dedupe_window_sec=60,
                        suppression_window_sec=10,
                    )
                    for zone in range(ZONES)
                ),
            ),
        ),
        routing=Routing(
            route=Route(receiver="desk", group_by=("site", "zone")),
            receivers=(Receiver(name="desk", channels=(Channel(kind="log"),)),),
        ),
    )


class _Draw:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = Random(f"watchfloor storm {seed}")
        self.count = 0

    def event(
        self, at: datetime, zone: int, number: int, rule: str, sure: tuple[float, float]
    ) -> SecurityEvent:
        self.count += 1
        confidence = min(0.97, max(0.3, self.rng.gauss(*sure)))
        return SecurityEvent(
            event_id=external_event_id(SITE, f"storm {self.seed}", str(self.count)),
            site_id=SITE,
            event_type=rule,
            occurred_at=at,
            camera_id=camera(zone, number),
            zone_id=f"z{zone}",
            label="person",
            confidence=round(confidence, 3),
        )

    def rule(self) -> str:
        return self.rng.choices([name for name, _ in RULES], [share for _, share in RULES])[0]

    def seconds(self, low: float, high: float) -> timedelta:
        return timedelta(milliseconds=round(self.rng.uniform(low, high) * 1000))


def draw(seed: int, events: int = EVENTS) -> Storm:
    """The storm of a seed, and the month before it."""
    drawn = _Draw(seed)
    rng = drawn.rng
    # How much of the weather each camera gets: uneven in the open, little under a roof.
    exposed = {
        (zone, number): rng.lognormvariate(0, 0.6) if number >= SHELTERED else 0.0
        for zone in range(ZONES)
        for number in range(CAMERAS_A_ZONE)
    }
    leaks = {place: rng.random() < 0.25 for place, share in exposed.items() if share == 0.0}
    before = _before(drawn, exposed)
    incidents: dict[str, int] = {}
    made: list[SecurityEvent] = []
    for incident, zone in enumerate(rng.sample(range(ZONES), INCIDENTS)):
        for event in _intrusion(drawn, zone):
            incidents[event.event_id] = incident
            made.append(event)
    for (zone, number), leaky in leaks.items():
        if leaky:
            for _ in range(rng.randint(1, 4)):
                at = START + drawn.seconds(0, 59.9)
                made.append(drawn.event(at, zone, number, drawn.rule(), NOISE))
    places, weights = list(exposed), list(exposed.values())
    for zone, number in rng.choices(places, weights, k=events - len(made)):
        at = START + drawn.seconds(0, 59.9)
        made.append(drawn.event(at, zone, number, drawn.rule(), NOISE))
    made.sort(key=lambda one: (one.occurred_at, one.event_id))
    return Storm(before, tuple(made), incidents)


def _intrusion(drawn: _Draw, zone: int) -> list[SecurityEvent]:
    """Somebody passes two cameras in the open and two that are dry, within the minute."""
    rng = drawn.rng
    way = [
        *rng.sample(range(SHELTERED, CAMERAS_A_ZONE), 2),
        *rng.sample(range(SHELTERED), 2),
    ]
    at = START + drawn.seconds(0, 15)
    mean = rng.uniform(0.86, 0.93)
    made = []
    for number in way:
        rule = drawn.rule()
        for step in range(rng.randint(2, 5)):
            seen = min(at + timedelta(seconds=step), START + timedelta(seconds=59.9))
            made.append(drawn.event(seen, zone, number, rule, (mean, 0.04)))
        at += drawn.seconds(6, 14)
    return made


def _before(
    drawn: _Draw, exposed: dict[tuple[int, int], float]
) -> tuple[tuple[tuple[SecurityEvent, ...], dict[str, str]], ...]:
    """Ordinary days with staff, and rainy nights of which analysts judged much."""
    rng = drawn.rng
    slices = []
    day = DAYS
    for night in (*NIGHTS, 0):
        events: list[SecurityEvent] = []
        while day > night:
            noon = START - timedelta(days=day) + timedelta(hours=9)
            for zone, number in exposed:
                if rng.random() < 0.15:
                    at = noon + drawn.seconds(0, 8 * 3600)
                    events.append(drawn.event(at, zone, number, drawn.rule(), (0.9, 0.04)))
            day -= 1
        said: dict[str, str] = {}
        if night:
            for (zone, number), share in exposed.items():
                for _ in range(2 if share and rng.random() < min(0.95, 0.6 + 0.2 * share) else 0):
                    at = START - timedelta(days=night) + drawn.seconds(0, 900)
                    event = drawn.event(at, zone, number, drawn.rule(), (0.84, 0.03))
                    events.append(event)
                    if rng.random() < 0.6:
                        wrong = rng.random() < 0.05
                        said[event.event_id] = "true_positive" if wrong else "false_positive"
        events.sort(key=lambda one: (one.occurred_at, one.event_id))
        slices.append((tuple(events), said))
    return tuple(slices)
