"""A camera's geometry: the ground in metres on one side, pixels on the other.

World: X to the right, Y away from the camera along the ground, Z up, in metres; the camera stands
at (0, 0, height). Pixels: x to the right, y down, from the top left corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import cos, radians, sin, tan

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["HEIGHT", "WIDTH", "Floats", "Lens", "inside"]

WIDTH, HEIGHT = 640, 360
NEAREST = 0.3
"""Metres. Points nearer than this, or behind the camera, are drawn as if they were this far away:
they lie outside the picture, and a division by zero does not."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Lens:
    """A pinhole camera without distortion. Angles in degrees, `height` in metres."""

    height: float
    pitch: float
    yaw: float = 0.0
    field_of_view: float = 70.0

    @cached_property
    def focal(self) -> float:
        """Pixels."""
        return WIDTH / 2 / tan(radians(self.field_of_view / 2))

    @cached_property
    def axes(self) -> Floats:
        """(3, 3): the camera's right, up and forward directions, as rows."""
        pitch, yaw = radians(self.pitch), radians(self.yaw)
        forward = (sin(yaw) * cos(pitch), cos(yaw) * cos(pitch), -sin(pitch))
        up = (sin(yaw) * sin(pitch), cos(yaw) * sin(pitch), cos(pitch))
        return np.array([(cos(yaw), -sin(yaw), 0.0), up, forward])

    def project(self, points: npt.ArrayLike) -> tuple[Floats, Floats]:
        """World points (N, 3) -> pixels (N, 2) and depths (N,) in metres."""
        seen = (np.asarray(points, np.float64) - (0.0, 0.0, self.height)) @ self.axes.T
        depth = np.maximum(seen[:, 2], NEAREST)
        pixels = np.empty((len(seen), 2))
        pixels[:, 0] = WIDTH / 2 + self.focal * seen[:, 0] / depth
        pixels[:, 1] = HEIGHT / 2 - self.focal * seen[:, 1] / depth
        return pixels, depth

    def ground(self) -> Floats:
        """(3, 3): the homography from the ground's (X, Y) to pixels."""
        inner = np.array([(self.focal, 0, WIDTH / 2), (0, -self.focal, HEIGHT / 2), (0, 0, 1.0)])
        plane = np.column_stack((self.axes[:, 0], self.axes[:, 1], -self.height * self.axes[:, 2]))
        return inner @ plane


def inside(polygon: npt.NDArray[np.float32], x: float, y: float) -> bool:
    """Whether (x, y) lies in `polygon` (N, 2), its edge included."""
    return cv2.pointPolygonTest(polygon, (x, y), False) >= 0
