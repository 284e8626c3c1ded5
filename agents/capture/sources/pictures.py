"""Frames by what they were decoded from, each with the cheapest way to a picture."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import cv2
import numpy as np

from agents.capture.sources.base import CorruptFrameError, Image, Limits, check_size
from agents.capture.sources.headers import picture_size

__all__ = ["ArrayFrame", "AvFrame", "EncodedFrame", "scaled_size"]

_FULL_RANGE: Final = 2
"""AVCOL_RANGE_JPEG of libavutil/pixfmt.h: luma in 0..255."""

_LUMA_TO_STUDIO: Final = np.round(np.arange(256) * 219 / 255 + 16).astype(np.uint8)
_CHROMA_TO_STUDIO: Final = np.round((np.arange(256) - 128.0) * 224 / 255 + 128).astype(np.uint8)
"""ITU-R BT.601: cv2 converts luma in 16..235 and chroma in 16..240 only."""


def scaled_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height with the longer side at most `side`, even numbers where it is scaled."""
    longest = max(width, height)
    if longest <= side:
        return width, height
    return (
        max(2, round(width * side / longest / 2) * 2),
        max(2, round(height * side / longest / 2) * 2),
    )


def _interpolation(source: int, target: int) -> int:
    """Below a half, pixels must be averaged or lines alias; above, linear costs a quarter."""
    return cv2.INTER_AREA if source >= 2 * target else cv2.INTER_LINEAR


def _shrink(plane: Image, side: int) -> Image:
    """(H, W) uint8 by a whole number: averages without weights, in steps of 2 while that goes."""
    height, width = plane.shape
    factor = max(1, round(max(width, height) / side))
    while factor > 1:
        step = 2 if factor % 2 == 0 else factor
        height, width = max(1, height // step), max(1, width // step)
        plane = cv2.resize(
            plane[: height * step, : width * step], (width, height), interpolation=cv2.INTER_AREA
        ).astype(np.uint8, copy=False)
        factor //= step
    return plane


def _fit(image: Image, side: int) -> Image:
    height, width = image.shape[:2]
    size = scaled_size(width, height, side)
    if size == (width, height):
        return image
    how = _interpolation(width, size[0])
    return cv2.resize(image, size, interpolation=how).astype(np.uint8, copy=False)


class ArrayFrame:
    """A frame that a function draws when it is asked for, (H, W, 3) uint8 blue, green, red."""

    def __init__(
        self, seq: int, at: timedelta, width: int, height: int, draw: Callable[[], Image]
    ) -> None:
        self.seq, self.at, self.width, self.height = seq, at, width, height
        self._draw = draw
        self._image: Image | None = None

    def _drawn(self) -> Image:
        if self._image is None:
            self._image = self._draw()
        return self._image

    def grey(self, side: int) -> Image:
        """See `SourceFrame`."""
        grey = cv2.cvtColor(self._drawn(), cv2.COLOR_BGR2GRAY)
        return _shrink(grey.astype(np.uint8, copy=False), side)

    def picture(self, side: int) -> Image:
        """See `SourceFrame`."""
        return _fit(self._drawn(), side)


class EncodedFrame:
    """A JPEG or a PNG, decoded as small as the question allows."""

    def __init__(self, seq: int, at: timedelta, data: bytes, limits: Limits) -> None:
        """Raises CorruptFrameError where it is no picture, BrokenSourceError where it is too large.

        Only the header is read here, so that a bomb costs nothing.
        """
        self.seq, self.at = seq, at
        self.width, self.height = picture_size(data)
        check_size(self.width, self.height, limits)
        self._data = data

    def _decode(self, side: int, flags: tuple[int, int, int, int]) -> Image:
        # libjpeg shrinks by 2, 4 or 8 while it decodes, which skips most of the work.
        longest = max(self.width, self.height)
        power = next((p for p in (3, 2, 1) if longest >= side << p), 0)
        try:
            image = cv2.imdecode(np.frombuffer(self._data, np.uint8), flags[power])
        except cv2.error:
            image = None
        if image is None:
            raise CorruptFrameError("the picture does not decode")
        return image.astype(np.uint8, copy=False)

    def grey(self, side: int) -> Image:
        """See `SourceFrame`."""
        flags = (
            cv2.IMREAD_GRAYSCALE,
            cv2.IMREAD_REDUCED_GRAYSCALE_2,
            cv2.IMREAD_REDUCED_GRAYSCALE_4,
            cv2.IMREAD_REDUCED_GRAYSCALE_8,
        )
        return _shrink(self._decode(side, flags), side)

    def picture(self, side: int) -> Image:
        """See `SourceFrame`."""
        flags = (
            cv2.IMREAD_COLOR,
            cv2.IMREAD_REDUCED_COLOR_2,
            cv2.IMREAD_REDUCED_COLOR_4,
            cv2.IMREAD_REDUCED_COLOR_8,
        )
        return _fit(self._decode(side, flags), side)


class AvFrame:
    """A frame of libavcodec's; YUV 4:2:0 is scaled plane by plane, the rest by swscale."""

    def __init__(self, seq: int, at: timedelta, frame: Any) -> None:
        self.seq, self.at = seq, at
        self.width: int = frame.width
        self.height: int = frame.height
        self._frame = frame
        self._planar = frame.format.name in ("yuv420p", "yuvj420p") and all(
            plane.line_size > 0 for plane in frame.planes
        )

    def _plane(self, number: int) -> Image:
        plane = self._frame.planes[number]
        rows = np.frombuffer(plane, np.uint8, plane.height * plane.line_size)
        return rows.reshape(plane.height, plane.line_size)[:, : plane.width]

    def grey(self, side: int) -> Image:
        """See `SourceFrame`."""
        if self._planar:
            return _shrink(self._plane(0), side)
        grey: Image = self._frame.reformat(format="gray").to_ndarray()
        return _shrink(grey, side)

    def picture(self, side: int) -> Image:
        """See `SourceFrame`."""
        width, height = scaled_size(self.width, self.height, side)
        if not self._planar or width % 2 or height % 2:
            scaled = self._frame.reformat(width, height, "bgr24", interpolation="AREA")
            image: Image = scaled.to_ndarray()
            return image
        half = height // 2
        planes = np.empty((height + half, width), np.uint8)
        self._fill(0, planes[:height])
        # I420 has its two chroma planes one after the other, rows of half the width.
        chroma = planes[height:].reshape(2, half, width // 2)
        self._fill(1, chroma[0])
        self._fill(2, chroma[1])
        if self._frame.format.name == "yuvj420p" or self._frame.color_range == _FULL_RANGE:
            cv2.LUT(planes[:height], _LUMA_TO_STUDIO, planes[:height])
            cv2.LUT(planes[height:], _CHROMA_TO_STUDIO, planes[height:])
        picture = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)
        return picture.astype(np.uint8, copy=False)

    def _fill(self, number: int, into: Image) -> None:
        plane = self._plane(number)
        height, width = into.shape
        if plane.shape == into.shape:
            into[:] = plane
        else:
            how = _interpolation(plane.shape[1], width)
            cv2.resize(plane, (width, height), dst=into, interpolation=how)
