"""Every recorded case that this release acts on, through the pure stages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.agents.cases import Case, load, run

ROOT = Path(__file__).parents[3]
ASSETS = Path(os.environ.get("WATCHFLOOR_ASSETS", ROOT.parent / "shared" / "assets"))
FOLDER = ASSETS.parent / "conformance"
FILES = ("01-zone-policy.yaml", "02-schedules.yaml")
CASES = load(FOLDER, *FILES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case) -> None:
    run(case)


@pytest.mark.skipif(not CASES, reason=f"the recorded cases are not there: {FOLDER}")
def test_every_file_has_cases() -> None:
    assert {case.file for case in CASES} == set(FILES)
