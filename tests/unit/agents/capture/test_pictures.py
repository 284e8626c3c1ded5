"""Pictures from frames: right size, right colours, and nothing larger than allowed."""

from __future__ import annotations

import struct
import zlib
from datetime import timedelta

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.capture.sources import BrokenSourceError, CorruptFrameError, Image, Limits
from agents.capture.sources.headers import picture_size
from agents.capture.sources.pictures import ArrayFrame, AvFrame, EncodedFrame, scaled_size
from tests.unit.agents.capture.videos import jpeg_of

LIMITS = Limits()
ZERO = timedelta(0)


def colourful(width: int, height: int) -> Image:
    """(height, width, 3) uint8: smooth, so that scaling and coarse chroma lose little."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return np.dstack([255 * x, 255 * y, 255 * (1 - x) * y]).astype(np.uint8)


def png_header(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + head
        + struct.pack(">I", zlib.crc32(head))
        + struct.pack(">I", 0)
        + b"IDAT"
    )


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (768, 432, (640, 360)),
        (1920, 1080, (640, 360)),
        (1080, 1920, (360, 640)),
        (640, 480, (640, 480)),
        (320, 241, (320, 241)),  # small enough: untouched
        (5000, 3, (640, 2)),
    ],
)
def test_scaled_size(width: int, height: int, expected: tuple[int, int]) -> None:
    assert scaled_size(width, height, 640) == expected


@pytest.mark.parametrize(
    "pix_fmt", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "rgb24", "gray", "yuv420p10le"]
)
@pytest.mark.parametrize("size", [(768, 432), (320, 180), (1920, 1080), (101, 67)])
def test_av_frame(pix_fmt: str, size: tuple[int, int]) -> None:
    image = colourful(*size)
    raw = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=pix_fmt)
    frame = AvFrame(0, ZERO, raw)
    width, height = scaled_size(*size, 640)
    expected = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    if pix_fmt == "gray":
        expected = cv2.cvtColor(cv2.cvtColor(expected, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    got = frame.picture(640)
    assert got.shape == (height, width, 3)
    assert np.abs(got.astype(int) - expected).mean() < 4
    grey = frame.grey(192)
    assert grey.dtype == np.uint8
    assert 128 <= max(grey.shape) <= 288 or max(size) < 192
    assert grey.std() > 20


def test_encoded_frame() -> None:
    image = colourful(1280, 720)
    frame = EncodedFrame(4, ZERO, jpeg_of(image), LIMITS)
    assert (frame.seq, frame.width, frame.height) == (4, 1280, 720)
    expected = cv2.resize(image, (640, 360), interpolation=cv2.INTER_AREA)
    assert np.abs(frame.picture(640).astype(int) - expected).mean() < 3
    assert frame.grey(192).shape == (90, 160)


def test_array_frame_is_drawn_once_and_only_when_asked() -> None:
    drawn: list[int] = []

    def draw() -> Image:
        drawn.append(1)
        return colourful(64, 48)

    frame = ArrayFrame(0, ZERO, 64, 48, draw)
    assert drawn == []
    frame.grey(32)
    frame.picture(64)
    assert drawn == [1]


@pytest.mark.parametrize(
    "bomb",
    [
        png_header(16_384, 16_384),
        png_header(2**31 - 1, 1),
        png_header(0, 10),
        jpeg_of(np.zeros((8, 8, 3), np.uint8)).replace(
            b"\x00\x08\x00\x08\x03", b"\x40\x00\x40\x00\x03"
        ),
    ],
)
def test_bomb_is_refused_by_its_header(bomb: bytes) -> None:
    with pytest.raises(BrokenSourceError, match="pixels"):
        EncodedFrame(0, ZERO, bomb, LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xd9",
        jpeg_of(colourful(64, 48))[:-200],
    ],
)
def test_what_is_no_picture(data: bytes) -> None:
    with pytest.raises(CorruptFrameError):
        EncodedFrame(0, ZERO, data, LIMITS)


def test_damaged_body_shows_when_it_is_decoded() -> None:
    frame = EncodedFrame(0, ZERO, png_header(64, 48) + b"\0" * 64, LIMITS)
    with pytest.raises(CorruptFrameError):
        frame.picture(640)


@given(st.binary(max_size=400), st.integers(0, 399))
def test_headers_never_fail_otherwise(junk: bytes, at: int) -> None:
    data = bytearray(jpeg_of(np.zeros((8, 8, 3), np.uint8)))
    data[at : at + len(junk)] = junk
    try:
        width, height = picture_size(bytes(data))
    except CorruptFrameError:
        return
    assert 0 <= width < 65_536
    assert 0 <= height < 2**32
