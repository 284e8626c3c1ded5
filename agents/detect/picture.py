"""Pictures in: decoding a JPEG that may be hostile, and bringing it to a network's input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from agents.detect.boxes import Boxes
from agents.detect.cards import Colour, ElementType, InputSpec, Layout, Resize
from agents.detect.errors import PictureError

__all__ = ["MAX_PIXELS", "Fit", "Picture", "decode_jpeg", "fill", "jpeg_size", "make_blob"]

Picture: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) uint8, BGR."""

MAX_PIXELS = 40_000_000
"""Larger than any camera's frame (8K is 33 million); a decoded picture stays below 120 MB."""

START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers whose segment has the picture's size (ITU-T T.81, table B.1)."""
STANDALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
MAX_SEGMENTS = 500


def jpeg_size(data: bytes | memoryview) -> tuple[int, int]:
    """Width and height that a JPEG's header declares. Raises PictureError where there is none."""
    if len(data) < 4 or bytes(data[:2]) != b"\xff\xd8":
        raise PictureError("is no JPEG: it does not start with the marker FF D8")
    at = 2
    for _ in range(MAX_SEGMENTS):
        while at < len(data) and data[at] == 0xFF:
            at += 1
        if at + 2 >= len(data):
            break
        marker = data[at]
        at += 1
        if marker in STANDALONE:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if marker in START_OF_FRAME:
            if length < 8 or at + 7 > len(data):
                break
            height = int.from_bytes(data[at + 3 : at + 5], "big")
            width = int.from_bytes(data[at + 5 : at + 7], "big")
            if not width or not height:
                raise PictureError("is a JPEG that declares no size")
            return width, height
        if length < 2 or marker == 0xDA:
            break
        at += length
        if at >= len(data) or data[at] != 0xFF:
            break
    raise PictureError("is a broken JPEG: its header declares no size")


def decode_jpeg(data: bytes | memoryview, max_pixels: int = MAX_PIXELS) -> Picture:
    """A JPEG's pixels, (H, W, 3) uint8 BGR.

    The declared size is checked before anything is decoded: a few kilobytes can declare 4
    gigapixels. Raises PictureError for what is no JPEG, is broken, or declares more pixels.
    """
    width, height = jpeg_size(data)
    if width * height > max_pixels:
        raise PictureError(
            f"is a JPEG of {width}x{height} pixels; at most {max_pixels:,} are decoded"
        )
    if bytes(data).rfind(b"\xff\xd9") < 0:
        raise PictureError("is a broken JPEG: its end is missing")
    try:
        image = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        )
    except cv2.error as error:
        raise PictureError("is a broken JPEG") from error
    if image is None:
        raise PictureError("is a broken JPEG")
    if image.shape[:2] != (height, width):
        raise PictureError("is a JPEG whose header lies about its size")
    return np.asarray(image, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a picture stands in a network's input: pixel = place + unit * extent."""

    left: float
    top: float
    width: float
    height: float

    def to_unit(self, boxes: Boxes) -> Boxes:
        """(N, 4) xyxy in pixels of the input to 0..1 of the picture, cut at its border."""
        offset = np.array([self.left, self.top, self.left, self.top], np.float32)
        extent = np.array([self.width, self.height, self.width, self.height], np.float32)
        unit: Boxes = np.clip((boxes - offset) / extent, 0, 1).astype(np.float32)
        return unit


def make_blob(spec: InputSpec, batch: int = 1) -> NDArray[Any]:
    """An input array for `fill`: reused from call to call, since allocating 2 MB costs time."""
    element = np.uint8 if spec.element is ElementType.UINT8 else np.float32
    shape = [axis if axis is not None else batch for axis in spec.shape(batch)]
    return np.zeros(shape, element)


def fill(spec: InputSpec, image: Picture, blob: NDArray[Any], index: int = 0) -> Fit:
    """Writes a picture into place `index` of a batch, as the card says; where it now stands.

    blob: from `make_blob`. Thread-safe for different blobs.
    """
    height, width = image.shape[:2]
    if spec.resize is Resize.PLAIN:
        fit = Fit(0, 0, spec.width, spec.height)
        # Averaging keeps small objects; where a picture is enlarged it would only make blocks.
        shrinks = width >= spec.width and height >= spec.height
        canvas = cv2.resize(
            image,
            (spec.width, spec.height),
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
        )
    else:
        ratio = min(spec.width / width, spec.height / height)
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        left = top = 0
        if spec.resize is Resize.LETTERBOX_CENTRE:
            left, top = (spec.width - size[0]) // 2, (spec.height - size[1]) // 2
        fit = Fit(left, top, *size)
        inner = image if size == (width, height) else cv2.resize(image, size)
        canvas = cv2.copyMakeBorder(
            inner,
            top,
            spec.height - size[1] - top,
            left,
            spec.width - size[0] - left,
            cv2.BORDER_CONSTANT,
            value=(spec.pad,) * 3,
        )
    if spec.colour is Colour.RGB:
        canvas = cv2.cvtColor(canvas, cv2.COLOR_BGR2RGB)
    target = blob[index]
    planar = spec.layout is Layout.NCHW
    if planar:
        for channel, plane in enumerate(cv2.split(canvas)):
            _scale(spec, plane, target[channel], channel)
    else:
        for channel in range(3):
            _scale(spec, canvas[..., channel], target[..., channel], channel)
    return fit


def _scale(spec: InputSpec, plane: NDArray[Any], target: NDArray[Any], channel: int) -> None:
    factor = 1.0 / (spec.divide * spec.std[channel])
    offset = spec.mean[channel] / spec.std[channel]
    if factor == 1.0 and offset == 0.0:
        target[...] = plane
        return
    scaled = plane * np.float32(factor)
    if offset:
        scaled -= np.float32(offset)
    target[...] = scaled
