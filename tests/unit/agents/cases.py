"""Recorded cases of the decide role, driven through the pure stages."""

from __future__ import annotations

from pathlib import Path

from infra.conformance.cases import Case
from infra.conformance.drive import PureMachine, run_case
from infra.conformance.format import read_file

__all__ = ["Case", "load", "run"]


def load(folder: Path, *files: str) -> list[Case]:
    """The cases of these files; none where the folder is not there."""
    found: list[Case] = []
    for file in files:
        if (folder / file).is_file():
            cases, problems = read_file(folder / file)
            assert not problems, [str(problem) for problem in problems]
            found += cases
    return found


def run(case: Case) -> None:
    """Drive a case. Raises AssertionError with the steps that were not as expected."""
    problems = run_case(case, PureMachine()).problems
    assert not problems, "\n".join(map(str, problems))
