"""`watchfloor wait`: until everything is ready."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.frame import StateOption, settings_of
from infra.cli.output import steps
from infra.stack import START_TIMEOUT_S, Stack

app = typer.Typer(add_completion=False)


@app.command("wait", epilog="\b\nExamples:\n  watchfloor wait --timeout 30 && ./my-script")
def wait(
    ctx: typer.Context,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds until it gives up, with exit status 5.")
    ] = START_TIMEOUT_S,
    state: StateOption = None,
) -> None:
    """Wait until everything that `up` started is ready; says what is not, where it gives up."""
    with steps() as told:
        Stack(settings_of(ctx, state), report=told.say).wait(timeout)
