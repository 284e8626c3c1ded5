"""RT-DETR and other DETR heads: a fixed number of queries, no suppression needed."""

from __future__ import annotations

import numpy as np

from agents.detect.boxes import Detections
from agents.detect.heads.base import (
    HeadError,
    HeadSpec,
    Raw,
    Shapes,
    corners,
    fits,
    one_shape,
    output,
    pick,
    shape_text,
    sigmoid,
    softmax,
)

__all__ = ["RtDetrHead"]


class RtDetrHead(HeadSpec, frozen=True, kw_only=True, tag="rtdetr"):
    """Logits [1, Q, C] and boxes [1, Q, 4], cx cy w h in 0..1 (arXiv 2304.08069).

    activation: `sigmoid` (RT-DETR), `softmax` (DETR, whose last class is "nothing" and is left
    out), or `none` where the export did it already. logits, boxes: the outputs' names.
    """

    logits: str = "pred_logits"
    boxes: str = "pred_boxes"
    activation: str = "sigmoid"

    def __post_init__(self) -> None:
        if self.activation not in ("sigmoid", "softmax", "none"):
            raise ValueError(f"activation {self.activation!r} is none of sigmoid, softmax, none")

    def check(self, shapes: Shapes, classes: int, size: tuple[int, int]) -> None:
        """Raises HeadError unless both outputs are there with C classes and 4 numbers a box."""
        columns = classes + 1 if self.activation == "softmax" else classes
        for name, last in ((self.logits, columns), (self.boxes, 4)):
            found, expected = one_shape(shapes, name), (None, None, last)
            if not fits(found, expected):
                raise HeadError(
                    f"output {name!r} {shape_text(found)}, expected {shape_text(expected)}"
                )

    def decode(self, raw: Raw, size: tuple[int, int], threshold: float) -> Detections:
        """Boxes in pixels of the input; size: its width and height."""
        logits, boxes = output(raw, self.logits), output(raw, self.boxes)
        if self.activation == "sigmoid":
            logits = sigmoid(logits)
        elif self.activation == "softmax":
            logits = softmax(logits)[:, :-1]
        scores = logits.max(axis=1)
        good = np.flatnonzero(scores >= threshold)
        cx, cy, w, h = (boxes[good] * np.array([*size, *size], np.float32)).T
        return pick(corners(cx, cy, w, h), scores[good], logits[good].argmax(axis=1))
