"""People: a skeleton in three dimensions that walks, projected and drawn limb by limb.

Proportions are fractions of the body's height, after Drillis and Contini (1966) as printed in
Winter, "Biomechanics and Motor Control of Human Movement", figure 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin
from random import Random

import numpy as np

from agents.capture.simulator.canvas import Canvas, Colour, tint
from agents.capture.simulator.lens import Floats, Lens

__all__ = ["Person", "Pose", "draw_person", "dress", "person_joints"]

_TOPS: tuple[Colour, ...] = (
    (40, 38, 42), (110, 62, 40), (52, 48, 150), (150, 150, 155), (70, 90, 60), (205, 205, 200),
    (120, 100, 70), (60, 60, 66), (70, 120, 170), (95, 45, 90), (30, 95, 160), (160, 110, 60),
)  # fmt: skip
_TROUSERS: tuple[Colour, ...] = (
    (44, 40, 38), (96, 66, 48), (74, 72, 74), (110, 140, 160), (60, 50, 45), (130, 120, 112),
)  # fmt: skip
_SKIN: tuple[Colour, ...] = (
    (150, 178, 222), (120, 150, 200), (84, 116, 168), (52, 76, 120), (40, 56, 88),
)  # fmt: skip
_HAIR: tuple[Colour, ...] = (
    (24, 26, 30), (36, 48, 66), (60, 90, 120), (110, 150, 180), (140, 140, 140),
)  # fmt: skip
_VEST: Colour = (40, 235, 215)

_THIGH, _SHIN, _UPPER_ARM, _FOREARM = 0.245, 0.246, 0.186, 0.165
STRIDE = 0.82
"""One cycle of two steps, in body heights."""


@dataclass(frozen=True)
class Person:
    """What somebody looks like. `height` in metres, `build` about 1."""

    height: float
    build: float
    top: Colour
    trousers: Colour
    skin: Colour
    hair: Colour
    shoes: Colour
    coat: bool = False
    vest: bool = False
    bag: bool = False


@dataclass(frozen=True)
class Pose:
    """Where somebody is and how far into a stride.

    x, y: metres on the ground. heading: radians, 0 along X. travelled: metres walked so far.
    speed: metres a second. idle: seconds, for what a body does while it stands.
    """

    x: float
    y: float
    heading: float
    travelled: float
    speed: float
    idle: float


def dress(dice: Random, *, vest_chance: float = 0.1) -> Person:
    """Somebody, by chance."""

    def one(colours: tuple[Colour, ...]) -> Colour:
        return tint(colours[int(dice.random() * len(colours))], 0.85 + 0.3 * dice.random())

    return Person(
        height=1.58 + 0.3 * dice.random(),
        build=0.9 + 0.3 * dice.random(),
        top=one(_TOPS),
        trousers=one(_TROUSERS),
        skin=one(_SKIN),
        hair=one(_HAIR),
        shoes=(30, 30, 34) if dice.random() < 0.8 else (200, 200, 205),
        coat=dice.random() < 0.2,
        vest=dice.random() < vest_chance,
        bag=dice.random() < 0.25,
    )


@lru_cache(maxsize=128)
def person_joints(person: Person, pose: Pose) -> Floats:
    """(18, 3) world points in metres, read-only.

    0 pelvis, 1 neck, 2 head, 3 crown, then left and right in turn: 4 hips, 6 knees, 8 ankles,
    10 toes, 12 shoulders, 14 elbows, 16 hands.
    """
    tall = person.height
    phase = 2.0 * pi * pose.travelled / (STRIDE * tall)
    effort = min(1.0, pose.speed / 1.1)
    sway = 0.02 * sin(pose.idle * 0.9) * (1.0 - effort)
    lean = 0.06 * effort
    # Rows of (ahead, left, up), in body heights from the pelvis.
    body = [(0.0, 0.0, 0.0)] * 18
    body[1] = (lean * 0.5, sway, 0.30)
    body[2] = (lean * 0.6 + 0.01, sway, 0.365)
    body[3] = (lean * 0.6, sway, 0.405)
    for side, sign in ((0, 1.0), (1, -1.0)):
        swing = phase + (0.0 if side == 0 else pi)
        thigh = 0.46 * effort * sin(swing)
        # The knee bends while the leg swings forward, that is while its angle grows.
        knee = thigh - effort * (0.12 + 0.85 * max(0.0, cos(swing)) ** 1.5)
        hip = 0.052 * sign
        knee_at = _THIGH * sin(thigh), -_THIGH * cos(thigh)
        ankle_at = knee_at[0] + _SHIN * sin(knee), knee_at[1] - _SHIN * cos(knee)
        body[4 + side] = (0.0, hip, 0.0)
        body[6 + side] = (knee_at[0], hip, knee_at[1])
        body[8 + side] = (ankle_at[0], hip, ankle_at[1])
        body[10 + side] = (ankle_at[0] + 0.085, hip, ankle_at[1] - 0.028)
        arm = -0.5 * effort * sin(swing) + 0.04
        fore = arm + 0.25 + 0.2 * effort
        shoulder = sway + 0.108 * sign * person.build
        elbow = lean * 0.5 + _UPPER_ARM * sin(arm), 0.278 - _UPPER_ARM * cos(arm)
        out = shoulder + 0.02 * sign
        body[12 + side] = (lean * 0.5, shoulder, 0.278)
        body[14 + side] = (elbow[0], out, elbow[1])
        body[16 + side] = (elbow[0] + _FOREARM * sin(fore), out, elbow[1] - _FOREARM * cos(fore))
    lowest = min(body[index][2] for index in (8, 9, 10, 11)) - 0.018
    east, north = cos(pose.heading), sin(pose.heading)
    turn = np.array(((east, north, 0.0), (-north, east, 0.0), (0.0, 0.0, 1.0))) * tall
    placed: Floats = np.array(body) @ turn + (pose.x, pose.y, -lowest * tall)
    placed.flags.writeable = False
    return placed


def person_radii(person: Person) -> Floats:
    """(18,) metres: how thick the body is at each joint."""
    radii = np.array(
        [
            *(0.075, 0.04, 0.058, 0.05),
            *(0.058, 0.058, 0.038, 0.038, 0.025, 0.025, 0.018, 0.018),
            *(0.042, 0.042, 0.028, 0.028, 0.022, 0.022),
        ]
    )
    radii[[0, 4, 5, 12, 13, 14, 15]] *= person.build
    return np.asarray(radii * person.height, np.float64)


_ARM = ((16, 16, "skin"), (14, 16, "top"), (12, 14, "top"))
_LEG = ((8, 10, "shoes"), (6, 8, "trousers"), (4, 6, "trousers"))
_RING = np.linspace(0.0, 2.0 * pi, 9)[:-1]
_CIRCLE: Floats = np.column_stack((np.cos(_RING), np.sin(_RING)))


def draw_person(
    canvas: Canvas, lens: Lens, person: Person, pose: Pose, gain: Colour, lit: float
) -> None:
    """Draw somebody.

    gain: the light at their feet, by colour channel, 1 in full light. lit: how much brighter the
    side towards the light is, -1..1, positive to the right of the picture.
    """
    joints, depth = lens.project(person_joints(person, pose))
    body = _Body(canvas, person, joints, person_radii(person) * lens.focal / depth, gain, lit)
    near = 0 if depth[12] < depth[13] else 1
    far = 1 - near
    body.limbs(
        [(a + far, b + far, part, 0.8) for a, b, part in (*_ARM, *_LEG)]
        + [(a + near, b + near, part, 1.0) for a, b, part in _LEG]
    )
    body.torso()
    away = sin(pose.heading) > 0.3
    body.limbs([(1, 2, "skin", 0.9), (2, 3, "hair" if away else "skin", 1.0)])
    body.crown(0.0 if away else 0.18)
    body.limbs([(a + near, b + near, part, 1.0) for a, b, part in _ARM])


@dataclass(frozen=True)
class _Body:
    """Somebody being drawn. joints: (18, 2) pixels, thick: (18,) pixels."""

    canvas: Canvas
    person: Person
    joints: Floats
    thick: Floats
    gain: Colour
    lit: float

    def shade(self, colour: Colour, factor: float) -> Colour:
        blue, green, red = self.gain
        return tint((colour[0] * blue, colour[1] * green, colour[2] * red), factor)

    def limbs(self, which: list[tuple[int, int, str, float]]) -> None:
        """Each limb twice: dark and whole, then its lit side."""
        ends = np.array([limb[:2] for limb in which for _ in range(2)])
        bright = np.tile((0.0, 1.0), len(which))
        thick = self.thick[ends]
        shift = (bright[:, None] * np.array((0.3 * self.lit, -0.08)))[:, None] * thick[..., None]
        points = self.joints[ends] + shift
        colours = [
            self.shade(getattr(self.person, part), factor * back)
            for _, _, part, back in which
            for factor in (0.72, 1.0)
        ]
        size = (1.0 - 0.34 * bright) * thick.T
        self.canvas.tubes(points[:, 0], points[:, 1], size, colours)

    def torso(self) -> None:
        person, joints, thick = self.person, self.joints, self.thick
        corners = [12, 13, 4, 5, 0, 6, 7] if person.coat else [12, 13, 4, 5, 0]
        self._hull(1.0, 0.0, corners, self.shade(person.top, 0.74))
        self._hull(0.8, 0.32 * self.lit, corners, self.shade(person.top, 1.0))
        if person.vest:
            self._hull(0.9, 0.1 * self.lit, [12, 13, 0], self.shade(_VEST, 0.95))
            waist = (joints[[4, 5]] + joints[[12, 13]]) / 2
            self._tube(waist[0], waist[1], 0.2, 0.2, self.shade((200, 215, 215), 1.1))
        if person.bag:
            aside = np.array((-0.54 * self.lit * thick[0], 0.0))
            high = joints[1] * 0.55 + joints[0] * 0.45 + aside
            low = joints[0] * 0.7 + joints[1] * 0.3 + aside
            self._tube(high, low, 0.8, 0.75, self.shade((52, 50, 58), 0.9))

    def crown(self, narrow: float) -> None:
        """The hair."""
        top = self.joints[3] + (self.joints[3] - self.joints[2]) * 0.35
        low = self.joints[3] * 0.6 + self.joints[2] * 0.4
        size = self.thick[3] / self.thick[0]
        colour = self.shade(self.person.hair, 0.9)
        self._tube(top, low, 0.85 * size, (1.0 - narrow) * size, colour)

    def _hull(self, size: float, aside: float, which: list[int], colour: Colour) -> None:
        thick = self.thick[which][:, None, None]
        moved = self.joints[which][:, None] + np.array((aside, 0.0)) * thick
        self.canvas.hull((moved + _CIRCLE * (thick * size)).reshape(-1, 2), colour)

    def _tube(self, a: Floats, b: Floats, from_: float, to: float, colour: Colour) -> None:
        """From a to b; the radii in those of the pelvis."""
        ends = np.array(((from_,), (to,))) * self.thick[0]
        self.canvas.tubes(a[None], b[None], ends, [colour])
