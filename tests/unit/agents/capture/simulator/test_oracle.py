"""The oracle against tables, and its matching against all matchings there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.capture.simulator import ObservedEvent, Score, Stay, score, together
from agents.capture.simulator.oracle import TOLERANCE, match

START = datetime(2026, 1, 1, tzinfo=UTC)


def _after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _stay(
    enter: float,
    leave: float,
    *,
    clear: tuple[float, float] | None = None,
    zone: str = "z",
    camera: str = "c",
) -> Stay:
    first, last = clear or (enter, leave)
    return Stay(
        object_id=f"{camera}/{enter}",
        label="person",
        camera_id=camera,
        zone_id=zone,
        enter=_after(enter),
        leave=_after(leave),
        clear_from=_after(first),
        clear_until=_after(last),
    )


def _event(at: float, *, zone: str = "z", camera: str = "c") -> ObservedEvent:
    return ObservedEvent(camera_id=camera, zone_id=zone, completed=START + _after(at))


def _score(
    stays: Sequence[Stay], events: Sequence[ObservedEvent], *, until: float = 100, dwell: float = 0
) -> Score:
    return score(
        stays,
        events,
        start=START,
        since=START,
        until=START + _after(until),
        dwell=_after(dwell),
    )


@pytest.mark.parametrize(
    ("stays", "at", "true", "false", "duplicates", "missed"),
    [
        ([(10, 15)], [12], 1, 0, 0, 0),
        ([(10, 15)], [9], 1, 0, 0, 0),  # a second before is still about it
        ([(10, 15)], [16], 1, 0, 0, 0),
        ([(10, 15)], [8.99], 0, 1, 0, 1),
        ([(10, 15)], [16.01], 0, 1, 0, 1),
        ([(10, 15)], [], 0, 0, 0, 1),
        ([], [12], 0, 1, 0, 0),
        ([(10, 15)], [11, 12, 13], 1, 2, 2, 0),  # one is right, two more on the same stay
        ([(10, 15), (11, 16)], [12, 13], 2, 0, 0, 0),  # two at once
        ([(10, 15), (11, 16)], [12, 13, 14], 2, 1, 1, 0),
        # First come, first served would give the only event of the second stay to the first.
        ([(10, 20), (12, 14)], [14, 19], 2, 0, 0, 0),
        ([(10, 14), (12, 20), (18, 30)], [13, 13.5, 20], 3, 0, 0, 0),
    ],
)
def test_score(
    stays: list[tuple[float, float]],
    at: list[float],
    true: int,
    false: int,
    duplicates: int,
    missed: int,
) -> None:
    result = _score([_stay(*span) for span in stays], [_event(time) for time in at])
    assert (result.true_events, result.false_events) == (true, false)
    assert (result.duplicates, result.missed) == (duplicates, missed)


def test_zones_and_cameras_are_apart() -> None:
    stays = [_stay(10, 15), _stay(10, 15, zone="y"), _stay(10, 15, camera="d")]
    result = _score(stays, [_event(12, zone="y"), _event(12, camera="e")])
    assert (result.true_events, result.false_events, result.missed) == (1, 1, 2)
    assert result.duplicates == 0


@pytest.mark.parametrize(
    ("stay", "dwell", "counts"),
    [
        (_stay(10, 11), 0, True),  # exactly a second
        (_stay(10, 10.9), 0, False),
        (_stay(10, 13), 2, True),
        (_stay(10, 12.9), 2, False),
        (_stay(10, 20, clear=(12, 12.5)), 0, False),  # hidden for most of the time
        (_stay(98, 110), 0, True),  # two seconds of it were measured
        (_stay(99.5, 110), 0, False),
        (_stay(-5, 20), 0, False),  # began before the measuring
    ],
)
def test_stays_that_could_not_be_seen_are_left_out(stay: Stay, dwell: float, counts: bool) -> None:
    result = _score([stay], [], dwell=dwell)
    assert (result.stays, result.excluded) == ((1, 0) if counts else (0, 1))


def test_stays_beyond_the_measured_time_are_not_even_counted() -> None:
    result = _score([_stay(200, 210)], [])
    assert (result.stays, result.excluded) == (0, 0)


def test_an_event_of_an_excluded_stay_is_neither_true_nor_false() -> None:
    stays = [_stay(10, 10.5), _stay(30, 40)]
    result = _score(stays, [_event(10.2), _event(35)])
    assert (result.true_events, result.false_events, result.neutral) == (1, 0, 1)
    assert (result.precision, result.recall, result.excluded) == (1.0, 1.0, 1)
    # One event a stay: a second one is false.
    again = _score(stays, [_event(10.2), _event(10.4), _event(35)])
    assert (again.neutral, again.false_events, again.duplicates) == (1, 1, 1)


def test_a_counted_stay_goes_before_an_excluded_one() -> None:
    result = _score([_stay(10, 10.5), _stay(10.2, 14)], [_event(10.4)])
    assert (result.true_events, result.neutral) == (1, 0)


def test_dwell_by_zone() -> None:
    result = score(
        [_stay(10, 12), _stay(10, 12, zone="slow")],
        [],
        start=START,
        since=START,
        until=START + _after(60),
        dwell={("c", "slow"): _after(5)},
    )
    assert (result.stays, result.excluded) == (1, 1)


def test_events_outside_the_measured_time_are_not_judged() -> None:
    result = _score([_stay(10, 15)], [_event(120), _event(-3)])
    assert (result.outside, result.false_events) == (2, 0)


def test_nothing_to_judge_is_not_perfect() -> None:
    result = _score([], [])
    assert result.precision is None
    assert result.recall is None
    assert result.latency(50) is None


def test_latency_and_several_runs_together() -> None:
    def run(*late: float) -> Score:
        events = [
            ObservedEvent(
                camera_id="c",
                zone_id="z",
                completed=START + _after(10 + index),
                published=START + _after(10 + index + wait),
            )
            for index, wait in enumerate(late)
        ]
        return score([_stay(9, 30)], events, start=START, since=START, until=START + _after(60))

    both = together([run(0.1, 0.2), run(0.3)])
    assert both.latency(50) == pytest.approx(0.2)
    assert both.latency(100) == pytest.approx(0.3)
    assert (both.true_events, both.false_events, both.stays) == (2, 1, 2)
    assert both.precision == pytest.approx(2 / 3)


spans = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 4)).map(
        lambda pair: (START + _after(pair[0]), START + _after(sum(pair)))
    ),
    max_size=6,
)
instants = st.lists(st.integers(-1, 16).map(lambda at: START + _after(at)), max_size=6)


@given(spans=spans, times=instants.map(sorted))
def test_the_matching_is_a_maximum_one(
    spans: list[tuple[datetime, datetime]], times: list[datetime]
) -> None:
    @cache
    def best(first: int, used: frozenset[int]) -> int:
        if first == len(spans):
            return 0
        enter, leave = spans[first]
        most = best(first + 1, used)
        for index, time in enumerate(times):
            if index not in used and enter - TOLERANCE <= time <= leave + TOLERANCE:
                most = max(most, 1 + best(first + 1, used | {index}))
        return most

    pairs = match(spans, times)
    assert len(set(pairs.values())) == len(pairs) == best(0, frozenset())
    for span, index in pairs.items():
        enter, leave = spans[span]
        assert enter - TOLERANCE <= times[index] <= leave + TOLERANCE


def test_truth_told_as_events_scores_full() -> None:
    stays = [_stay(at, at + 4) for at in range(0, 90, 2)]
    result = _score(stays, [_event(at + 2.5) for at in range(0, 90, 2)])
    assert (result.precision, result.recall, result.duplicates) == (1.0, 1.0, 0)
