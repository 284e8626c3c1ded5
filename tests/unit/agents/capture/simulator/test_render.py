"""Frames: the same in every process and in any order, and what truth says is what was drawn."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.capture.simulator import NoSignalError, Signal, SimulatedSite, UnknownCameraError
from agents.capture.simulator.canvas import Bytes

ROOT = Path(__file__).parents[5]
WIDTH, HEIGHT = SimulatedSite.width, SimulatedSite.height
SHARED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
times = st.integers(0, 600_000).map(lambda milliseconds: timedelta(milliseconds=milliseconds))
MORE = """
import hashlib, sys
from datetime import timedelta
from agents.capture.simulator import SimulatedSite
site = SimulatedSite("hard", 3)
for at in (64.4, 3.2):
    frame = site.render("gate", timedelta(seconds=at))
    truth = site.truth("gate", timedelta(seconds=at))
    print(hashlib.sha256(frame.tobytes() + repr(truth).encode()).hexdigest())
"""


def _digest(site: SimulatedSite, seconds: float) -> str:
    at = timedelta(seconds=seconds)
    frame, truth = site.render("gate", at), site.truth("gate", at)
    return hashlib.sha256(frame.tobytes() + repr(truth).encode()).hexdigest()


def test_same_frame_in_another_process_and_in_another_order(hard: SimulatedSite) -> None:
    here = [_digest(hard, 3.2), _digest(hard, 64.4)]
    done = subprocess.run(
        [sys.executable, "-c", MORE],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.split() == here[::-1]


@pytest.mark.parametrize("scene", ["day", "night", "rain", "crowd", "dark", "hard", "entries"])
def test_every_scene_has_a_picture(scene: str) -> None:
    site = SimulatedSite(scene, 3, cameras=1)
    frame = site.render(site.cameras[0], timedelta(seconds=9))
    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert frame.dtype == np.uint8
    assert frame.std() > 5


def test_seeds_differ(day: SimulatedSite) -> None:
    at = timedelta(seconds=10)
    other = SimulatedSite("day", 4, cameras=1)
    assert np.abs(other.render("gate", at).astype(int) - day.render("gate", at)).mean() > 3
    assert other.zones("gate") != day.zones("gate")


def test_night_is_darker_than_day(day: SimulatedSite, hard: SimulatedSite) -> None:
    at = timedelta(seconds=5)
    assert hard.render_empty("dock", at).mean() < 0.7 * day.render_empty("dock", at).mean()


def test_noise_is_new_in_every_frame(day: SimulatedSite) -> None:
    near = [day.render_empty("dock", timedelta(seconds=2, milliseconds=ms)) for ms in (0, 1)]
    difference = np.abs(near[0].astype(int) - near[1])
    assert difference.mean() > 1
    assert difference.max() < 40


def _changed(site: SimulatedSite, camera: str, at: timedelta) -> Bytes:
    with_them = site.render_plain(camera, at).astype(int)
    without = site.render_empty(camera, at, plain=True).astype(int)
    return np.asarray(np.abs(with_them - without).max(axis=2) > 3)


def _pixels(box: tuple[float, float, float, float]) -> tuple[slice, slice]:
    x1, y1, x2, y2 = box
    # A pixel that the box cuts belongs to it.
    return (
        slice(int(y1 * HEIGHT), int(np.ceil(y2 * HEIGHT)) + 1),
        slice(int(x1 * WIDTH), int(np.ceil(x2 * WIDTH)) + 1),
    )


@SHARED
@given(at=times, camera=st.sampled_from(["gate", "yard", "fence", "dock"]))
def test_boxes_hold_all_that_is_drawn(day: SimulatedSite, camera: str, at: timedelta) -> None:
    changed = _changed(day, camera, at)
    for thing in day.truth(camera, at).objects:
        changed[_pixels(thing.box)] = False
    assert not changed.any()


def test_boxes_are_tight(day: SimulatedSite) -> None:
    """Something is drawn near all four edges of the box of what is alone and fully visible."""
    measured = 0
    for camera in day.cameras:
        for second in range(8, 90, 4):
            at = timedelta(seconds=second)
            objects = day.truth(camera, at).objects
            if len(objects) != 1 or objects[0].visible < 0.99:
                continue
            rows, columns = np.nonzero(_changed(day, camera, at))
            x1, y1, x2, y2 = np.array(objects[0].box) * (WIDTH, HEIGHT, WIDTH, HEIGHT)
            drawn = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert np.abs(np.array(drawn) - (x1, y1, x2, y2)).max() <= 5
            measured += 1
    assert measured >= 10


@SHARED
@given(at=times, camera=st.sampled_from(["gate", "yard", "fence", "dock"]))
def test_truth_is_within_the_frame(hard: SimulatedSite, camera: str, at: timedelta) -> None:
    truth = hard.truth(camera, at)
    names = [thing.object_id for thing in truth.objects]
    assert len(set(names)) == len(names)
    for thing in truth.objects + truth.parked:
        x1, y1, x2, y2 = thing.box
        assert 0 <= x1 < x2 <= 1
        assert 0 <= y1 < y2 <= 1
        assert 0 <= thing.visible <= 1
        assert all(0 <= part <= 1 for part in thing.foot)
        assert thing.label in ("person", "car", "truck", "cat", "dog")


def test_visible_part_shrinks_with_what_is_drawn(day: SimulatedSite) -> None:
    """The visible part of a lone person behind the fence is the drawn part of the box."""
    shares = []
    for second in range(0, 900):
        at = timedelta(seconds=second)
        objects = day.truth("gate", at).objects
        if len(objects) == 1 and objects[0].label == "person" and 0.2 < objects[0].visible < 0.9:
            drawn = int(_changed(day, "gate", at).sum())
            x1, y1, x2, y2 = objects[0].box
            if x1 > 0 and x2 < 1 and y2 < 1:
                area = (x2 - x1) * (y2 - y1) * WIDTH * HEIGHT
                shares.append((objects[0].visible, drawn / area))
        if len(shares) == 12:
            break
    assert len(shares) >= 5
    # A person fills about half of their box.
    assert all(share < 0.95 * visible for visible, share in shares)
    assert np.corrcoef(np.array(shares).T)[0, 1] > 0.3


def test_people_move_as_people_do(day: SimulatedSite) -> None:
    """No jumps: between frames at 10 fps a person's foot moves less than 0.35 of their height."""
    before: dict[str, tuple[float, float]] = {}
    seen = 0
    for step in range(200):
        at = timedelta(milliseconds=28_000 + 100 * step)
        now = {}
        for thing in day.truth("gate", at).objects:
            if thing.label != "person":
                continue
            now[thing.object_id] = thing.foot
            if thing.object_id in before:
                seen += 1
                dx = (thing.foot[0] - before[thing.object_id][0]) * WIDTH
                dy = (thing.foot[1] - before[thing.object_id][1]) * HEIGHT
                assert np.hypot(dx, dy) < 0.35 * (thing.box[3] - thing.box[1]) * HEIGHT + 1
        before = now
    assert seen > 50


def test_outages(dark: SimulatedSite) -> None:
    signals = {
        camera: [dark.signal(camera, timedelta(seconds=second)) for second in range(120)]
        for camera in dark.cameras
    }
    kinds = {kind for row in signals.values() for kind in row}
    assert kinds == set(Signal)
    for camera, row in signals.items():
        changes = sum(a != b for a, b in pairwise(row))
        assert changes <= 5
        for kind in (Signal.DARK, Signal.LOST):
            if kind in row:
                at = timedelta(seconds=row.index(kind) + 1)
                if kind is Signal.LOST:
                    with pytest.raises(NoSignalError, match=camera):
                        dark.render(camera, at)
                else:
                    assert dark.render(camera, at).mean() < 15


def test_day_has_no_outage(day: SimulatedSite) -> None:
    assert all(day.signal("gate", timedelta(seconds=s)) is Signal.OK for s in range(0, 300, 7))


def test_the_world_has_no_end_and_no_time_before_it(day: SimulatedSite) -> None:
    far = timedelta(days=40_000, seconds=12)
    assert day.render("fence", far).std() > 5
    assert day.stays(far + timedelta(seconds=60), far)
    with pytest.raises(ValueError, match="before its start"):
        day.render("fence", timedelta(seconds=-1))


def test_unknown_camera(day: SimulatedSite) -> None:
    with pytest.raises(UnknownCameraError, match="gate, yard, fence, dock"):
        day.render("roof", timedelta(0))


def test_more_cameras_have_names_and_zones_of_their_own() -> None:
    site = SimulatedSite("day", 1, cameras=9)
    assert site.cameras[4:] == ("gate-2", "yard-2", "fence-2", "dock-2", "gate-3")
    zones = [zone.zone_id for camera in site.cameras for zone in site.zones(camera)]
    assert len(set(zones)) == len(zones)
    with pytest.raises(ValueError, match="1 to 64"):
        SimulatedSite("day", 1, cameras=65)
