"""Frames in, records out: side by side for a file, the newest for a live camera, in order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from agents.detect.boxes import Detections
from agents.detect.engine import ModelEye
from agents.detect.eyes import Eyes
from agents.detect.picture import Picture
from agents.detect.worker import DetectWorker
from agents.runtime.configuration import Configuration
from agents.runtime.ownership import Ownership
from agents.runtime.record import Record
from agents.runtime.service import RoleContext
from infra.settings import Settings
from schemas.base import encode
from schemas.detection import FrameDetections
from schemas.frame import FrameMeta
from topics.catalogue import DETECTIONS, FRAMES
from topics.record import OutRecord

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LIMIT_S = 10.0
STEP = 10
"""A frame's number is its brightness, in steps that a JPEG does not blur."""


class Watcher:
    """A detector of one box a frame, which says what it sees and may be held at a frame."""

    name = "watcher"
    classes = ("person",)
    start_score = 0.5

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.held: dict[int, threading.Event] = {}

    def infer(self, image: Picture) -> Detections:
        number = round(float(image.mean()) / STEP)
        self.begun.append(number)
        if number in self.held:
            assert self.held[number].wait(LIMIT_S)
        self.ended.append(number)
        box = np.array([[0.1, 0.1, 0.2, 0.3]], np.float32)
        return Detections(box, np.array([0.9], np.float32), np.array([0]))

    def infer_batch(self, images: Sequence[Picture]) -> list[Detections]:
        return [self.infer(image) for image in images]


class Book:
    """Takes what is emitted."""

    def __init__(self) -> None:
        self.records: list[OutRecord] = []

    async def emit(self, records: Sequence[OutRecord]) -> None:
        self.records.extend(records)

    def detections(self) -> list[FrameDetections]:
        """Everything that was emitted of frames."""
        found = []
        for record in self.records:
            if record.topic is DETECTIONS:
                message = Record(DETECTIONS, 0, 0, 0, record.key, record.value, {}).message()
                assert isinstance(message, FrameDetections)
                found.append(message)
        return found

    def numbers(self) -> list[int]:
        """Of the frames whose detections were emitted."""
        return [one.seq for one in self.detections()]

    def tracks(self) -> list[str | None]:
        """The tracks that they were given, in order."""
        return [detection.track for one in self.detections() for detection in one.detections]


class Bench:
    """A worker with one model thread, and what came of it."""

    def __init__(self, worker: DetectWorker, watcher: Watcher, book: Book) -> None:
        self.worker, self.watcher, self.book = worker, watcher, book
        self.acked: list[int] = []

    async def take(
        self,
        number: int,
        *,
        live: bool,
        jpeg: bytes | None = None,
        partition: int = 0,
        run: str = "",
    ) -> None:
        record = frame(number, live=live, jpeg=jpeg, partition=partition, run=run)
        await self.worker.take(record, lambda: self.acked.append(number))

    async def told(self, number: int) -> None:
        """Wait until a frame is done; raises TimeoutError."""
        await self.until(lambda: number in self.acked)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; raises TimeoutError."""
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                await asyncio.sleep(0.002)


def frame(
    number: int,
    *,
    live: bool,
    jpeg: bytes | None = None,
    partition: int = 0,
    run: str = "",
    last: bool = False,
) -> Record:
    """A record at the beginning of its partition, where there is nothing to warm up with."""
    meta = FrameMeta(
        site_id="north",
        camera_id="gate",
        captured_at=T0 + timedelta(seconds=number / 5),
        seq=number,
        width=32,
        height=32,
        live=live,
        run=run,
        last=last,
    )
    if jpeg is None:
        picture = np.full((32, 32, 3), number * STEP, np.uint8)
        jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    headers = {"wf_frame": encode(meta), "ce_id": b"f"}
    return Record(FRAMES, partition, 0, 0, b"north/gate", jpeg, headers)


def opened(folder: Path, before: Sequence[Record] = (), eyes: Eyes | None = None) -> Bench:
    """A worker that finds these records before the first that it takes. eyes: else a watcher's."""
    watcher, book = Watcher(), Book()

    async def seen(
        settings: Settings, first: Record, dwell_s: float
    ) -> AsyncIterator[tuple[Record, FrameMeta]]:
        for record in before:
            meta = record.message()
            assert isinstance(meta, FrameMeta)
            yield record, meta

    ctx = RoleContext(
        role="detect",
        settings=Settings(state_dir=folder),
        emitter=book,
        now=lambda: T0,
        configuration=Configuration(),
        ownership=Ownership,
        report=lambda name, problem: None,
    )
    worker = DetectWorker(ctx, eyes or Eyes(ModelEye(watcher), None, ""), seen)
    return Bench(worker, watcher, book)


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setenv("WATCHFLOOR_DETECT_THREADS", "1")
    made = opened(tmp_path)
    yield made
    for event in made.watcher.held.values():
        event.set()
    await made.worker.close()


async def test_file_is_looked_at_side_by_side_and_told_in_order(bench: Bench) -> None:
    held = bench.watcher.held[0] = threading.Event()
    for number in range(6):
        await bench.take(number, live=False)
    await bench.until(
        lambda: 1 in bench.watcher.ended
    )  # frame 1 is done while frame 0 is looked at
    assert bench.book.numbers() == []
    held.set()
    await bench.until(lambda: len(bench.acked) == 6)
    assert bench.book.numbers() == [0, 1, 2, 3, 4, 5]
    assert bench.acked == [0, 1, 2, 3, 4, 5]


async def test_live_camera_goes_on_with_its_newest_frame(bench: Bench) -> None:
    held = bench.watcher.held[0] = threading.Event()
    await bench.take(0, live=True)
    await bench.until(lambda: 0 in bench.watcher.begun)
    for number in range(1, 6):
        await bench.take(number, live=True)
    held.set()
    await bench.until(lambda: len(bench.acked) == 6)
    assert bench.watcher.begun == [0, 5]  # nothing was begun early, nothing stale looked at
    assert bench.book.numbers() == [0, 5]


async def test_two_waiting_live_frames_are_both_looked_at(bench: Bench) -> None:
    held = bench.watcher.held[0] = threading.Event()
    await bench.take(0, live=True)
    await bench.until(lambda: 0 in bench.watcher.begun)
    for number in (1, 2):
        await bench.take(number, live=True)
    held.set()
    await bench.until(lambda: len(bench.acked) == 3)
    assert bench.watcher.begun == [0, 1, 2]


async def test_broken_picture_goes_to_the_dead_letters_alone(bench: Bench) -> None:
    await bench.take(0, live=False)
    await bench.take(1, live=False, jpeg=b"\xff\xd8 no picture")
    await bench.take(2, live=False)
    await bench.until(lambda: len(bench.acked) == 3)
    assert bench.book.numbers() == [0, 2]
    letters = [one for one in bench.book.records if one.topic.name == f"{FRAMES.name}.dlq"]
    assert [one.value for one in letters] == [b"\xff\xd8 no picture"]


async def test_what_was_lost_to_another_is_not_finished(bench: Bench) -> None:
    held = bench.watcher.held[0] = threading.Event()
    for number in range(3):
        await bench.take(number, live=False)
    await bench.until(lambda: 0 in bench.watcher.begun)
    bench.worker.assigned(frozenset({1}))
    held.set()
    await bench.take(9, live=False, partition=1)  # it comes after all others
    await bench.until(lambda: len(bench.acked) == 1)
    assert bench.acked == [9]
    assert bench.book.numbers() == [9]


RESTARTS = [
    # a live camera goes on with its tracks
    ("", [0, 1, 2, 3, 4, 5]),
    # and so does a file within one run, whose first frame after the restart is no new run
    ("one", [0, 1, 2, 3, 4, 5]),
]


@pytest.mark.parametrize(("run", "numbers"), RESTARTS)
async def test_after_a_restart_tracks_are_the_ones_of_before(
    tmp_path: Path, run: str, numbers: list[int]
) -> None:
    through = opened(tmp_path)
    for number in numbers:
        await through.take(number, live=False, run=run)
    await through.until(lambda: len(through.acked) == len(numbers))
    again = opened(tmp_path, [frame(number, live=False, run=run) for number in numbers[:4]])
    for number in numbers[4:]:
        await again.take(number, live=False, run=run)
    await again.until(lambda: len(again.acked) == 2)
    assert again.book.tracks() == through.book.tracks()[4:]
    assert again.acked == [4, 5]  # what was only looked at again is neither told nor acked
    await through.worker.close()
    await again.worker.close()


async def test_a_file_that_ended_before_the_restart_has_ended(tmp_path: Path) -> None:
    before = [frame(number, live=False, run="one") for number in range(4)]
    before.append(frame(4, live=False, run="one", last=True))
    again = opened(tmp_path, before)
    fresh = opened(tmp_path)
    for one in (again, fresh):
        await one.take(5, live=False, run="two")
        await one.told(5)
        await one.worker.close()
    assert again.book.tracks() == fresh.book.tracks()


async def test_motion_of_a_file_owes_nothing_to_the_run_before(tmp_path: Path) -> None:
    def picture(number: int) -> bytes:
        drawn = np.full((180, 320, 3), 90, np.uint8)
        cv2.rectangle(drawn, (number * 12, 60), (number * 12 + 30, 140), (40, 40, 220), -1)
        return cv2.imencode(".jpg", drawn)[1].tobytes()

    after = opened(tmp_path, eyes=Eyes(None, None, ""))
    for number in range(6):
        await after.take(number, live=False, run="one", jpeg=picture(0))
    fresh = opened(tmp_path, eyes=Eyes(None, None, ""))
    for one in (after, fresh):
        for number in range(6, 20):
            await one.take(number, live=False, run="two", jpeg=picture(number))
        await one.told(19)
        await one.worker.close()
    assert fresh.book.detections()
    assert [one.detections for one in after.book.detections()] == [
        one.detections for one in fresh.book.detections()
    ]
