"""The pipeline against a bare loop: how the two are compared."""

from __future__ import annotations

import numpy as np
import pytest

from infra.bench.bare import SIDE, Pace, _grid, _letterbox, _suppress
from infra.bench.detect import SITE, camera_name, document, frames_of, ratio

METRICS = """\
# HELP watchfloor_detect_frames_total Frames looked at
# TYPE watchfloor_detect_frames_total counter
watchfloor_detect_frames_total{camera="round-1",site="bench"} 12.0
watchfloor_detect_frames_total{camera="round-10",site="bench"} 7.0
# HELP watchfloor_detect_skipped_total Live frames skipped
# TYPE watchfloor_detect_skipped_total counter
watchfloor_detect_skipped_total{camera="round-1",site="bench"} 5.0
"""


def pace(fps: float) -> Pace:
    return Pace(frames=101, seconds=100 / fps)


def test_pace_counts_the_steps_between_frames() -> None:
    assert Pace(frames=11, seconds=2.0).fps == 5.0


@pytest.mark.parametrize(
    ("bare", "piped", "expected"),
    [
        ([50, 50], [40], 0.8),
        ([60, 40], [40], 0.8),  # a machine that slows down is no slow pipeline
        ([50, 50, 25], [40, 30], 0.8),  # each with its own neighbours; the middle of two
        ([50, 50, 50, 50], [10, 40, 45], 0.8),  # one round that was disturbed decides nothing
    ],
)
def test_ratio(bare: list[float], piped: list[float], expected: float) -> None:
    assert ratio([pace(f) for f in bare], [pace(f) for f in piped]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("camera", "frames"),
    [("round-1", 12), ("round-10", 7), ("round-2", 0)],
)
def test_frames_of_one_camera(camera: str, frames: int) -> None:
    assert frames_of(METRICS, camera) == frames


def test_frames_of_a_role_that_does_not_answer() -> None:
    assert frames_of("", "round-1") == 0


def test_each_round_has_a_camera_with_the_whole_picture() -> None:
    (site,) = document(2).sites
    assert site.site_id == SITE
    assert [camera.camera_id for camera in site.cameras] == [camera_name(n) for n in (0, 1, 2)]
    assert [zone.camera_ids for zone in site.zones] == [(camera_name(n),) for n in (0, 1, 2)]
    assert all(not zone.polygons for zone in site.zones)


def test_bare_loop_letterboxes_at_the_top_left() -> None:
    blob = _letterbox(np.full((100, 200, 3), 7, np.uint8))
    assert blob.shape == (1, 3, SIDE, SIDE)
    assert blob.dtype == np.float32
    assert (blob[0, :, : SIDE // 2] == 7).all()
    assert (blob[0, :, SIDE // 2 :] == 114).all()


def test_bare_loop_finds_a_box_once() -> None:
    grid, stride = _grid()
    raw = np.zeros((len(grid), 85), np.float32)
    cell = int(np.flatnonzero((stride[:, 0] == 16) & (grid == (5, 7)).all(1))[0])
    for place in (cell, cell + 1):  # two cells that see the same object
        raw[place, 4] = raw[place, 5 + 2] = 0.9
        raw[place, 2:4] = np.log(4.0)
    raw[cell + 1, 0] = -1.0
    (box,) = _suppress(raw, grid, stride)
    # Centre (5, 7) in cells of 16 pixels, 4 cells wide and high: x, y, width, height.
    assert box == pytest.approx([5 * 16 - 32, 7 * 16 - 32, 64, 64])


def test_bare_loop_finds_nothing_in_nothing() -> None:
    grid, stride = _grid()
    assert _suppress(np.zeros((len(grid), 85), np.float32), grid, stride) == []
