"""Detections as arrays, and the geometry of boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Boxes", "Detections", "Ints", "Scores", "iou_matrix", "suppress"]

Boxes: TypeAlias = NDArray[np.float32]
"""(N, 4) float32, x1 y1 x2 y2."""
Scores: TypeAlias = NDArray[np.float32]
"""(N,) float32, 0..1."""
Ints: TypeAlias = NDArray[np.int64]
"""(N,) int64."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What a detector saw in one picture, best score first.

    boxes: (N, 4) float32, xyxy, 0..1 of the picture's width and height. scores: (N,) float32.
    classes: (N,) int64, indices into the model's class names; -1 where the detector has none.
    """

    boxes: Boxes
    scores: Scores
    classes: Ints

    def __len__(self) -> int:
        return len(self.scores)

    @staticmethod
    def none() -> Detections:
        """No detections at all."""
        return Detections(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)
        )

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Detections:
        """Those that a mask or an index array names, in its order."""
        return Detections(self.boxes[which], self.scores[which], self.classes[which])


def iou_matrix(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Intersection over union of every box of a (N, 4) with every box of b (M, 4): (N, M)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a = np.prod(a[:, 2:] - a[:, :2], axis=1)
    area_b = np.prod(b[:, 2:] - b[:, :2], axis=1)
    union = area_a[:, None] + area_b[None, :] - overlap
    result: NDArray[np.float32] = (overlap / np.maximum(union, 1e-12)).astype(np.float32)
    return result


def suppress(detections: Detections, iou: float, most: int = 300) -> Detections:
    """Non-maximum suppression within each class; the best `most` that remain, best first.

    iou: boxes of one class that overlap more than this count as one. Boxes may be in any unit.
    """
    if len(detections) == 0:
        return detections
    order = np.argsort(-detections.scores, kind="stable")
    if len(order) == 1:
        return detections
    best = detections.take(order)
    # OpenCV takes x, y, w, h and separates the classes by moving them apart.
    xywh = best.boxes.copy()
    xywh[:, 2:] -= xywh[:, :2]
    classes: Any = best.classes.astype(np.int32)
    rects: Any = xywh
    scores: Any = best.scores
    kept = cv2.dnn.NMSBoxesBatched(rects, scores, classes, 0.0, iou)
    index = np.sort(np.asarray(kept, dtype=np.intp).reshape(-1))[:most]
    return best.take(index)
