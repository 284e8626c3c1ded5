"""Trees and bushes: crowns of leaves that sway about their foot."""

from __future__ import annotations

from dataclasses import dataclass
from math import sin

import cv2
import numpy as np

from agents.capture.simulator.canvas import Bytes, Canvas, Sprite, tint
from agents.capture.simulator.dice import dice, wave
from agents.capture.simulator.layout import Layout, Place, Tree
from agents.capture.simulator.occlusion import Occluder

__all__ = ["Foliage", "grow"]


@dataclass(frozen=True)
class Foliage:
    """A plant. sprite: as it stands without wind. at: its foot on the ground. number: its own."""

    sprite: Sprite
    at: Place
    number: int

    @property
    def occluder(self) -> Occluder:
        """The plant as something that hides what is behind it."""
        x, y = self.at
        return Occluder(self.sprite.x, self.sprite.y, self.sprite.alpha, ((x, y), (x - y, y + x)))

    def swayed(self, seconds: float, wind: float, pixels: Bytes) -> Sprite:
        """The plant in `wind` (0 calm, 1 a breeze, 3 a storm); `pixels` is its picture, lit."""
        height, width = pixels.shape[:2]
        gust = 0.5 + 0.5 * wave(seconds, 5.0, "gust", self.number % 3)
        beat = sin(seconds * (2.1 + 0.3 * (self.number % 4)) + self.number * 1.7)
        lean = wind * height * (0.004 + 0.010 * gust) * (0.4 + beat)
        flutter = wind * 0.25 * sin(seconds * 5.3 + self.number)
        matrix = np.array([(1.0, -lean / height, lean), (0.0, 1.0 - flutter / height, flutter)])
        moved = cv2.warpAffine(pixels, matrix, (width, height))
        return Sprite(self.sprite.x, self.sprite.y, np.asarray(moved, np.uint8))


def grow(
    layout: Layout, seed: int, sun: tuple[float, float, float], *, sunny: bool
) -> tuple[Foliage, ...]:
    """All plants of `layout`, the farthest first."""
    plants = []
    trees = sorted(layout.trees, key=lambda tree: -(tree.at[0] ** 2 + tree.at[1] ** 2))
    for number, tree in enumerate(trees):
        sprite = _plant(layout, tree, seed, number, sun[0] if sunny else 0.0)
        if sprite.pixels.size:
            plants.append(Foliage(sprite, tree.at, number))
    return tuple(plants)


def _plant(layout: Layout, tree: Tree, seed: int, number: int, side: float) -> Sprite:
    chance = dice("tree", seed, layout.camera_id, number)
    x, y = tree.at
    crown = (tree.height + tree.trunk) / 2
    points, depth = layout.lens.project(
        [(x, y, 0.0), (x, y, tree.trunk + 0.4), (x, y, crown), (x, y, tree.height)]
    )
    metre = layout.lens.focal / float(depth[2])
    wide, tall = tree.spread / 2 * metre, (tree.height - tree.trunk) / 2 * metre
    centre = points[2]
    low = max(points[0][1], centre[1] + tall) + 2
    canvas = Canvas((centre[0] - wide - 8, centre[1] - tall - 5, centre[0] + wide + 8, low))
    if tree.trunk:
        thick = 0.14 * metre
        ends = np.array(((thick,), (thick * 0.7,)))
        canvas.tubes(points[:1], points[1:2], ends, [(48, 62, 74)])
    green = (40 + 22 * chance.random(), 92 + 30 * chance.random(), 62 + 40 * chance.random())
    haze = min(0.5, float(depth[2]) / 140.0)
    leaf = max(1.3, 0.11 * metre)
    count = int(min(1400, 3.2 * wide * tall / leaf**2)) + 60
    for index in range(count):
        # The back is laid first and dark, the front last and bright.
        front = index / count
        turn, far = 6.2832 * chance.random(), chance.random() ** 0.5
        ragged = 0.86 + 0.14 * sin(turn * 5 + number) * sin(turn * 3.0 + 1.0)
        dx, dy = far * ragged * np.cos(turn), far * ragged * np.sin(turn)
        bright = 0.42 + 0.42 * front - 0.34 * dy + 0.22 * side * dx
        bright *= 0.8 + 0.4 * chance.random()
        colour = tint(green, max(0.25, bright))
        hazy = (
            colour[0] * (1 - haze) + 190 * haze,
            colour[1] * (1 - haze) + 190 * haze,
            colour[2] * (1 - haze) + 184 * haze,
        )
        spot = np.array((centre[0] + dx * wide, centre[1] + dy * tall))
        canvas.disc(spot, leaf * (0.6 + 0.8 * chance.random()), hazy)
    return canvas.sprite()
