"""YOLOv5 and YOLOv8 style outputs: boxes decoded in the network, centre and size in pixels."""

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

__all__ = ["YoloV5Head", "YoloV8Head"]


class YoloV5Head(HeadSpec, frozen=True, kw_only=True, tag="yolov5"):
    """[1, N, 5 + C]: cx cy w h objectness and class probabilities, as YOLOv5 and v7 export them.

    normalised: boxes are in 0..1 of the input rather than in pixels.
    """

    normalised: bool = False
    output: str | None = None

    def check(self, shapes: Shapes, classes: int, size: tuple[int, int]) -> None:
        """Raises HeadError unless the output is [?, N, 5 + C]."""
        expected = (None, None, 5 + classes)
        found = one_shape(shapes, self.output)
        if not fits(found, expected):
            raise HeadError(f"output {shape_text(found)}, expected {shape_text(expected)}")

    def decode(self, raw: Raw, size: tuple[int, int], threshold: float) -> Detections:
        """Boxes in pixels of the input; size: its width and height."""
        rows = output(raw, self.output)
        rows = rows[rows[:, 4] >= threshold]
        classes = rows[:, 5:].argmax(axis=1) if len(rows) else np.zeros(0, np.int64)
        scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + classes]
        good = scores >= threshold
        rows = rows[good]
        boxes = corners(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3])
        if self.normalised:
            boxes = boxes * np.array([*size, *size], np.float32)
        return pick(boxes, scores[good], classes[good])


class YoloV8Head(HeadSpec, frozen=True, kw_only=True, tag="yolov8"):
    """[1, 4 + C, N]: cx cy w h and class probabilities, no objectness: YOLOv8, v9, v11.

    logits: the class scores are before the sigmoid. normalised: boxes in 0..1 of the input.
    """

    logits: bool = False
    normalised: bool = False
    output: str | None = None

    def check(self, shapes: Shapes, classes: int, size: tuple[int, int]) -> None:
        """Raises HeadError unless the output is [?, 4 + C, N]."""
        expected = (None, 4 + classes, None)
        found = one_shape(shapes, self.output)
        if not fits(found, expected):
            raise HeadError(f"output {shape_text(found)}, expected {shape_text(expected)}")

    def decode(self, raw: Raw, size: tuple[int, int], threshold: float) -> Detections:
        """Boxes in pixels of the input; size: its width and height."""
        columns = output(raw, self.output)
        best = columns[4:].max(axis=0)
        if self.logits:
            best = sigmoid(best)
        good = np.flatnonzero(best >= threshold)
        classes = columns[4:, good].argmax(axis=0)
        cx, cy, w, h = columns[:4, good]
        boxes = corners(cx, cy, w, h)
        if self.normalised:
            boxes = boxes * np.array([*size, *size], np.float32)
        return pick(boxes, best[good], classes)
