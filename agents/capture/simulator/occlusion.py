"""What hides what: things that stand between the camera and somebody's feet."""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from agents.capture.simulator.canvas import Bytes
from agents.capture.simulator.layout import Place

__all__ = ["Occluder", "overlap", "restore"]

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True)
class Occluder:
    """Something of the backdrop that hides what is behind it.

    alpha: (h, w) uint8 at (x, y) of the frame. line: two ground points; what lies beyond the line,
    seen from the camera, is behind.
    """

    x: int
    y: int
    alpha: Bytes
    line: tuple[Place, Place]

    def hides(self, x: float, y: float) -> bool:
        """Whether feet at (x, y) on the ground are behind this."""
        (ax, ay), (bx, by) = self.line
        feet = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        camera = (by - ay) * ax - (bx - ax) * ay
        return feet * camera < 0

    @property
    def rectangle(self) -> Rectangle:
        """x1, y1, x2, y2 in pixels."""
        height, width = self.alpha.shape
        return self.x, self.y, self.x + width, self.y + height


def overlap(a: Rectangle, b: Rectangle) -> Rectangle | None:
    """The rectangle that `a` and `b` share, if any."""
    x1, y1, x2, y2 = max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def restore(frame: Bytes, base: Bytes, occluder: Occluder, where: Rectangle) -> None:
    """Put the occluder of `base` back in front of what was drawn into `frame`, in place."""
    shared = overlap(occluder.rectangle, where)
    if shared is None:
        return
    x1, y1, x2, y2 = shared
    alpha = occluder.alpha[y1 - occluder.y : y2 - occluder.y, x1 - occluder.x : x2 - occluder.x]
    front = cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR)
    spot = frame[y1:y2, x1:x2]
    behind = cv2.multiply(spot, cv2.bitwise_not(front), scale=1 / 255)
    spot[:] = cv2.add(behind, cv2.multiply(base[y1:y2, x1:x2], front, scale=1 / 255))
