"""`watchfloor doctor`: what is wrong with this machine, and what to do about it."""

from __future__ import annotations

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json
from infra.doctor import Finding, Level, examine
from infra.errors import ExitCode

app = typer.Typer(add_completion=False)

MARKS = {Level.OK: ("ok", "green"), Level.NOTE: ("note", "yellow"), Level.BLOCKS: ("BLOCKS", "red")}


@app.command("doctor")
def doctor(ctx: typer.Context, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Find what is wrong with this machine, and say what to do about it.

    Exit status 1 where something stands in the way of `up`. Changes nothing.
    """
    settings = settings_of(ctx, state)
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            _show(finding)
    blocked = sum(finding.level is Level.BLOCKS for finding in findings)
    if as_json:
        print_json({"blocked": blocked > 0, "findings": [item.to_json() for item in findings]})
    elif not blocked:
        console().print("Nothing stands in the way of: watchfloor up")
    if blocked:
        raise typer.Exit(ExitCode.FAILED)


def _show(finding: Finding) -> None:
    from rich.text import Text

    word, colour = MARKS[finding.level]
    line = Text(f"{word:>6}  ", style=colour)
    line.append(f"{finding.check:<12}", style="bold")
    line.append(finding.found, style="default")
    console().print(line)
    if finding.advice:
        console().print(Text(f"{'':20}{finding.advice}"))
