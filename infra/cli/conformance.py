"""`watchfloor conformance`: recorded behaviour, purely or through all roles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, steps
from infra.errors import ExitCode, WatchfloorError

if TYPE_CHECKING:
    from infra.conformance.cases import Case, Problem
    from infra.conformance.drive import Outcome

EPILOG = """\
\b
Examples:
  watchfloor conformance tests/conformance
  watchfloor conformance tests/conformance --only silence
  watchfloor conformance tests/conformance --live
  watchfloor conformance tests/conformance --live --kill decide --seed 7
"""

KILLED = ("decide", "act")

app = typer.Typer(add_completion=False)


@app.command(epilog=EPILOG)
def conformance(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with *.yaml in it.")],
    live: Annotated[
        bool, typer.Option("--live", help="Through all roles, with a real broker.")
    ] = False,
    only: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only cases with this in file or name.")
    ] = None,
    kill: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help="kill -9 decide or act at random points; with --live."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Which random points.")] = 0,
    json: JsonOption = False,
    state: StateOption = None,
) -> int:
    """Run recorded cases of what the roles decide, and say which of them hold.

    Without --live the pure stages run them, in memory. With it, all roles do in a namespace of
    their own; it uses the servers of `up` where they run, and leaves no trace there.
    """
    from infra.conformance.drive import run_pure
    from infra.conformance.format import read_folder

    if kill is not None and (not live or kill not in KILLED):
        raise typer.BadParameter("--kill takes decide or act, and needs --live")
    cases, problems = read_folder(folder)
    if only is not None:
        cases = [one for one in cases if only.casefold() in str(one).casefold()]
        named = (f"{one.file}: {one.case}".casefold() for one in problems)
        problems = [
            one for one, name in zip(problems, named, strict=True) if only.casefold() in name
        ]
        if not cases and not problems:
            raise WatchfloorError(f"--only {only}: no case is called so", hint="")
    report = _Report(json)
    report.unread(problems)
    if not live:
        run_pure(cases, report.case)
    elif cases:
        _live(ctx, state, cases, kill, seed, report, quiet=json)
    return report.end()


def _live(
    ctx: typer.Context,
    state: Path | None,
    cases: list[Case],
    kill: str | None,
    seed: int,
    report: _Report,
    *,
    quiet: bool,
) -> None:
    from infra.conformance.live import run_live

    settings = settings_of(ctx, state)
    with steps(quiet=quiet) as step:
        run_live(
            settings,
            cases,
            kill=kill,
            seed=seed,
            done=report.case,
            say=step.say,
            count=step.count,
        )


class _Report:
    """A line a case as it ends, and the count; or one JSON document at the end."""

    def __init__(self, json: bool) -> None:
        self._json = json
        self._cases: list[dict[str, Any]] = []
        self._out = console()

    def unread(self, problems: list[Problem]) -> None:
        """Cases that could not be read: they failed."""
        by_case: dict[tuple[str, str], list[str]] = {}
        for one in problems:
            by_case.setdefault((one.file, one.case), []).append(str(one))
        for (file, name), lines in by_case.items():
            self._add(file, name, lines, 0.0)

    def case(self, outcome: Outcome) -> None:
        """A case has ended."""
        lines = [str(problem) for problem in outcome.problems]
        self._add(outcome.file, outcome.name, lines, outcome.seconds)

    def _add(self, file: str, name: str, lines: list[str], seconds: float) -> None:
        self._cases.append(
            {
                "file": file,
                "name": name,
                "passed": not lines,
                "problems": lines,
                "seconds": round(seconds, 3),
            }
        )
        if self._json:
            return
        word = "FAIL" if lines else "PASS"
        title = f"{file}: {name}" if name else file
        for line in (f"{word} {title}", *(f"     {each}" for each in lines)):
            self._out.print(line, markup=False)

    def end(self) -> int:
        """Say how many passed; the exit status."""
        passed = sum(one["passed"] for one in self._cases)
        failed = len(self._cases) - passed
        if self._json:
            print_json({"passed": passed, "failed": failed, "cases": self._cases})
        else:
            self._out.print(f"{passed} passed, {failed} failed", markup=False)
        return ExitCode.FAILED if failed else ExitCode.OK
