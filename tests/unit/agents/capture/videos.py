"""Videos and pictures that tests make for themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from agents.capture.sources import Image

__all__ = ["START", "jpeg_of", "make_video", "now", "picture"]

START = datetime(2026, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """A clock that stands still."""
    return START


def picture(number: int, width: int = 96, height: int = 64) -> Image:
    """(height, width, 3) uint8: a white square on green that moves with the number."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, :] = (40, 120, 60)
    left = (number * 3) % (width - 20)
    image[20:40, left : left + 20] = 250
    return image


def make_video(
    path: Path,
    frames: int = 20,
    *,
    fps: int = 10,
    width: int = 96,
    height: int = 64,
    codec: str = "mpeg4",
    pix_fmt: str = "yuv420p",
) -> Path:
    """A file of so many frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = Fraction(1, fps)
        stream.codec_context.bit_rate = 400_000
        stream.codec_context.thread_count = 1
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, width, height), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def jpeg_of(image: Image) -> bytes:
    """A JPEG of the picture."""
    done, data = cv2.imencode(".jpg", image)
    assert done
    return data.tobytes()
