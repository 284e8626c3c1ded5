"""SSD: with the suppression inside the graph (TensorFlow's four outputs), or raw with priors."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

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
    sigmoid,
    softmax,
)

__all__ = ["SsdHead", "SsdRawHead"]


class SsdHead(HeadSpec, frozen=True, kw_only=True, tag="ssd"):
    """The outputs of TensorFlow's object detection graphs: boxes are y1 x1 y2 x2 in 0..1.

    first_class: the number that the graph gives the card's first class name (TensorFlow: 1).
    count: the output that says how many rows are filled; None where there is none.
    """

    boxes: str = "detection_boxes"
    scores: str = "detection_scores"
    classes: str = "detection_classes"
    count: str | None = "num_detections"
    first_class: int = 1

    def check(self, shapes: Shapes, classes: int, size: tuple[int, int]) -> None:
        """Raises HeadError unless boxes are [?, N, 4], scores and classes [?, N]."""
        for name, expected in (
            (self.boxes, (None, None, 4)),
            (self.scores, (None, None)),
            (self.classes, (None, None)),
        ):
            found = one_shape(shapes, name)
            if not fits(found, expected):
                raise HeadError(
                    f"output {name!r} {shape_text(found)}, expected {shape_text(expected)}"
                )
        if self.count is not None:
            one_shape(shapes, self.count)

    def decode(self, raw: Raw, size: tuple[int, int], threshold: float) -> Detections:
        """Boxes in pixels of the input; size: its width and height."""
        scores = output(raw, self.scores)
        filled = len(scores)
        if self.count is not None:
            filled = min(filled, int(output(raw, self.count).reshape(-1)[0]))
        scores = scores[:filled]
        classes = output(raw, self.classes)[:filled].astype(np.int64) - self.first_class
        good = (scores >= threshold) & (classes >= 0)
        width, height = size
        scale = np.array([width, height, width, height], np.float32)
        boxes = output(raw, self.boxes)[:filled][good][:, [1, 0, 3, 2]] * scale
        return pick(boxes, scores[good], classes[good])


@lru_cache(maxsize=16)
def priors(
    maps: tuple[tuple[int, int], ...],
    min_sizes: tuple[float, ...],
    max_sizes: tuple[float, ...],
    ratios: tuple[tuple[float, ...], ...],
) -> Array:
    """(N, 4) cx cy w h in 0..1: per level and cell, as in SSD (arXiv 1512.02325, section 2.2).

    A cell has a square of the level's min size, one of sqrt(min * max), and for each ratio r two
    boxes of area min^2, r:1 and 1:r.
    """
    levels = []
    for (columns, rows), low, high, aspect in zip(maps, min_sizes, max_sizes, ratios, strict=True):
        sizes = [(low, low), (sqrt(low * high), sqrt(low * high))]
        for ratio in aspect:
            root = sqrt(ratio)
            sizes += [(low * root, low / root), (low / root, low * root)]
        y, x = np.mgrid[:rows, :columns]
        level = np.empty((rows, columns, len(sizes), 4), np.float32)
        level[..., 0] = ((x + 0.5) / columns)[..., None]
        level[..., 1] = ((y + 0.5) / rows)[..., None]
        level[..., 2:] = np.asarray(sizes, np.float32)
        levels.append(level.reshape(-1, 4))
    result: Array = np.concatenate(levels)
    result.flags.writeable = False
    return result


class SsdRawHead(HeadSpec, frozen=True, kw_only=True, tag="ssd_raw"):
    """Raw locations [1, N, 4] and class scores [1, N, 1 + C], with priors by parameters.

    maps: columns and rows of each level; min_sizes, max_sizes (0..1 of the input) and ratios per
    level, see `priors`. variances: of the centre and of the size. activation: `softmax` (the
    first class is the background), `sigmoid` (likewise) or `none`.
    """

    locations: str
    confidences: str
    maps: tuple[tuple[int, int], ...]
    min_sizes: tuple[float, ...]
    max_sizes: tuple[float, ...]
    ratios: tuple[tuple[float, ...], ...]
    variances: tuple[float, float] = (0.1, 0.2)
    activation: str = "softmax"

    def __post_init__(self) -> None:
        if self.activation not in ("sigmoid", "softmax", "none"):
            raise ValueError(f"activation {self.activation!r} is none of sigmoid, softmax, none")
        if not len(self.maps) == len(self.min_sizes) == len(self.max_sizes) == len(self.ratios):
            raise ValueError("maps, min_sizes, max_sizes and ratios need one entry a level")
        anchors = sum(
            columns * rows * (2 + 2 * len(aspect))
            for (columns, rows), aspect in zip(self.maps, self.ratios, strict=True)
        )
        if not 0 < anchors <= 100_000:
            raise ValueError(f"{anchors} priors; between 1 and 100,000 make sense")

    def check(self, shapes: Shapes, classes: int, size: tuple[int, int]) -> None:
        """Raises HeadError unless both outputs have a row a prior."""
        anchors = len(self._priors())
        for name, last in ((self.locations, 4), (self.confidences, 1 + classes)):
            found, expected = one_shape(shapes, name), (None, anchors, last)
            if not fits(found, expected):
                raise HeadError(
                    f"output {name!r} {shape_text(found)}, expected {shape_text(expected)}"
                )

    def _priors(self) -> Array:
        return priors(self.maps, self.min_sizes, self.max_sizes, self.ratios)

    def decode(self, raw: Raw, size: tuple[int, int], threshold: float) -> Detections:
        """Boxes in pixels of the input; size: its width and height."""
        scores = output(raw, self.confidences)
        if self.activation == "softmax":
            scores = softmax(scores)
        elif self.activation == "sigmoid":
            scores = sigmoid(scores)
        scores = scores[:, 1:]
        best = scores.max(axis=1)
        good = np.flatnonzero(best >= threshold)
        location, anchor = output(raw, self.locations)[good], self._priors()[good]
        centre = anchor[:, :2] + location[:, :2] * np.float32(self.variances[0]) * anchor[:, 2:]
        growth = np.minimum(location[:, 2:] * np.float32(self.variances[1]), np.float32(14))
        extent = anchor[:, 2:] * np.exp(growth)
        scale = np.array(size, np.float32)
        centre, extent = centre * scale, extent * scale
        boxes = corners(centre[:, 0], centre[:, 1], extent[:, 0], extent[:, 1])
        return pick(boxes, best[good], scores[good].argmax(axis=1))
