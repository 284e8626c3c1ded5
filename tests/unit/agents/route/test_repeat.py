"""What a folded event changes of its alert, and what not."""

from __future__ import annotations

import pytest

from tests.unit.agents.harness import Harness, event, site


@pytest.mark.parametrize(
    "seconds",
    [
        (1, 2, 3),
        (59, 58, 57),  # late: its newest event's time stays
        (0, 0, 0),
    ],
)
def test_the_rank_stays_the_sum_of_its_reasons(seconds: tuple[int, ...]) -> None:
    harness = Harness(site(dedupe_window_sec=60))
    harness.send(event("e0", confidence=0.9))
    for number, second in enumerate(seconds, 1):
        before = harness.alert()
        harness.send(event(f"e{number}", at_seconds=second))
        alert = harness.alert()
        assert alert.rank == sum(part.points for part in alert.reasons)
        assert (alert.events, alert.repeats) == (1, number)
        assert alert.revision == before.revision + 1
        named = {part.name: part.reason for part in alert.reasons}
        assert str(number + 1) in named["count"]
        kept = [part for part in alert.reasons if part.name not in {"duration", "count"}]
        assert kept == [p for p in before.reasons if p.name not in {"duration", "count"}]
