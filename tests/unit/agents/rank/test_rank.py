"""The rank: parts that add up to 0..100, and grow with what speaks for looking now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.rank.scene import MOST_NEIGHBOURS, Neighbour
from agents.rank.score import MAX_RANK, Inputs, rank_parts, seen_again
from agents.rank.verdicts import Feedback
from schemas.base import Severity

SEVERITIES = sorted(Severity, key=lambda one: one.rank)
SHARES = st.floats(0, 1)
SPANS = st.timedeltas(timedelta(0), timedelta(days=4000))
FEEDBACK = st.builds(Feedback, SHARES, st.text("tfb", max_size=10), st.text("tfb", max_size=10))
NEIGHBOURS = st.lists(
    st.builds(Neighbour, st.sampled_from(["a", "b", "c", "d"]), SHARES),
    max_size=MOST_NEIGHBOURS,
    unique_by=lambda one: one.camera_id,
).map(tuple)
GIVEN = st.builds(
    Inputs,
    severity=st.sampled_from(SEVERITIES),
    confidence=st.none() | SHARES,
    zone_feedback=FEEDBACK,
    hour_share=st.none() | SHARES,
    like_share=st.none() | SHARES,
    since_same=st.none() | SPANS,
    lasting=SPANS,
    seen=st.integers(1, 10_000),
    neighbours=NEIGHBOURS,
    crowd=st.integers(0, 40),
    feedback=FEEDBACK,
)


def rank(inputs: Inputs, **changed: Any) -> int:
    return sum(part.points for part in rank_parts(replace(inputs, **changed)))


@given(inputs=GIVEN)
def test_parts_are_whole_points_that_add_up_to_0_to_100(inputs: Inputs) -> None:
    parts = rank_parts(inputs)
    assert all(part.points >= 0 and part.reason.endswith(".") for part in parts)
    assert [part.name for part in parts] == [
        "severity",
        "confidence",
        "zone",
        "hour",
        "novelty",
        "duration",
        "count",
        "correlated",
        "precision",
    ]
    assert 0 <= sum(part.points for part in parts) <= MAX_RANK


def test_the_best_of_everything_is_100() -> None:
    best = Inputs(
        severity=Severity.CRITICAL,
        confidence=1.0,
        zone_feedback=Feedback(1.0),
        hour_share=0.0,
        lasting=timedelta(hours=3),
        seen=1000,
        neighbours=tuple(Neighbour(name, 1.0) for name in "abcd"),
        crowd=4,
        feedback=Feedback(1.0),
    )
    # Evidence is never complete: half a point is rounded away.
    assert MAX_RANK - 1 <= rank(best) <= MAX_RANK


@pytest.mark.parametrize(
    ("name", "values", "raises"),
    [
        ("severity", st.sampled_from(SEVERITIES), 1),
        ("confidence", SHARES, 1),
        ("hour_share", SHARES, -1),  # a more usual hour
        ("like_share", SHARES, -1),  # a kind that comes on more days
        ("since_same", SPANS, 1),
        ("lasting", SPANS, 1),
        ("seen", st.integers(1, 10_000), 1),
        ("crowd", st.integers(0, 40), -1),  # more cameras at once: the weather
    ],
)
def test_raising_one_input_never_turns_the_rank_the_other_way(
    name: str, values: st.SearchStrategy[Any], raises: int
) -> None:
    @given(inputs=GIVEN, one=values, other=values)
    def holds(inputs: Inputs, one: Any, other: Any) -> None:
        order = (lambda each: each.rank) if name == "severity" else None
        low, high = sorted((one, other), key=order)
        change = rank(inputs, **{name: high}) - rank(inputs, **{name: low})
        assert change * raises >= 0

    holds()


@given(inputs=GIVEN, since=SPANS)
def test_what_was_never_seen_is_the_newest(inputs: Inputs, since: timedelta) -> None:
    assert rank(inputs, since_same=since) <= rank(inputs, since_same=None)


@given(inputs=GIVEN, one=SHARES, other=SHARES, field=st.sampled_from(["feedback", "zone_feedback"]))
def test_a_better_precision_never_lowers_it(
    inputs: Inputs, one: float, other: float, field: str
) -> None:
    low, high = sorted((one, other))
    assert rank(inputs, **{field: Feedback(low)}) <= rank(inputs, **{field: Feedback(high)})


@given(inputs=GIVEN, place=st.integers(0, MOST_NEIGHBOURS - 1), weight=SHARES)
def test_a_neighbour_that_counts_more_never_lowers_it(
    inputs: Inputs, place: int, weight: float
) -> None:
    known = list(inputs.neighbours)
    if place < len(known):
        known[place] = Neighbour(known[place].camera_id, max(weight, known[place].weight))
    elif len(known) < MOST_NEIGHBOURS:
        known.append(Neighbour("new", weight))
    assert rank(inputs) <= rank(inputs, neighbours=tuple(known))


@given(inputs=GIVEN)
def test_severity_outweighs_any_other_part(inputs: Inputs) -> None:
    parts = rank_parts(replace(inputs, severity=Severity.CRITICAL))
    assert parts[0].points > max(part.points for part in parts[1:])


@given(inputs=GIVEN, lasting=SPANS, seen=st.integers(1, 10_000))
def test_a_folded_event_makes_the_parts_that_a_full_ranking_would(
    inputs: Inputs, lasting: timedelta, seen: int
) -> None:
    longer = replace(inputs, lasting=lasting, seen=seen)
    assert seen_again(rank_parts(inputs), lasting, seen) == rank_parts(longer)


@pytest.mark.parametrize(
    ("changed", "part", "told"),
    [
        ({"confidence": 0.914}, "confidence", "The detector is 91% sure."),
        ({"confidence": None}, "confidence", "Its source gives no confidence."),
        (
            {"hour_share": 0.02},
            "hour",
            "This camera sees something about this hour on 2% of such days.",
        ),
        ({"since_same": None}, "novelty", "Nothing like it was seen here before."),
        ({"since_same": timedelta(minutes=12)}, "novelty", "The last like it was 12 min before."),
        (
            {"since_same": timedelta(hours=30), "like_share": 0.4},
            "novelty",
            "The last like it was 30 h before; its like comes here on 40% of days.",
        ),
        ({"lasting": timedelta(seconds=90)}, "duration", "It has gone on for 90 s."),
        ({"lasting": timedelta(0)}, "duration", "So far it is one moment."),
        ({"seen": 3}, "count", "It happened 3 times in this alert."),
        (
            {"neighbours": (Neighbour("gate", 0.5), Neighbour("fence", 0.4)), "crowd": 3},
            "correlated",
            "Neighbouring cameras saw something within 5 minutes too (gate, fence).",
        ),
        (
            {"neighbours": (Neighbour("gate", 0.5),), "crowd": 14},
            "correlated",
            "Neighbouring cameras saw something within 5 minutes too (gate); 14 cameras did at "
            "once, as in bad weather.",
        ),
        (
            {"feedback": Feedback(0.2, "ftffffff")},
            "precision",
            "7 of the last 8 judged alerts of this camera and rule were false.",
        ),
        (
            {"feedback": Feedback(0.2, "fbt")},
            "precision",
            "2 of the last 3 judged alerts of this camera and rule were false or benign.",
        ),
        (
            {"feedback": Feedback(0.8, "t")},
            "precision",
            "The last judged alert of this camera and rule was true.",
        ),
        (
            {"feedback": Feedback(0.2, "", "ff")},
            "precision",
            "Analysts have judged no alert of this camera and rule yet; 2 of the last 2 judged "
            "alerts of the camera were false.",
        ),
    ],
)
def test_reasons_are_sentences_for_people(changed: dict[str, Any], part: str, told: str) -> None:
    inputs = replace(Inputs(severity=Severity.HIGH), **changed)
    (found,) = (one.reason for one in rank_parts(inputs) if one.name == part)
    assert found == told
