"""A picture's size from its first bytes, before anything is decoded."""

from __future__ import annotations

import struct
from typing import Final

from agents.capture.sources.base import CorruptFrameError

__all__ = ["picture_size"]

_PNG: Final = b"\x89PNG\r\n\x1a\n"

_FRAME_HEADERS: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""SOF0 to SOF15 of ITU-T T.81 table B.1, without DHT, JPG and DAC between them."""

_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""TEM and RST0 to RST7 have no length."""

MAX_SEGMENTS: Final = 1000


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of a JPEG or a PNG.

    Raises CorruptFrameError where it is neither, or ends before it says, and for a JPEG whose end
    is missing: a decoder would fill the rest with grey.
    """
    if data.startswith(_PNG):
        if len(data) < 33 or data[12:16] != b"IHDR":
            raise CorruptFrameError("a PNG without its header")
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    if not data.startswith(b"\xff\xd8"):
        raise CorruptFrameError("neither a JPEG nor a PNG")
    if b"\xff\xd9" not in data[-4096:]:
        raise CorruptFrameError("a JPEG that ends too early")
    return _jpeg_size(data)


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    for _ in range(MAX_SEGMENTS):
        while at < len(data) and data[at] == 0xFF and data[at + 1 : at + 2] == b"\xff":
            at += 1  # fill bytes
        if at + 4 > len(data) or data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker in _ALONE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _FRAME_HEADERS:
            if at + 9 > len(data):
                break
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if length < 2 or marker == 0xDA:
            break
        at += 2 + length
    raise CorruptFrameError("a JPEG without a frame header")
