"""Later snapshots: found whether the event comes before or after the frames."""

from __future__ import annotations

from datetime import timedelta

from agents.capture.encode import Captured
from agents.capture.recent import Recent
from tests.unit.agents.capture.videos import START


def frame(seq: int, size: int = 100) -> Captured:
    return Captured(
        seq=seq,
        captured_at=START + timedelta(milliseconds=200 * seq),
        jpeg=bytes(size),
        width=64,
        height=48,
        source_width=64,
        source_height=48,
        send=True,
    )


def served(recent: Recent) -> list[tuple[str, int, int]]:
    return [(event, position, item.seq) for event, position, item in recent.serve()]


def test_event_before_its_frames() -> None:
    recent = Recent(10_000)
    recent.add(frame(10))
    recent.want("e", frame(10).captured_at)
    assert served(recent) == []
    recent.add(frame(11))
    assert served(recent) == [("e", 1, 11)]
    recent.add(frame(12))
    recent.add(frame(13))
    recent.add(frame(14))
    assert served(recent) == [("e", 2, 12), ("e", 3, 13)]
    assert served(recent) == []


def test_event_long_after_its_frames() -> None:
    recent = Recent(100_000)
    for seq in range(300):
        recent.add(frame(seq))
    recent.want("e", frame(40).captured_at)
    assert served(recent) == [("e", 1, 41), ("e", 2, 42), ("e", 3, 43)]


def test_event_again_is_served_once() -> None:
    recent = Recent(10_000)
    for seq in range(5):
        recent.add(frame(seq))
    for _ in range(2):
        recent.want("e", frame(0).captured_at)
    assert len(served(recent)) == 3
    recent.want("e", frame(0).captured_at)
    assert served(recent) == []


def test_frames_of_another_moment_are_not_its_own() -> None:
    recent = Recent(10_000)
    recent.want("e", frame(0).captured_at)
    recent.add(frame(100))  # 20 s later
    assert served(recent) == []
    recent.add(frame(101))
    assert served(recent) == []


def test_ring_is_bounded_in_bytes_and_number() -> None:
    recent = Recent(1000, max_frames=500)
    for seq in range(100):
        recent.add(frame(seq))
    recent.want("e", frame(0).captured_at - timedelta(seconds=1))
    assert served(recent) == []  # the oldest that is left is too far away
    recent.want("f", frame(93).captured_at)
    assert served(recent) == [("f", 1, 94), ("f", 2, 95), ("f", 3, 96)]
    few = Recent(10**9, max_frames=4)
    for seq in range(100):
        few.add(frame(seq))
    few.want("e", frame(90).captured_at)
    assert served(few) == [("e", 1, 96), ("e", 2, 97), ("e", 3, 98)]


def test_frame_that_comes_twice_is_kept_once() -> None:
    recent = Recent(10_000)
    for seq in (1, 2, 3, 2, 3, 4):
        recent.add(frame(seq))
    recent.want("e", frame(1).captured_at)
    assert served(recent) == [("e", 1, 2), ("e", 2, 3), ("e", 3, 4)]
