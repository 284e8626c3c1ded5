"""The scenes: what weather, what light, how many people, what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

from agents.capture.simulator.layouts import LAYOUTS

__all__ = ["SCENES", "Scene", "UnknownSceneError", "scene"]


class UnknownSceneError(ValueError):
    """No scene has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no scene is called {name[:40]!r}. Scenes: {', '.join(SCENES)}")


@dataclass(frozen=True)
class Scene:
    """One kind of day at the simulated site.

    density: how many come, 1 is a working day. group: the chance that somebody comes with others.
    rain: 0 to 1. wind: 1 is a breeze. outages: cameras go dark or away for a while.
    labels: what the zones take; none means everything.
    """

    name: str
    summary: str
    night: bool = False
    clouds: bool = False
    rain: float = 0.0
    wind: float = 1.0
    density: float = 1.0
    group: float = 0.0
    animals: float = 0.0
    insects: float = 0.0
    switching: bool = False
    outages: bool = False
    cameras: tuple[str, ...] = LAYOUTS
    labels: tuple[str, ...] = ()

    @property
    def sunny(self) -> bool:
        """Whether the sun casts shadows."""
        return not self.night and self.rain == 0.0


SCENES = {
    known.name: known
    for known in (
        Scene("day", "a working day with sun and clouds", clouds=True),
        Scene(
            "night", "lamps, head lamps, noise, insects, a cat", night=True, density=0.6,
            animals=0.5, insects=0.5, switching=True, labels=("person",),
        ),
        Scene("rain", "steady rain, drops on the lens", rain=0.8, wind=1.8, density=0.8),
        Scene("crowd", "many at once, in groups", clouds=True, density=2.6, group=0.4),
        Scene("dark", "as day, and cameras go dark or away", clouds=True, outages=True),
        Scene(
            "hard", "night, rain, wind, crowds, animals, insects, outages", night=True, rain=0.7,
            wind=2.5, density=1.6, group=0.3, animals=0.8, insects=0.8, switching=True,
            outages=True, labels=("person",),
        ),
        Scene("entries", "one camera, somebody enters every second", cameras=("hall",)),
    )
}  # fmt: skip


def scene(name: str) -> Scene:
    """The scene of that name. Raises UnknownSceneError."""
    try:
        return SCENES[name]
    except KeyError:
        raise UnknownSceneError(name) from None
