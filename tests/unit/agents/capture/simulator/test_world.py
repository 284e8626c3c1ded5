"""The parts: geometry, dice, journeys, occlusion, the preview."""

from __future__ import annotations

from itertools import pairwise
from math import hypot
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.capture.simulator.dice import dice, wave
from agents.capture.simulator.journey import longest, travel
from agents.capture.simulator.layout import Layout, Leg, Route
from agents.capture.simulator.layouts import LAYOUTS, layout
from agents.capture.simulator.lens import Lens, inside
from agents.capture.simulator.occlusion import Occluder, overlap
from agents.capture.simulator.people import Pose, dress, person_joints
from agents.capture.simulator.preview import main
from agents.capture.simulator.scene import scene
from agents.capture.simulator.traffic import Traffic

ROUTE = Route(
    "r", (Leg(((0, 0), (4, 0), (8, 2)), (3.0, 3.0)), Leg(((8, 2), (9, 6), (8, 12)))), 1.0, False, 0
)


def test_dice_are_the_same_everywhere() -> None:
    # Written down, so that a change of the dice, which changes every world, is noticed.
    assert dice("a", 1).random() == pytest.approx(dice("a", 1).random(), abs=0)
    assert dice("a", 1).random() != dice("a", 2).random()
    assert dice("gate", 7).getrandbits(32) == 2894769473


@given(st.floats(0, 1e7), st.floats(0.5, 60))
def test_wave_is_smooth_and_bounded(at: float, period: float) -> None:
    assert -1.0 <= wave(at, period, "w") <= 1.0
    assert abs(wave(at, period, "w") - wave(at + period / 1000, period, "w")) < 0.01


@given(st.floats(2.5, 9), st.floats(12, 50), st.floats(-8, 8), st.floats(-5, 5), st.floats(6, 30))
def test_ground_homography_agrees_with_projection(
    height: float, pitch: float, yaw: float, x: float, y: float
) -> None:
    lens = Lens(height, pitch, yaw)
    pixels, depth = lens.project([(x, y, 0.0)])
    assert depth[0] > 0
    flat = lens.ground() @ (x, y, 1.0)
    assert np.allclose(flat[:2] / flat[2], pixels[0], atol=1e-6)


def test_lens_sees_what_stands_upright_upright() -> None:
    pixels, _ = Lens(4.0, 20.0).project([(0, 10, 0), (0, 10, 1.8), (1, 10, 0)])
    foot, head, aside = pixels
    assert head[1] < foot[1] - 40
    assert head[0] == pytest.approx(foot[0])
    assert aside[0] > foot[0]


def test_inside_takes_the_edge() -> None:
    square = np.array([(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)], np.float32)
    assert inside(square, 0.5, 0.5)
    assert inside(square, float(square[0, 0]), 0.5)
    assert not inside(square, 0.1, 0.5)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.floats(0.8, 3.0))
def test_journey_is_continuous_and_no_faster_than_its_speed(seed: int, speed: float) -> None:
    journey = travel(ROUTE, "person", 5.0, speed, dice("j", seed))
    assert journey.at(4.999) is None
    assert journey.at(journey.end) is None
    assert journey.end - journey.start <= longest((ROUTE,), "person", speed)
    steps = np.arange(5.0, journey.end, 0.05)
    poses = [pose for at in steps if (pose := journey.at(float(at))) is not None]
    assert len(poses) == len(steps)
    for a, b in pairwise(poses):
        assert hypot(b.x - a.x, b.y - a.y) <= speed * 0.05 * 1.01 + 1e-9
        assert b.travelled >= a.travelled - 1e-9
    standing = sum(pose.speed == 0.0 for pose in poses) * 0.05
    assert standing == pytest.approx(3.0, abs=0.11)
    assert hypot(poses[0].x, poses[0].y) < 1e-6
    assert hypot(poses[-1].x - 8, poses[-1].y - 12) <= speed * 0.06


def test_backwards_faces_where_it_came_from() -> None:
    forth = Route("f", (Leg(((0, 0), (9, 0))),), 1.0, False, 0)
    back = Route("b", (Leg(((0, 0), (9, 0)), backwards=True),), 1.0, False, 0)
    poses = [travel(r, "vehicle", 0.0, 3.0, dice("x")).at(1.0) for r in (forth, back)]
    assert poses[0] is not None
    assert poses[1] is not None
    assert poses[0].x == poses[1].x
    assert np.cos(poses[0].heading) == pytest.approx(1)
    assert np.cos(poses[1].heading) == pytest.approx(-1)


@given(st.floats(0, 100), st.floats(0, 2), st.floats(-3, 3))
def test_a_body_stands_on_the_ground_and_keeps_its_size(
    travelled: float, speed: float, heading: float
) -> None:
    person = dress(dice("p"))
    joints = person_joints(person, Pose(2.0, 7.0, heading, travelled, speed, 1.0))
    assert 0 < joints[:, 2].min() < 0.06
    assert 0.75 * person.height < joints[3, 2] < person.height
    for hip, knee, ankle in ((4, 6, 8), (5, 7, 9)):
        legs = np.linalg.norm(joints[[hip, knee]] - joints[[knee, ankle]], axis=1)
        assert np.allclose(legs / person.height, (0.245, 0.246))


def test_what_is_beyond_the_line_is_hidden() -> None:
    fence = Occluder(0, 0, np.zeros((1, 1), np.uint8), ((-5, 10), (5, 10)))
    assert fence.hides(0, 12)
    assert not fence.hides(0, 8)
    turned = Occluder(0, 0, np.zeros((1, 1), np.uint8), ((5, 10), (-5, 10)))
    assert turned.hides(0, 12)


@pytest.mark.parametrize(
    ("a", "b", "shared"),
    [
        ((0, 0, 4, 4), (2, 1, 6, 3), (2, 1, 4, 3)),
        ((0, 0, 4, 4), (4, 0, 6, 4), None),  # side by side
        ((0, 0, 4, 4), (1, 1, 2, 2), (1, 1, 2, 2)),
    ],
)
def test_overlap(
    a: tuple[int, int, int, int],
    b: tuple[int, int, int, int],
    shared: tuple[int, int, int, int] | None,
) -> None:
    assert overlap(a, b) == shared


@settings(max_examples=40)
@given(st.integers(0, 10**7), st.sampled_from(LAYOUTS))
def test_whoever_is_under_way_is_found_from_any_span(second: int, kind: str) -> None:
    plan: Layout = layout(kind, 3)
    traffic = Traffic(plan, scene("crowd"), 3)
    now = {actor.object_id for actor, _ in traffic.at(float(second))}
    wide = {
        actor.object_id
        for actor in traffic.between(second - 500.0, second + 500.0)
        if actor.journey.at(float(second)) is not None
    }
    assert now == wide
    assert now == {a.object_id for a, _ in Traffic(plan, scene("crowd"), 3).at(float(second))}


def test_vehicles_of_a_lane_do_not_meet() -> None:
    plan = layout("gate", 3)
    traffic = Traffic(plan, scene("day"), 3)
    for second in range(0, 1200, 2):
        lanes = [
            actor.object_id.split("/")[1]
            for actor, _ in traffic.at(float(second))
            if actor.label != "person"
        ]
        assert len(set(lanes)) == len(lanes)


def test_preview_writes_a_sheet(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    assert main([str(out), "--scene", "entries", "--at", "20", "30", "--marked"]) == 0
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape == (720, 640, 3)
