"""`watchfloor up`: start everything on this machine, and keep it running."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, steps
from infra.stack import START_TIMEOUT_S, Stack

app = typer.Typer(add_completion=False)

FOLLOW_S = 1.0
ADMIN = "admin"


@app.command(
    "up",
    epilog="\b\nExamples:\n  watchfloor up\n  watchfloor up --foreground      under systemd, "
    "or in a container\n  watchfloor --state /var/lib/watchfloor up",
)
def up(
    ctx: typer.Context,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay, and stop everything at Ctrl-C or SIGTERM.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds until everything must be ready.")
    ] = START_TIMEOUT_S,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start everything on this machine, and keep it running.

    Kafka, PostgreSQL, the roles and the API, each started again when it dies. Servers that
    WATCHFLOOR_KAFKA_URL and WATCHFLOOR_POSTGRES_URL name are used instead of our own. What it holds
    is kept under the state directory, and is there again after a crash or a `down`.
    """
    from infra.dashboard import build

    with steps(quiet=as_json) as told:
        wanted = settings_of(ctx, state)
        unbuilt = build(wanted.cache_dir, told.say)
        stack = Stack(wanted, report=told.say, progress=told.count)
        fresh = stack.start()
        stack.wait(timeout)
        password = _first_administrator(stack)
    notes = [*stack.notes, *([] if unbuilt is None else [unbuilt])]
    settings = stack.settings
    if as_json:
        print_json(
            {
                "already_running": not fresh,
                "api_url": settings.api_url,
                "kafka": settings.kafka_url,
                "state": str(settings.state_dir),
                "notes": notes,
                "components": [item.to_json() for item in stack.status()],
                **({"administrator": {"name": ADMIN, "password": password}} if password else {}),
            }
        )
    else:
        begun = "Watchfloor runs" if fresh else "Watchfloor runs already"
        for note in notes:
            console(stderr=True).print(note, markup=False)
        console().print(f"{begun}: {settings.api_url}", markup=False)
        if password:
            console().print(
                f"The administrator is '{ADMIN}'; the password, shown this once: {password}",
                markup=False,
            )
            console().print(
                f"To be signed in without it: watchfloor user link {ADMIN}", markup=False
            )
        console().print(
            "Next: watchfloor apply SITE.yaml, watchfloor status, watchfloor down", markup=False
        )
    if foreground:
        _follow(stack)


def _first_administrator(stack: Stack) -> str | None:
    """Make one at the first start; the password. It is kept nowhere but in the terminal."""
    import asyncio

    from api.account.console import Console

    return asyncio.run(Console(stack.settings).first()) if stack.api else None


def _follow(stack: Stack) -> None:
    """Stay until a signal comes, or until it was stopped from elsewhere."""
    import signal
    import threading

    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    while not told.wait(FOLLOW_S):
        if not stack.running:
            return
    with steps() as shown:
        shown.say("Stopping")
        stack.stop()
