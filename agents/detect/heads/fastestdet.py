"""FastestDet: one map [1, 5 + C, rows, columns], anchor-free."""

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
)

__all__ = ["FastestDetHead"]


class FastestDetHead(HeadSpec, frozen=True, kw_only=True, tag="fastestdet"):
    """Objectness, offset, size and class probabilities per cell.

    The formula and its exponents are those of `example/onnx-runtime/runtime.py` of
    github.com/dog-qiuqiu/FastestDet: score = objectness^0.6 * class^0.4; the centre is the cell
    plus tanh of the offset, the size is a sigmoid of the whole picture.
    """

    output: str | None = None

    def check(self, shapes: Shapes, classes: int, size: tuple[int, int]) -> None:
        """Raises HeadError unless the output is [?, 5 + C, rows, columns]."""
        expected = (None, 5 + classes, None, None)
        found = one_shape(shapes, self.output)
        if not fits(found, expected):
            raise HeadError(f"output {shape_text(found)}, expected {shape_text(expected)}")

    def decode(self, raw: Raw, size: tuple[int, int], threshold: float) -> Detections:
        """Boxes in pixels of the input; size: its width and height."""
        cells = output(raw, self.output)
        rows, columns = cells.shape[1:]
        flat = cells.reshape(len(cells), -1)
        # No class exceeds 1, so objectness^0.6 bounds the score.
        likely = np.flatnonzero(flat[0] >= threshold ** (1 / 0.6))
        found = flat[:, likely]
        classes = found[5:].argmax(axis=0)
        best = found[5 + classes, np.arange(len(likely))]
        scores = np.maximum(found[0], 0) ** 0.6 * np.maximum(best, 0) ** 0.4
        good = scores >= threshold
        found, likely = found[:, good], likely[good]
        width, height = size
        cx = (likely % columns + np.tanh(found[1])) * (width / columns)
        cy = (likely // columns + np.tanh(found[2])) * (height / rows)
        boxes = corners(cx, cy, sigmoid(found[3]) * width, sigmoid(found[4]) * height)
        return pick(boxes, scores[good], classes[good])
