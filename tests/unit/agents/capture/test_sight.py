"""How well a camera sees: no word on what is well, and each fault on what is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.capture.selection import GREY_SIDE, Selection
from agents.capture.sight import Sight, SightPolicy, SightState, SightVerdict, look
from agents.capture.simulator.site import SimulatedSite
from agents.capture.sources import Image, open_source
from agents.capture.sources.pictures import ArrayFrame

START = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = SightPolicy()
SECOND = timedelta(seconds=1)
KNOWN = 60
"""Looks after which the view is known, in these tests."""

Fault = Callable[[Image], Image]


def small(picture: Image) -> Image:
    height, width = picture.shape[:2]
    return ArrayFrame(0, timedelta(0), width, height, lambda: picture).grey(GREY_SIDE)


@cache
def scene(name: str, camera: str) -> tuple[Image, ...]:
    """16 pictures of a camera of the simulated site, five seconds apart."""
    site = SimulatedSite(name, 1)
    return tuple(site.render(camera, timedelta(seconds=5 * n)) for n in range(16))


def looks(
    pictures: Sequence[Image], state: SightState | None = None, *, freezes: bool = True
) -> tuple[SightState | None, list[SightVerdict]]:
    """The verdicts on small pictures, a second apart."""
    at = START if state is None else state.at + SECOND
    verdicts = []
    for number, grey in enumerate(pictures):
        state, verdict = look(state, grey, at + number * SECOND, POLICY, freezes=freezes)
        verdicts.append(verdict)
    return state, verdicts


def turns(pictures: Sequence[Image], count: int, fault: Fault | None = None) -> list[Image]:
    """So many small pictures, those that there are in turn, with a fault."""
    made = [small(picture if fault is None else fault(picture)) for picture in pictures]
    return [made[number % len(made)] for number in range(count)]


def faults_in(verdicts: Sequence[SightVerdict]) -> set[str]:
    return {
        name
        for verdict in verdicts
        for name in ("frozen", "covered", "moved")
        if getattr(verdict, name)
    }


def blurred(picture: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), picture.shape[1] / 100), np.uint8)


def black(picture: Image) -> Image:
    noise = np.random.default_rng(int(picture[::50, ::50].sum())).normal(4, 2, picture.shape)
    return np.clip(noise, 0, 255).astype(np.uint8)


def cloth(picture: Image) -> Image:
    """Something grey in front of the lens, through which some light comes."""
    height, width = picture.shape[:2]
    tiny = cv2.resize(picture, (6, 4), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(tiny, (width, height), interpolation=cv2.INTER_CUBIC)
    return (soft * 0.25 + 40).astype(np.uint8)


def two_thirds(picture: Image) -> Image:
    changed = picture.copy()
    changed[:, picture.shape[1] // 3 :] = 60
    return changed


def shifted(share: float) -> Fault:
    return lambda picture: np.roll(picture, int(share * picture.shape[1]), 1)


def warped(angle: float, scale: float) -> Fault:
    def warp(picture: Image) -> Image:
        height, width = picture.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
        moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, np.uint8)

    return warp


def dimmed(share: float) -> Fault:
    return lambda picture: (picture * share).astype(np.uint8)


SCENES = [("day", "gate"), ("night", "fence"), ("hard", "gate")]


@pytest.mark.parametrize(("name", "camera"), [*SCENES, ("day", "yard"), ("crowd", "dock")])
def test_nothing_is_said_of_a_camera_that_is_well(name: str, camera: str) -> None:
    _, verdicts = looks(turns(scene(name, camera), 200))
    assert faults_in(verdicts) == set()
    assert verdicts[-1] == SightVerdict(frozen=False, covered=False, moved=False)


@pytest.mark.parametrize(("name", "camera"), SCENES)
@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (blurred, "covered"),
        (black, "covered"),
        (cloth, "covered"),
        (shifted(0.07), "moved"),
        (shifted(0.15), "moved"),
        (warped(0, 1.1), "moved"),
        (warped(0, 1.25), "moved"),
    ],
)
def test_each_fault_is_found_and_its_end_too(
    name: str, camera: str, fault: Fault, found: str
) -> None:
    pictures = scene(name, camera)
    state, _ = looks(turns(pictures, KNOWN))
    state, verdicts = looks(turns(pictures[:6], 90, fault), state)
    assert faults_in(verdicts) == {found}
    assert not any(getattr(verdict, found) for verdict in verdicts[:25])
    _, verdicts = looks(turns(pictures, 60), state)
    assert not getattr(verdicts[-1], found)


@pytest.mark.parametrize(("name", "camera"), [("day", "gate"), ("day", "fence")])
def test_two_thirds_of_the_picture_are_a_covered_lens(name: str, camera: str) -> None:
    pictures = scene(name, camera)
    state, _ = looks(turns(pictures, KNOWN))
    _, verdicts = looks(turns(pictures[:6], 60, two_thirds), state)
    assert faults_in(verdicts) == {"covered"}


@pytest.mark.parametrize(("before", "after"), [("day", "night"), ("night", "day")])
@pytest.mark.parametrize("camera", ["gate", "fence"])
def test_night_falls_and_day_breaks_at_once(before: str, after: str, camera: str) -> None:
    """As a camera that turns to infrared: all shadows are others."""
    state, _ = looks(turns(scene(before, camera), KNOWN))
    _, verdicts = looks(turns(scene(after, camera), 200), state)
    assert faults_in(verdicts) == set()


def test_a_lamp_that_goes_out_leaves_a_picture_that_is_dim_and_well() -> None:
    pictures = scene("night", "fence")
    state, _ = looks(turns(pictures, KNOWN))
    _, verdicts = looks(turns(pictures, 150, dimmed(0.3)), state)
    assert faults_in(verdicts) == set()


@pytest.mark.parametrize("fault", [black, cloth, shifted(0.3)])
def test_what_lasts_for_seconds_is_no_fault(fault: Fault) -> None:
    """Somebody close to the lens, or a bird on it."""
    pictures = scene("day", "gate")
    state, _ = looks(turns(pictures, KNOWN))
    _, verdicts = looks(turns(pictures, 20, fault) + turns(pictures, 60), state)
    assert faults_in(verdicts) == set()


def test_a_frozen_picture_is_found_though_its_clock_goes_on() -> None:
    pictures = scene("day", "gate")
    state, _ = looks(turns(pictures, KNOWN))
    frozen = small(pictures[0])
    clocks = [frozen.copy() for _ in range(150)]
    for number, picture in enumerate(clocks):
        picture[2:10, 4 + number % 50 : 9 + number % 50] = 255
    state, verdicts = looks(clocks, state)
    told = [number for number, verdict in enumerate(verdicts) if verdict.frozen]
    assert told[0] in range(118, 122)
    assert faults_in(verdicts) == {"frozen"}
    _, verdicts = looks(turns(pictures, 3), state)
    assert not verdicts[-1].frozen


def test_a_still_scene_with_a_sensor_behind_it_is_not_frozen() -> None:
    """Nobody comes for ten minutes; the noise, averaged in the small picture, is 0.1 levels."""
    empty = small(scene("day", "gate")[0]).astype(np.float32)
    rng = np.random.default_rng(7)
    noisy = [
        np.clip(np.round(empty + rng.normal(0, 0.1, empty.shape) + 0.4), 0, 255).astype(np.uint8)
        for _ in range(600)
    ]
    _, verdicts = looks(noisy)
    assert faults_in(verdicts) == set()


def test_a_file_may_hold_equal_pictures() -> None:
    _, verdicts = looks([small(scene("day", "gate")[0])] * 300, freezes=False)
    assert faults_in(verdicts) == set()
    assert all(verdict.frozen is None for verdict in verdicts)


def test_equal_pictures_from_the_start_are_not_said_to_be_alive() -> None:
    """A restart must not end what it has not looked at."""
    _, verdicts = looks([small(scene("day", "gate")[0])] * 130)
    assert {verdict.frozen for verdict in verdicts[:119]} == {None}
    assert verdicts[-1].frozen


def test_a_black_picture_is_covered_from_the_start_and_not_frozen() -> None:
    dark = np.zeros((108, 192), np.uint8)
    _, verdicts = looks([dark] * 200)
    assert verdicts[0] == SightVerdict()
    assert faults_in(verdicts) == {"covered"}


def test_a_view_that_stays_for_an_hour_is_the_new_one() -> None:
    pictures = scene("day", "gate")
    state, _ = looks(turns(pictures, KNOWN))
    state, verdicts = looks(turns(pictures[:6], 70, shifted(0.15)), state)
    assert verdicts[-1].moved
    assert state is not None
    for picture in turns(pictures[:6], 1200, shifted(0.15)):
        state, verdict = look(state, picture, state.at + 4 * SECOND, POLICY)
    assert verdict == SightVerdict(frozen=False, covered=False, moved=False)


def test_a_camera_that_patrols_has_no_view_to_leave() -> None:
    pictures = scene("day", "gate")
    views = [None, shifted(0.3), warped(0, 1.25)]
    patrol = [one for n in range(30) for one in turns(pictures, 20, views[n % 3])]
    _, verdicts = looks(patrol)
    assert faults_in(verdicts) == set()


def test_a_pause_between_two_looks_was_seen_by_nobody() -> None:
    pictures = scene("day", "gate")
    state, _ = looks(turns(pictures, KNOWN))
    assert state is not None
    dark = small(black(pictures[0]))
    state, _ = look(state, dark, state.at + SECOND, POLICY)
    _, verdict = look(state, dark, state.at + timedelta(hours=1), POLICY)
    assert not verdict.covered


@pytest.mark.parametrize("back", [timedelta(seconds=3), timedelta(hours=2)])
def test_a_clock_that_is_set_back_stops_nothing(back: timedelta) -> None:
    sight = Sight()
    pictures = turns(scene("day", "gate"), 120)
    for start in (START, START - back):
        for number, picture in enumerate(pictures[:60]):
            at = start + number * SECOND
            if sight.due(at):
                sight.look(picture, at)
    assert sight.facts == {"frozen_picture": False, "covered_lens": False, "moved_camera": False}


def test_a_selection_has_a_look_a_second_at_what_it_decodes_anyway() -> None:
    asked: list[int] = []
    sight = Sight()

    class Counted(ArrayFrame):
        def grey(self, side: int) -> Image:
            asked.append(self.seq)
            return super().grey(side)

    selection = Selection(5, gated=True, sight=sight)
    pictures = scene("day", "gate")
    looked = set()
    for number in range(50):
        at = timedelta(seconds=number / 10)
        picture = pictures[number % 16]
        frame = Counted(number, at, 640, 360, lambda picture=picture: picture)  # type: ignore[misc]
        if sight.due(START + at):
            looked.add(number // 10)
        selection.take(frame, number, START + at)
    # Each frame at `detect_fps` is made small once, for the gate and for this.
    assert asked == list(range(0, 50, 2))
    assert looked == {0, 1, 2, 3, 4}


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 99),
    levels=st.lists(st.sampled_from([0, 1, 40, 255]), min_size=1, max_size=5),
    gaps=st.lists(st.sampled_from([0, 1, 5, 3600, -1, -4000]), min_size=1, max_size=45),
)
def test_whatever_a_camera_shows_and_when_nothing_is_raised_or_believed_at_once(
    shape: tuple[int, int], seed: int, levels: list[int], gaps: list[int]
) -> None:
    sight, at = Sight(), START
    rng = np.random.default_rng(seed)
    for number, gap in enumerate(gaps):
        at += timedelta(seconds=gap)
        level = levels[number % len(levels)]
        noise = rng.integers(0, level + 1, shape) if number % 3 else np.full(shape, level)
        sight.look(noise.astype(np.uint8), at)
        if number < 5:
            # No five looks, however far apart, are enough for a fault, but for a frozen picture.
            assert not sight.facts.get("covered_lens")
            assert not sight.facts.get("moved_camera")


@pytest.mark.assets
def test_real_footage_is_well_and_each_fault_on_it_is_found() -> None:
    folder = Path(os.environ.get("WATCHFLOOR_ASSETS", "../shared/assets")) / "videos"
    clip = folder / "one-by-one-person-detection.mp4"
    if not clip.is_file():
        pytest.skip(f"no footage at {folder} (WATCHFLOOR_ASSETS)")
    source = open_source(f"file:{clip}", now=lambda: START, start=START, speed=0)
    pictures = [
        np.asarray(frame.picture(768), np.uint8) for frame in source.frames() if frame.seq % 10 == 0
    ]
    state, verdicts = looks([small(picture) for picture in pictures])
    assert faults_in(verdicts) == set()
    for fault, found in (
        (blurred, "covered"),
        (black, "covered"),
        (cloth, "covered"),
        (two_thirds, "covered"),
        (shifted(0.07), "moved"),
        (shifted(0.15), "moved"),
        (warped(0, 1.1), "moved"),
        (warped(0, 1.25), "moved"),
        (dimmed(0.3), None),
    ):
        _, verdicts = looks(turns(pictures[40:130:9], 75, fault), state)
        assert faults_in(verdicts) == ({found} if found else set())
    _, verdicts = looks([small(pictures[0])] * 130, state)
    assert faults_in(verdicts) == {"frozen"}
