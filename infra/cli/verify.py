"""`watchfloor verify`: what a release must hold."""

from __future__ import annotations

import typer

from infra.cli.frame import JsonOption
from infra.cli.output import console, print_json
from infra.errors import ExitCode

app = typer.Typer(add_completion=False)


@app.command("verify")
def verify(as_json: JsonOption = False) -> None:
    """Check what a release must hold, without starting anything.

    The locks are complete and installed; the published schemas are those of the code and backward
    compatible; the topics' declarations agree with each other; the AsyncAPI document, the
    migrations and the commands are in step. Exit status 1 where something is not.
    """
    from infra.verification import verify as checks

    found: dict[str, list[str]] = {}
    for name, problems in checks():
        found[name] = problems
        if not as_json:
            word = "[red]no[/]" if problems else "[green]ok[/]"
            console().print(f"{word}  {name}")
            for problem in problems:
                console().print(f"      {problem}", markup=False)
    if as_json:
        print_json({"holds": not any(found.values()), "checks": found})
    if any(found.values()):
        raise typer.Exit(ExitCode.FAILED)
