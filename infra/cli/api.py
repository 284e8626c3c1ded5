"""`watchfloor api`: the API in this process."""

from __future__ import annotations

import typer

from infra.cli.frame import StateOption, settings_of

app = typer.Typer(add_completion=False)


@app.command("api")
def api(ctx: typer.Context, state: StateOption = None) -> None:
    """Run the API in this process, until SIGTERM or Ctrl-C.

    WATCHFLOOR_API_HOST and WATCHFLOOR_API_PORT say where: on loopback, and with a certificate
    (WATCHFLOOR_API_TLS_CERT, WATCHFLOOR_API_TLS_KEY) on any address.
    """
    from infra.processes import become_process

    settings = settings_of(ctx, state)
    become_process(settings, "api")
    from api.main import serve

    serve(settings)
