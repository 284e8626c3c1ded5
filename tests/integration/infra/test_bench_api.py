"""`bench api` on a small month: every part of it runs, and nothing of it fails."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

import pytest

from infra.bench.api import data
from infra.bench.api.bench import BENCH, measure_with
from infra.bench.frame import Run
from infra.settings import Settings

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


def test_it_measures_each_of_its_metrics_and_keeps_its_data(
    settings: Settings, tmp_path: Path
) -> None:
    size = data.Size(10_000, 1_000)
    run = Run(settings=settings, minutes=0.05)
    found = measure_with(run, size, listeners=5, rate=20.0, place=tmp_path / "kept")
    assert [one.metric for one in found] == list(BENCH.metrics)
    assert all(isfinite(one.value) and one.value > 0 for one in found)
    served, told = found[2].detail, found[3].detail
    assert served["failed"] == 0
    assert served["asked"] > 0
    assert told["fewest_heard"] == told["listeners"] == 5
    assert data.folder_of(tmp_path / "kept", size)[1]
