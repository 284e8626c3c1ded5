"""What the decide bench feeds, and that it measures what it says."""

from __future__ import annotations

from random import Random

import pytest

from infra.bench import decide
from infra.bench.frame import Run
from infra.settings import Settings


@pytest.mark.parametrize(("length", "admitted"), [(10, 0.1), (3, 1 / 3)])
def test_the_mix_is_as_promised(length: int, admitted: float) -> None:
    events = list(decide.visits(Random(1), 6000, length))
    assert len({one.event_id for one in events}) == len(events) == 6000
    assert [one.occurred_at for one in events] == sorted(one.occurred_at for one in events)
    pace, share = decide.pace(events)
    assert pace > 0
    # What is cut off at the end are the last of the last visits.
    assert share == pytest.approx(admitted, abs=0.02)
    assert decide.runner_pace(events[:600]) > 0


def test_it_measures_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "EVENTS_A_ROUND", 2000)
    folded, chain = decide.measure(Run(settings=Settings()))
    assert (folded.metric.name, chain.metric.name) == ("folded_events_per_s", "chain_events_per_s")
    assert folded.value > chain.value > 0
    for one in (folded, chain):
        # How fast the core was is said for each round, beside what was measured on it.
        assert len(one.detail["bare_loop_ms"]) == len(one.detail["rounds"])
        assert min(one.detail["bare_loop_ms"]) > 0
