"""`watchfloor simulate`: a fleet of devices on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from infra.cli.frame import JsonOption
from infra.cli.output import console, print_json_line, table
from infra.errors import MachineError, SettingsError

app = typer.Typer(add_completion=False, no_args_is_help=True)

KINDS: Final = ("isapi", "dahua", "onvif")
MOST: Final = 20_000


@app.callback()
def simulate() -> None:
    """Devices that are none, to try Watchfloor on."""


@app.command(
    "fleet",
    epilog="\b\nExamples:\n  watchfloor simulate fleet --devices 30\n"
    "  watchfloor simulate fleet --devices 3 --recorders 2 --script faults.yaml --json\n"
    "\b\nA script is a YAML list:\n"
    "  - {at: 30s, device: isapi-001, fault: down, for: 2m}\n"
    '  - {at: 0, device: "onvif-*", fault: wrong-clock, seconds: 90}\n'
    "Faults: down, flap, slow, drip, garbage, nonsense, huge, xml-bomb, redirect, wrong-auth,\n"
    "wrong-clock, channel-lost, disk-full, disk-failed, recording-gap.",
)
def fleet(
    devices: Annotated[int, typer.Option("--devices", min=1, max=MOST, help="Cameras.")] = 9,
    recorders: Annotated[int, typer.Option("--recorders", min=0, max=MOST, help="Recorders.")] = 2,
    channels: Annotated[
        int, typer.Option("--channels", min=1, max=256, help="Of a recorder.")
    ] = 16,
    kinds: Annotated[
        str, typer.Option("--kinds", help="Of: isapi, dahua, onvif; commas between.")
    ] = ",".join(KINDS),
    script: Annotated[
        Path | None, typer.Option("--script", help="What goes wrong when (YAML).")
    ] = None,
    site: Annotated[
        Path | None,
        typer.Option("--site", help="Write a site document with them, for `watchfloor apply`."),
    ] = None,
    rtsp: Annotated[
        bool, typer.Option("--rtsp/--no-rtsp", help="Streams, by GStreamer's server.")
    ] = False,
    discovery_port: Annotated[
        int,
        typer.Option("--discovery-port", min=0, max=65535, help="WS-Discovery's; 0: a free one."),
    ] = 3702,
    as_json: JsonOption = False,
) -> None:
    """Answer as so many devices on 127.0.0.1 until Ctrl-C, each on a port of its own.

    With --json one line lists them when all answer. The password is a simulated one, and printed.
    """
    import asyncio

    from infra.fleet.running import CREDENTIALS, Plan, run, site_document

    chosen = tuple(word for word in kinds.split(",") if word)
    if not chosen or not set(chosen) <= set(KINDS):
        raise SettingsError(f"simulate fleet: --kinds takes {', '.join(KINDS)}")
    try:
        text = script.read_text(encoding="utf-8") if script is not None else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"simulate fleet: {script}: {error}") from None
    plan = Plan(
        kinds=chosen,
        cameras=devices,
        recorders=recorders,
        channels=channels,
        script=text,
        rtsp=rtsp,
        discovery_port=discovery_port,
    )

    def told(listing: dict[str, Any]) -> None:
        if site is not None:
            site.write_text(site_document(listing), encoding="utf-8")
        if as_json:
            print_json_line(listing)
            return
        table(
            ("device", "kind", "address", "channels", "stream"),
            [
                (d["device"], d["kind"], d["address"], d["channels"] or "", d["stream"] or "")
                for d in listing["devices"]
            ],
        )
        console(stderr=True).print(
            f"user {listing['username']}, password {listing['password']}; WS-Discovery at "
            f"127.0.0.1:{listing['discovery_port']}. Ctrl-C ends it.",
            markup=False,
        )
        if site is not None:
            console(stderr=True).print(
                f"{site} is written. Keep the secret that it names: echo {listing['username']}:"
                f"{listing['password']} | watchfloor secrets set {CREDENTIALS}",
                markup=False,
            )

    try:
        asyncio.run(run(plan, told))
    except OSError as error:
        raise MachineError(f"simulate fleet: {error.strerror or error}") from None
