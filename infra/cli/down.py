"""`watchfloor down`: stop what `up` started."""

from __future__ import annotations

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, steps
from infra.stack import Stack

app = typer.Typer(add_completion=False)


@app.command("down")
def down(ctx: typer.Context, state: StateOption = None, as_json: JsonOption = False) -> None:
    """Stop what `up` started, in order: the API, the roles, the servers.

    What they hold stays. Where nothing runs, nothing happens.
    """
    stack = Stack(settings_of(ctx, state))
    with steps(quiet=as_json) as told:
        told.say("Stopping")
        ran = stack.stop()
    if as_json:
        print_json({"stopped": ran})
    else:
        console().print("Stopped." if ran else "Nothing ran.")
