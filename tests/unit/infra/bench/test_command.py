"""`watchfloor bench` as a person and a program meet it."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from infra.bench import footprint
from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.cli.main import main
from infra.errors import ExitCode

METRIC = Metric(name="m", unit="1", what="what it is", bar=Bar(limit=0.8, side="at least"))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """A bench that measures 0.5 at once stands in for `footprint`; what it was told."""
    runs: list[Run] = []

    def measure(run: Run) -> Sequence[Measured]:
        runs.append(run)
        run.say("measuring")
        return [Measured(metric=METRIC, value=0.5, detail={"fps": 7})]

    bench = Bench(name="footprint", summary="", metrics=(METRIC,), measure=measure)
    monkeypatch.setattr(footprint, "BENCH", bench)
    return runs


def test_json_is_a_line_a_metric_and_a_bar_that_fails_is_no_error(
    told: list[Run], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "footprint", "--json", "--seed", "7", "--full"]) == ExitCode.OK
    captured = capsys.readouterr()
    assert [json.loads(line) for line in captured.out.splitlines()] == [
        {
            "bench": "footprint",
            "metric": "m",
            "value": 0.5,
            "unit": "1",
            "bar": 0.8,
            "holds": False,
            "detail": {"fps": 7},
        }
    ]
    assert "measuring" in captured.err
    assert (told[0].seed, told[0].full) == (7, True)


def test_table_says_what_holds(told: list[Run], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "footprint"]) == ExitCode.OK
    shown = capsys.readouterr().out
    for part in ("m", "0.5", "at least 0.8", "fails", "fps 7"):
        assert part in shown
    assert len(told) == 1


def test_being_told_to_stop_is_an_interruption(
    told: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_away: list[bool] = []

    def measure(_: Run) -> Sequence[Measured]:
        try:
            signal.raise_signal(signal.SIGTERM)
            return []
        finally:
            put_away.append(True)

    monkeypatch.setattr(footprint, "BENCH", replace(footprint.BENCH, measure=measure))
    before = signal.getsignal(signal.SIGTERM)
    assert main(["bench", "footprint"]) == ExitCode.INTERRUPTED
    assert put_away == [True]
    assert signal.getsignal(signal.SIGTERM) == before
    assert told == []


def test_without_a_name_it_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--json"]) == ExitCode.OK
    bars = {row["metric"]: row["bar"] for row in json.loads(capsys.readouterr().out)}
    assert bars["pipeline_over_bare_loop"] == 0.8
    assert bars["beyond_model_p50_ms"] == 150
    assert bars["beyond_model_p99_ms"] == 500
    assert bars["resident_total_mib"] == 1600


def test_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "speed"]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert all(name in told for name in ("speed", "detect", "footprint", "latency"))


def test_without_assets_it_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WATCHFLOOR_ASSETS", str(tmp_path))
    assert main(["bench", "detect", "--json"]) == ExitCode.MACHINE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(tmp_path) in captured.err
    assert "WATCHFLOOR_ASSETS" in captured.err
    assert "Traceback" not in captured.err
