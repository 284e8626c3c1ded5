"""`watchfloor discover`: who is there on the network."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, steps, table
from infra.errors import MachineError

app = typer.Typer(add_completion=False)


@app.command(
    "discover",
    epilog="\b\nExamples:\n  watchfloor discover\n  watchfloor discover --subnet 192.168.1.0/24\n"
    "  watchfloor discover --json | jq -r '.devices[].address'",
)
def discover(
    ctx: typer.Context,
    subnet: Annotated[
        str | None,
        typer.Option(
            metavar="CIDR", help="Ask each host of it, a /22 at most; default: by multicast."
        ),
    ] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for ONVIF devices by WS-Discovery, in the networks that the settings allow.

    Multicast stays within this machine's own network segments; --subnet gets further.
    """
    import asyncio

    import msgspec

    from infra.onboard.places import Networks
    from infra.onboard.scan import Progress, scan, subnet_of

    settings = settings_of(ctx, state)
    networks = Networks.of(settings.device_networks)
    wanted = None if subnet is None else subnet_of(subnet, networks)
    with steps(quiet=as_json) as step:

        def told(progress: Progress) -> None:
            # Not how many were asked: where there is no terminal, each text is a line.
            count = len(progress.found)
            waiting = progress.asked >= progress.total
            what = "Waiting for answers" if waiting else f"Asking {wanted or 'by multicast'}"
            step.say(f"{what}: {count} device{'' if count == 1 else 's'} so far")

        try:
            found = asyncio.run(scan(networks, wanted, port=settings.discovery_port, told=told))
        except OSError as error:
            raise MachineError(f"discover: {error.strerror or error}") from None
    if as_json:
        print_json(
            {
                "subnet": None if wanted is None else str(wanted),
                "devices": [msgspec.to_builtins(one) for one in found],
            }
        )
        return
    if not found:
        console().print(
            "Nobody answered. Some cameras have WS-Discovery switched off; they are taken on by "
            "address all the same: watchfloor onboard ADDRESS",
            markup=False,
        )
        return
    table(
        ("address", "name", "hardware", "location"),
        [(one.address, one.name or "", one.hardware or "", one.location or "") for one in found],
    )
