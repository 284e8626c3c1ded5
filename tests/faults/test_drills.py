"""Every drill in its short form, as `watchfloor drill all --short` runs them: side by side.

What is asserted is what the drills' own bars say: nothing lost, nothing twice after the sink, no
notification twice that was not in flight.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from infra.drills.frame import Drill, DrillRun, drills
from infra.drills.together import Together, together
from infra.settings import Settings

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.postgres]


@pytest.fixture(scope="module")
def under_way(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Together]:
    """The drills that were asked for, all of them begun with the first test."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    params = [item.callspec.params for item in items if item.function is test_drill]
    chosen = [drill for one in params if isinstance(drill := one["drill"], Drill)]
    folder = tmp_path_factory.mktemp("drills")
    run = DrillRun(settings=Settings(state_dir=folder / "state"), keep=folder / "logs")
    with together(chosen, run) as begun:
        yield begun


@pytest.mark.timeout(1200)  # the first ones wait for those that share their lane
@pytest.mark.parametrize("drill", drills().values(), ids=lambda drill: drill.name)
def test_drill(drill: Drill, under_way: Together) -> None:
    outcome = under_way.wait(drill.name)
    if outcome.skipped is not None:
        pytest.skip(outcome.skipped)
    assert outcome.failed is None, "\n".join([*outcome.said, outcome.failed or ""])
    failed = [one.line(drill.name) for one in outcome.measured if one.holds is False]
    assert not failed, "\n".join([*outcome.said, *(json.dumps(line) for line in failed)])
    figures = {one.metric.name: one for one in outcome.measured}
    assert figures["lost"].value == 0
    assert figures["sink_duplicates"].value == 0
    # A drill that sends nothing, or breaks nothing, proves nothing.
    assert figures["in"].value > 0
    assert figures["out"].value >= figures["in"].value
    assert drill.name == "poison" or figures["in"].detail["faults"] > 0
