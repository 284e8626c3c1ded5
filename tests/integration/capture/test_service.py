"""The capture service end to end: assignments in, frames, probes and snapshots out."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from agents.capture.backlog import Backlog
from agents.runtime.record import Record
from schemas import ids
from schemas.device import CameraState
from schemas.frame import SnapshotMeta
from tests.integration.capture.conftest import RtspServer
from tests.integration.capture.mjpeg_server import PASSWORD, USER, MjpegServer
from tests.integration.capture.rig import SITE, Rig, camera
from tests.unit.agents.capture.videos import START, jpeg_of, make_video, picture
from topics.catalogue import FRAMES, PROBES, SNAPSHOTS

pytestmark = pytest.mark.kafka

CONNECTING, CONNECTED = CameraState.CONNECTING, CameraState.CONNECTED
LOST, ENDED = CameraState.LOST, CameraState.ENDED


def header(record: Record, name: str) -> str:
    return record.headers[name].decode()


def ended(rig: Rig, run: str) -> bool:
    return any(frame.last and frame.run == run for frame in rig.frames("clip"))


def came(rig: Rig, frames: int) -> bool:
    return len(rig.frames("clip")) >= frames


def failed(rig: Rig, name: str) -> bool:
    return rig.states(name)[:2] == [CONNECTING, LOST]


async def test_file_is_lossless_and_the_same_again(rig: Rig, tmp_path: Path) -> None:
    clip = make_video(tmp_path / "a.mp4", 330)
    detecting = asyncio.create_task(rig.detect())
    async with rig.running():
        for run in ("one", "two"):
            await rig.assign(camera("clip", f"file:{clip}", start=START, speed=0, run=run))
            await rig.until(functools.partial(ended, rig, run))
        await rig.until(lambda: rig.states("clip") == [CONNECTING, CONNECTED, ENDED] * 2)
    detecting.cancel()
    await asyncio.wait({detecting})
    runs = [
        [record for record in rig.of(FRAMES, "clip") if record.message().run == run]
        for run in ("one", "two")
    ]
    for records in runs:
        metas = [record.message() for record in records]
        assert [meta.seq for meta in metas] == list(range(331))
        assert [meta.last for meta in metas] == [False] * 330 + [True]
        assert not any(meta.live for meta in metas)
        assert records[-1].value == b""
        for meta in metas[:330]:
            assert meta.captured_at == START + timedelta(milliseconds=100 * meta.seq)
        shown = cv2.imdecode(np.frombuffer(records[7].value or b"", np.uint8), cv2.IMREAD_COLOR)
        assert shown is not None
        assert np.abs(shown.astype(int) - picture(7)).mean() < 12
    assert [header(a, "ce_id") for a in runs[0]] == [header(b, "ce_id") for b in runs[1]]
    assert header(runs[0][5], "ce_id") == ids.frame_id(
        SITE, "clip", START + timedelta(seconds=0.5), 5
    )
    last = rig.probes("clip")[-1]
    assert (last.ok, last.frames, last.sent, last.corrupt) == (True, 330, 330, 0)


async def test_file_waits_for_detect(rig: Rig, tmp_path: Path) -> None:
    clip = make_video(tmp_path / "a.mp4", 60)
    backlog = Backlog(rig.settings)
    asking = asyncio.create_task(backlog.run())
    partition = await backlog.partition_of(f"{SITE}/clip")
    asking.cancel()
    await asyncio.wait({asking})
    async with rig.running(ahead=20):
        await rig.assign(camera("clip", f"file:{clip}", start=START, speed=0))
        for read in (0, 15, 15, 33, 45):
            await asyncio.to_thread(rig.commit_detect, partition, read)
            await rig.until(functools.partial(came, rig, min(60, read + 20)))
            # More would follow at the next look, were there a mistake.
            await asyncio.sleep(0.7)
            assert len(rig.frames("clip")) == min(61, read + 20)
        assert rig.of(FRAMES, "clip")[0].partition == partition


async def test_gated_folder_of_images(rig: Rig, tmp_path: Path) -> None:
    still = jpeg_of(picture(0, 320, 240))
    for number in range(80):
        (tmp_path / f"{number:03}.jpg").write_bytes(still)
    (tmp_path / "040.jpg").write_bytes(b"broken")
    async with rig.running():
        assignment = camera(
            "folder", f"images:{tmp_path}", start=START, speed=0, gate=True, detect_fps=5.0
        )
        await rig.assign(assignment)
        await rig.until(lambda: rig.states("folder")[-1:] == [ENDED])
        await rig.until(lambda: any(frame.last for frame in rig.frames("folder")))
    frames = rig.frames("folder")
    # The first two seconds, then one each ten.
    assert [frame.seq for frame in frames if not frame.last] == [*range(11), 60]
    assert [frame.seq for frame in frames if frame.keep_alive] == [60]
    assert rig.probes("folder")[-1].corrupt == 1


def broken(path: Path) -> str:
    path.write_bytes(b"no video at all" * 100)
    return f"file:{path}"


def missing(path: Path) -> str:
    return f"file:{path}"


@pytest.mark.parametrize("make", [broken, missing])
async def test_file_that_cannot_be_played(
    rig: Rig, tmp_path: Path, make: Callable[[Path], str]
) -> None:
    async with rig.running():
        await rig.assign(camera("clip", make(tmp_path / "a.mp4"), start=START, speed=0))
        # What it says of itself and what it sends are two topics: either may be read first.
        await rig.until(
            lambda: (
                rig.states("clip") == [CONNECTING, ENDED]
                and [frame.last for frame in rig.frames("clip")] == [True]
            )
        )
    probe = rig.probes("clip")[-1]
    assert not probe.ok
    assert str(tmp_path / "a.mp4") in (probe.error or "")


async def test_camera_is_lost_and_comes_back(rig: Rig, mjpeg: Callable[..., MjpegServer]) -> None:
    server = mjpeg()
    began = int(datetime.now(UTC).timestamp() * 1000)
    async with rig.running():
        await rig.assign(camera("cam", server.url("/stream")))
        await rig.until(lambda: len(rig.frames("cam")) > 5)
        server.close()
        await rig.until(lambda: rig.states("cam") == [CONNECTING, CONNECTED, LOST])
        before = len(rig.frames("cam"))
        server = mjpeg(server.port)
        await rig.until(lambda: rig.states("cam") == [CONNECTING, CONNECTED, LOST, CONNECTED])
        await rig.until(lambda: len(rig.frames("cam")) > before + 5)
    frames = rig.frames("cam")
    assert all(frame.live for frame in frames)
    numbers = [frame.seq for frame in frames]
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= began
    times = [frame.captured_at for frame in frames]
    assert times == sorted(times)
    lost = next(probe for probe in rig.probes("cam") if probe.state is LOST)
    assert lost.last_frame_at is not None
    assert lost.gap_s is not None
    assert not lost.ok


async def test_camera_that_falls_silent_is_lost(
    rig: Rig, mjpeg: Callable[..., MjpegServer]
) -> None:
    async with rig.running():
        await rig.assign(camera("cam", mjpeg().url("/silent")))
        await rig.until(lambda: rig.states("cam")[:3] == [CONNECTING, CONNECTED, LOST])


async def test_a_frozen_picture_is_told_of_a_camera_and_not_of_a_folder(
    rig: Rig, mjpeg: Callable[..., MjpegServer], tmp_path: Path
) -> None:
    for number in range(120):
        (tmp_path / f"{number:03}.jpg").write_bytes(jpeg_of(picture(0)))
    server = mjpeg()
    async with rig.running():
        await rig.assign(
            camera("stuck", server.url("/frozen")),
            camera("well", server.url("/stream")),
            camera("folder", f"images:{tmp_path}", loop=True),
        )
        await rig.until(
            lambda: any(probe.facts.get("frozen_picture") for probe in rig.probes("stuck"))
        )
        await rig.until(
            lambda: any(probe.facts.get("frozen_picture") is False for probe in rig.probes("well"))
        )
    folder = [probe for probe in rig.probes("folder") if probe.state is CONNECTED]
    assert folder
    assert all("frozen_picture" not in probe.facts for probe in folder)


async def test_rtsp_camera_is_lost_and_comes_back(
    rig: Rig, rtsp: Callable[..., RtspServer]
) -> None:
    server = rtsp()
    async with rig.running():
        await rig.assign(camera("cam", server.url()))
        await rig.until(lambda: len(rig.frames("cam")) > 3)
        server.kill()
        await rig.until(lambda: rig.states("cam") == [CONNECTING, CONNECTED, LOST])
        rtsp("--port", str(server.port))
        await rig.until(lambda: rig.states("cam") == [CONNECTING, CONNECTED, LOST, CONNECTED])
    numbers = [frame.seq for frame in rig.frames("cam")]
    assert numbers == sorted(set(numbers))


async def test_wrong_password_is_said_and_not_shown(
    rig: Rig,
    mjpeg: Callable[..., MjpegServer],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("WATCHFLOOR_SECRET_CAMS", f"{USER}:{PASSWORD}")
    monkeypatch.setenv("WATCHFLOOR_SECRET_OLD", f"{USER}:hunter2hunter2")
    server = mjpeg()
    caplog.set_level("DEBUG")
    async with rig.running():
        await rig.assign(
            camera("right", server.url("/digest"), credentials="cams"),
            camera("wrong", server.url("/digest"), credentials="old"),
            camera("none", server.url("/digest"), credentials="nowhere"),
            camera("url", server.url("/digest", f"{USER}:hunter3hunter3@")),
        )
        for name in ("wrong", "none", "url"):
            await rig.until(functools.partial(failed, rig, name))
        await rig.until(lambda: bool(rig.frames("right")))
    assert "refuses the user or the password" in (rig.probes("wrong")[-1].error or "")
    assert "secret 'nowhere'" in (rig.probes("none")[-1].error or "")
    written = b"".join((record.value or b"") for record in rig.records if record.topic is PROBES)
    for secret in (PASSWORD, "hunter2", "hunter3", USER):
        assert secret not in caplog.text
        assert secret.encode() not in written


async def test_who_is_assigned_and_who_owns(rig: Rig, tmp_path: Path) -> None:
    world = "sim:entries?fps=5"
    async with rig.running():
        await rig.assign(camera("a", world), camera("b", world))
        await rig.until(lambda: bool(rig.frames("a")) and bool(rig.frames("b")))
        await rig.assign(camera("a", f"{world}&seed=2", revision="2"))
        await rig.until(lambda: rig.states("a") == [CONNECTING, CONNECTED] * 2)
        assert rig.states("b") == [CONNECTING, CONNECTED]
        await rig.unassign("b")
        await quiet(rig, "b")
        rig.owned.set(frozenset())
        await quiet(rig, "a")
        rig.owned.set(frozenset(range(4)))
        await rig.until(lambda: rig.states("a") == [CONNECTING, CONNECTED] * 3)
        assert rig.states("b") == [CONNECTING, CONNECTED]


async def quiet(rig: Rig, name: str) -> None:
    """Wait until no frame of that camera has come for a second."""
    since, count = time.monotonic(), -1
    while time.monotonic() - since < 1:
        if len(rig.frames(name)) != count:
            since, count = time.monotonic(), len(rig.frames(name))
        await asyncio.sleep(0.05)


async def test_later_snapshots(rig: Rig, tmp_path: Path) -> None:
    """Of an event long after its frames, and of one whose frames the gate holds back."""
    clip = make_video(tmp_path / "a.mp4", 200)
    still = jpeg_of(picture(0, 320, 240))
    (tmp_path / "still").mkdir()
    for number in range(80):
        (tmp_path / "still" / f"{number:03}.jpg").write_bytes(still)
    async with rig.running():
        await rig.assign(
            camera("clip", f"file:{clip}", start=START, speed=0),
            camera("still", f"images:{tmp_path}/still", start=START, speed=4, gate=True),
        )
        await rig.until(lambda: len(rig.frames("clip")) > 100 and len(rig.frames("still")) > 10)
        while not (rig.of(SNAPSHOTS, "clip") and rig.of(SNAPSHOTS, "still")):
            # Again and again, as a detect role that starts again does it.
            await rig.happen("clip", "early", rig.frames("clip")[40])
            await rig.happen("still", "held", rig.frames("still")[10])
            await asyncio.sleep(0.3)
        await rig.until(lambda: len(rig.of(SNAPSHOTS, "clip")) >= 3)
        await rig.until(lambda: len(rig.of(SNAPSHOTS, "still")) >= 3)
    for name, event, numbers in (("clip", "early", (41, 42, 43)), ("still", "held", (11, 12, 13))):
        records = rig.of(SNAPSHOTS, name)
        metas: list[SnapshotMeta] = [record.message() for record in records]
        assert [meta.position for meta in metas] == [1, 2, 3]
        assert {meta.event_id for meta in metas} == {event}
        step = timedelta(milliseconds=100 if name == "clip" else 200)
        assert [meta.captured_at for meta in metas] == [START + step * n for n in numbers]
        assert [header(r, "ce_id") for r in records] == [
            ids.snapshot_id(SITE, event, position) for position in (1, 2, 3)
        ]
        assert all((record.value or b"").startswith(b"\xff\xd8") for record in records)
    sent = {frame.seq for frame in rig.frames("still")}
    assert not sent & {11, 12, 13}
