"""`watchfloor diag`: one archive for whoever is to find out what went wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, steps
from infra.setting_values import show_bytes

app = typer.Typer(add_completion=False)


@app.command(
    "diag", epilog="\b\nExamples:\n  watchfloor diag\n  watchfloor diag --output /tmp/it.tar.gz"
)
def diag(
    ctx: typer.Context,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where to (.tar.gz).")
    ] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one archive with logs, versions, topic lags, settings, processes; without secrets.

    Works while everything runs and when nothing does. Look into it before you send it.
    """
    from infra.diagnosis import write_archive

    settings = settings_of(ctx, state)
    target = output or Path.cwd() / f"watchfloor-diag-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
    with steps(quiet=as_json) as told:
        told.say("Gathering")
        names = write_archive(settings, target)
    size = target.stat().st_size
    if as_json:
        print_json({"archive": str(target), "bytes": size, "files": names})
    else:
        console().print(f"{target} ({show_bytes(size)}, {len(names)} files)", markup=False)
