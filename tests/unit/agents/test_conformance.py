"""Every recorded case, ours and those that are shared, through the pure stages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.conformance.format import read_folder
from tests.unit.agents.cases import Case, run

ROOT = Path(__file__).parents[3]
OURS = ROOT / "tests" / "conformance"
ASSETS = Path(os.environ.get("WATCHFLOOR_ASSETS", ROOT.parent / "shared" / "assets"))
SHARED = ASSETS.parent / "conformance"
CASES, PROBLEMS = read_folder(OURS)


def test_every_case_can_be_read() -> None:
    assert not PROBLEMS, [str(problem) for problem in PROBLEMS]
    assert len({(case.file, case.name) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case) -> None:
    run(case)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared cases are not there: {SHARED}")
def test_the_shared_cases_are_among_ours() -> None:
    for path in SHARED.glob("*.yaml"):
        assert (OURS / path.name).read_bytes() == path.read_bytes(), path.name
