"""The simulated site as a source."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import numpy as np
import pytest

from agents.capture.simulator.site import SimulatedSite
from agents.capture.sources import SourceError, open_source
from tests.unit.agents.capture.videos import START, now


def test_as_fast_as_it_goes() -> None:
    source = open_source(
        "sim:day?seed=3&camera=yard&fps=4&seconds=2", now=now, start=START, speed=0
    )
    frames = list(source.frames())
    assert not source.live
    assert [frame.seq for frame in frames] == list(range(8))
    assert [frame.at for frame in frames] == [timedelta(milliseconds=250 * n) for n in range(8)]
    expected = SimulatedSite("day", 3).render("yard", timedelta(seconds=1))
    assert np.array_equal(frames[4].picture(640), expected)


class Clock:
    """Goes on by a step at each look."""

    def __init__(self, step: timedelta) -> None:
        self.at, self.step = START + timedelta(hours=1), step

    def __call__(self) -> datetime:
        self.at += self.step
        return self.at


def test_real_time_joins_a_world_that_has_begun() -> None:
    """An hour after the world's start the frames are those of that hour, and none is late."""
    source = open_source(
        "sim:day?fps=10", now=Clock(timedelta(milliseconds=70)), start=START, speed=1
    )
    assert source.live
    assert source.numbering == 0
    frames = source.frames()
    numbers = [next(frames).seq for _ in range(5)]
    assert numbers[0] == 36_000
    assert all(1 <= later - earlier <= 3 for earlier, later in itertools.pairwise(numbers))


def test_without_a_start_it_is_numbered_as_a_camera() -> None:
    assert open_source("sim:day", now=now, speed=1).numbering is None


def test_lost_camera_delivers_nothing() -> None:
    site = SimulatedSite("dark", 1)
    lost = next(
        (camera, second)
        for camera in site.cameras
        for second in range(600)
        if site.signal(camera, timedelta(seconds=second)).value == "lost"
    )
    source = open_source(
        f"sim:dark?camera={lost[0]}&fps=1&seconds={lost[1] + 1}", now=now, start=START, speed=0
    )
    assert lost[1] not in [frame.seq for frame in source.frames()]


@pytest.mark.parametrize(
    "address",
    [
        "sim:nowhere",
        "sim:day?camera=nobody",
        "sim:day?seed=x",
        "sim:day?seed=99999999999",
        "sim:day?cameras=65",
        "sim:day?fps=61",
    ],
)
def test_what_is_no_scene(address: str) -> None:
    with pytest.raises(SourceError):
        open_source(address, now=now)
