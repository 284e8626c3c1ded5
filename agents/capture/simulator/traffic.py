"""Who is under way at a time: every arrival is drawn from its own time slot's dice.

Time has no end and needs no start: what happens at a time depends on the slots about it alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import floor

from agents.capture.simulator.animals import Animal, adopt
from agents.capture.simulator.dice import dice
from agents.capture.simulator.journey import Journey, longest, travel
from agents.capture.simulator.layout import Layout, Leg, Route, Stream
from agents.capture.simulator.people import Person, Pose, dress
from agents.capture.simulator.scene import Scene
from agents.capture.simulator.vehicles import Vehicle, paint

__all__ = ["Actor", "Traffic"]


@dataclass(frozen=True)
class Actor:
    """Somebody or something that comes once and goes again."""

    object_id: str
    label: str
    look: Person | Vehicle | Animal
    journey: Journey


_STRAY = Stream(
    "animals", "animal", 40.0, 1.0, (0.7, 1.6),
    (
        Route("cross", (Leg(((-12, 10), (-3, 9.5), (3, 10.5), (12, 9))),), 1.0, True, 1.5),
        Route("near", (Leg(((-8, 6.5), (0, 7.2), (9, 6.2))),), 1.0, True, 0.6),
        Route(
            "sniff",
            (
                Leg(((12, 13), (5, 12.2), (1, 11)), (2.0, 6.0)),
                Leg(((1, 11), (-3, 12.5), (-12, 13.5))),
            ),
        ),
    ),
)  # fmt: skip


class Traffic:
    """The arrivals at one camera."""

    def __init__(self, layout: Layout, scene: Scene, seed: int) -> None:
        self._layout, self._scene, self._seed = layout, scene, seed
        streams = [self._crowded(stream) for stream in layout.streams]
        if scene.animals:
            streams.append(replace(_STRAY, chance=scene.animals))
        self._streams = tuple(
            (stream, longest(stream.routes, stream.kind, stream.speed[0]) + 6.0)
            for stream in streams
        )
        self._drawn = lru_cache(maxsize=1024)(self._draw)

    def _crowded(self, stream: Stream) -> Stream:
        if stream.steady:
            return stream
        if stream.kind == "person" and self._scene.density > 1.0:
            return replace(stream, every=stream.every / self._scene.density)
        return replace(stream, chance=min(1.0, stream.chance * min(1.0, self._scene.density)))

    def between(self, since: float, until: float) -> list[Actor]:
        """Everybody who may be under way between two times in seconds, each once."""
        actors = []
        for number, (stream, most) in enumerate(self._streams):
            first = max(0, floor((since - most) / stream.every))
            for slot in range(first, floor(until / stream.every) + 1):
                actors += [
                    actor
                    for actor in self._drawn(number, slot)
                    if actor.journey.start <= until and actor.journey.end > since
                ]
        return actors

    def at(self, seconds: float) -> list[tuple[Actor, Pose]]:
        """Everybody under way at `seconds`, the farthest from the camera first."""
        present = [
            (actor, pose)
            for actor in self.between(seconds, seconds)
            if (pose := actor.journey.at(seconds)) is not None
        ]
        present.sort(key=lambda item: (-(item[1].x ** 2 + item[1].y ** 2), item[0].object_id))
        return present

    def _draw(self, number: int, slot: int) -> tuple[Actor, ...]:
        stream, most = self._streams[number]
        camera = self._layout.camera_id
        chance = dice("arrival", self._seed, self._scene.name, camera, stream.name, slot)
        if chance.random() >= stream.chance:
            return ()
        if stream.steady:
            late = stream.steady + 0.5 * chance.random()
        elif stream.alone:
            late = max(0.0, stream.every - most) * chance.random()
        else:
            late = stream.every * chance.random()
        start = slot * stream.every + late
        route = self._choose(stream.routes, chance.random())
        speed = stream.speed[0] + (stream.speed[1] - stream.speed[0]) * chance.random()
        name = f"{camera}/{stream.name}/{slot}"
        if stream.kind == "vehicle":
            vehicle = paint(chance, stream.models)
            journey = travel(route, stream.kind, start, speed, chance)
            return (Actor(name, vehicle.label, vehicle, journey),)
        if stream.kind == "animal":
            animal = adopt(chance)
            journey = travel(route, stream.kind, start, speed, chance)
            return (Actor(name, animal.label, animal, journey),)
        group = 1
        if chance.random() < self._scene.group:
            group = 2 + int(3 * chance.random())
        # A group takes the same turns: each of its members rolls the same dice for the way.
        way = chance.random()
        return tuple(
            Actor(
                name if group == 1 else f"{name}.{member}",
                "person",
                dress(chance, vest_chance=stream.vests),
                travel(
                    route, stream.kind, start + 0.3 * (member % 2), speed,
                    dice("way", round(way * 2**32)), aside=0.75 * (member - (group - 1) / 2),
                ),
            )
            for member in range(group)
        )  # fmt: skip

    @staticmethod
    def _choose(routes: tuple[Route, ...], part: float) -> Route:
        left = part * sum(route.weight for route in routes)
        for route in routes:
            left -= route.weight
            if left < 0.0:
                return route
        return routes[-1]
