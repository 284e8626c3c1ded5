"""People in a blob: two who walk side by side are one blob, and OpenCV's detector can tell."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from agents.detect.boxes import Detections, suppress
from agents.detect.picture import Picture

__all__ = ["may_be_several", "split"]

Rect = tuple[int, int, int, int]

PERSON = 96
"""Pixels that a person is high in the detector's window of 64 x 128 (Dalal and Triggs 2005)."""

LEAST = 40
"""Pixels below which a blob is too small for gradients to tell anything."""

WIDE = 0.7
"""Width over height of a blob from which it may be two people beside one another."""

LONG = 3.0
"""... and above which it is a vehicle, or a crowd that this detector does not resolve."""

CERTAIN = 0.25
"""Distance from the separating plane; at 0 grass and fences are people, too."""
MARGIN = 16


@lru_cache(maxsize=1)
def _detector() -> Any:
    """OpenCV's own people detector; its weights are in the library, so it needs no file."""
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))
    return hog


def may_be_several(box: Rect) -> bool:
    """Whether a blob's box, in pixels of the picture, is worth a look."""
    width, height = box[2] - box[0], box[3] - box[1]
    return height >= LEAST and WIDE * height <= width <= LONG * height


def split(image: Picture, box: Rect) -> list[Rect]:
    """The people in a blob, in pixels of the picture, where there are at least two; else none."""
    x1, y1, x2, y2 = box
    scale = PERSON / (y2 - y1)
    margin = round(MARGIN / scale) + 1
    height, width = image.shape[:2]
    left, top = max(0, x1 - margin), max(0, y1 - margin)
    crop = image[top : min(height, y2 + margin), left : min(width, x2 + margin)]
    size = (max(64, round(crop.shape[1] * scale)), max(128, round(crop.shape[0] * scale)))
    found, weights = _detector().detectMultiScale(
        cv2.resize(crop, size), hitThreshold=CERTAIN, winStride=(8, 8), scale=1.1, groupThreshold=0
    )
    if len(found) < 2:
        return []
    rects = np.asarray(found, np.float32)
    # A window has a quarter of its width and an eighth of its height around the person.
    inner = np.stack(
        (
            rects[:, 0] + rects[:, 2] * 0.25,
            rects[:, 1] + rects[:, 3] * 0.1,
            rects[:, 0] + rects[:, 2] * 0.75,
            rects[:, 1] + rects[:, 3] * 0.9,
        ),
        axis=1,
    )
    people = suppress(
        Detections(
            inner, np.asarray(weights, np.float32).reshape(-1), np.zeros(len(inner), np.int64)
        ),
        iou=0.2,
    )
    if len(people) < 2:
        return []
    centres = np.sort(people.boxes[:, 0] + people.boxes[:, 2]) / 2
    across = (min(width, x2 + margin) - left) / size[0]
    cuts = [left + round(float(cut) * across) for cut in (centres[:-1] + centres[1:]) / 2]
    edges = [x1, *[cut for cut in cuts if x1 < cut < x2], x2]
    return [(a, y1, b, y2) for a, b in pairwise(edges)]
