"""Who is whom: steady, irregular and gated frames, gaps, exits, hiding, labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from agents.detect.boxes import Detections
from agents.detect.tracking import FinishedTrack, Tracker, TrackState
from tests.unit.agents.detect.scenes import CLASSES, Thing, at, person, saw


def follow(
    frames: Sequence[tuple[float, Sequence[Thing]]], *, rate: float = 5.0
) -> tuple[list[FinishedTrack], list[tuple[TrackState, ...]]]:
    """All confirmed tracks at the end, and the states frame by frame."""
    tracker = Tracker(rate=rate, start_score=0.4, classes=CLASSES)
    finished: list[FinishedTrack] = []
    states = []
    for seq, (seconds, things) in enumerate(frames):
        update = tracker.update(saw(things), at(seconds), seq)
        finished += update.finished
        states.append(update.tracks)
    return finished + list(tracker.finish()), states


def walk(
    start: float,
    end: float,
    place: Callable[[float], Thing | None],
    step: float = 0.2,
) -> list[tuple[float, Sequence[Thing]]]:
    frames: list[tuple[float, Sequence[Thing]]] = []
    for i in range(round((end - start) / step) + 1):
        seconds = round(start + i * step, 3)
        thing = place(seconds)
        frames.append((seconds, [] if thing is None else [thing]))
    return frames


def test_a_walk_is_one_track_with_its_birth() -> None:
    finished, states = follow(walk(0, 6, lambda s: person(0.1 + 0.12 * s)))
    assert len(finished) == 1
    track = finished[0]
    assert (track.state.first_seen, track.state.first_seq) == (at(0), 0)
    assert track.state.hits == 31
    assert track.median_score == pytest.approx(0.9)
    assert track.path[0].at == at(0)
    assert track.path[-1].at == at(6)
    assert not states[1][0].confirmed
    assert states[2][0].confirmed


def test_a_slip_is_no_track() -> None:
    finished, states = follow([(0, [person(0.5)]), (0.2, []), *walk(0.4, 5, lambda _: None)])
    assert finished == []
    assert not any(track.confirmed for tracks in states for track in tracks)


def test_weak_detections_continue_a_track_and_begin_none() -> None:
    assert follow(walk(0, 4, lambda _: person(0.5, score=0.3)))[0] == []
    finished, _ = follow(walk(0, 4, lambda s: person(0.5, score=0.9 if s < 1 else 0.2)))
    assert [track.state.hits for track in finished] == [21]
    assert finished[0].median_score == pytest.approx(0.2)


def test_fast_walkers_whose_boxes_do_not_overlap_are_still_one() -> None:
    """0.3 of the picture a second at 2 frames a second: 1.5 box widths from frame to frame."""
    finished, _ = follow(walk(0, 2.5, lambda s: person(0.1 + 0.3 * s), step=0.5), rate=2)
    assert len(finished) == 1


def test_irregular_frames() -> None:
    times = np.cumsum(np.random.default_rng(1).uniform(0.05, 0.6, 40))
    frames = [(float(s), [person(0.1 + 0.06 * float(s))]) for s in times]
    assert len(follow(frames)[0]) == 1


def test_hidden_behind_a_pillar_for_two_seconds() -> None:
    finished, _ = follow(
        walk(0, 7, lambda s: None if 2.5 < s < 4.5 else person(0.1 + 0.1 * s)), rate=5
    )
    assert len(finished) == 1


def test_a_gap_of_keep_alives_does_not_end_who_stands_still() -> None:
    frames = walk(0, 3, lambda s: person(0.2 + 0.1 * s))
    frames += [(seconds, [person(0.5)]) for seconds in (13, 23, 33, 43)]
    frames += walk(43.2, 46, lambda s: person(0.5 + 0.1 * (s - 43)))
    finished, _ = follow(frames)
    assert len(finished) == 1


def test_still_and_missed_on_one_keep_alive() -> None:
    frames = walk(0, 3, lambda _: person(0.5))
    frames += [(13, [person(0.5)]), (23, []), (33, [person(0.5)])]
    assert len(follow(frames)[0]) == 1


def test_leaving_and_three_seconds_later_another_one_elsewhere() -> None:
    out = walk(0, 4, lambda s: person(0.5 + 0.1 * s))
    nobody = walk(4.2, 6.8, lambda _: None)
    other = walk(7, 11, lambda s: person(0.1 + 0.05 * (s - 7)))
    assert len(follow(out + nobody + other)[0]) == 2
    # The same with a gate that closes at once.
    assert len(follow(out + other)[0]) == 2


def test_out_by_a_door_and_another_one_in_by_the_same_door() -> None:
    """The box touches the picture's border and moves outwards: whoever comes next is another."""
    out = walk(0, 4, lambda s: person(0.55 + 0.1 * s))
    for wait in (1.2, 3.0, 9.0):
        back = walk(0, 4, lambda s: person(0.95 - 0.1 * s))
        later = [(s + 4 + wait, things) for s, things in back]
        assert len(follow(out + later)[0]) == 2, wait


def test_a_car_never_becomes_a_person() -> None:
    frames = walk(0, 2, lambda _: person(0.5, kind=1)) + walk(2.2, 4, lambda _: person(0.5))
    finished, _ = follow(frames)
    assert sorted(track.state.label or "" for track in finished) == ["car", "person"]


def test_two_who_pass_each_other_stay_two() -> None:
    frames: list[tuple[float, Sequence[Thing]]] = []
    for i in range(31):
        s = i * 0.2
        left, right = person(0.1 + 0.13 * s, 0.8), person(0.9 - 0.13 * s, 0.75)
        hidden = abs(left[0] - right[0]) < 0.05
        frames.append((s, [left] if hidden else [left, right]))
    finished, _ = follow(frames)
    assert len(finished) == 2


def test_who_walks_behind_another_comes_out_as_himself() -> None:
    """Four seconds out of sight, longer than anybody is waited for in the open."""
    frames: list[tuple[float, Sequence[Thing]]] = []
    for i in range(46):
        s = i * 0.2
        front = (0.1 + 0.06 * s, 0.2, 0.35 + 0.06 * s, 0.9, 0.9, 0)
        beside = max(abs(s - 4) - 2, 0) * 0.15
        behind = person(0.225 + 0.06 * s + beside, 0.7)
        frames.append((s, [front] if 2 < s < 6 else [front, behind]))
    finished, _ = follow(frames)
    assert len(finished) == 2


def test_births_of_a_frame_are_numbered_by_box() -> None:
    things = [person(0.8), person(0.2), person(0.5)]
    _, states = follow([(i * 0.2, things) for i in range(4)])
    assert [(round(t.box[0], 2), t.ordinal, t.first_seq) for t in states[-1]] == [
        (0.15, 0, 0),
        (0.45, 1, 0),
        (0.75, 2, 0),
    ]


def test_the_same_frames_give_the_same_tracks() -> None:
    dice = np.random.default_rng(5)
    frames = [
        (i * 0.2, [person(float(x), float(y), score=float(score))])
        for i, (x, y, score) in enumerate(dice.uniform(0.2, 0.9, (60, 3)))
    ]
    assert follow(frames) == follow(frames)


def test_owners_name_each_detections_track() -> None:
    tracker = Tracker(classes=CLASSES)
    things = [person(0.2), person(0.6, kind=1), person(0.9, score=0.2)]
    for seq in range(3):
        found = saw(things)
        update = tracker.update(found, at(seq * 0.2), seq)
    by_number = {track.number: track for track in update.tracks}
    assert update.owners[2] is None
    for index in (0, 1):
        owner = update.owners[index]
        assert owner is not None
        assert by_number[owner].label == CLASSES[int(found.classes[index])]
        assert np.allclose(by_number[owner].box, found.boxes[index], atol=1e-6)


def test_without_a_model_only_what_travels_is_real() -> None:
    def states(move: float) -> TrackState:
        tracker = Tracker()
        for i in range(20):
            box = np.array([[0.3 + move * i, 0.3, 0.4 + move * i, 0.6]], np.float32)
            found = Detections(box, np.array([0.9], np.float32), np.array([-1], np.int64))
            update = tracker.update(found, at(i * 0.2), i)
        return update.tracks[0]

    still, moving = states(0.0005), states(0.02)
    assert (still.label, still.score, still.median_score) == (None, None, None)
    assert not still.confirmed
    assert moving.confirmed


def test_the_median_is_of_the_last_five() -> None:
    scores = [0.5, 0.9, 0.9, 0.5, 0.5, 0.9, 0.95, 0.97]
    _, states = follow([(i * 0.2, [person(0.5, score=s)]) for i, s in enumerate(scores)])
    expected = [float(np.median(scores[max(0, i - 4) : i + 1])) for i in range(len(scores))]
    assert [tracks[0].median_score for tracks in states] == pytest.approx(expected, abs=1e-6)


def test_hundreds_of_slips_leave_nothing_behind() -> None:
    dice = np.random.default_rng(2)
    tracker = Tracker(classes=CLASSES)
    for i in range(300):
        things = [person(*dice.uniform(0.3, 0.9, 2)) for _ in range(int(dice.integers(0, 4)))]
        tracker.update(saw(things), at(i * 0.5), i)
    update = tracker.update(saw([]), at(10_000), 301)
    assert update.tracks == ()
