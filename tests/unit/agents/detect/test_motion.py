"""The detector without a model, on drawn pictures: what moves, what parks, what only changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from agents.detect.boxes import Detections, iou_matrix
from agents.detect.motion import STRONG, WEAK, MotionDetector
from tests.unit.agents.detect.scenes import at

Picture = NDArray[np.uint8]
WIDTH, HEIGHT = 640, 360


def ground(seed: int = 1) -> Picture:
    """A textured yard: blocks of grey with grain."""
    dice = np.random.default_rng(seed)
    blocks = dice.integers(70, 130, (18, 32, 1)).astype(np.uint8)
    yard = cv2.resize(np.repeat(blocks, 3, axis=2), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(yard + dice.normal(0, 3, yard.shape), 0, 255), np.uint8)


YARD = ground()


NOISE = np.random.default_rng(7).normal(0, 3, (8, HEIGHT, WIDTH, 3)).astype(np.int16)


def grain(image: Picture, seed: int) -> Picture:
    """A sensor's noise, another one each time."""
    noisy = cv2.add(image, NOISE[seed % len(NOISE)], dtype=cv2.CV_8U)
    return np.asarray(noisy, np.uint8)


def somebody(image: Picture, x: float, y: float = 250, w: int = 30, h: int = 90) -> Picture:
    """A figure with its foot at (x, y): red jacket, blue trousers."""
    out = image.copy()
    left, right, top = round(x - w / 2), round(x + w / 2), round(y - h)
    cv2.rectangle(out, (left, top), (right, round(y - h / 2)), (40, 40, 200), -1)
    cv2.rectangle(out, (left, round(y - h / 2)), (right, round(y)), (160, 60, 20), -1)
    return out


def play(
    draw: Callable[[float], Picture], seconds: float, start: float = 0.0, step: float = 0.2,
    detector: MotionDetector | None = None,
) -> list[tuple[float, Detections]]:  # fmt: skip
    detector = detector or MotionDetector()
    found = []
    for i in range(round(seconds / step)):
        now = start + i * step
        found.append((now, detector.detect(grain(draw(now), round(now * 10)), at(now))))
    return found


def strong(found: Detections) -> Detections:
    return found.take(found.scores >= STRONG - 0.01)


def unit(x: float, y: float = 250, w: int = 30, h: int = 90) -> NDArray[np.float32]:
    box = [(x - w / 2) / WIDTH, (y - h) / HEIGHT, (x + w / 2) / WIDTH, y / HEIGHT]
    return np.array([box], np.float32)


def test_nothing_moves() -> None:
    assert all(len(found) == 0 for _, found in play(lambda _: YARD, 6))


def test_a_walker_is_found_on_nearly_every_frame_where_he_is() -> None:
    def place(seconds: float) -> float:
        return 60 + 50 * seconds

    hits = total = 0
    for now, found in play(lambda s: YARD if s < 2 else somebody(YARD, place(s)), 10):
        if now < 2:
            assert len(found) == 0
            continue
        total += 1
        assert len(found) <= 2
        hits += bool(len(found) and iou_matrix(found.boxes, unit(place(now))).max() > 0.5)
    assert hits >= 0.9 * total


def test_light_that_changes_everywhere_is_nobody() -> None:
    def cloud(seconds: float) -> Picture:
        gain = 1 - 0.35 * min(max(seconds - 2, 0), 3) / 3
        return np.asarray(np.clip(YARD * gain, 0, 255), np.uint8)

    assert sum(len(strong(found)) for _, found in play(cloud, 8)) == 0


def test_a_switch_of_scene_is_nobody_and_is_learnt() -> None:
    other = ground(9)
    other = np.asarray(255 - other, np.uint8)
    found = play(lambda s: YARD if s < 3 else other, 8)
    assert sum(len(strong(d)) for _, d in found) == 0


def test_a_dark_picture_shows_nothing_and_forgets_nothing() -> None:
    black = np.zeros_like(YARD)
    found = play(lambda s: black if 3 <= s < 5 else somebody(YARD, 200 + 40 * s), 8)
    for now, seen in found:
        if 3 <= now < 5:
            assert len(seen) == 0
    after = [seen for now, seen in found if now > 5.5]
    assert np.mean([len(strong(seen)) >= 1 for seen in after]) > 0.8


def test_what_parks_goes_on_as_weak_and_is_strong_when_it_moves_again() -> None:
    def place(seconds: float) -> float:
        return 100 + 60 * min(max(seconds - 2, 0), 4) + 60 * max(seconds - 40, 0)

    found = play(lambda s: somebody(YARD, place(s)) if s > 2 else YARD, 44)
    while_parked = [seen for now, seen in found if 20 < now < 39]
    for seen in while_parked:
        assert len(seen) == 1
        assert abs(float(seen.scores[0]) - WEAK) < 0.01
        assert iou_matrix(seen.boxes, unit(place(20))).max() > 0.5
    last = found[-1][1]
    assert iou_matrix(strong(last).boxes, unit(place(found[-1][0]))).max() > 0.4


def test_who_was_there_at_first_leaves_no_ghost() -> None:
    """The first picture holds somebody; when he has left, his place is background within 3 s."""
    found = play(lambda s: somebody(YARD, 300 + 80 * max(s - 2, 0)) if s < 6 else YARD, 14)
    assert all(len(strong(seen)) == 0 for now, seen in found if now > 10)


def test_gated_frames_with_long_gaps() -> None:
    """Keep-alives only while nothing moves, then a walk: time is learnt by, not frames."""
    detector = MotionDetector()
    for now in (0, 10, 20, 30):
        assert len(detector.detect(grain(YARD, now), at(now))) == 0
    dimmer = np.asarray(YARD * 0.9, np.uint8)
    for now in (40, 50, 60):
        assert len(strong(detector.detect(grain(dimmer, now), at(now)))) == 0
    found = play(lambda s: somebody(dimmer, 100 + 50 * (s - 61)), 6, 61, detector=detector)
    assert np.mean([len(strong(seen)) == 1 for _, seen in found]) > 0.8


def test_another_size_of_picture_starts_anew() -> None:
    detector = MotionDetector()
    play(lambda _: YARD, 3, detector=detector)
    tall = np.asarray(cv2.resize(YARD, (480, 640)), np.uint8)
    assert len(detector.detect(tall, at(3.2))) == 0
    assert len(detector.detect(tall, at(3.4))) == 0


def test_the_same_pictures_give_the_same_detections() -> None:
    def walk(seconds: float) -> Picture:
        return somebody(YARD, 60 + 50 * seconds)

    for (_, a), (_, b) in zip(play(walk, 5), play(walk, 5), strict=True):
        assert np.array_equal(a.boxes, b.boxes)


def test_settling_says_nothing() -> None:
    detector = MotionDetector()
    found = play(lambda s: somebody(YARD, 60 + 50 * s), 0.8, detector=detector)
    assert all(len(seen) == 0 for _, seen in found)
    assert detector.detect(somebody(YARD, 140), at(1) + timedelta(seconds=0.2)).boxes.shape[1] == 4
