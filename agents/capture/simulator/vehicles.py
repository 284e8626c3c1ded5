"""Vehicles: a side view extruded to a body, with glass, wheels and lamps, drawn face by face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, sin
from random import Random

import numpy as np

from agents.capture.simulator.canvas import Canvas, Colour, tint
from agents.capture.simulator.lens import Floats, Lens

__all__ = ["MODELS", "Vehicle", "draw_vehicle", "lamps", "paint", "vehicle_points"]

_PAINTS: tuple[Colour, ...] = (
    (205, 205, 203), (60, 58, 58), (120, 118, 116), (44, 40, 120), (120, 70, 34), (168, 166, 162),
    (52, 74, 46), (30, 30, 32), (70, 110, 140), (228, 228, 226),
)  # fmt: skip
_GLASS: Colour = (74, 66, 58)


@dataclass(frozen=True)
class _Body:
    """profile: (N, 2) metres, along (0 at the rear) and up, from the rear's bottom over the roof.

    glass: edges of the profile that are a window, `side` the side window's corners.
    belt: height above which the body narrows to `roof` of its width.
    """

    profile: tuple[tuple[float, float], ...]
    glass: tuple[int, ...]
    sides: tuple[tuple[tuple[float, float], ...], ...]
    width: float
    belt: float
    roof: float
    plain: Colour | None = None


@dataclass(frozen=True)
class _Model:
    label: str
    length: float
    bodies: tuple[_Body, ...]
    wheels: tuple[float, ...]
    wheel: float


MODELS = {
    "sedan": _Model(
        "car",
        4.5,
        (
            _Body(
                (
                    (0, 0.3), (0, 0.72), (0.08, 0.96), (0.75, 1.02), (1.35, 1.42), (2.5, 1.45),
                    (3.25, 1.0), (4.25, 0.84), (4.47, 0.62), (4.47, 0.3),
                ),
                (3, 5),
                (
                    ((0.98, 1.04), (1.42, 1.35), (1.86, 1.37), (1.86, 1.02)),
                    ((1.95, 1.02), (1.95, 1.38), (2.46, 1.38), (2.98, 1.0)),
                ),
                1.8, 1.02, 0.8,
            ),
        ),
        (0.85, 3.6), 0.33,
    ),
    "van": _Model(
        "car",
        5.1,
        (
            _Body(
                (
                    (0, 0.32), (0, 1.2), (0.05, 1.95), (0.2, 2.08), (3.55, 2.1), (4.3, 1.25),
                    (4.95, 1.05), (5.1, 0.75), (5.1, 0.32),
                ),
                (1, 4),
                (((2.95, 1.22), (2.95, 1.85), (3.5, 1.85), (4.02, 1.22)),),
                1.95, 1.3, 0.9,
            ),
        ),
        (0.95, 4.1), 0.36,
    ),
    "truck": _Model(
        "truck",
        7.8,
        (
            _Body(
                ((0, 0.75), (0, 3.25), (5.6, 3.25), (5.6, 0.75)), (), (), 2.4, 9.0, 1.0,
                (196, 200, 200),
            ),
            _Body(
                (
                    (5.75, 0.4), (5.75, 2.5), (6.2, 2.62), (7.2, 2.55), (7.6, 1.55), (7.8, 0.9),
                    (7.8, 0.4),
                ),
                (3,),
                (((6.45, 1.5), (6.45, 2.3), (7.1, 2.25), (7.35, 1.5)),),
                2.25, 1.6, 0.92,
            ),
        ),
        (1.3, 6.8), 0.48,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Vehicle:
    """What a vehicle looks like: `model` is a name of MODELS."""

    model: str
    colour: Colour

    @property
    def label(self) -> str:
        """Its COCO name."""
        return MODELS[self.model].label


def paint(dice: Random, models: tuple[str, ...]) -> Vehicle:
    """A vehicle, by chance."""
    model = models[int(dice.random() * len(models))]
    colour = _PAINTS[int(dice.random() * len(_PAINTS))]
    return Vehicle(model, tint(colour, 0.9 + 0.2 * dice.random()))


@lru_cache(maxsize=8)
def _rims(model: str) -> tuple[Floats, ...]:
    """Per body, (2, N, 3): the right and the left rim, centred on the vehicle."""
    rims = []
    for body in MODELS[model].bodies:
        profile = np.array(body.profile)
        top = max(body.belt + 0.35, profile[:, 1].max())
        rise = np.clip((profile[:, 1] - body.belt) / (top - body.belt), 0.0, 1.0)
        half = body.width / 2 * (1.0 - (1.0 - body.roof) * rise)
        along = profile[:, 0] - MODELS[model].length / 2
        rims.append(
            np.stack([np.column_stack((along, half * side, profile[:, 1])) for side in (-1.0, 1.0)])
        )
    return tuple(rims)


def _place(points: Floats, x: float, y: float, heading: float) -> Floats:
    turned = np.empty_like(points)
    turned[:, 0] = x + points[:, 0] * cos(heading) - points[:, 1] * sin(heading)
    turned[:, 1] = y + points[:, 0] * sin(heading) + points[:, 1] * cos(heading)
    turned[:, 2] = points[:, 2]
    return turned


def vehicle_points(vehicle: Vehicle, x: float, y: float, heading: float) -> Floats:
    """(N, 3) world points: what the vehicle's outline is the hull of, wheels on the ground and
    lamps that stand out a little."""
    model = MODELS[vehicle.model]
    points = [rim for body in _rims(vehicle.model) for rim in body]
    half = model.bodies[0].width / 2
    points += [
        np.array([(along - model.length / 2 + step, side, 0.0) for step in (-0.2, 0.2)])
        for along in model.wheels
        for side in (-half, half)
    ]
    ends = model.length / 2 + 0.1
    points.append(np.array([(end, side, 0.8) for end in (-ends, ends) for side in (-half, half)]))
    return _place(np.concatenate(points), x, y, heading)


def lamps(vehicle: Vehicle, x: float, y: float, heading: float) -> Floats:
    """(4, 3) world points: the two head lamps, then the two tail lamps."""
    model = MODELS[vehicle.model]
    front, side = model.length / 2, model.bodies[-1].width * 0.36
    points = np.array(
        [(front, -side, 0.7), (front, side, 0.7), (-front, -side, 0.85), (-front, side, 0.85)]
    )
    return _place(points, x, y, heading)


def draw_vehicle(
    canvas: Canvas,
    lens: Lens,
    vehicle: Vehicle,
    place: tuple[float, float, float],
    gain: Colour,
    sun: tuple[float, float, float],
    *,
    braking: bool = False,
) -> None:
    """Draw a vehicle at `place` (x, y, heading).

    gain: the light where it stands, by colour channel. sun: the unit vector towards the light.
    """
    model = MODELS[vehicle.model]
    eye = np.array((0.0, 0.0, lens.height))
    light = np.array(sun)

    def show(points: Floats, colour: Colour, *, convex: bool = True, gloss: float = 0.0) -> None:
        world = _place(points, *place)
        normal = np.cross(world[1] - world[0], world[2] - world[1])
        length = float(np.linalg.norm(normal)) or 1.0
        bright = 0.62 + 0.42 * max(0.0, float(normal @ light) / length)
        bright += gloss * max(0.0, float(normal[2]) / length)
        shaded = (colour[0] * gain[0], colour[1] * gain[1], colour[2] * gain[2])
        canvas.polygon(lens.project(world)[0], tint(shaded, bright), convex=convex)

    def faces(points: Floats) -> bool:
        world = _place(points, *place)
        normal = np.cross(world[1] - world[0], world[2] - world[1])
        return bool(normal @ (eye - world[0]) > 0.0)

    order = sorted(
        range(len(model.bodies)),
        key=lambda i: -_distance(_place(_rims(vehicle.model)[i].mean(axis=0), *place)),
    )
    _wheels(canvas, lens, model, place, gain, far=True)
    for index in order:
        body, rims = model.bodies[index], _rims(vehicle.model)[index]
        colour = body.plain or vehicle.colour
        right, left = rims
        strips = []
        for edge in range(len(body.profile) - 1):
            quad = np.array((right[edge], right[edge + 1], left[edge + 1], left[edge]))
            if faces(quad):
                strips.append((_distance(_place(quad, *place)), edge, quad))
        for _, edge, quad in sorted(strips, key=lambda strip: -strip[0]):
            show(quad, colour, gloss=0.12)
            if edge in body.glass:
                middle = quad.mean(axis=0)
                show(middle + (quad - middle) * 0.86, _GLASS, gloss=0.5)
        for rim, sign in ((right[::-1], -1.0), (left, 1.0)):
            if not faces(rim[[0, 2, 4]] if len(rim) > 4 else rim):
                continue
            show(rim, colour, convex=False)
            for window in body.sides:
                corners = _side_window(body, window, model.length, sign)
                show(corners[::-1] if sign < 0 else corners, _GLASS, gloss=0.3)
    _wheels(canvas, lens, model, place, gain, far=False)
    _plates(canvas, lens, vehicle, place, gain, braking=braking)


def _distance(points: Floats) -> float:
    centre = points.mean(axis=0)
    return float(centre[0] ** 2 + centre[1] ** 2)


def _side_window(
    body: _Body, window: tuple[tuple[float, float], ...], length: float, sign: float
) -> Floats:
    corners = []
    top = max(body.belt + 0.35, *(up for _, up in body.profile))
    for along, up in window:
        rise = min(1.0, max(0.0, (up - body.belt) / (top - body.belt)))
        half = body.width / 2 * (1.0 - (1.0 - body.roof) * rise)
        corners.append((along - length / 2, sign * half * 1.003, up))
    return np.array(corners)


_RING = np.linspace(0.0, 2.0 * np.pi, 15)[:-1]


def _wheels(
    canvas: Canvas,
    lens: Lens,
    model: _Model,
    place: tuple[float, float, float],
    gain: Colour,
    *,
    far: bool,
) -> None:
    across = np.array((-sin(place[2]), cos(place[2])))
    near_side = -1.0 if float(across @ np.array(place[:2])) > 0.0 else 1.0
    side = (-near_side if far else near_side) * model.bodies[0].width / 2
    for along in model.wheels:
        for size, colour in ((1.0, (30.0, 30.0, 32.0)), (0.58, (128.0, 126.0, 124.0))):
            if far and size < 1.0:
                continue
            ring = np.column_stack(
                (
                    along - model.length / 2 + model.wheel * size * np.cos(_RING),
                    np.full(len(_RING), side),
                    model.wheel + model.wheel * size * np.sin(_RING),
                )
            )
            shaded = (colour[0] * gain[0], colour[1] * gain[1], colour[2] * gain[2])
            canvas.polygon(lens.project(_place(ring, *place))[0], shaded)


def _plates(
    canvas: Canvas,
    lens: Lens,
    vehicle: Vehicle,
    place: tuple[float, float, float],
    gain: Colour,
    *,
    braking: bool,
) -> None:
    ends = lamps(vehicle, *place)
    toward = cos(place[2]) * -place[0] + sin(place[2]) * -place[1]
    pair = ends[:2] if toward > 0.0 else ends[2:]
    colour = (225.0, 235.0, 235.0) if toward > 0.0 else (40.0, 40.0, 250.0 if braking else 150.0)
    points, depth = lens.project(pair)
    for point, away in zip(points, depth, strict=True):
        radius = 0.1 * lens.focal / away
        canvas.disc(point, radius, (colour[0] * gain[0], colour[1] * gain[1], colour[2] * gain[2]))
