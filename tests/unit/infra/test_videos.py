"""A file that is no video is named, with what is wrong, before anything is started for it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from infra.errors import WatchfloorError
from infra.videos import check_video


def write_video(path: Path, frames: int) -> None:
    """A tiny MP4."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            picture = np.full((48, 64, 3), number * 20, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def test_a_video_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "good.mp4"
    write_video(path, 3)
    check_video(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        (b"", "no video that can be read"),
        (b"not a video at all" * 100, "no video that can be read"),
    ],
)
def test_what_is_no_video_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "bad.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WatchfloorError, match=said) as caught:
        check_video(path)
    assert str(path) in caught.value.message
