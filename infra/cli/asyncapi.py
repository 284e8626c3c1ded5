"""`watchfloor asyncapi`: the topics as an AsyncAPI 3 document."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.frame import JsonOption
from infra.cli.output import console, print_json
from infra.errors import ExitCode

app = typer.Typer(add_completion=False)


@app.command(
    "asyncapi",
    epilog="\b\nExamples:\n  watchfloor asyncapi > asyncapi.yaml\n  watchfloor asyncapi --check",
)
def asyncapi(
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare the kept document with the declarations instead."),
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Bring the kept document up to date instead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the AsyncAPI 3 document of every topic.

    With --check: exit status 1 where topics/asyncapi.yaml or a published schema is not what is
    declared.
    """
    from schemas.publish import check as check_schemas
    from topics import asyncapi as document

    if write:
        document.PATH.write_text(document.render(), "utf-8")
        return
    if check:
        drift = document.check()
        problems = check_schemas()
        if as_json:
            print_json({"asyncapi": drift, "schemas": problems})
        else:
            for text in (*drift, *problems):
                console().print(text, markup=False)
            if not drift and not problems:
                kept = document.PATH.relative_to(Path(__file__).parents[2])
                console().print(f"{kept} and schemas/published are as declared.", markup=False)
        if drift or problems:
            raise typer.Exit(ExitCode.FAILED)
        return
    if as_json:
        print_json(document.build())
    else:
        sys.stdout.write(document.render())
