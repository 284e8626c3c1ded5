"""Which frames are encoded, sent and kept."""

from __future__ import annotations

from datetime import timedelta

import cv2
import numpy as np

from agents.capture.encode import Captured
from agents.capture.selection import Selection
from agents.capture.sources import Image
from agents.capture.sources.pictures import ArrayFrame
from tests.unit.agents.capture.test_gate import STREET, with_box
from tests.unit.agents.capture.videos import START

STREET_BGR = cv2.cvtColor(STREET, cv2.COLOR_GRAY2BGR).astype(np.uint8)


class Film:
    """A street at some frames a second on which somebody appears at `appears` s; counts looks."""

    def __init__(self, fps: float, seconds: float, appears: float) -> None:
        self.fps, self.seconds, self.appears = fps, seconds, appears
        self.drawn = 0

    def play(self, selection: Selection) -> list[Captured]:
        taken: list[Captured] = []
        for number in range(int(self.fps * self.seconds)):
            at = timedelta(seconds=number / self.fps)

            def draw(t: float = number / self.fps) -> Image:
                self.drawn += 1
                if t < self.appears:
                    return STREET_BGR
                grey = with_box(STREET, 20 + 8 * (t - self.appears), 20, 14, 40, 10)
                return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR).astype(np.uint8)

            frame = ArrayFrame(number, at, 192, 108, draw)
            taken += selection.take(frame, number, START + at)
        return taken


def test_gate_off_sends_each_at_detect_fps() -> None:
    film = Film(fps=10, seconds=3, appears=99)
    selection = Selection(5, gated=False)
    taken = film.play(selection)
    assert [item.seq for item in taken] == list(range(0, 30, 2))
    assert all(item.send for item in taken)
    assert film.drawn == 15  # the others are not even decoded
    picture = cv2.imdecode(np.frombuffer(taken[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (108, 192, 3)


def test_frames_before_motion_go_first() -> None:
    """Frame 80 shows somebody; nothing was sent since the first two seconds."""
    taken = Film(fps=10, seconds=9, appears=8.0).play(Selection(5, gated=True))
    sent = [item.seq for item in taken if item.send]
    assert sent == [*range(0, 22, 2), *range(72, 90, 2)]
    assert [item.motion for item in taken if item.send and item.seq < 80] == [0.0] * 15
    assert all(item.motion > 0 for item in taken if item.send and item.seq >= 80)


def test_three_frames_after_the_last_are_kept() -> None:
    taken = Film(fps=10, seconds=5, appears=99).play(Selection(5, gated=True))
    assert [item.seq for item in taken if not item.send] == [22, 24, 26]


def test_keep_alive_says_so_and_is_followed_by_three() -> None:
    taken = Film(fps=5, seconds=14, appears=99).play(Selection(5, gated=True))
    kept = [item for item in taken if item.seq > 15]
    assert [(item.seq, item.send, item.keep_alive) for item in kept] == [
        (60, True, True),
        (61, False, False),
        (62, False, False),
        (63, False, False),
    ]


def test_gate_looks_five_times_a_second_at_most() -> None:
    """At 30 fps to detect, a quiet street is still drawn for a look only."""
    film = Film(fps=30, seconds=12, appears=11.0)
    taken = film.play(Selection(30, gated=True))
    assert [item.seq for item in taken if item.send and item.seq >= 330] == list(range(330, 360))
    assert film.drawn < 30 * 12 / 2
