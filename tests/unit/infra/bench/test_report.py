"""A table and a picture of what a bench found."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from infra.bench import footprint
from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.bench.machine import machine, model_name
from infra.bench.report import footer, groups, markdown, picture, write
from infra.cli.main import main
from infra.errors import ExitCode

SVG = "{http://www.w3.org/2000/svg}"
RATES = {"ours-stateless": 300, "quix-stateless": 100, "bare-stateless": 600, "ours-stateful": 50}


def line(metric: str, value: float, **more: Any) -> dict[str, Any]:
    return {
        "bench": "stream",
        "metric": metric,
        "value": value,
        "unit": "1",
        "bar": 3.0,
        "holds": value >= 3,
        "detail": {},
        **more,
    }


def lines() -> list[dict[str, Any]]:
    detail = {
        "records_per_s": RATES,
        "records_per_s_each": {"ours-stateless": [290, 300, 310]},
        "machine": machine(),
    }
    return [
        line("stateless_over_quix", 3.0, detail=detail),
        line("stateless_over_bare", 0.4, bar=0.5, holds=False, detail=detail),
        line("hop_p50_ms", 2.25, unit="ms", bar=5.0, holds=True),
        line("hop_p99_ms", 9.0, unit="ms", bar=20.0),
        line("recovery_1000_keys_s", 1.5, unit="s", bar=None, holds=None),
        line("stateless_8_partitions_8_workers_per_s", 8e5, unit="1/s", bar=None, holds=None),
    ]


def test_bars_are_as_long_as_their_figures_and_sorted() -> None:
    drawn = groups(lines())
    assert [bar.name for bar in drawn[0].bars] == ["bare loop", "Watchfloor", "Quix Streams"]
    tree = ElementTree.fromstring(picture(drawn, []))  # noqa: S314 - our own text
    widths = [
        float(rect.attrib["width"])
        for rect in tree.iter(f"{SVG}rect")
        if rect.attrib["class"] in ("ours", "other")
    ]
    assert widths[0] == pytest.approx(2 * widths[1], abs=1)
    assert widths[0] == pytest.approx(6 * widths[2], abs=3)


def test_everything_drawn_is_inside_the_picture() -> None:
    tree = ElementTree.fromstring(picture(groups(lines()), footer(lines())))  # noqa: S314
    width, height = float(tree.attrib["width"]), float(tree.attrib["height"])
    for rect in tree.iter(f"{SVG}rect"):
        end = float(rect.attrib.get("x", 0)) + float(rect.attrib["width"])
        assert end <= width
    for text in tree.iter(f"{SVG}text"):
        assert 0 < float(text.attrib["y"]) < height
        # A letter of this size is 7 pixels wide on average, at most.
        wide, x = 7 * len(text.text or ""), float(text.attrib["x"])
        begin = x - wide if text.attrib.get("text-anchor") == "end" else x
        assert begin >= 0
        assert begin + wide <= width


def test_it_has_colours_for_a_dark_page_and_paper_under_its_text() -> None:
    drawn = picture(groups(lines()), [])
    light, dark = drawn.split("@media (prefers-color-scheme:dark)")
    for name in ("text", ".quiet", ".paper", ".ours", ".other"):
        found = [
            re.search(rf"{re.escape(name)}{{[^}}]*fill:(#\w+)", part) for part in (light, dark)
        ]
        assert found[0] is not None
        assert found[1] is not None
        assert found[0].group(1) != found[1].group(1)
    assert 'class="paper"' in drawn


def test_names_are_escaped() -> None:
    made = [line("m", 1, detail={"records_per_s": {"a<b&c-stateful": 1}})]
    assert "a&lt;b&amp;c" in picture(groups(made), ["<note>"])
    assert "&lt;note&gt;" in picture(groups(made), ["<note>"])


def test_nothing_to_draw() -> None:
    assert groups([line("million_keys_s", 9, unit="s")]) == []


def test_the_page_says_what_fails_who_ran_and_how_it_was_made() -> None:
    page = markdown("stream", lines(), datetime(2026, 5, 1, tzinfo=UTC), picture=True)
    assert "| `stateless_over_bare` | 0.4 | 0.5 | **no** |" in page
    assert "| `hop_p50_ms` | 2.25 ms | 5 ms | yes |" in page
    assert "| `recovery_1000_keys_s` | 1.5 s |  |  |" in page
    assert "| ours-stateless | 300 | 290, 300, 310 |" in page
    assert "watchfloor bench stream --full --report docs/benchmarks" in page
    assert "(stream.svg)" in page
    assert "2026-05-01" in page
    short = markdown("stream", lines()[:1], datetime(2026, 5, 1, tzinfo=UTC), picture=False)
    assert "--full" not in short
    assert "svg" not in short


def test_write(tmp_path: Path) -> None:
    paths = write(tmp_path / "new", lines())
    assert sorted(path.name for path in paths) == ["stream.jsonl", "stream.md", "stream.svg"]
    text = (tmp_path / "new" / "stream.jsonl").read_text()
    again = [json.loads(row) for row in text.splitlines()]
    assert again == json.loads(json.dumps(lines()))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """A bench that measures at once stands in for `footprint`."""
    runs: list[Run] = []
    metric = Metric(name="m", unit="1", what="", bar=Bar(limit=1, side="at least"))

    def measure(run: Run) -> Sequence[Measured]:
        runs.append(run)
        return [Measured(metric=metric, value=0.5)]

    bench = Bench(name="footprint", summary="", metrics=(metric,), measure=measure)
    monkeypatch.setattr(footprint, "BENCH", bench)
    return runs


def test_the_command_passes_minutes_and_writes_the_report(told: list[Run], tmp_path: Path) -> None:
    arguments = ["bench", "footprint", "--json", "--minutes", "2.5", "--report", str(tmp_path)]
    assert main(arguments) == ExitCode.OK
    assert told[0].minutes == 2.5
    assert "**no**" in (tmp_path / "footprint.md").read_text()


def test_a_report_that_cannot_be_written_is_told(
    told: list[Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "file"
    place.write_text("")
    assert main(["bench", "footprint", "--report", str(place)]) == ExitCode.FAILED
    assert str(place) in capsys.readouterr().err
    assert told


def test_benches_are_listed_with_their_bars(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--json"]) == ExitCode.OK
    bars = {row["metric"]: row["bar"] for row in json.loads(capsys.readouterr().out)}
    wanted = {
        "stateless_over_quix": 3,
        "stateless_over_bare": 0.5,
        "stateful_over_quix": 2,
        "hop_p50_ms": 5,
        "hop_p99_ms": 20,
        "rss_slope_mib_per_h": 1,
        "million_keys_s": 20,
        "restart_first_alert_s": 10,
        "failover_first_alert_s": 15,
    }
    assert {name: bars.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor\t: 0\nmodel name\t: A CPU @ 2.00GHz\nmodel name\t: other\n", "A CPU @ 2.00GHz"),
        ("Features : fp asimd\n", ""),
        ("", ""),
    ],
)
def test_model_name(text: str, expected: str) -> None:
    assert model_name(text) == expected


def test_machine_is_told_with_its_load() -> None:
    about = machine()
    assert about["cores"] >= 1
    assert about["memory_gib"] > 0
    assert about["load_1_min"] >= 0
