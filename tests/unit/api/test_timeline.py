"""Buckets, lanes and spans of a stretch of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.problems import Invalid
from api.timeline.buckets import MAX_BUCKETS, Count, Told, bucket_of, conditions, lanes
from api.timeline.schemas import Condition
from api.timeline.service import before, stretch

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
GAP, FROZEN = Condition.NO_FRAMES, Condition.FROZEN_PICTURE


@pytest.mark.parametrize(
    ("span", "width", "buckets"),
    [
        (timedelta(seconds=90), 1, 90),
        (timedelta(minutes=2, seconds=24), 1, 144),
        (timedelta(minutes=2, seconds=25), 2, 73),
        (timedelta(hours=1), 30, 120),
        (timedelta(hours=24), 600, 144),
        (timedelta(days=31), 21_600, 124),
        (timedelta(microseconds=1), 1, 1),
    ],
)
def test_buckets(span: timedelta, width: float, buckets: int) -> None:
    assert bucket_of(span) == (width, buckets)


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=4000)))
def test_buckets_cover_the_stretch_and_are_bounded(span: timedelta) -> None:
    width, buckets = bucket_of(span)
    assert 1 <= buckets <= MAX_BUCKETS
    assert width * buckets >= span.total_seconds() - 1e-6
    assert width * (buckets - 1) < max(span.total_seconds(), 1.0)


def test_lanes_are_cameras_by_site_and_those_without_one_last() -> None:
    found = lanes(
        [
            Count("south", "gate", 1, 4),
            Count("north", None, 0, 2),
            Count("north", "gate", 0, 1),
            Count("north", "gate", 2, 5),
            Count("north", "fence", 3, 1),
        ],
        3,
    )
    assert [(lane.site_id, lane.camera_id, lane.events) for lane in found] == [
        ("north", "fence", (0, 0, 1)),
        ("north", "gate", (1, 0, 5)),
        ("north", None, (2, 0, 0)),
        ("south", "gate", (0, 4, 0)),
    ]


def told(minute: float, condition: Condition = GAP, *, ended: bool = False, of: str = "a") -> Told:
    return Told("north", of, condition, NOW + timedelta(minutes=minute), ended)


def spans(*all_told: Told) -> list[tuple[str, str, float | None, float | None]]:
    """Minutes from the beginning of an hour."""

    def minute(at: datetime | None) -> float | None:
        return None if at is None else (at - NOW).total_seconds() / 60

    return [
        (span.device_id, span.condition.value, minute(span.from_), minute(span.to))
        for span in conditions(all_told, NOW, NOW + timedelta(hours=1))
    ]


@pytest.mark.parametrize(
    ("all_told", "expected"),
    [
        ([], []),
        ([told(5), told(9, ended=True)], [("a", "no_frames", 5, 9)]),
        # It goes on, and it went on before.
        ([told(5)], [("a", "no_frames", 5, None)]),
        ([told(-30), told(9, ended=True)], [("a", "no_frames", -30, 9)]),
        ([told(9, ended=True)], [("a", "no_frames", None, 9)]),
        # Over before, and begun after.
        ([told(-30), told(-9, ended=True)], []),
        ([told(-30), told(0, ended=True)], []),
        ([told(60)], []),
        # Told twice: redelivered, or the end got lost.
        ([told(5), told(7), told(9, ended=True)], [("a", "no_frames", 5, 9)]),
        ([told(5), told(9, ended=True), told(11, ended=True)], [("a", "no_frames", 5, 9)]),
        # Each camera and condition for itself, the newest first, whatever order they come in.
        (
            [told(9, ended=True), told(5), told(7, FROZEN), told(8, of="b")],
            [
                ("b", "no_frames", 8, None),
                ("a", "frozen_picture", 7, None),
                ("a", "no_frames", 5, 9),
            ],
        ),
    ],
)
def test_conditions(
    all_told: list[Told], expected: list[tuple[str, str, float | None, float | None]]
) -> None:
    assert spans(*all_told) == expected


HOUR = timedelta(hours=1)


def test_a_stretch() -> None:
    assert stretch(None, None, NOW) == (NOW - 24 * HOUR, NOW)
    assert stretch(NOW - HOUR, None, NOW) == (NOW - HOUR, NOW)
    assert stretch(None, NOW + HOUR, NOW) == (NOW - 23 * HOUR, NOW + HOUR)


@pytest.mark.parametrize(
    ("begin", "end", "says"),
    [
        (NOW, NOW, "before"),
        (NOW, NOW - HOUR, "before"),
        (NOW - timedelta(days=32), None, "31 days"),
        (None, datetime.min.replace(tzinfo=UTC), "too early"),
    ],
)
def test_a_stretch_that_is_none(begin: datetime | None, end: datetime | None, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        stretch(begin, end, NOW)


def test_the_beginning_of_time_has_nothing_before_it() -> None:
    first = datetime.min.replace(tzinfo=UTC)
    assert before(first) == first
    assert before(NOW) < NOW
