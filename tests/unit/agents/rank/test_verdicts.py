"""What analysts said: it fades by event time, and what they call false never helps."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rank.verdicts import (
    HALF_LIFE,
    Feedback,
    Verdict,
    Verdicts,
    judged,
    migrate_v1,
    opinion,
    verdict_of,
)
from agents.runtime.state import TableSpec, decode_row
from tests.unit.agents.harness import T0

SAID = st.lists(
    st.tuples(st.sampled_from(Verdict), st.floats(0, 400), st.integers(0, 23)), max_size=30
)


def after(said: list[tuple[Verdict, float, int]]) -> Verdicts | None:
    known: Verdicts | None = None
    for verdict, days, hour in said:
        known = judged(known, verdict, T0 + timedelta(days=days), hour)
    return known


@given(said=SAID, days=st.floats(0, 400), hour=st.integers(0, 23), asked=st.integers(0, 23))
def test_false_never_raises_and_true_never_lowers_at_any_hour(
    said: list[tuple[Verdict, float, int]], days: float, hour: int, asked: int
) -> None:
    now = T0 + timedelta(days=401)
    before = opinion(after(said), now, asked).precision
    for verdict in Verdict:
        then = opinion(after([*said, (verdict, days, hour)]), now, asked).precision
        change = then - before
        assert change >= -1e-9 if verdict is Verdict.TRUE else change <= 1e-9


@given(said=SAID, asked=st.integers(0, 23))
def test_precision_is_between_0_and_1_and_the_same_bounds_hold_within_a_camera(
    said: list[tuple[Verdict, float, int]], asked: int
) -> None:
    now = T0 + timedelta(days=500)
    known = after(said)
    for within in (None, Feedback(0.0, "f"), Feedback(1.0, "t")):
        assert 0 <= opinion(known, now, asked, within).precision <= 1
    low, high = (opinion(known, now, asked, Feedback(mean, "t")).precision for mean in (0.1, 0.9))
    assert low <= high


def test_the_order_in_which_verdicts_come_does_not_matter() -> None:
    said = [(Verdict.TRUE, 0.0, 3), (Verdict.FALSE, 50.0, 3), (Verdict.BENIGN, 90.0, 15)]
    now = T0 + timedelta(days=100)
    found = {
        round(opinion(after(list(order)), now, 3).precision, 12) for order in permutations(said)
    }
    assert len(found) == 1


def test_nobody_said_anything_is_the_middle() -> None:
    assert opinion(None, T0, 3) == Feedback(0.5)


def test_a_verdict_fades_to_the_middle() -> None:
    known = after([(Verdict.FALSE, 0.0, 3)])
    fresh, old, ancient = (
        opinion(known, T0 + HALF_LIFE * lives, 3).precision for lives in (0, 1, 40)
    )
    assert fresh == pytest.approx(0.5 / 2)
    assert old == pytest.approx(0.5 / 1.5)
    assert ancient == pytest.approx(0.5)


def test_verdicts_of_another_part_of_the_day_count_less() -> None:
    known = after([(Verdict.FALSE, 0.0, 8)] * 6)
    assert opinion(known, T0, 8).precision < opinion(known, T0, 3).precision < 0.5


def test_a_rule_without_verdicts_is_as_good_as_its_camera() -> None:
    camera = opinion(after([(Verdict.FALSE, 0.0, 3)] * 5), T0, 3)
    assert opinion(None, T0, 3, camera) == Feedback(camera.precision, "", "fffff")


def test_what_is_taken_back_was_never_said() -> None:
    before = after([(Verdict.FALSE, 0.0, 3), (Verdict.TRUE, 1.0, 3)])
    at = T0 + timedelta(days=2)
    then = judged(judged(before, Verdict.FALSE, at, 3), Verdict.FALSE, at, 3, taken_back=True)
    assert opinion(then, at, 3) == opinion(before, at, 3)


@pytest.mark.parametrize(
    ("resolution", "verdict"),
    [
        ("true_positive", Verdict.TRUE),
        ("false_positive", Verdict.FALSE),
        ("benign", Verdict.BENIGN),
        ("duplicate", None),  # says nothing of the rule
        ("test", None),
        ("quiet", None),
        (None, None),
    ],
)
def test_which_resolutions_are_verdicts(resolution: str | None, verdict: Verdict | None) -> None:
    assert verdict_of(resolution) is verdict


def test_rows_of_the_first_version_are_read() -> None:
    import msgspec

    spec = TableSpec(name="rank.feedback", value=Verdicts, version=2, migrations={1: migrate_v1})
    row = decode_row(spec, b"\x01" + msgspec.msgpack.encode({"true": 1, "false": 3}))
    assert row.at is None
    assert opinion(row, T0, 3).precision < 0.5
    # The first verdict with a time gives them one.
    assert judged(row, Verdict.TRUE, T0, 3).at == T0
