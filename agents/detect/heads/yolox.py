"""YOLOX: [1, N, 5 + C], a row a cell; boxes still relative to their cell, scores decoded."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from agents.detect.boxes import Detections
from agents.detect.heads.base import (
    Array,
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
)

__all__ = ["YoloxHead"]


@lru_cache(maxsize=16)
def _grid(width: int, height: int, strides: tuple[int, ...]) -> Array:
    """(N, 3): a cell's column, row and stride, finest stride first, row by row."""
    levels = []
    for stride in strides:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        level = np.empty((rows.size, 3), np.float32)
        level[:, 0], level[:, 1], level[:, 2] = columns.ravel(), rows.ravel(), stride
        levels.append(level)
    grid: Array = np.concatenate(levels)
    grid.flags.writeable = False
    return grid


class YoloxHead(HeadSpec, frozen=True, kw_only=True, tag="yolox"):
    """YOLOX (Ge et al. 2021, arXiv 2107.08430), as `tools/export_onnx.py` leaves it.

    decoded: exported with `--decode_in_inference`: boxes are in pixels already. output: the
    output's name where the network has several. strides: of the levels, finest first.
    """

    strides: tuple[int, ...] = (8, 16, 32)
    decoded: bool = False
    output: str | None = None

    def check(self, shapes: Shapes, classes: int, size: tuple[int, int]) -> None:
        """Raises HeadError unless the output is [?, N, 5 + C], N the cells of all strides."""
        cells = sum((size[0] // s) * (size[1] // s) for s in self.strides)
        expected = (None, cells, 5 + classes)
        found = one_shape(shapes, self.output)
        if not fits(found, expected):
            raise HeadError(f"output {shape_text(found)}, expected {shape_text(expected)}")

    def decode(self, raw: Raw, size: tuple[int, int], threshold: float) -> Detections:
        """Boxes in pixels of the input; size: its width and height."""
        rows = output(raw, self.output)
        # A score is objectness times class probability, so objectness alone rules most cells out.
        likely = np.flatnonzero(rows[:, 4] >= threshold)
        rows = rows[likely]
        classes = rows[:, 5:].argmax(axis=1) if len(rows) else np.zeros(0, np.int64)
        scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + classes]
        good = scores >= threshold
        rows, likely = rows[good], likely[good]
        if self.decoded:
            boxes = corners(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3])
        else:
            grid = _grid(*size, self.strides)[likely]
            centre = (rows[:, :2] + grid[:, :2]) * grid[:, 2:]
            # exp of a broken network's output overflows; no box is larger than 2^20 pixels.
            extent = np.exp(np.minimum(rows[:, 2:4], np.float32(14))) * grid[:, 2:]
            boxes = corners(centre[:, 0], centre[:, 1], extent[:, 0], extent[:, 1])
        return pick(boxes, scores[good], classes[good])
