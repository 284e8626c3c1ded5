"""`watchfloor worker ROLE`: one role in this process."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.frame import StateOption, settings_of
from infra.errors import ExitCode, WatchfloorError
from infra.layout import ROLES

app = typer.Typer(add_completion=False)


@app.command("worker", epilog="\b\nExamples:\n  watchfloor worker detect")
def worker(
    ctx: typer.Context,
    role: Annotated[str, typer.Argument(metavar="ROLE", help=f"One of {', '.join(ROLES)}.")],
    state: StateOption = None,
) -> None:
    """Run one role in this process, until SIGTERM or Ctrl-C.

    Start it as often as there is work: replicas of a role share its partitions, also from other
    machines. Give each a name of its own in WATCHFLOOR_INSTANCE.
    """
    if role not in ROLES:
        raise WatchfloorError(
            f"worker: there is no role '{role[:40]}'",
            hint=f"The roles are {', '.join(ROLES)}.",
            exit_code=ExitCode.USAGE,
        )
    from infra.processes import become_process

    settings = settings_of(ctx, state)
    become_process(settings, role)
    from agents.runtime.worker import main

    main(role, settings)
