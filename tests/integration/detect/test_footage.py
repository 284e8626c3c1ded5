"""The core on real footage: heads against plain arithmetic, tracks and zones against the truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import exp, tanh
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from agents.detect.boxes import Detections
from agents.detect.engine import CameraDetector, Eye, FrameOutcome, ModelEye, MotionEye
from agents.detect.models import Origin, open_model
from agents.detect.people import may_be_several, split
from agents.detect.picture import Picture
from agents.detect.session import OnnxDetector
from agents.detect.zones import WatchedZone
from infra.settings import load

pytestmark = pytest.mark.assets

CLIP = "one-by-one-person-detection.mp4"
START = datetime(2026, 1, 1, tzinfo=UTC)
TOLERANCE = 8
WHOLE = [WatchedZone("whole", labels=frozenset({"person"}))]


@pytest.fixture(scope="session")
def assets() -> Path:
    folder = load().assets_dir
    if not (folder / "videos" / CLIP).is_file():
        pytest.skip(f"no footage under {folder}")
    return folder


@pytest.fixture(scope="session")
def clip(assets: Path) -> list[Picture]:
    """All frames, 768 x 432."""
    with av.open(str(assets / "videos" / CLIP)) as container:
        return [
            np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            for frame in container.decode(video=0)
        ]


@pytest.fixture(scope="session")
def truth(assets: Path) -> list[tuple[int, int]]:
    told = json.loads((assets / "videos" / "truth.json").read_text())[CLIP]
    return [(a, b) for a, b in told["person_intervals_frames"]]


def opened(assets: Path, name: str) -> OnnxDetector:
    model = open_model(assets / "models" / name)
    assert model.origin is Origin.CATALOGUE
    return model.detector


def raw(detector: OnnxDetector, blob: Any) -> Any:
    return detector.graph.session.run(None, {detector.card.input.name: blob})[0][0]


def greedy(rows: list[tuple[list[float], float, int]], iou: float) -> list[Any]:
    kept: list[Any] = []
    for box, score, label in sorted(rows, key=lambda row: -row[1]):
        for other, _, name in kept:
            width = min(box[2], other[2]) - max(box[0], other[0])
            height = min(box[3], other[3]) - max(box[1], other[1])
            both = max(width, 0) * max(height, 0)
            union = (
                (box[2] - box[0]) * (box[3] - box[1])
                + (other[2] - other[0]) * (other[3] - other[1])
                - both
            )
            if name == label and both > iou * union:
                break
        else:
            kept.append((box, score, label))
    return kept


def plain_yolox(detector: OnnxDetector, image: Picture) -> list[Any]:
    height, width = image.shape[:2]
    ratio = min(416 / height, 416 / width)
    size = (round(width * ratio), round(height * ratio))
    canvas = np.full((416, 416, 3), 114, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(image, size)
    output = raw(detector, canvas.transpose(2, 0, 1)[None].astype(np.float32))
    rows, index = [], 0
    for stride in (8, 16, 32):
        for y in range(416 // stride):
            for x in range(416 // stride):
                row = output[index].tolist()
                index += 1
                best = max(row[5:])
                if row[4] * best < 0.1:
                    continue
                cx, cy = (row[0] + x) * stride, (row[1] + y) * stride
                w, h = exp(row[2]) * stride, exp(row[3]) * stride
                box = [
                    (cx - w / 2) / size[0], (cy - h / 2) / size[1],
                    (cx + w / 2) / size[0], (cy + h / 2) / size[1],
                ]  # fmt: skip
                rows.append((box, row[4] * best, row[5:].index(best)))
    return greedy(rows, 0.45)


def plain_fastestdet(detector: OnnxDetector, image: Picture) -> list[Any]:
    small = cv2.resize(image, (352, 352), interpolation=cv2.INTER_AREA)
    output = raw(detector, small.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    rows = []
    for y in range(22):
        for x in range(22):
            objectness, dx, dy, w, h, *classes = output[:, y, x].tolist()
            best = max(classes)
            score = objectness**0.6 * best**0.4
            if score < 0.1:
                continue
            cx, cy = (x + tanh(dx)) / 22, (y + tanh(dy)) / 22
            w, h = 1 / (1 + exp(-w)), 1 / (1 + exp(-h))
            box = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
            rows.append((box, score, classes.index(best)))
    return greedy(rows, 0.45)


@pytest.mark.parametrize(
    ("name", "plain"), [("yolox_nano.onnx", plain_yolox), ("FastestDet.onnx", plain_fastestdet)]
)
def test_a_head_on_real_frames_is_the_plain_arithmetic(
    assets: Path, clip: list[Picture], name: str, plain: Any
) -> None:
    detector = opened(assets, name)
    people = 0
    for number in (0, 100, 300, 600, 800, 1000, 1300):
        found = detector.infer(clip[number])
        expected = plain(detector, clip[number])
        assert len(found) == len(expected)
        for i, (box, score, label) in enumerate(expected):
            assert int(found.classes[i]) == label
            assert float(found.scores[i]) == pytest.approx(score, abs=2e-3)
            assert np.allclose(found.boxes[i], np.clip(np.array(box), 0, 1), atol=2e-3)
        people += sum(label == 0 and score > 0.5 for _, score, label in expected)
    assert people == 6


def test_opencvs_people_detector_splits_who_walks_side_by_side(
    assets: Path, clip: list[Picture]
) -> None:
    detector = opened(assets, "yolox_nano.onnx")
    people = []
    for number in (300, 600):
        found = detector.infer(clip[number])
        x1, y1, x2, y2 = (found.boxes[0] * (768, 432, 768, 432)).astype(int).tolist()
        people.append(clip[number][y1:y2, x1:x2])

    def beside(*who: Picture) -> tuple[Picture, tuple[int, int, int, int], list[int]]:
        canvas = np.full((360, 640, 3), 150, np.uint8)
        at, borders = 200, []
        for one in who:
            width = one.shape[1] * 120 // one.shape[0]
            canvas[150:270, at : at + width] = cv2.resize(one, (width, 120))
            at += width + 2
            borders.append(at)
        return canvas, (200, 150, at, 270), borders

    canvas, box, borders = beside(*people)
    assert may_be_several(box)
    parts = split(canvas, box)
    assert len(parts) == 2
    assert (parts[0][0], parts[1][2]) == (box[0], box[2])
    assert abs(parts[0][2] - borders[0]) < 12
    assert not may_be_several(beside(people[0])[1])
    assert split(*beside(people[0])[:2]) == []


def play(
    eye: Eye, frames: Sequence[tuple[int, Detections | Picture]], rate: float
) -> list[FrameOutcome]:
    camera = CameraDetector.for_eye(eye, rate)
    outcomes = []
    for number, frame in frames:
        t = START + timedelta(seconds=number / 10)
        found = frame if isinstance(frame, Detections) else eye.look(frame, t)
        outcomes.append(camera.advance(found, t, number, zones=WHOLE, aspect=768 / 432))
    return outcomes


@pytest.fixture(scope="session")
def seen(assets: Path, clip: list[Picture]) -> tuple[ModelEye, list[Detections]]:
    """What YOLOX-nano sees on every second frame."""
    detector = opened(assets, "yolox_nano.onnx")
    return ModelEye(detector), [detector.infer(image) for image in clip[::2]]


@pytest.mark.parametrize("every", [2, 4])
def test_six_people_are_six_events(
    seen: tuple[ModelEye, list[Detections]], truth: list[tuple[int, int]], every: int
) -> None:
    eye, found = seen
    frames = [(2 * i, found[i]) for i in range(0, len(found), every // 2)]
    outcomes = play(eye, frames, 10 / every)
    completions = [c for outcome in outcomes for c in outcome.completions]
    numbers = [round((c.at - START).total_seconds() * 10) for c in completions]
    assert len(numbers) == len(truth)
    for number, (first, last) in zip(numbers, truth, strict=True):
        assert first - TOLERANCE <= number <= last + TOLERANCE
    assert {c.track.label for c in completions} == {"person"}
    assert all((c.confidence or 0) >= 0.8 for c in completions)


def test_six_people_are_six_events_with_gated_frames(
    seen: tuple[ModelEye, list[Detections]], truth: list[tuple[int, int]]
) -> None:
    """As after a motion gate: nothing while nobody is there, but for a frame every 10 s."""
    eye, found = seen
    frames = [
        (2 * i, one)
        for i, one in enumerate(found)
        if i % 50 == 0 or any(a - 6 <= 2 * i <= b + 6 for a, b in truth)
    ]
    outcomes = play(eye, frames, 5)
    numbers = [c.at for outcome in outcomes for c in outcome.completions]
    assert len(numbers) == len(truth)


def test_without_a_model_all_six_are_noticed(
    clip: list[Picture], truth: list[tuple[int, int]]
) -> None:
    frames = [(i, clip[i]) for i in range(0, len(clip), 2)]
    completions = [c for o in play(MotionEye(), frames, 5) for c in o.completions]
    assert {(c.event_type, c.confidence) for c in completions} == {("motion", None)}
    numbers = [round((c.at - START).total_seconds() * 10) for c in completions]
    noticed = {
        index
        for index, (first, last) in enumerate(truth)
        for number in numbers
        if first - TOLERANCE <= number <= last + TOLERANCE
    }
    assert noticed == set(range(len(truth)))
    assert len(numbers) <= 1.5 * len(truth)
