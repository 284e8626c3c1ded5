"""The cameras of the simulated site: a gate, a yard, a fence, a dock, and a hall for entries."""

from __future__ import annotations

from dataclasses import replace
from math import pi

from agents.capture.simulator.dice import dice
from agents.capture.simulator.layout import (
    Fence,
    Lamp,
    Layout,
    Leg,
    Parked,
    Patch,
    Place,
    Route,
    Stream,
    Stripe,
    Tree,
    Wall,
    ZoneShape,
)
from agents.capture.simulator.lens import Lens

__all__ = ["LAYOUTS", "layout"]

LAYOUTS = ("gate", "yard", "fence", "dock")
_WALK = (1.1, 1.6)
_SODIUM = (120.0, 190.0, 255.0)
_LED = (255.0, 240.0, 225.0)
_PALE: tuple[float, float, float] = (168.0, 172.0, 172.0)


def _box(x1: float, y1: float, x2: float, y2: float) -> tuple[Place, ...]:
    return ((x1, y1), (x2, y1), (x2, y2), (x1, y2))


def _way(
    name: str, *points: Place, weight: float = 1.0, both: bool = True, spread: float = 0.5
) -> Route:
    return Route(name, (Leg(points),), weight, both, spread)


def _gate() -> Layout:
    walkers = Stream(
        "walkers", "person", 16.0, 0.72, _WALK,
        (
            _way("in", (-12, 20.5), (-1.6, 20), (-1.0, 16), (-0.6, 9), (-1.2, 2.0)),
            _way("middle", (12, 20.5), (1.6, 20), (0.8, 15.5), (1.4, 9), (0.4, 2.0)),
            _way("along", (-11, 9.5), (-3, 10.2), (3, 9.6), (11, 10.5), spread=1.0),
            Route(
                "wait",
                (
                    Leg(((11, 12), (4, 10.5), (0.6, 9.5)), (2.0, 6.0)),
                    Leg(((0.6, 9.5), (-2.5, 8.6), (-10, 7.8)),),
                ),
                0.8,
            ),
            _way("pavement", (-16, 20.8), (0, 20.6), (16, 20.8), weight=0.7),
        ),
    )  # fmt: skip
    cars = Stream(
        "cars", "vehicle", 42.0, 0.55, (3.6, 5.5),
        (
            _way("arrive", (24, 26), (8, 25.5), (1.6, 21), (0.4, 15), (0.2, 1.0), spread=0.1),
            _way("leave", (0.4, -1.5), (0.6, 12), (0.2, 19), (-6, 24.5), (-24, 25.5), spread=0.1),
        ),
        alone=True,
    )  # fmt: skip
    road = Stream(
        "road", "vehicle", 17.0, 0.5, (7.0, 11.0),
        (
            _way("east", (-34, 28.2), (0, 28), (34, 28.2), both=False, spread=0.1),
            _way("west", (34, 31.2), (0, 31), (-34, 31.2), both=False, spread=0.1),
        ),
        models=("sedan", "sedan", "van", "truck"), alone=True,
    )  # fmt: skip
    return Layout(
        "gate", "Main gate", Lens(4.2, 20.0), "grass",
        (
            Patch("asphalt", _box(-60, 24, 60, 33.5)),
            Patch("paving", _box(-60, 19.2, 60, 22.6)),
            Patch("asphalt", _box(-3.4, -2, 3.4, 24.2)),
            Patch("paving", _box(-12, 6.9, -3.4, 10.6)),
            Patch("paving", _box(3.4, 8.2, 12, 12.2)),
        ),
        (
            Stripe(((-60, 28.75), (60, 28.75)), 0.16),
            Stripe(((-3.3, -2), (-3.3, 18)), 0.14, _PALE),
            Stripe(((3.3, -2), (3.3, 18)), 0.14, _PALE),
            Stripe(((-3.2, 15.6), (3.2, 15.6)), 0.4),
        ),
        (
            Wall((-46, 44), (-16, 44), 9.0, "brick"),
            Wall((-15, 46), (14, 46), 6.5, "plaster"),
            Wall((16, 43), (48, 43), 11.0, "concrete"),
            Wall((-7.2, 15.6), (-4.4, 15.6), 2.7, "plaster"),
            Wall((-4.4, 15.6), (-4.4, 18.2), 2.7, "wood"),
            Wall((-6.6, 15.57), (-5.0, 15.57), 2.0, "dark", 1.05, shadow=False),
            Wall((-3.75, 17.8), (-3.45, 17.8), 2.4, "concrete"),
            Wall((3.45, 17.8), (3.75, 17.8), 2.4, "concrete"),
        ),
        (
            Fence((-30, 18.0), (-3.7, 18.0), 2.1),
            Fence((3.7, 18.0), (30, 18.0), 2.1),
        ),
        (
            Tree((-14, 23.2), 6.5, 3.2, 2.2),
            Tree((9.5, 36), 8.0, 4.0, 2.4),
            Tree((-24, 36), 8.5, 4.2, 2.4),
            Tree((7.6, 16.2), 4.6, 2.6, 1.3),
            Tree((-7.9, 13.4), 1.3, 1.5),
            Tree((6.3, 14.2), 1.2, 1.3),
        ),
        (Parked((11.5, 25.2), 0.0, "sedan"), Parked((-13.0, 25.2), 0.0, "van")),
        (
            Lamp((-3.9, 17.0, 5.0), 8.0, _SODIUM),
            Lamp((4.5, 8.0, 4.5), 6.5, _LED, switched=True),
            Lamp((14.0, 24.0, 7.0), 11.0, _SODIUM),
        ),
        (ZoneShape("driveway", "high", _box(-3.1, 6.6, 3.1, 13.4)),),
        (walkers, cars, road),
        sun=(222.0, 40.0),
    )  # fmt: skip


def _yard() -> Layout:
    walkers = Stream(
        "walkers", "person", 15.0, 0.74, _WALK,
        (
            _way("across", (-13, 10.5), (-4, 11), (4, 10.4), (13, 11), spread=1.2),
            _way("slant", (-13, 17.5), (-4, 13), (2.5, 9.5), (9, 4.5), spread=0.8),
            _way("back", (13, 17.2), (0, 16.9), (-14, 17.2), weight=0.6),
            Route(
                "errand",
                (
                    Leg(((13, 12), (5, 11.5), (1.5, 12.2)), (2.0, 7.0)),
                    Leg(((1.5, 12.2), (-3, 10), (-8, 6.5), (-10, 4))),
                ),
            ),
            Route(
                "look round",
                (
                    Leg(((-12, 8), (-6, 9), (-2, 10)), (1.5, 4.0)),
                    Leg(((-2, 10), (2, 12.5)), (1.5, 4.0)),
                    Leg(((2, 12.5), (6, 14.8), (13, 17.5))),
                ),
                0.7,
            ),
        ),
    )  # fmt: skip
    parking = Stream(
        "parking", "vehicle", 300.0, 0.8, (2.6, 3.6),
        (
            Route(
                "bay",
                (
                    Leg(((20, 11), (9, 11), (4.2, 12.2), (1.45, 16.0), (1.4, 20.6)), (50, 130)),
                    Leg(((1.4, 20.6), (1.4, 16.5), (-0.4, 13.2), (-4.5, 12)), (1, 2), 1.0, True),
                    Leg(((-4.5, 12), (3, 11), (10, 10.6), (22, 10.6))),
                ),
                1.0, False, 0.05,
            ),
        ),
        models=("sedan",), alone=True,
    )  # fmt: skip
    through = Stream(
        "through", "vehicle", 75.0, 0.4, (3.0, 4.5),
        (_way("pass", (19, 9.4), (4, 9.2), (-6, 9.4), (-19, 10), spread=0.2),),
        models=("van", "sedan"), alone=True,
    )  # fmt: skip
    bays = tuple(Stripe(((x, 18.2), (x, 23.0)), 0.12) for x in (-9.8, -7, -4.2, -1.4, 0, 2.8, 5.6))
    return Layout(
        "yard", "Yard", Lens(5.2, 24.0), "asphalt",
        (
            Patch("concrete", _box(-60, 23.2, 60, 26)),
            Patch("grass", _box(9.5, 19, 40, 26)),
        ),
        (
            *bays,
            Stripe(((-5.2, 7.2), (5.2, 7.2)), 0.1, (60, 170, 190)),
            Stripe(((-5.2, 14.2), (5.2, 14.2)), 0.1, (60, 170, 190)),
        ),
        (
            Wall((-34, 26), (13, 26), 7.5, "metal"),
            Wall((-8, 25.95), (-3.6, 25.95), 4.2, "shutter", shadow=False),
            Wall((3.6, 25.95), (4.7, 25.95), 2.2, "door", shadow=False),
            Wall((-16, 25.95), (-11, 25.95), 2.6, "dark", 1.5, shadow=False),
            Wall((-17, 4), (-11.5, 20), 6.0, "brick"),
        ),
        (Fence((14.5, 27), (44, 27), 2.0, "mesh"),),
        (
            Tree((17, 31), 8.0, 4.2, 2.0),
            Tree((26, 34), 9.0, 4.5, 2.0),
            Tree((11.4, 21.5), 1.3, 1.5),
        ),
        (
            Parked((-8.4, 20.6), pi / 2, "sedan"),
            Parked((-5.6, 20.4), -pi / 2, "van"),
            Parked((4.2, 20.6), pi / 2, "sedan"),
        ),
        (
            Lamp((-6.0, 25.0, 5.5), 8.0, _SODIUM),
            Lamp((4.5, 24.0, 5.0), 7.0, _LED, switched=True),
            Lamp((10.0, 6.0, 6.0), 8.0, _SODIUM),
        ),
        (ZoneShape("yard-floor", "high", _box(-5.2, 7.6, 5.2, 14.2)),),
        (walkers, parking, through),
        sun=(320.0, 44.0), skyline="blocks",
    )  # fmt: skip


def _fence() -> Layout:
    walkers = Stream(
        "walkers", "person", 17.0, 0.7, _WALK,
        (
            _way("path", (2.8, 33), (1.6, 20), (0.2, 11), (-0.6, 2.2), spread=0.4),
            _way("cross", (13, 9.2), (5, 9.8), (-1.5, 11), (-2.6, 17), (-1.0, 34), spread=0.6),
            Route(
                "prowl",
                (
                    Leg(((14, 13), (6, 12.5), (0.8, 11.6)), (2.0, 7.0)),
                    Leg(((0.8, 11.6), (1.2, 7.5), (3.0, 2.5))),
                ),
            ),
            _way("meadow", (15, 21), (8, 22.5), (5.5, 36), weight=0.6, spread=1.0),
        ),
    )  # fmt: skip
    runners = Stream(
        "runners", "person", 60.0, 0.45, (2.4, 3.1),
        (_way("run", (3.2, 36), (1.8, 20), (0.4, 11), (-0.2, 2.2), spread=0.3),),
    )  # fmt: skip
    return Layout(
        "fence", "North fence", Lens(3.7, 17.5), "grass",
        (
            Patch("gravel", ((-1.9, 2), (1.5, 2), (3.4, 20), (4.6, 60), (2.4, 60), (0.2, 20))),
            Patch("asphalt", _box(-60, 44, 60, 50)),
        ),
        (),
        (
            Wall((-44, 62), (-20, 62), 8.0, "plaster"),
            Wall((12, 58), (22, 58), 4.0, "wood"),
            Wall((26, 64), (52, 64), 10.0, "brick"),
        ),
        (Fence((-4.6, 5.2), (-1.4, 40), 2.2, "mesh"),),
        (
            Tree((-9.5, 15), 6.0, 3.4, 1.6),
            Tree((-8, 23), 6.8, 3.6, 1.8),
            Tree((-6.4, 33), 7.0, 3.8, 1.8),
            Tree((15, 34), 7.5, 4.2, 1.8),
            Tree((22, 40), 8.5, 4.6, 2.0),
            Tree((10.5, 17.5), 1.6, 2.2),
            Tree((8.4, 25), 1.4, 2.0),
            Tree((-6.4, 9.5), 1.4, 1.8),
        ),
        (),
        (Lamp((4.8, 21.0, 5.0), 8.0, _SODIUM, switched=True),),
        (ZoneShape("strip", "critical", ((-3.0, 6.6), (2.9, 6.6), (4.2, 16.5), (-2.4, 16.5))),),
        (walkers, runners),
        sun=(235.0, 36.0), infrared=True,
    )  # fmt: skip


def _dock() -> Layout:
    walkers = Stream(
        "walkers", "person", 16.0, 0.72, _WALK,
        (
            _way("across", (13, 9.6), (5, 10.4), (-0.5, 9.6), (-4.4, 7.0), (-13, 6.2), spread=0.5),
            _way("forward", (11, 15.0), (4.2, 13.8), (2.2, 10), (1.4, 2.5), spread=0.6),
            Route(
                "check",
                (
                    Leg(((14, 12.6), (7, 11.8), (2.8, 10.8)), (2.0, 7.0)),
                    Leg(((2.8, 10.8), (1.0, 8.5), (-3.5, 6.4), (-9, 5.2))),
                ),
            ),
            _way("wall", (14, 15.1), (4, 15.2), (-2, 15.2), (-3.5, 14.9), (-15, 15), weight=0.5,
                 spread=0.2),
        ),
        vests=0.55,
    )  # fmt: skip
    vans = Stream(
        "vans", "vehicle", 60.0, 0.5, (2.8, 4.2),
        (
            _way("pass", (19, 9.8), (4, 9.2), (-3, 6.8), (-20, 5.8), weight=0.6, spread=0.2),
            Route(
                "drop",
                (
                    Leg(((20, 10), (9, 9.6), (2.5, 9.2)), (2.0, 5.0)),
                    Leg(((2.5, 9.2), (-3, 6.9), (-20, 5.8))),
                ),
                0.6, False, 0.1,
            ),
        ),
        models=("van", "van", "truck"), alone=True,
    )  # fmt: skip
    doors = tuple(
        wall
        for x in (-6.0, 0.2, 6.4)
        for wall in (
            Wall((x - 1.6, 16.75), (x + 1.6, 16.75), 4.4, "shutter", 1.1, shadow=False),
            Wall((x - 1.9, 16.72), (x - 1.6, 16.72), 4.7, "dark", 0.8, shadow=False),
            Wall((x + 1.6, 16.72), (x + 1.9, 16.72), 4.7, "dark", 0.8, shadow=False),
        )
    )
    return Layout(
        "dock", "Loading dock", Lens(4.7, 21.5), "concrete",
        (Patch("asphalt", _box(-60, -2, 60, 7.4)),),
        (
            Stripe(((-60, 7.4), (60, 7.4)), 0.14, _PALE),
            *(Stripe(((x, 8.2), (x, 16.2)), 0.14, (60, 180, 205)) for x in (-8.6, -3.4, 3.0, 9.2)),
        ),
        (
            Wall((-40, 16.8), (40, 16.8), 7.0, "blue"),
            Wall((-40, 16.77), (40, 16.77), 1.1, "concrete", shadow=False),
            *doors,
            Wall((10.6, 16.7), (11.7, 16.7), 2.2, "door", shadow=False),
        ),
        (),
        (Tree((-11.4, 14.8), 1.1, 1.2),),
        (Parked((-6.0, 12.4), -pi / 2, "truck"),),
        (
            Lamp((0.2, 16.2, 5.2), 6.5, _LED, switched=True),
            Lamp((-6.0, 16.2, 5.2), 6.5, _SODIUM),
            Lamp((8.0, 4.0, 6.5), 7.5, _SODIUM),
        ),
        (ZoneShape("apron", "medium", _box(-2.8, 7.7, 5.2, 13.2)),),
        (walkers, vans),
        sun=(300.0, 48.0), stains=22,
    )  # fmt: skip


def _hall() -> Layout:
    """Eight lanes side by side under a steep camera: each lane brings somebody every 8 s, so that
    a person enters the zone every second on average and no two of them ever overlap."""
    lanes = tuple(
        Stream(
            f"lane{i}", "person", 8.0, 1.0, (1.35, 1.55),
            (
                Route(
                    "through", (Leg(((x * 1.02, 12.6), (x, 6), (x, 0.2))),), 1.0, False, 0.06,
                ),
            ),
            steady=((i * 3) % 8) + 0.1,
        )
        for i, x in enumerate((-4.55, -3.25, -1.95, -0.65, 0.65, 1.95, 3.25, 4.55))
    )  # fmt: skip
    return Layout(
        "hall", "Entrance hall", Lens(7.6, 47.0, 0.0, 76.0), "floor",
        (Patch("paving", _box(-7, 12.2, 7, 30)),),
        tuple(Stripe(((x, 1), (x, 9.5)), 0.05, (176, 180, 180)) for x in (-5.2, 0.0, 5.2)),
        (Wall((-30, 17), (30, 17), 6, "plaster"),),
        (), (), (), (),
        (ZoneShape("doors", "medium", _box(-5.6, 4.6, 5.6, 8.4)),),
        lanes,
        sun=(250.0, 75.0), indoors=True, stains=3,
    )  # fmt: skip


_BUILDERS = {"gate": _gate, "yard": _yard, "fence": _fence, "dock": _dock, "hall": _hall}


def layout(kind: str, seed: int, number: int = 0) -> Layout:
    """The layout of a camera; `number` counts further cameras of the same kind.

    The seed moves the camera a little, so that no two sites have the same zones in pixels.
    """
    plain = _BUILDERS[kind]()
    chance = dice("layout", seed, kind, number)
    small = 0.3 if kind == "hall" else 1.0

    def off(by: float) -> float:
        return by * small * (chance.random() * 2.0 - 1.0)

    lens = replace(
        plain.lens,
        height=plain.lens.height + off(0.25),
        pitch=plain.lens.pitch + off(1.0),
        yaw=plain.lens.yaw + off(2.5),
    )
    sun = (plain.sun[0] + off(14.0), plain.sun[1] + off(5.0))
    if number == 0:
        return replace(plain, lens=lens, sun=sun)
    # Zone ids are unique within a site, and so a further camera's zones are numbered as well.
    more = number + 1
    return replace(
        plain,
        camera_id=f"{plain.camera_id}-{more}",
        name=f"{plain.name} {more}",
        lens=lens,
        sun=sun,
        zones=tuple(replace(zone, zone_id=f"{zone.zone_id}-{more}") for zone in plain.zones),
    )
