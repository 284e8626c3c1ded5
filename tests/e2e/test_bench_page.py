"""`bench page` on a short queue: every part of it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.bench.api import data
from infra.bench.frame import Run
from infra.bench.page import BENCH, chromium, measure_with
from infra.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


@pytest.mark.usefixtures("dashboard")
@pytest.mark.skipif(chromium() is None, reason="no Chromium on the PATH")
def test_it_measures_both_of_its_metrics(page_settings: Settings, tmp_path: Path) -> None:
    run = Run(settings=page_settings)
    found = measure_with(run, data.Size(4_000, 4_000), place=tmp_path / "kept")
    assert [one.metric for one in found] == list(BENCH.metrics)
    for one in found:
        # Some of the alerts are unresolved; the page has to have shown all of these.
        assert 20 < one.detail["alerts"] < 400
        assert one.detail["tasks"] > 10
        # No task works for longer than it lasts; the detail is rounded.
        assert 0 < one.detail["longest_cpu_ms"] <= one.value + 0.1
