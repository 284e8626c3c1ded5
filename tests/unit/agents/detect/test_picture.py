from __future__ import annotations

import cv2
import numpy as np
import pytest

from agents.detect.cards import Colour, ElementType, InputSpec, Layout, Resize
from agents.detect.errors import PictureError
from agents.detect.picture import Picture, decode_jpeg, fill, jpeg_size, make_blob


def picture(width: int, height: int) -> Picture:
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1], image[..., 2] = 10, 100, 200
    return image


def jpeg(image: Picture, *options: int) -> bytes:
    return bytes(cv2.imencode(".jpg", image, list(options))[1])


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)])
def test_jpeg_size_is_what_the_header_says(options: tuple[int, ...]) -> None:
    assert jpeg_size(jpeg(picture(321, 123), *options)) == (321, 123)


def test_decode_gives_the_pixels() -> None:
    decoded = decode_jpeg(memoryview(jpeg(picture(64, 48))))
    assert decoded.shape == (48, 64, 3)
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - (10, 100, 200)).max() < 8


def declaring(width: int, height: int) -> bytes:
    data = bytearray(jpeg(picture(16, 16)))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no JPEG"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 100, "no JPEG"),
        (b"\xff\xd8", "no JPEG"),
        (b"\xff\xd8\xff\xe0\x00\x10", "broken"),
        (b"\xff\xd8\xff\xe0\x00\x00" * 50, "broken"),
        (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 2000, "broken"),  # endless small segments
        (declaring(65_000, 65_000), "at most"),  # 4 gigapixels in a kilobyte
        (declaring(0, 16), "declares no size"),
        (jpeg(picture(64, 64))[:-40], "end is missing"),
    ],
)
def test_decode_refuses(data: bytes, says: str) -> None:
    with pytest.raises(PictureError, match=says):
        decode_jpeg(data)


def test_decode_bound_is_the_callers() -> None:
    data = jpeg(picture(64, 64))
    assert decode_jpeg(data, max_pixels=4096).shape == (64, 64, 3)
    with pytest.raises(PictureError, match="64x64"):
        decode_jpeg(data, max_pixels=4095)


def spec(resize: Resize, **other: object) -> InputSpec:
    base = {"name": "x", "width": 96, "height": 64, "resize": resize, "divide": 1.0}
    return InputSpec(**{**base, **other})  # type: ignore[arg-type]


def test_letterbox_top_left_pads_below() -> None:
    wide = spec(Resize.LETTERBOX_TOP_LEFT, colour=Colour.BGR)
    blob = make_blob(wide)
    fit = fill(wide, picture(192, 64), blob)
    assert (fit.left, fit.top, fit.width, fit.height) == (0, 0, 96, 32)
    assert blob[0, :, 31, 95].tolist() == [10, 100, 200]
    assert blob[0, :, 32, 0].tolist() == [114, 114, 114]


def test_letterbox_centre_pads_on_both_sides() -> None:
    wide = spec(Resize.LETTERBOX_CENTRE, colour=Colour.RGB, pad=7)
    blob = make_blob(wide)
    fit = fill(wide, picture(64, 64), blob)
    assert (fit.left, fit.top, fit.width, fit.height) == (16, 0, 64, 64)
    assert blob[0, :, 0, 15].tolist() == [7, 7, 7]
    assert blob[0, :, 0, 16].tolist() == [200, 100, 10]
    assert blob[0, :, 63, 80].tolist() == [7, 7, 7]


def test_plain_stretches_scales_and_normalises() -> None:
    plain = spec(Resize.PLAIN, divide=255.0, mean=(0.5, 0.4, 0.3), std=(0.5, 0.25, 0.1))
    blob = make_blob(plain)
    fit = fill(plain, picture(10, 200), blob)
    assert (fit.left, fit.top, fit.width, fit.height) == (0, 0, 96, 64)
    expected = [(200 / 255 - 0.5) / 0.5, (100 / 255 - 0.4) / 0.25, (10 / 255 - 0.3) / 0.1]
    assert np.allclose(blob[0, :, 30, 30], expected, atol=1e-5)


def test_uint8_nhwc_takes_pixels_as_they_are() -> None:
    raw = spec(Resize.PLAIN, layout=Layout.NHWC, element=ElementType.UINT8)
    blob = make_blob(raw, 2)
    assert blob.shape == (2, 64, 96, 3)
    fill(raw, picture(96, 64), blob, 1)
    assert blob.dtype == np.uint8
    assert blob[1, 5, 5].tolist() == [200, 100, 10]
    assert not blob[0].any()


def test_boxes_come_back_to_the_picture() -> None:
    centre = spec(Resize.LETTERBOX_CENTRE)
    fit = fill(centre, picture(64, 64), make_blob(centre))
    boxes = np.array([[16, 0, 80, 64], [32, 16, 48, 32], [0, 0, 96, 64]], np.float32)
    whole, part = [0.0, 0.0, 1.0, 1.0], [0.25, 0.25, 0.5, 0.5]
    assert np.allclose(fit.to_unit(boxes), np.array([whole, part, whole]))
