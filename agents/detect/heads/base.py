"""What all heads share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from agents.detect.boxes import Boxes, Detections, Ints, Scores

__all__ = [
    "Array",
    "HeadError",
    "HeadSpec",
    "Raw",
    "Shapes",
    "corners",
    "output",
    "pick",
    "sigmoid",
    "softmax",
]

Array: TypeAlias = NDArray[np.float32]
Raw: TypeAlias = Mapping[str, NDArray[Any]]
"""One picture's outputs by name, without the batch axis."""
Shapes: TypeAlias = Mapping[str, tuple[int | None, ...]]
"""The outputs' declared shapes by name, batch axis included; None where an axis is dynamic."""


class HeadError(ValueError):
    """Outputs that this head cannot decode: the message says what was found and expected."""


class HeadSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of the heads.

    A head has `check(shapes, classes, size)`, which raises HeadError where a network's outputs
    are not what it decodes, and `decode(raw, size, threshold)`, whose boxes are in pixels of
    the network's input, xyxy, every score at or above threshold, not yet suppressed.
    """


def output(raw: Raw, name: str | None) -> Array:
    """The output of that name, else the only one. Raises HeadError where it is not there."""
    if name is None:
        if len(raw) != 1:
            raise HeadError(
                f"the network has {len(raw)} outputs ({', '.join(raw)}) and the card names none"
            )
        found = next(iter(raw.values()))
    elif name in raw:
        found = raw[name]
    else:
        raise HeadError(f"no output named {name!r}; the network has {', '.join(raw)}")
    array: Array = np.asarray(found, dtype=np.float32)
    return array


def one_shape(shapes: Shapes, name: str | None) -> tuple[int | None, ...]:
    """Like `output`, for declared shapes."""
    if name is None:
        if len(shapes) != 1:
            raise HeadError(
                f"the network has {len(shapes)} outputs ({', '.join(shapes)}) "
                "and the card names none"
            )
        return next(iter(shapes.values()))
    if name not in shapes:
        raise HeadError(f"no output named {name!r}; the network has {', '.join(shapes)}")
    return shapes[name]


def fits(found: tuple[int | None, ...], expected: tuple[int | None, ...]) -> bool:
    """Whether a declared shape may be the expected one; None on either side fits everything."""
    return len(found) == len(expected) and all(
        a is None or b is None or a == b for a, b in zip(found, expected, strict=True)
    )


def shape_text(shape: tuple[int | None, ...]) -> str:
    """A shape for a message, `[1, 3549, 85]`, with `?` for a dynamic axis."""
    return "[" + ", ".join("?" if axis is None else str(axis) for axis in shape) + "]"


def sigmoid(x: Array) -> Array:
    """The logistic function; large negative numbers do not overflow."""
    result: Array = np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1))
    return result


def softmax(x: Array) -> Array:
    """Softmax over the last axis."""
    raised = np.exp(x - x.max(axis=-1, keepdims=True))
    result: Array = raised / raised.sum(axis=-1, keepdims=True)
    return result


def corners(cx: Array, cy: Array, w: Array, h: Array) -> Boxes:
    """Centre and size, each (N,), to (N, 4) xyxy."""
    boxes: Boxes = np.stack((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), axis=1)
    return boxes.astype(np.float32, copy=False)


def pick(boxes: Boxes, scores: Scores, classes: Ints) -> Detections:
    """Detections from arrays, without those whose numbers are not finite."""
    good = np.isfinite(scores) & np.isfinite(boxes).all(axis=1)
    found = Detections(
        np.ascontiguousarray(boxes, np.float32),
        np.clip(scores, 0, 1).astype(np.float32),
        classes.astype(np.int64),
    )
    return found if good.all() else found.take(good)
