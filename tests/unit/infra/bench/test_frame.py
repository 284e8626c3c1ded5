"""What a bench says of what it measured."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from infra.bench.frame import Bar, Measured, Metric, asset, benches, find, percentile
from infra.errors import ExitCode, WatchfloorError
from infra.settings import Settings

METRIC = Metric(name="m", unit="ms", what="", bar=Bar(limit=10.0, side="at most"))


@pytest.mark.parametrize(
    ("side", "value", "holds"),
    [
        ("at least", 10.0, True),  # the limit itself is enough
        ("at least", 9.999, False),
        ("at most", 10.0, True),
        ("at most", 10.001, False),
        ("at least", math.nan, False),  # what is no number meets nothing
        ("at most", math.nan, False),
    ],
)
def test_bar(side: Literal["at least", "at most"], value: float, holds: bool) -> None:
    assert Bar(limit=10.0, side=side).holds(value) is holds


def test_line_has_what_programs_read() -> None:
    line = Measured(metric=METRIC, value=12.34567, detail={"n": 3}).line("b")
    assert line == {
        "bench": "b",
        "metric": "m",
        "value": 12.346,
        "unit": "ms",
        "bar": 10.0,
        "holds": False,
        "detail": {"n": 3},
    }
    assert json.loads(json.dumps(line)) == line


def test_metric_without_a_bar_neither_holds_nor_fails() -> None:
    line = Measured(metric=replace(METRIC, bar=None), value=1.0).line("b")
    assert (line["bar"], line["holds"]) == (None, None)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0, 1),
        (50, 50),
        (99, 99),  # 99 of 100 values do not exceed it
        (99.5, 100),
        (100, 100),
    ],
)
def test_percentile_of_a_hundred(share: float, expected: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_percentile_of_few_is_one_of_them() -> None:
    assert percentile([3.0], 99) == 3.0
    assert percentile([1.0, 2.0], 50) == 1.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_every_bench_is_found_and_no_metric_twice() -> None:
    found = benches()
    assert {"detect", "footprint", "latency"} <= set(found)
    assert all(name == bench.name for name, bench in found.items())
    names = [metric.name for bench in found.values() for metric in bench.metrics]
    assert len(names) == len(set(names))


def test_unknown_bench_names_those_there_are() -> None:
    with pytest.raises(WatchfloorError) as raised:
        find("speed")
    assert "'speed'" in raised.value.message
    assert all(name in (raised.value.hint or "") for name in benches())
    assert raised.value.exit_code == ExitCode.USAGE


def test_missing_asset_says_which_variable_leads_there(tmp_path: Path) -> None:
    settings = replace(Settings(state_dir=tmp_path), assets_dir=tmp_path)
    with pytest.raises(WatchfloorError) as raised:
        asset(settings, "videos/a.mp4")
    assert str(tmp_path / "videos/a.mp4") in raised.value.message
    assert "WATCHFLOOR_ASSETS" in (raised.value.hint or "")
    assert raised.value.exit_code != 0
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/a.mp4").touch()
    assert asset(settings, "videos/a.mp4") == tmp_path / "videos/a.mp4"
