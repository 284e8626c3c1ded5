"""`watchfloor fuzz`: wrong inputs for every parser of bytes from outside."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import print_json_line, steps, table
from infra.errors import ExitCode, WatchfloorError

EPILOG = """\
\b
Examples:
  watchfloor fuzz                     what there is
  watchfloor fuzz document --minutes 1
  watchfloor fuzz all --minutes 10    each of them for so long
"""

app = typer.Typer(add_completion=False)


@app.command("fuzz", epilog=EPILOG)
def fuzz(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME|all]", help="Which one; none: list them.")
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.05, max=10_080, help="How long for each.")] = 1.0,
    as_json: JsonOption = False,
    state: StateOption = None,
) -> None:
    """Fuzz parsers, led by coverage (Atheris, in an environment of its own).

    A crash, an exception that a parser does not say that it raises, and an input that takes more
    than a second are findings. Inputs are kept under the state directory, in fuzz/NAME. Exit status
    1 where something was found.
    """
    from infra.cli.bench import stoppable
    from infra.fuzz.run import chosen
    from infra.fuzz.run import fuzz as run
    from infra.fuzz.targets import TARGETS

    if name is None:
        table(("target", ""), [(one.name, one.what) for one in TARGETS.values()])
        return
    try:
        targets = chosen(name)
    except KeyError:
        raise WatchfloorError(
            f"fuzz: there is no target '{name[:40]}'",
            hint=f"The targets are {', '.join(TARGETS)}, and all.",
            exit_code=ExitCode.USAGE,
        ) from None
    with stoppable(), steps() as told:
        settings = settings_of(ctx, state)
        found = [run(settings, one, minutes * 60, told.say) for one in targets]
    if as_json:
        for one in found:
            print_json_line(msgspec.to_builtins(one))
    else:
        table(
            ("target", "inputs", "branches", "finding", "input"),
            [
                (
                    one.target,
                    f"{one.inputs:,}",
                    str(one.covered),
                    one.finding or "",
                    one.input or "",
                )
                for one in found
            ],
        )
    if any(one.finding for one in found):
        raise typer.Exit(ExitCode.FAILED)
