"""The motion gate on pictures made for it, on real footage and on the simulated site."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agents.capture.gate import GatePolicy, GateState, GateVerdict, gate
from agents.capture.selection import GREY_SIDE, Selection
from agents.capture.simulator.site import SimulatedSite
from agents.capture.sources import Image, open_source
from agents.capture.sources.pictures import ArrayFrame

POLICY = GatePolicy()
START = datetime(2026, 1, 1, tzinfo=UTC)
STEP = 0.2

Scene = Callable[[float], Image]


def textured(seed: int = 0) -> Image:
    """(108, 192) uint8: a street of blocks, so that objects have edges around them."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(60, 180, (9, 16))
    return np.kron(blocks, np.ones((12, 12))).astype(np.uint8)


STREET = textured()


def noisy(picture: Image, sigma: float, t: float) -> Image:
    rng = np.random.default_rng(int(t * 1000))
    return np.clip(picture + rng.normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)


def look(scene: Scene, seconds: float, policy: GatePolicy = POLICY) -> dict[float, GateVerdict]:
    """The verdicts at five looks a second."""
    state: GateState | None = None
    verdicts: dict[float, GateVerdict] = {}
    for number in range(int(seconds / STEP)):
        t = round(number * STEP, 3)
        state, verdicts[t] = gate(state, scene(t), timedelta(seconds=t), policy)
    return verdicts


def sent(verdicts: dict[float, GateVerdict]) -> list[float]:
    return [t for t, verdict in verdicts.items() if verdict.send]


def with_box(picture: Image, x: float, y: int, width: int, height: int, level: int) -> Image:
    changed = picture.copy()
    left = int(x)
    changed[y : y + height, max(0, left) : max(0, left + width)] = level
    return changed


@pytest.mark.parametrize("sigma", [0.0, 2.0, 6.0])
def test_quiet_picture_is_only_kept_alive(sigma: float) -> None:
    verdicts = look(lambda t: noisy(STREET, sigma, t), 35)
    opening = [t for t in sent(verdicts) if t <= 2]
    assert len(opening) == 11  # the first two seconds, the background is not known yet
    assert [t for t in sent(verdicts) if t > 2] == [12.0, 22.0, 32.0]
    assert all(verdicts[t].keep_alive for t in (12.0, 22.0, 32.0))
    assert not any(verdicts[t].keep_alive for t in opening)


@pytest.mark.parametrize(
    ("width", "height", "within"),
    [
        (40, 90, 0.0),  # close by: at the first look
        (10, 20, 0.0),
        (3, 6, 0.8),  # far away: once it has lasted
        (2, 3, 0.8),
    ],
)
def test_walker_opens(width: int, height: int, within: float) -> None:
    def scene(t: float) -> Image:
        picture = STREET if t < 5 else with_box(STREET, 100 - 5 * (t - 5), 10, width, height, 20)
        return noisy(picture, 1.5, t)

    verdicts = look(scene, 10)
    first = min(t for t in sent(verdicts) if t > 3)
    assert 5 <= first <= 5 + within
    assert verdicts[first].opened
    assert verdicts[first].motion > 0
    assert all(verdicts[t].send for t in verdicts if t > first)


def test_stays_open_for_a_while_after_it_left() -> None:
    def scene(t: float) -> Image:
        return with_box(STREET, 40 * (t - 5) - 20, 30, 12, 40, 20) if t >= 5 else STREET

    verdicts = look(scene, 20)
    gone = min(t for t in verdicts if 40 * (t - 5) - 20 > 192)
    assert all(verdicts[t].send for t in verdicts if gone - 2 < t <= gone + 1.6)
    assert not any(verdicts[t].send for t in verdicts if gone + 3 < t < gone + 9)


def test_what_stands_is_sent_and_what_left_is_not() -> None:
    """Somebody stops for 20 s and goes: no gap while he stands, no ghost when he is gone."""

    def scene(t: float) -> Image:
        if t < 5:
            return STREET
        x = 60 * min(t - 5, 1.5) if t < 26 else 90 + 60 * (t - 26)
        return with_box(STREET, x, 30, 14, 44, 15)

    verdicts = look(scene, 40)
    assert all(verdicts[t].send for t in verdicts if 5.2 <= t <= 27)
    assert not any(verdicts[t].motion for t in verdicts if t > 31)


@pytest.mark.parametrize(
    "light",
    [
        lambda t: 1.2 * t,  # dawn
        lambda t: 25 * np.sin(t / 3),  # clouds
        lambda t: 30.0 if t > 10 else 0.0,  # exposure
    ],
)
def test_light_is_no_motion(light: Callable[[float], float]) -> None:
    def scene(t: float) -> Image:
        return noisy(np.clip(STREET + light(t), 0, 255).astype(np.uint8), 1.5, t)

    assert not any(verdict.motion for verdict in look(scene, 30).values())


def test_changed_scene_opens_and_is_learnt() -> None:
    other = textured(7)
    verdicts = look(lambda t: noisy(STREET if t < 10 else other, 1.5, t), 30)
    assert verdicts[10.0].send
    assert verdicts[10.0].motion > 0.5
    assert not any(verdicts[t].motion for t in verdicts if t > 18)


def test_rain_is_no_object() -> None:
    def scene(t: float) -> Image:
        rng = np.random.default_rng(int(t * 1000))
        picture = STREET.copy()
        for x, y in zip(rng.integers(0, 190, 12), rng.integers(0, 96, 12), strict=True):
            picture[y : y + 10, x : x + 1] = 250
        return picture

    verdicts = look(scene, 40)
    assert len([t for t in sent(verdicts) if t > 10]) < 0.5 * len([t for t in verdicts if t > 10])


def test_small_objects_count_at_once_where_looks_are_rare() -> None:
    """At one look a second nothing is beside where it was: nobody may be waited for."""
    state: GateState | None = None
    verdicts = []
    for t in range(20):
        picture = STREET if t < 12 else with_box(STREET, 20 + 15 * (t - 12), 10, 4, 8, 20)
        state, verdict = gate(state, picture, timedelta(seconds=t), POLICY)
        verdicts.append(verdict)
    assert verdicts[12].opened


def test_time_that_goes_back_or_another_size_starts_anew() -> None:
    state, _ = gate(None, STREET, timedelta(seconds=50), POLICY)
    again, verdict = gate(state, STREET, timedelta(seconds=1), POLICY)
    assert verdict.send
    assert again.at == timedelta(seconds=1)
    resized, verdict = gate(state, STREET[:50], timedelta(seconds=51), POLICY)
    assert verdict.send
    assert resized.background.shape == (50, 192)


def chosen(frames: Iterable[ArrayFrame], fps: float = 5) -> set[int]:
    selection = Selection(fps, gated=True, side=64)
    return {
        item.seq
        for frame in frames
        for item in selection.take(frame, frame.seq, START)
        if item.send
    }


@pytest.mark.parametrize(("scene", "camera"), [("day", "gate"), ("night", "gate")])
def test_simulated_people_are_seen(scene: str, camera: str) -> None:
    site, seconds = SimulatedSite(scene, 1), 40
    times = [timedelta(seconds=number / 5) for number in range(seconds * 5)]
    visible: dict[str, list[int]] = {}
    for number, at in enumerate(times):
        for thing in site.truth(camera, at).objects:
            if thing.visible > 0.5:
                visible.setdefault(thing.object_id, []).append(number)

    def draw(at: timedelta) -> Callable[[], Image]:
        return lambda: site.render(camera, at)

    got = chosen(
        ArrayFrame(number, at, site.width, site.height, draw(at)) for number, at in enumerate(times)
    )
    assert visible
    assert len(got) < len(times)
    for name, numbers in visible.items():
        if "animals" not in name:
            assert got & set(numbers[:10]), name


@pytest.mark.assets
def test_every_person_of_the_clip_is_sent() -> None:
    folder = Path(os.environ.get("WATCHFLOOR_ASSETS", "../shared/assets")) / "videos"
    clip = folder / "one-by-one-person-detection.mp4"
    if not clip.is_file():
        pytest.skip(f"no footage at {folder} (WATCHFLOOR_ASSETS)")
    truth = json.loads((folder / "truth.json").read_text())[clip.name]
    source = open_source(f"file:{clip}", now=lambda: START, start=START, speed=0)
    selection = Selection(5, gated=True, side=GREY_SIDE)
    got = {
        item.seq
        for frame in source.frames()
        for item in selection.take(frame, frame.seq, START + frame.at)
        if item.send
    }
    assert all(seq % 2 == 0 for seq in got)  # 10 frames a second, every second one
    for first, last in truth["person_intervals_frames"]:
        inside = [seq for seq in range(first, last + 1) if seq % 2 == 0]
        assert got & set(inside[:5]), (first, last)
        assert len(got & set(inside)) > 0.95 * len(inside), (first, last)
    assert len(got) < selection.due
