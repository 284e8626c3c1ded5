"""What the page of rules takes for granted is what the API answers, and what a document means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

import api
from api.backtest.schemas import BacktestView
from api.document.schemas import (
    CheckView,
    DifferenceView,
    DocumentProblem,
    DocumentView,
    RevisionView,
    SavedView,
)
from infra.backtest.report import Added, Backtest, Fate, Figures, Recorded
from schemas.base import Severity
from schemas.document import Schedule, Window, Zone
from schemas.reading.geometry import polygon_problem

SOURCES = Path(api.__file__).parent / "dashboard" / "src" / "pages" / "rules"
DOCUMENT = (SOURCES / "document.ts").read_text()
TRIAL = (SOURCES / "trial.ts").read_text()


def fields_of(text: str, name: str) -> set[str]:
    found = re.search(rf"interface {name}(?:<\w+>)? {{\n(.*?)\n}}", text, re.DOTALL)
    assert found is not None, name
    return set(re.findall(r"^  (\w+)\??:", found[1], re.MULTILINE))


def told(struct: Any) -> set[str]:
    return {field.encode_name.rstrip("_") for field in msgspec.structs.fields(struct)}


@pytest.mark.parametrize(
    "struct",
    [
        DifferenceView,
        CheckView,
        DocumentProblem,
        DocumentView,
        RevisionView,
        SavedView,
        Zone,
        Schedule,
        Window,
    ],
)
def test_an_interface_of_documents_has_the_structs_fields(struct: Any) -> None:
    assert fields_of(DOCUMENT, struct.__name__) == told(struct)


@pytest.mark.parametrize(
    ("name", "struct"),
    [
        ("Fate", Fate),
        ("Added", Added),
        ("Figures", Figures),
        ("Result", Backtest),
        ("Trial", BacktestView),
    ],
)
def test_what_is_read_of_a_backtest_is_in_it(name: str, struct: Any) -> None:
    assert fields_of(TRIAL, name) - told(struct) == set()


def test_what_is_read_of_the_recorded_is_in_it() -> None:
    found = re.search(r"recorded: {([^}]*)}", TRIAL)
    assert found is not None
    assert set(re.findall(r"(\w+):", found[1])) <= told(Recorded)


def test_a_field_that_is_left_out_means_what_the_document_means() -> None:
    found = re.search(r"DEFAULTS = {(.*?)}", DOCUMENT, re.DOTALL)
    assert found is not None
    zone = Zone(zone_id="z", camera_ids=("c",))
    for name, value in re.findall(r"(\w+): (.+),", found[1]):
        default = getattr(zone, name)
        assert msgspec.json.decode(value) == (
            default.value if isinstance(default, Severity) else default
        ), name
    severities = re.search(r"SEVERITIES = \[(.*?)\]", DOCUMENT)
    assert severities is not None
    assert set(re.findall(r'"(\w+)"', severities[1])) == {one.value for one in Severity}


def test_the_page_calls_a_shape_wrong_as_the_reader_does() -> None:
    """The table of geometry.test.ts, asked of the reader."""
    text = (SOURCES / "geometry.test.ts").read_text()
    table = text[text.index('describe("flaw"') :]
    square = [(0.2, 0.2), (0.6, 0.2), (0.6, 0.6), (0.2, 0.6)]
    shapes: dict[str, list[tuple[float, float]]] = {
        "a square": square,
        "the other way round": square[::-1],
        "a bow tie": [square[0], square[2], square[1], square[3]],
        "the same point twice": [*square, (0.3, 0.7), square[1]],
        "a line": [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)],
        "an edge that touches a point": [(0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)],
        "a notch": [(0, 0), (1, 0), (1, 1), (0.5, 0.2), (0, 1)],
    }
    for name, points in shapes.items():
        assert f'"{name}"' in table, name
        wrong = polygon_problem(points)
        # In the table a shape that is right ends with null.
        row = table[table.index(f'"{name}"') :]
        said = re.search(r'(null|"few"|"twice"|"crosses"|"flat")\s*,?\s*\]', row)
        assert said is not None
        assert (said[1] == "null") is (wrong is None), name
