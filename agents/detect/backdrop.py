"""The background of a camera: what is there when nobody is, learnt by elapsed time."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agents.detect.blobs import Blob, Mask
from agents.detect.picture import Picture

__all__ = ["Backdrop", "strongest"]

Plane = NDArray[np.float32]

LIGHT = 8.0
"""Seconds in which the background follows the light. Clouds take longer, exposure is a gain."""

NOISE = 12.0
"""Seconds in which a pixel's unrest is learnt: leaves, water, flicker."""

LEAST, MOST = 16.0, 70.0
"""Grey levels by which a quiet and the most restless pixel has to differ."""

DEVIATIONS = 4.0
"""... and in between this many mean absolute deviations of the pixel (3.2 sigma of Gaussian)."""

SHADE = (0.4, 0.95)
"""A cast shadow leaves this share of the light (Prati et al. 2003, table of alpha and beta)."""

TINT = 0.035
"""How far the share of a colour channel may be off in a shadow: it has the ground's own colour."""

GHOST = 0.6
"""A ghost's outline has at most this share of its edges left in the picture."""

GAIN = (0.5, 2.0)


class Backdrop:
    """Mean and unrest of each pixel; (H, W, 3) float32 and (H, W) float32, grey levels."""

    def __init__(self, small: Picture) -> None:
        self._mean: Plane = small.astype(np.float32)
        self._unrest: Plane = np.full(small.shape[:2], LEAST / DEVIATIONS, np.float32)
        self._distance: Plane = np.zeros(small.shape[:2], np.float32)
        self._gain = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the pictures that it is for."""
        return self._mean.shape

    def differences(self, small: Picture) -> Mask:
        """Where a picture differs from the background, whatever the exposure."""
        self._gain = self._exposure(small)
        expected = self._mean * np.float32(self._gain)
        distance = cv2.absdiff(small.astype(np.float32), expected)
        self._distance = np.asarray(cv2.GaussianBlur(strongest(distance), (3, 3), 0), np.float32)
        limit = np.clip(self._unrest * np.float32(DEVIATIONS), LEAST, MOST)
        return np.asarray(cv2.compare(self._distance, limit, cv2.CMP_GT), np.uint8)

    def _exposure(self, small: Picture) -> float:
        """How much brighter the picture is than the background; the median ignores objects."""
        now = _sum(small[::4, ::4].astype(np.float32))
        then = _sum(self._mean[::4, ::4])
        bright = then > 60
        if np.count_nonzero(bright) < bright.size // 10:
            return 1.0
        gain = float(np.median(now[bright] / then[bright]))
        return min(max(gain, GAIN[0]), GAIN[1])

    def shadows(self, small: Picture, moved: Mask) -> Mask:
        """Which of the pixels that moved look like the background with less light on it."""
        rows, columns = np.nonzero(moved)
        now = small[rows, columns].astype(np.float32)
        then = self._mean[rows, columns] * np.float32(self._gain)
        light, light_then = _sum(now) + 1, _sum(then) + 1
        share = light / light_then
        tint = np.abs(now / light[:, None] - then / light_then[:, None])
        worst = np.maximum(np.maximum(tint[:, 0], tint[:, 1]), tint[:, 2])
        shade = (share > SHADE[0]) & (share < SHADE[1]) & (worst < TINT)
        shadow = np.zeros_like(moved)
        shadow[rows[shade], columns[shade]] = 255
        return shadow

    def learn(self, small: Picture, held: Mask, moved: Mask, dt: float) -> None:
        """Follows the picture, except under `held`: objects that are still followed."""
        free = cv2.bitwise_not(cv2.dilate(held, np.ones((5, 5), np.uint8)))
        cv2.accumulateWeighted(small, self._mean, _rate(dt, LIGHT), free)
        unrest = np.minimum(self._distance, MOST)
        cv2.accumulateWeighted(unrest, self._unrest, _rate(dt, NOISE), free)

    def replace(self, small: Picture, blob: Blob) -> None:
        """Takes what is under a blob, and a little around it, for background."""
        x1, y1, x2, y2 = blob.box
        where = blob.mask > 0
        self._mean[y1:y2, x1:x2][where] = small[y1:y2, x1:x2][where]
        self._unrest[y1:y2, x1:x2][where] = LEAST / DEVIATIONS

    def patch(self, blob: Blob) -> Plane:
        """(h, w, 3) float32: the background within a blob's box."""
        x1, y1, x2, y2 = blob.box
        return self._mean[y1:y2, x1:x2].copy()

    def restore(self, blob: Blob, patch: Plane) -> None:
        """Puts a patch back under a blob."""
        x1, y1, x2, y2 = blob.box
        where = blob.mask > 0
        self._mean[y1:y2, x1:x2][where] = patch[where]

    def is_ghost(self, small: Picture, blob: Blob) -> bool:
        """Whether a blob is the place that something left.

        An object's outline is an edge in the picture and none in the background; a ghost's is the
        other way round.
        """
        x1, y1, x2, y2 = blob.box
        height, width = self._mean.shape[:2]
        top, left = max(0, y1 - 3), max(0, x1 - 3)
        bottom, right = min(height, y2 + 3), min(width, x2 + 3)
        mask = np.zeros((bottom - top, right - left), np.uint8)
        mask[y1 - top : y2 - top, x1 - left : x2 - left] = blob.mask
        # Two pixels to either side: the blob is a little larger than what made it.
        outline = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
        now = _edges(small[top:bottom, left:right].astype(np.float32))
        then = _edges(self._mean[top:bottom, left:right])
        return float(now[outline].sum()) < GHOST * float(then[outline].sum())


def strongest(plane: NDArray[Any]) -> NDArray[Any]:
    """(H, W, 3) to (H, W): the greatest channel. NumPy's max over a short axis takes ten times
    as long."""
    blue, green, red = cv2.split(plane)
    return np.asarray(cv2.max(cv2.max(blue, green), red))


def _sum(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Over the last axis of length 3, without NumPy's slow reduction of short axes."""
    total: NDArray[np.float32] = values[..., 0] + values[..., 1] + values[..., 2]
    return total


def _edges(patch: Plane) -> Plane:
    """In any channel: red on green may be the same grey."""
    across = np.abs(cv2.Sobel(patch, cv2.CV_32F, 1, 0))
    down = np.abs(cv2.Sobel(patch, cv2.CV_32F, 0, 1))
    return strongest(across + down)


def _rate(dt: float, constant: float) -> float:
    """The share of a step of dt seconds in an exponential average of that time constant."""
    return 1.0 - math.exp(-dt / constant)
