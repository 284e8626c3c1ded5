"""Stays agree with where truth says that feet are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.capture.simulator import Signal, SimulatedSite, Stay

SPAN = timedelta(seconds=160)
MOMENT = timedelta(milliseconds=5)


@pytest.fixture(scope="module")
def stays() -> tuple[Stay, ...]:
    return SimulatedSite("day", 3).stays(SPAN)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(milliseconds=st.integers(0, 160_000))
def test_a_foot_is_in_a_zone_exactly_during_a_stay(
    day: SimulatedSite, stays: tuple[Stay, ...], milliseconds: int
) -> None:
    at = timedelta(milliseconds=milliseconds)
    if any(abs(at - edge) < MOMENT for stay in stays for edge in (stay.enter, stay.leave)):
        return
    told = {
        (stay.camera_id, stay.object_id, stay.zone_id)
        for stay in stays
        if stay.enter <= at < stay.leave
    }
    seen = {
        (camera, thing.object_id, zone)
        for camera in day.cameras
        for thing in day.truth(camera, at).objects
        for zone in thing.zones
    }
    assert seen == told


def test_day_has_enough_to_measure(stays: tuple[Stay, ...]) -> None:
    for camera in ("gate", "yard", "fence", "dock"):
        assert sum(stay.camera_id == camera for stay in stays) >= 3
    assert {"person", "car"} <= {stay.label for stay in stays}


def test_stays_of_a_part_are_a_part_of_the_stays(
    day: SimulatedSite, stays: tuple[Stay, ...]
) -> None:
    since, until = timedelta(seconds=100), timedelta(seconds=130)
    part = day.stays(until, since)
    assert part == tuple(stay for stay in stays if stay.enter <= until and stay.leave >= since)
    assert part


def test_clear_stretch_lies_within_the_stay(stays: tuple[Stay, ...]) -> None:
    for stay in stays:
        assert stay.enter <= stay.clear_from <= stay.clear_until <= stay.leave
    whole = [
        stay for stay in stays if stay.clear_until - stay.clear_from == stay.leave - stay.enter
    ]
    assert len(whole) > len(stays) / 2


def test_what_happens_in_the_dark_is_not_clear(dark: SimulatedSite) -> None:
    blind = 0
    for stay in dark.stays(timedelta(seconds=150)):
        middle = stay.clear_from + (stay.clear_until - stay.clear_from) / 2
        if stay.clear_until > stay.clear_from:
            assert dark.signal(stay.camera_id, middle) is Signal.OK
        else:
            blind += 1
    assert blind > 0


def test_labels_of_the_zones_decide_which_stays_count(stays: tuple[Stay, ...]) -> None:
    every = [stay for stay in stays if stay.camera_id == "gate"]
    people = list(SimulatedSite("day", 3, cameras=1, labels=("person",)).stays(SPAN))
    assert people == [stay for stay in every if stay.label == "person"]
    assert len(people) < len(every)


def test_entries_come_every_second(entries: SimulatedSite) -> None:
    minute = timedelta(seconds=60)
    stays = entries.stays(2 * minute, minute)
    ended = [stay for stay in stays if minute < stay.leave <= 2 * minute]
    assert 57 <= len(ended) <= 63
    assert len({stay.object_id for stay in ended}) == len(ended)
    assert all(stay.clear_until - stay.clear_from > timedelta(seconds=1.5) for stay in ended)
    assert all(stay.leave - stay.enter < timedelta(seconds=5) for stay in ended)


def test_entries_never_overlap(entries: SimulatedSite) -> None:
    for second in range(10, 60, 3):
        objects = entries.truth("hall", timedelta(seconds=second)).objects
        whole = [thing for thing in objects if thing.box[3] < 1 and thing.box[1] > 0]
        assert all(thing.visible > 0.97 for thing in whole)
