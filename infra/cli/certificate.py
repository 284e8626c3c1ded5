"""`watchfloor certificate`: a certificate of our own, for a first try with TLS."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json
from infra.setting_values import as_hosts
from infra.settings import SETTINGS_FILE

EPILOG = """\
\b
Examples:
  watchfloor certificate watch.example.org
  watchfloor certificate watch.local 192.168.1.5
"""

app = typer.Typer(add_completion=False)


@app.command("certificate", epilog=EPILOG)
def certificate(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Names and addresses of this machine."),
    ] = None,
    json: JsonOption = False,
    state: StateOption = None,
) -> None:
    """Make a certificate for the API, to try TLS with; it is good for 90 days.

    Nobody vouches for it, so browsers warn: compare the fingerprint. For good, name one of a
    certificate authority in the same settings.
    """
    from agents.runtime.clock import wall
    from infra.tls import fingerprint, self_signed

    settings = settings_of(ctx, state)
    wanted = as_hosts(names or [], "NAME")
    made = self_signed(settings.state_dir / "tls", wanted, wall())
    lines = {"api_tls_cert": str(made.cert), "api_tls_key": str(made.key)}
    shown = fingerprint(made.cert)
    if json:
        print_json({**lines, "names": made.names, "sha256": shown})
        return
    out = console()
    out.print(f"For {', '.join(made.names)}.", markup=False)
    # Else ":CD:" is a picture of one.
    out.print(f"SHA-256 {shown}", markup=False, emoji=False)
    out.print(f"Put these lines into {settings.state_dir / SETTINGS_FILE}:", markup=False)
    for name, value in {"api_host": "0.0.0.0", **lines}.items():  # noqa: S104
        out.print(f'  {name} = "{value}"', markup=False, soft_wrap=True)
