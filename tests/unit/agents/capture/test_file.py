"""Video files and folders of images."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from agents.capture.sources import BrokenSourceError, Limits, SourceError, SourceFrame, open_source
from tests.unit.agents.capture.test_pictures import png_header
from tests.unit.agents.capture.videos import START, jpeg_of, make_video, now, picture


def read(address: str, limits: Limits | None = None) -> list[SourceFrame]:
    return list(open_source(address, now=now, start=START, speed=0, limits=limits).frames())


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_every_frame_in_order_at_its_time(tmp_path: Path, name: str) -> None:
    path = make_video(tmp_path / name, 25)
    frames = read(f"file:{path}")
    assert [frame.seq for frame in frames] == list(range(25))
    assert [frame.at for frame in frames] == [timedelta(milliseconds=100 * n) for n in range(25)]
    for number in (0, 12, 24):
        got = frames[number].picture(640)
        assert np.abs(got.astype(int) - picture(number)).mean() < 12


def test_same_file_same_times(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 20, fps=30)
    times = [frame.at for frame in read(f"file:{path}")]
    assert times == [frame.at for frame in read(f"file:{path}")]
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


def test_damaged_packet_costs_a_frame(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.avi", 30, codec="mjpeg", pix_fmt="yuvj420p")
    with av.open(str(path)) as container:
        positions = [packet.pos for packet in container.demux(video=0) if packet.pos is not None]
    data = bytearray(path.read_bytes())
    data[positions[10] + 8 : positions[10] + 300] = bytes(292)
    path.write_bytes(data)
    source = open_source(f"file:{path}", now=now, start=START, speed=0)
    frames = list(source.frames())
    assert source.corrupt == 1
    assert [frame.seq for frame in frames] == [*range(10), *range(11, 30)]
    assert frames[-1].at == timedelta(milliseconds=2900)


def test_truncated_file_gives_what_is_there(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.ts", 60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 10 < len(read(f"file:{path}")) < 60


def junk(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 200)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def without_index(path: Path) -> None:
    make_video(path)
    path.write_bytes(path.read_bytes()[:-600])


def playlist(path: Path) -> None:
    other = make_video(path.with_suffix(".ts"))
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{other}\n#EXT-X-ENDLIST\n")


def concat(path: Path) -> None:
    other = make_video(path.with_suffix(".mkv"))
    path.write_text(f"ffconcat version 1.0\nfile {other.name}\n")


def sound(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def folder(path: Path) -> None:
    path.mkdir()


def nothing(path: Path) -> None:
    assert not path.exists()


def bomb(path: Path) -> None:
    path.write_bytes(png_header(16_384, 16_384) + bytes(1000))


@pytest.mark.parametrize(
    "make", [junk, empty, without_index, playlist, concat, sound, folder, nothing, bomb]
)
def test_what_is_no_video(tmp_path: Path, make: object) -> None:
    path = tmp_path / "a.mp4"
    make(path)  # type: ignore[operator]
    with pytest.raises(BrokenSourceError) as caught:
        read(f"file:{path}")
    assert str(path) in str(caught.value)
    assert caught.value.final


def test_picture_too_large(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 3, width=320, height=240)
    with pytest.raises(BrokenSourceError, match="320x240"):
        read(f"file:{path}", Limits(side=200))


def test_close_ends_a_wait(tmp_path: Path) -> None:
    """In real time the second frame of this file is due in ten seconds."""
    path = make_video(tmp_path / "a.mkv", 2, fps=1)
    source = open_source(f"file:{path}", now=now, start=START, speed=0.1)
    frames = source.frames()
    assert next(frames).seq == 0
    threading.Timer(0.05, source.close).start()
    assert list(frames) == []


def test_images_in_order_of_names(tmp_path: Path) -> None:
    for number in (2, 0, 1):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg_of(picture(number)))
    cv2.imwrite(str(tmp_path / "3.png"), picture(3))
    (tmp_path / "notes.txt").write_text("no picture")
    frames = read(f"images:{tmp_path}?fps=4")
    assert [frame.at for frame in frames] == [timedelta(milliseconds=250 * n) for n in range(4)]
    for number, frame in enumerate(frames):
        assert np.abs(frame.picture(640).astype(int) - picture(number)).mean() < 6


def test_bad_images_cost_themselves(tmp_path: Path) -> None:
    (tmp_path / "0.jpg").write_bytes(jpeg_of(picture(0)))
    (tmp_path / "1.png").write_bytes(png_header(16_384, 16_384))
    (tmp_path / "2.jpg").write_bytes(b"no picture")
    (tmp_path / "3.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "4.jpg").write_bytes(jpeg_of(picture(4)))
    source = open_source(f"images:{tmp_path}", now=now, start=START, speed=0)
    assert [frame.seq for frame in source.frames()] == [0, 3]
    assert source.corrupt == 2


@pytest.mark.parametrize("options", ["?fps=0", "?fps=-1", "?fps=1e9", "?fps=x", "?fps=1/0"])
def test_images_fps(tmp_path: Path, options: str) -> None:
    with pytest.raises(SourceError, match="fps"):
        read(f"images:{tmp_path}{options}")


def test_folder_without_a_readable_image(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no \.jpg"):
        read(f"images:{tmp_path}")
    (tmp_path / "0.jpg").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="can be read"):
        read(f"images:{tmp_path}")
