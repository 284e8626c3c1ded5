"""People, vehicles and animals as figures: their outline, their picture, their shadow."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import cv2
import numpy as np

from agents.capture.simulator.animals import Animal, animal_joints, draw_animal
from agents.capture.simulator.canvas import Bytes, Canvas, Colour, Sprite, darken
from agents.capture.simulator.lens import HEIGHT, WIDTH, Floats, Lens
from agents.capture.simulator.people import (
    Person,
    Pose,
    draw_person,
    person_joints,
    person_radii,
)
from agents.capture.simulator.truth import Box, Point
from agents.capture.simulator.vehicles import Vehicle, draw_vehicle, vehicle_points

__all__ = ["Look", "Outline", "cast_shadow", "draw", "foot_of", "outline"]

Look = Person | Vehicle | Animal

_SOFT = 1.5
"""Pixels by which the lens's softness spreads a drawn edge."""


@dataclass(frozen=True)
class Outline:
    """A figure's extent in the picture, in pixels.

    full: with what lies outside of the frame. box: the part inside. foot: see SceneObject, 0..1.
    """

    full: tuple[float, float, float, float]
    box: tuple[float, float, float, float]
    foot: Point

    @property
    def inside(self) -> float:
        """The part of the extent that lies inside the frame, 0..1."""
        whole = (self.full[2] - self.full[0]) * (self.full[3] - self.full[1])
        x1, y1, x2, y2 = self.box
        return max(0.0, x2 - x1) * max(0.0, y2 - y1) / whole if whole > 0.0 else 0.0

    @property
    def relative(self) -> Box:
        """The box in 0..1."""
        x1, y1, x2, y2 = self.box
        return (x1 / WIDTH, y1 / HEIGHT, x2 / WIDTH, y2 / HEIGHT)


def _extent(lens: Lens, look: Look, pose: Pose) -> tuple[float, float, float, float]:
    if isinstance(look, Vehicle):
        pixels = lens.project(vehicle_points(look, pose.x, pose.y, pose.heading))[0]
        low, high = pixels.min(axis=0), pixels.max(axis=0)
    else:
        if isinstance(look, Person):
            joints, radii = person_joints(look, pose), person_radii(look)
            radii[3] *= 1.2
        else:
            joints, radii = animal_joints(look, pose)
        pixels, depth = lens.project(joints)
        thick = (radii * lens.focal / depth)[:, None]
        low, high = (pixels - thick).min(axis=0), (pixels + thick).max(axis=0)
    return (
        float(low[0]) - _SOFT,
        float(low[1]) - _SOFT,
        float(high[0]) + _SOFT,
        float(high[1]) + _SOFT,
    )


def _clip(full: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    return (
        min(max(full[0], 0.0), WIDTH),
        min(max(full[1], 0.0), HEIGHT),
        min(max(full[2], 0.0), WIDTH),
        min(max(full[3], 0.0), HEIGHT),
    )


def outline(lens: Lens, look: Look, pose: Pose) -> Outline:
    """Where the figure is in the picture."""
    full = _extent(lens, look, pose)
    box = _clip(full)
    if isinstance(look, Vehicle):
        x, y = (box[0] + box[2]) / 2, box[3]
    else:
        x, y = lens.project([(pose.x, pose.y, 0.0)])[0][0].tolist()
    return Outline(full, box, (min(max(x / WIDTH, 0.0), 1.0), min(max(y / HEIGHT, 0.0), 1.0)))


def foot_of(lens: Lens, look: Look, pose: Pose) -> Point | None:
    """The foot of `outline`; None where nothing of the figure is in the frame."""
    if not isinstance(look, Vehicle):
        x, y = lens.project([(pose.x, pose.y, 0.0)])[0][0].tolist()
        if 0.0 < x < WIDTH and 0.0 < y < HEIGHT:
            return x / WIDTH, y / HEIGHT
    seen = outline(lens, look, pose)
    x1, y1, x2, y2 = seen.box
    return seen.foot if x2 > x1 and y2 > y1 else None


def draw(
    lens: Lens,
    look: Look,
    pose: Pose,
    seen: Outline,
    gain: Colour,
    sun: tuple[float, float, float],
) -> Sprite:
    """The figure's picture.

    gain: the light at its foot, by colour channel. sun: the unit vector towards the light.
    """
    canvas = Canvas(seen.full)
    if canvas.empty:
        return canvas.sprite()
    yaw = radians(lens.yaw)
    lit = sun[0] * cos(yaw) - sun[1] * sin(yaw)
    if isinstance(look, Vehicle):
        place = (pose.x, pose.y, pose.heading)
        draw_vehicle(canvas, lens, look, place, gain, sun, braking=0.0 < pose.speed < 1.0)
    elif isinstance(look, Person):
        draw_person(canvas, lens, look, pose, gain, lit)
    else:
        draw_animal(canvas, lens, look, pose, gain, lit)
    return canvas.sprite()


def _fallen(lens: Lens, points: Floats, sun: tuple[float, float, float]) -> Floats:
    flat = points.copy()
    flat[:, :2] -= points[:, 2:] / sun[2] * np.array(sun[:2])
    flat[:, 2] = 0.0
    return lens.project(flat)[0]


def cast_shadow(
    frame: Bytes,
    lens: Lens,
    look: Look,
    pose: Pose,
    sun: tuple[float, float, float] | None,
    sunlit: Bytes,
    strength: float,
) -> None:
    """Darken the ground where the figure keeps the light away, in place.

    sun: towards the sun, or None in diffuse light: then only what is right under the figure is
    darker. sunlit: (H, W) uint8, 255 where the sun reaches the ground.
    """
    shapes: list[Floats] = []
    if isinstance(look, Vehicle):
        points = vehicle_points(look, pose.x, pose.y, pose.heading)
        if sun is None:
            points[:, 2] = 0.0
            shapes.append(lens.project(points)[0])
        else:
            shapes.append(_fallen(lens, points, sun))
    else:
        person = isinstance(look, Person)
        joints = person_joints(look, pose) if isinstance(look, Person) else None
        if joints is None and isinstance(look, Animal):
            joints = animal_joints(look, pose)[0]
        if joints is None:
            return
        if sun is None:
            reach = 0.3 if person else 0.2
            ring = np.linspace(0.0, 6.28, 10)
            circle = np.column_stack(
                (pose.x + reach * np.cos(ring), pose.y + reach * np.sin(ring), np.zeros(10))
            )
            shapes.append(lens.project(circle)[0])
        elif person:
            wide = 0.07
            for a, b in ((4, 6), (6, 8), (5, 7), (7, 9)):
                shapes.append(_ribbon(_fallen(lens, joints[[a, b]], sun), lens, pose, wide))
            shapes.append(_fallen(lens, joints[[0, 1, 4, 5, 12, 13, 14, 15]], sun))
            shapes.append(_ribbon(_fallen(lens, joints[[1, 3]], sun), lens, pose, 0.1))
        else:
            shapes.append(_fallen(lens, joints, sun))
    _shade(frame, shapes, sunlit, strength)


def _ribbon(ends: Floats, lens: Lens, pose: Pose, half: float) -> Floats:
    thick = half * lens.focal / max(1.0, float(np.hypot(pose.x, pose.y)))
    aside = np.array((thick, 0.3 * thick))
    return np.concatenate((ends + aside, ends - aside))


def _shade(frame: Bytes, shapes: list[Floats], sunlit: Bytes, strength: float) -> None:
    every = np.concatenate(shapes)
    low = np.floor(every.min(axis=0)).astype(int) - 3
    high = np.ceil(every.max(axis=0)).astype(int) + 4
    x1, y1 = max(0, int(low[0])), max(0, int(low[1]))
    x2, y2 = min(WIDTH, int(high[0])), min(HEIGHT, int(high[1]))
    if x1 >= x2 or y1 >= y2:
        return
    mask = np.zeros((y2 - y1, x2 - x1), np.uint8)
    for shape in shapes:
        moved = np.clip((shape - (x1, y1)) * 16, -(2**24), 2**24).astype(np.float32)
        hull = cv2.convexHull(moved)[:, 0].astype(np.int32)
        cv2.fillConvexPoly(mask, hull, 255, cv2.LINE_8, 4)
    soft = cv2.blur(mask, (3, 3))
    kept = cv2.multiply(soft, sunlit[y1:y2, x1:x2], scale=1 / 255)
    darken(frame, np.asarray(kept, np.uint8), x1, y1, strength)
