"""Cats and dogs, limb by limb as people are."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin
from random import Random

import numpy as np

from agents.capture.simulator.canvas import Canvas, Colour, tint
from agents.capture.simulator.lens import Floats, Lens
from agents.capture.simulator.people import Pose

__all__ = ["Animal", "adopt", "animal_joints", "draw_animal"]

_FUR: tuple[Colour, ...] = (
    (60, 90, 150), (48, 52, 60), (150, 150, 150), (70, 100, 130), (34, 34, 36),
)  # fmt: skip


@dataclass(frozen=True)
class Animal:
    """label: its COCO name. length: metres from the chest to the rump."""

    label: str
    length: float
    fur: Colour


def adopt(dice: Random) -> Animal:
    """An animal, by chance."""
    label = "cat" if dice.random() < 0.5 else "dog"
    length = (0.34 if label == "cat" else 0.62) * (0.9 + 0.25 * dice.random())
    return Animal(label, length, _FUR[int(dice.random() * len(_FUR))])


def animal_joints(animal: Animal, pose: Pose) -> tuple[Floats, Floats]:
    """(14, 3) world points and (14,) radii, in metres.

    0 rump, 1 chest, 2 head, 3 nose, 4 and 5 the tail; then for each of four legs the knee and
    the paw.
    """
    long = animal.length
    phase = 2.0 * pi * pose.travelled / (1.5 * long)
    effort = min(1.0, pose.speed / 0.7)
    ahead = np.array((cos(pose.heading), sin(pose.heading), 0.0))
    left = np.array((-ahead[1], ahead[0], 0.0))
    up = np.array((0.0, 0.0, 1.0))
    points = np.zeros((14, 3))
    points[0] = -0.5 * ahead
    points[1] = 0.5 * ahead
    points[2] = 0.78 * ahead + 0.22 * up
    points[3] = 0.98 * ahead + 0.16 * up
    points[4] = -0.62 * ahead + 0.1 * up
    points[5] = -0.95 * ahead + (0.35 + 0.08 * sin(phase * 0.5)) * up + 0.1 * sin(phase) * left
    for leg in range(4):
        root = points[0 if leg < 2 else 1] + left * (0.12 if leg % 2 == 0 else -0.12)
        swing = 0.5 * effort * sin(phase + (0.0 if leg in (0, 3) else pi))
        points[6 + 2 * leg] = root + 0.3 * (ahead * sin(swing) - up * cos(swing))
        points[7 + 2 * leg] = points[6 + 2 * leg] + 0.32 * (
            ahead * sin(swing * 0.4) - up * cos(swing * 0.4)
        )
    points[:, 2] -= points[7::2, 2].min() - 0.03
    radii = np.array((0.16, 0.18, 0.12, 0.07, 0.05, 0.03) + (0.07, 0.04) * 4)
    return np.asarray(points * long + (pose.x, pose.y, 0.0), np.float64), radii * long


def draw_animal(
    canvas: Canvas, lens: Lens, animal: Animal, pose: Pose, gain: Colour, lit: float
) -> None:
    """Draw an animal; `gain` and `lit` as for a person."""
    joints, radii = animal_joints(animal, pose)
    pixels, depth = lens.project(joints)
    thick = radii * lens.focal / depth
    fur = (animal.fur[0] * gain[0], animal.fur[1] * gain[1], animal.fur[2] * gain[2])

    bones = [(4, 5, 0.8), (0, 4, 0.8)]
    for leg in (1, 3, 0, 2):
        bones += [(0 if leg < 2 else 1, 6 + 2 * leg, 0.7), (6 + 2 * leg, 7 + 2 * leg, 0.7)]
    bones += [(0, 1, 0.8), (1, 2, 0.85), (2, 3, 0.9)]
    ends = np.array([bone[:2] for bone in bones])
    colours = [tint(fur, bone[2]) for bone in bones]
    canvas.tubes(pixels[ends[:, 0]], pixels[ends[:, 1]], thick[ends.T], colours)
    back = pixels[:2] + np.array((0.25 * lit, -0.3)) * thick[:2, None]
    canvas.tubes(back[:1], back[1:], thick[:2, None] * 0.6, [tint(fur, 1.05)])
