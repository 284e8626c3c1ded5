"""Small pictures with transparency, drawn larger than they are shown, so that edges are smooth."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import cv2
import numpy as np
import numpy.typing as npt

from agents.capture.simulator.lens import HEIGHT, WIDTH, Floats

__all__ = ["Bytes", "Canvas", "Colour", "Sprite", "blend", "darken", "tint"]

Bytes = npt.NDArray[np.uint8]
Colour = tuple[float, float, float]
"""Blue, green, red, 0..255."""

_SHIFT = 4
_MARGIN = 2
_TURN = np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)
_CIRCLE: Floats = np.column_stack((np.cos(_TURN), np.sin(_TURN)))


def tint(colour: Colour, gain: float) -> Colour:
    """`colour`, brighter or darker; clipped to 255."""
    return (
        min(255.0, colour[0] * gain),
        min(255.0, colour[1] * gain),
        min(255.0, colour[2] * gain),
    )


@dataclass(frozen=True)
class Sprite:
    """A picture to lay over a frame at (x, y), wholly inside it.

    pixels: (h, w, 4) uint8, blue, green, red already multiplied by alpha, and alpha.
    """

    x: int
    y: int
    pixels: Bytes

    @property
    def alpha(self) -> Bytes:
        """(h, w) uint8."""
        return self.pixels[..., 3]


class Canvas:
    """Draws in the frame's pixel coordinates into a sprite that covers `box` (x1, y1, x2, y2)."""

    def __init__(self, box: tuple[float, float, float, float]) -> None:
        self._x = max(0, floor(box[0]) - _MARGIN)
        self._y = max(0, floor(box[1]) - _MARGIN)
        width = min(WIDTH, ceil(box[2]) + _MARGIN) - self._x
        height = min(HEIGHT, ceil(box[3]) + _MARGIN) - self._y
        self.empty = width <= 0 or height <= 0
        # A large object's edge is a small part of it, and four times its pixels cost the most.
        self._scale = 1 if width * height > 30_000 else 2
        shape = (0, 0, 4) if self.empty else (height * self._scale, width * self._scale, 4)
        self._pixels: Bytes = np.zeros(shape, np.uint8)
        self._origin = np.array((self._x, self._y), np.float64)

    def polygon(self, points: Floats, colour: Colour, *, convex: bool = True) -> None:
        """Fill `points` (N, 2)."""
        if self.empty:
            return
        corners = self._fixed(points)
        paint = (*colour, 255.0)
        if convex:
            cv2.fillConvexPoly(self._pixels, corners, paint, cv2.LINE_8, _SHIFT)
        else:
            cv2.fillPoly(self._pixels, [corners], paint, cv2.LINE_8, _SHIFT)

    def tubes(self, a: Floats, b: Floats, ends: Floats, colours: list[Colour]) -> None:
        """Fill the hull of two discs, one after the other: limbs.

        a, b: (N, 2), the discs' centres. ends: (2, N), their radii in pixels.
        """
        if self.empty:
            return
        # All corners at once: a call to numpy for each limb costs more than filling it.
        around_a = a[:, None] + _CIRCLE * ends[0][:, None, None]
        around_b = b[:, None] + _CIRCLE * ends[1][:, None, None]
        for corners, colour in zip(
            self._fixed(np.concatenate((around_a, around_b), axis=1)), colours, strict=True
        ):
            hull = cv2.convexHull(corners)
            cv2.fillConvexPoly(self._pixels, hull, (*colour, 255.0), cv2.LINE_8, _SHIFT)

    def disc(self, centre: Floats, radius: float, colour: Colour) -> None:
        """Fill a disc."""
        self.polygon(centre + _CIRCLE * radius, colour)

    def hull(self, points: Floats, colour: Colour) -> None:
        """Fill the convex hull of `points` (N, 2)."""
        if not self.empty:
            hull = cv2.convexHull(self._fixed(points))
            cv2.fillConvexPoly(self._pixels, hull, (*colour, 255.0), cv2.LINE_8, _SHIFT)

    def _fixed(self, points: Floats) -> npt.NDArray[np.int32]:
        """OpenCV's fixed-point pixels of the sprite. Points that Lens.project gives cannot
        overflow: what is too near is held at a distance."""
        scaled = (points - self._origin) * (self._scale << _SHIFT)
        return scaled.astype(np.int32)

    def sprite(self, softness: float = 0.55) -> Sprite:
        """What was drawn, at the frame's size, as soft as a cheap lens makes it (sigma, pixels)."""
        pixels = self._pixels
        if not self.empty:
            if self._scale > 1:
                size = (pixels.shape[1] // self._scale, pixels.shape[0] // self._scale)
                pixels = np.asarray(
                    cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8
                )
            pixels = np.asarray(cv2.GaussianBlur(pixels, (3, 3), softness), np.uint8)
        return Sprite(self._x, self._y, pixels)


def blend(frame: Bytes, sprite: Sprite) -> None:
    """Lay `sprite` over `frame` (H, W, 3), in place."""
    height, width = sprite.pixels.shape[:2]
    if height == 0 or width == 0:
        return
    spot = frame[sprite.y : sprite.y + height, sprite.x : sprite.x + width]
    keep = cv2.cvtColor(cv2.bitwise_not(sprite.alpha), cv2.COLOR_GRAY2BGR)
    kept = cv2.multiply(spot, keep, scale=1 / 255)
    spot[:] = cv2.add(kept, cv2.cvtColor(sprite.pixels, cv2.COLOR_BGRA2BGR))


def darken(frame: Bytes, mask: Bytes, x: int, y: int, strength: float) -> None:
    """Multiply `frame` (H, W, 3) at (x, y) by 1 - strength * mask / 255, in place."""
    height, width = mask.shape
    spot = frame[y : y + height, x : x + width]
    keep = cv2.cvtColor(cv2.convertScaleAbs(mask, alpha=-strength, beta=255.0), cv2.COLOR_GRAY2BGR)
    spot[:] = cv2.multiply(spot, keep, scale=1 / 255)
