"""Pictures of plans: which bytes are taken, and what is left of them."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.place.image import MAX_PIXELS, BadPictureError, remade, webp_size

SUFFIX = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


def picture(kind: str, image: Any = None, *options: int) -> bytes:
    if image is None:
        image = np.zeros((40, 60, 3), np.uint8)
        image[:, :30] = (0, 0, 255)
    done, data = cv2.imencode(SUFFIX[kind], image, list(options))
    assert done
    return data.tobytes()


def decoded(data: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize("kind", SUFFIX)
def test_a_picture_is_kept_as_it_looks(kind: str) -> None:
    found = remade(picture(kind), kind)
    assert (found.width, found.height, found.content_type) == (60, 40, kind)
    image = decoded(found.data)
    assert image.shape == (40, 60, 3)
    assert abs(image[20, 10].astype(int) - (0, 0, 255)).max() < 12
    assert abs(image[20, 50].astype(int)).max() < 12


@pytest.mark.parametrize("kind", SUFFIX)
def test_what_is_hidden_behind_it_is_gone(kind: str) -> None:
    script = b"<script>alert(1)</script>"
    data = picture(kind)
    # A JPEG has to end as one.
    tail = script + b"\xff\xd9" if kind == "image/jpeg" else script
    assert script not in remade(data + tail, kind).data


def test_what_is_transparent_is_white() -> None:
    image = np.zeros((8, 8, 4), np.uint8)
    image[:, 4:] = (10, 20, 30, 255)
    found = decoded(remade(picture("image/png", image), "image/png").data)
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[0, 7].tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    "image",
    [np.full((8, 8), 77, np.uint8), np.full((8, 8), 77 << 8, np.uint16)],
    ids=["grey", "16 bit"],
)
def test_other_depths(image: Any) -> None:
    assert decoded(remade(picture("image/png", image), "image/png").data)[3, 3] == 77


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("data", "kind", "says"),
    [
        (b"", "image/png", "is no PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", "is no PNG"),
        (picture("image/jpeg"), "image/png", "is no PNG"),
        (picture("image/png"), "image/jpeg", "is no JPEG"),
        (picture("image/png"), "image/webp", "is no WebP"),
        (png_header(60, 40), "image/png", "does not decode"),
        (png_header(0, 40), "image/png", "pixels"),
        (png_header(30_000, 30), "image/png", "pixels"),
        (png_header(4_001, 4_001), "image/png", "at most 16 million"),
        (cut(picture("image/jpeg")), "image/jpeg", "ends too early"),
        (b"RIFF\x00\x00\x00\x00WEBPVP9 " + bytes(30), "image/webp", "without its header"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X" + bytes(4) + b"\x02" + bytes(20), "image/webp", "anim"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, kind: str, says: str) -> None:
    with pytest.raises(BadPictureError, match=says):
        remade(data, kind)


@pytest.mark.parametrize("quality", [50, 101])  # 101: without loss
def test_the_size_of_a_webp(quality: int) -> None:
    image = np.zeros((33, 77, 3), np.uint8)
    assert webp_size(picture("image/webp", image, cv2.IMWRITE_WEBP_QUALITY, quality)) == (77, 33)
    alpha = np.zeros((33, 77, 4), np.uint8)
    assert webp_size(picture("image/webp", alpha, cv2.IMWRITE_WEBP_QUALITY, quality)) == (77, 33)


@given(st.binary(max_size=64), st.sampled_from(sorted(SUFFIX)), st.integers(0, 40))
def test_any_bytes_are_a_picture_or_refused(junk: bytes, kind: str, keep: int) -> None:
    for data in (junk, picture(kind)[:keep] + junk):
        try:
            found = remade(data, kind)
        except BadPictureError:
            continue
        assert found.width * found.height <= MAX_PIXELS
