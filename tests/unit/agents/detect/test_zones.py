from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from agents.detect.tracking import TrackState
from agents.detect.zones import Completion, Stay, WatchedZone, inside, watch
from tests.unit.agents.detect.scenes import at

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def track(
    x: float,
    *,
    number: int = 1,
    label: str | None = "person",
    median: float | None = 0.9,
    confirmed: bool = True,
    seen: bool = True,
) -> TrackState:
    return TrackState(
        number=number,
        label=label,
        first_seen=at(0),
        first_seq=0,
        ordinal=0,
        last_seen=at(0),
        box=(x - 0.05, 0.5, x + 0.05, 0.8),
        score=median,
        median_score=median,
        hits=9,
        seen=seen,
        confirmed=confirmed,
    )


def run(zone: WatchedZone, *frames: tuple[float, list[TrackState]]) -> list[Completion]:
    state: Mapping[tuple[str, int], Stay] = MappingProxyType({})
    found: list[Completion] = []
    for seconds, tracks in frames:
        state, completions = watch(state, [zone], tracks, at(seconds))
        found += completions
    return found


def steps(
    *places: float, step: float = 0.2, **other: object
) -> list[tuple[float, list[TrackState]]]:
    return [(i * step, [track(x, **other)]) for i, x in enumerate(places)]  # type: ignore[arg-type]


def test_completes_once_on_the_second_sighting_inside() -> None:
    found = run(WatchedZone("z", LEFT), *steps(0.6, 0.55, 0.45, 0.4, 0.3, 0.2))
    assert [(c.at, c.event_type, c.confidence) for c in found] == [(at(0.6), "object_in_zone", 0.9)]
    assert found[0].entered == at(0.4)


@pytest.mark.parametrize(
    ("outside", "completions"),
    [
        (0, 1),
        (1, 1),  # flicker at the border
        (9, 1),  # 1.8 s
        (11, 2),  # 2.2 s outside is a clear leave
        (40, 2),
    ],
)
def test_entering_again(outside: int, completions: int) -> None:
    places = [0.4] * 4 + [0.6] * outside + [0.4] * 4
    assert len(run(WatchedZone("z", LEFT), *steps(*places))) == completions


def test_one_box_inside_is_a_slip() -> None:
    assert run(WatchedZone("z", LEFT), *steps(0.6, 0.4, 0.6, 0.4, 0.6, 0.4, 0.6)) == []


def test_dwell_counts_from_the_first_sighting_and_survives_flicker() -> None:
    zone = WatchedZone("z", LEFT, dwell=timedelta(seconds=2))
    found = run(zone, *steps(*[0.4] * 5, 0.6, 0.6, *[0.4] * 10))
    assert [(c.at, c.event_type) for c in found] == [(at(2.0), "loitering")]
    assert run(zone, *steps(*[0.4] * 9)) == []


def test_dwell_over_a_gap_of_frames() -> None:
    zone = WatchedZone("z", LEFT, dwell=timedelta(seconds=8))
    found = run(zone, (0, [track(0.4)]), (0.2, [track(0.4)]), (10.2, [track(0.4)]))
    assert [c.at for c in found] == [at(10.2)]


@pytest.mark.parametrize(
    ("labels", "label", "median", "counts"),
    [
        ((), "dog", 0.9, True),
        (("person",), "person", 0.9, True),
        (("person",), "car", 0.9, False),
        (("person", "car"), "car", 0.8, True),  # reached
        ((), "person", 0.799, False),
        (("person",), None, None, True),  # without a model there is nothing to ask about
    ],
)
def test_labels_and_confidence(
    labels: tuple[str, ...], label: str | None, median: float | None, counts: bool
) -> None:
    zone = WatchedZone("z", LEFT, labels=frozenset(labels))
    assert bool(run(zone, *steps(*[0.3] * 4, label=label, median=median))) is counts


def test_without_a_model_it_is_motion() -> None:
    zone = WatchedZone("z", dwell=timedelta(seconds=1))
    found = run(zone, *steps(*[0.3] * 8, label=None, median=None))
    assert [(c.event_type, c.confidence) for c in found] == [("motion", None)]


def test_confidence_may_come_later() -> None:
    zone = WatchedZone("z")
    frames = [(i * 0.2, [track(0.3, median=0.5 + 0.1 * i)]) for i in range(6)]
    assert [c.at for c in run(zone, *frames)] == [at(0.6)]


def test_unconfirmed_and_unseen_tracks_complete_nothing() -> None:
    zone = WatchedZone("z")
    assert run(zone, *steps(*[0.3] * 5, confirmed=False)) == []
    assert run(zone, *steps(*[0.3] * 5, seen=False)) == []
    hidden = [(0.2 * i, [replace(track(0.3), seen=i == 0)]) for i in range(20)]
    assert run(WatchedZone("z", dwell=timedelta(seconds=1)), *hidden) == []


def test_completions_of_a_frame_are_ordered_by_label_and_box() -> None:
    tracks = [
        track(0.7, number=1),
        track(0.2, number=2),
        track(0.4, number=3, label="car"),
    ]
    found = run(WatchedZone("z"), (0, tracks), (0.2, tracks))
    assert [(c.track.number, c.ordinal) for c in found] == [(3, 0), (2, 1), (1, 2)]


def test_zones_are_apart_and_forgotten_when_they_go() -> None:
    a, b = WatchedZone("a", LEFT), WatchedZone("b")
    state: Mapping[tuple[str, int], Stay] = MappingProxyType({})
    state, _ = watch(state, [a, b], [track(0.3)], at(0))
    state, found = watch(state, [a, b], [track(0.3)], at(0.2))
    assert [c.zone_id for c in found] == ["a", "b"]
    assert [c.ordinal for c in found] == [0, 0]
    state, _ = watch(state, [b], [track(0.3)], at(0.4))
    assert set(state) == {("b", 1)}


def test_watch_changes_nothing_it_was_given() -> None:
    before: Mapping[tuple[str, int], Stay] = MappingProxyType({("z", 1): Stay(entered=at(0))})
    watch(before, [WatchedZone("z")], [track(0.3)], at(1))
    assert dict(before) == {("z", 1): Stay(entered=at(0))}


@pytest.mark.parametrize(
    ("point", "within"),
    [((0.25, 0.5), True), ((0.5, 0.5), True), ((0.0, 1.0), True), ((0.51, 0.5), False)],
)
def test_inside_takes_the_border(point: tuple[float, float], within: bool) -> None:
    assert inside(LEFT, point) is within
    assert inside((), point)
