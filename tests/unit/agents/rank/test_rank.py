"""The rank: parts that add up to 0..100, and grow with what speaks for looking now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.rank.score import MAX_RANK, Feedback, Inputs, rank_parts
from schemas.base import Severity
from tests.unit.agents.harness import Harness, event, site

SEVERITIES = sorted(Severity, key=lambda one: one.rank)
GIVEN = st.builds(
    Inputs,
    severity=st.sampled_from(SEVERITIES),
    confidence=st.none() | st.floats(0, 1),
    hour_share=st.none() | st.floats(0, 1000),
    since_same=st.none() | st.timedeltas(timedelta(0), timedelta(days=4000)),
    events=st.integers(1, 10_000),
    repeats=st.integers(0, 10_000),
    feedback=st.builds(Feedback, true=st.integers(0, 1000), false=st.integers(0, 1000)),
)


def rank(inputs: Inputs) -> int:
    return sum(part.points for part in rank_parts(inputs))


@given(inputs=GIVEN)
def test_parts_are_whole_points_that_add_up_to_0_to_100(inputs: Inputs) -> None:
    parts = rank_parts(inputs)
    assert all(part.points >= 0 and part.reason.endswith(".") for part in parts)
    assert len({part.name for part in parts}) == len(parts) == 6
    assert 0 <= sum(part.points for part in parts) <= MAX_RANK


@given(inputs=GIVEN, other=st.sampled_from(SEVERITIES))
def test_a_worse_severity_never_lowers_it(inputs: Inputs, other: Severity) -> None:
    low, high = sorted((inputs.severity, other), key=lambda one: one.rank)
    assert rank(replace(inputs, severity=low)) <= rank(replace(inputs, severity=high))


@given(inputs=GIVEN, one=st.floats(0, 1), other=st.floats(0, 1))
def test_a_surer_detector_never_lowers_it(inputs: Inputs, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert rank(replace(inputs, confidence=low)) <= rank(replace(inputs, confidence=high))


@given(inputs=GIVEN, one=st.floats(0, 1000), other=st.floats(0, 1000))
def test_a_more_usual_hour_never_raises_it(inputs: Inputs, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert rank(replace(inputs, hour_share=low)) >= rank(replace(inputs, hour_share=high))


HOURS = st.timedeltas(timedelta(0), timedelta(days=40))


@given(inputs=GIVEN, one=HOURS, other=HOURS)
def test_what_was_not_seen_for_longer_never_lowers_it(
    inputs: Inputs, one: timedelta, other: timedelta
) -> None:
    low, high = sorted((one, other))
    never = rank(replace(inputs, since_same=None))
    assert rank(replace(inputs, since_same=low)) <= rank(replace(inputs, since_same=high)) <= never


@given(inputs=GIVEN, more=st.integers(1, 100), repeats=st.booleans())
def test_more_of_it_never_lowers_it(inputs: Inputs, more: int, repeats: bool) -> None:
    grown = (
        replace(inputs, repeats=inputs.repeats + more)
        if repeats
        else replace(inputs, events=inputs.events + more)
    )
    assert rank(inputs) <= rank(grown)


@given(inputs=GIVEN, more=st.integers(1, 100))
def test_confirmations_never_lower_it_and_false_alarms_never_raise_it(
    inputs: Inputs, more: int
) -> None:
    said = inputs.feedback
    better = replace(inputs, feedback=replace(said, true=said.true + more))
    worse = replace(inputs, feedback=replace(said, false=said.false + more))
    assert rank(worse) <= rank(inputs) <= rank(better)


@given(inputs=GIVEN)
def test_severity_outweighs_any_two_other_parts(inputs: Inputs) -> None:
    parts = rank_parts(replace(inputs, severity=Severity.CRITICAL))
    others = sorted((part.points for part in parts if part.name != "severity"), reverse=True)
    assert parts[0].points > others[0] + others[1]


@pytest.mark.parametrize(
    ("since", "told"),
    [
        (None, "Nothing like it was seen here before."),
        (timedelta(minutes=12), "The last like it was 12 min before."),
        (timedelta(hours=30), "The last like it was 30 h before."),
    ],
)
def test_reasons_are_sentences_for_people(since: timedelta | None, told: str) -> None:
    parts = rank_parts(
        Inputs(
            severity=Severity.HIGH,
            confidence=0.914,
            hour_share=0.2,
            since_same=since,
            events=2,
            repeats=1,
            feedback=Feedback(true=2, false=1),
        )
    )
    assert [part.reason for part in parts] == [
        "The zone's severity is high.",
        "The detector is 91% sure.",
        "For this camera it is a quiet hour (0.2 times its average).",
        told,
        "It happened 3 times in this alert.",
        "Analysts confirmed 2 of 3 like it.",
    ]


def test_an_alerts_rank_is_the_sum_of_its_reasons_and_grows_with_its_events() -> None:
    harness = Harness(site(dedupe_window_sec=10))
    ranks = []
    for number in range(4):
        harness.send(event(f"e{number}", at_seconds=number * 8, confidence=0.9))
        alert = harness.alert()
        assert alert.rank == sum(part.points for part in alert.reasons)
        ranks.append(alert.rank)
    assert ranks == sorted(ranks)
    assert ranks[0] < ranks[-1]


@pytest.mark.parametrize(
    ("reason", "direction"), [("true_positive", 1), ("false_positive", -1), ("test", 0)]
)
def test_what_analysts_say_of_an_alert_counts_for_the_next_of_its_rule(
    reason: str, direction: int
) -> None:
    harness = Harness(site())
    harness.send(event("e1"))
    before = next(part for part in harness.alert().reasons if part.name == "precision")
    for number in range(4):
        harness.command("resolve", alert=_open(harness), reason=reason)
        harness.send(event(f"n{number}", at_seconds=number + 1))
    # A verdict is the rule's own: another camera's alerts do not hear of it.
    harness.send(event("other", at_seconds=9, camera_id="cam-2"))
    newest = {alert.camera_id: alert for alert in harness.alerts().values()}
    after = next(part for part in newest["cam-1"].reasons if part.name == "precision")
    other = next(part for part in newest["cam-2"].reasons if part.name == "precision")
    assert (after.points > before.points) - (after.points < before.points) == direction
    assert other.points == before.points


def _open(harness: Harness) -> str:
    (found,) = (key for key, one in harness.alerts().items() if one.state != "resolved")
    return found
