"""The picture of a plan: decoded, and written anew, so that what is served was made here.

A file from outside may be two things at once, hold a script, or the place at which it was taken.
What comes back from a decoder is pixels and nothing else. SVG is refused: it is a program.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from msgspec import Struct

from agents.capture.sources.base import CorruptFrameError
from agents.capture.sources.headers import picture_size

__all__ = ["MAX_BYTES", "MAX_PIXELS", "TYPES", "BadPictureError", "Remade", "remade", "webp_size"]

MAX_BYTES: Final = 8 * 1_048_576
MAX_PIXELS: Final = 16_000_000
MAX_SIDE: Final = 16_000
TYPES: Final = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}
QUALITY: Final = 92


class BadPictureError(ValueError):
    """The bytes are no picture that is taken; the message says why."""


class Remade(Struct, frozen=True):
    """A picture as it is kept."""

    content_type: str
    width: int
    height: int
    sha256: str
    data: bytes


def webp_size(data: bytes) -> tuple[int, int]:
    """Width and height that a WebP's header says (RFC 9649). Raises BadPictureError."""
    if len(data) < 30 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise BadPictureError("is no WebP")
    kind = data[12:16]
    if kind == b"VP8X":
        if data[20] & 0x02:
            raise BadPictureError("is an animation")
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    else:
        raise BadPictureError("is a WebP without its header")
    return width, height


def _size(data: bytes, content_type: str) -> tuple[int, int]:
    """Before anything is decoded, so that a bomb costs nothing."""
    if content_type == "image/webp":
        return webp_size(data)
    starts = b"\x89PNG" if content_type == "image/png" else b"\xff\xd8"
    if not data.startswith(starts):
        raise BadPictureError(f"is no {content_type.removeprefix('image/').upper()}")
    try:
        return picture_size(data)
    except CorruptFrameError as error:
        raise BadPictureError(f"is {error}") from error


def remade(data: bytes, content_type: str) -> Remade:
    """The picture, decoded and encoded again in the same format. Blocks for up to seconds.

    What is transparent becomes white. Raises BadPictureError.
    """
    # Imported here: the façade decodes no other pictures, and starts without it.
    import cv2
    import numpy as np

    width, height = _size(data, content_type)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE) or width * height > MAX_PIXELS:
        raise BadPictureError(
            f"is {width} by {height} pixels: at most {MAX_PIXELS // 1_000_000} million together, "
            f"and {MAX_SIDE:,} a side"
        )
    # A JPEG's own word about which side is up counts; the others have alpha to look at.
    how = cv2.IMREAD_COLOR if content_type == "image/jpeg" else cv2.IMREAD_UNCHANGED
    try:
        image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    except cv2.error as error:
        raise BadPictureError("does not decode") from error
    if image is None or sorted(image.shape[:2]) != sorted((height, width)):
        raise BadPictureError("does not decode")
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.ndim == 3 and image.shape[2] == 4:
        alpha = image[:, :, 3:].astype(np.uint16)
        blended = image[:, :, :3] * alpha + 255 * (255 - alpha)
        image = (blended // 255).astype(np.uint8)
    options = {
        "image/jpeg": [cv2.IMWRITE_JPEG_QUALITY, QUALITY],
        "image/webp": [cv2.IMWRITE_WEBP_QUALITY, QUALITY],
        "image/png": [cv2.IMWRITE_PNG_COMPRESSION, 6],
    }[content_type]
    try:
        done, encoded = cv2.imencode(TYPES[content_type], image, options)
    except cv2.error as error:
        raise BadPictureError("cannot be written again") from error
    if not done or encoded.nbytes > 2 * MAX_BYTES:
        raise BadPictureError("cannot be written again in a reasonable size")
    out = encoded.tobytes()
    return Remade(
        content_type=content_type,
        width=image.shape[1],
        height=image.shape[0],
        sha256=hashlib.sha256(out).hexdigest(),
        data=out,
    )
