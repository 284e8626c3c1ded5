"""`watchfloor config`: the settings, and where each came from."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, table

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def config() -> None:
    """The settings, and where each came from."""


@app.command(
    "show", epilog="\b\nExamples:\n  watchfloor config show\n  watchfloor config show --json"
)
def show(
    ctx: typer.Context,
    docs: Annotated[bool, typer.Option("--docs", help="Add what each one is.")] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every setting: its value, where that came from, its variable. Passwords are masked.

    A variable wins over watchfloor.toml under the state directory, that over what `up` chose, that
    over the default.
    """
    from infra.settings import unknown_variables

    settings = settings_of(ctx, state)
    unknown = unknown_variables(os.environ)
    rows = settings.described()
    if as_json:
        print_json({"settings": rows, "unknown_variables": unknown})
        return
    columns = ("setting", "value", "from", "variable")
    table(
        (*columns, "what") if docs else columns,
        [
            (
                row["name"],
                _cell(row["value"]),
                row["origin"],
                row["variable"],
                *((row["doc"],) if docs else ()),
            )
            for row in rows
        ],
    )
    for name in unknown:
        console(stderr=True).print(f"{name} is set, and no setting has that name.", markup=False)


def _cell(value: object) -> str:
    match value:
        case None:
            return "–"
        case list():
            return ", ".join(value) or "–"
        case "":
            return "–"
        case _:
            return str(value)
