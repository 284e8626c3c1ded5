"""`watchfloor onboard`: a camera taken on, or a recorder with its cameras."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from infra.cli.apply import login
from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, steps, table
from infra.errors import ExitCode, SettingsError, WatchfloorError

if TYPE_CHECKING:
    from infra.onboard.described import Described
    from infra.onboard.taking import Asked, TakenCamera, TakenRecorder
    from infra.settings import Settings

app = typer.Typer(add_completion=False)

DRIVERS: Final = ("isapi", "hikvision", "dahua", "intelbras", "onvif")
MOST_PASSWORD: Final = 512
MOST_ROWS: Final = 64


@app.command(
    "onboard",
    epilog="\b\nExamples:\n  watchfloor onboard 192.168.1.20 --site north --user watch\n"
    "  watchfloor onboard 192.168.1.20 --site north --user watch --picture gate.jpg < password\n"
    "  watchfloor onboard 192.168.1.2 --site north --user watch --nvr isapi --id nvr-1\n"
    "The password is asked for, or read from standard input; it is no argument.",
)
def onboard(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(help="A host, host:port or http(s) URL.")],
    site: Annotated[str, typer.Option("--site", help="The site that it belongs to.")],
    user: Annotated[
        str | None, typer.Option("--user", help="Who logs in; default: nobody does.")
    ] = None,
    nvr: Annotated[
        str | None,
        typer.Option("--nvr", metavar="DRIVER", help=f"It is a recorder: {', '.join(DRIVERS)}."),
    ] = None,
    channels: Annotated[
        str | None,
        typer.Option("--channels", help="Of a recorder: these alone, as 1,2,5; default: all."),
    ] = None,
    device_id: Annotated[
        str | None, typer.Option("--id", help="Its id, where it is new; default: made of its own.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What people call it.")] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Write a camera's first picture (JPEG) here.")
    ] = None,
    author: Annotated[
        str | None, typer.Option(help="Who changes it, for the history; default: your login.")
    ] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the log-in, read the device, try its stream, and put it into the site's document.

    A device is known again by its serial number, else by its address: twice updates, and doubles
    nothing. The log-in goes into the vault. Exit status 1 where it failed: nothing was changed.
    """
    import asyncio

    from infra.onboard.taking import connect_recorder, onboard_camera

    settings = settings_of(ctx, state)
    asked = _asked(address, site, user, nvr, channels, device_id, name, author)
    with steps(quiet=as_json) as step:
        if nvr is None:
            camera = asyncio.run(onboard_camera(settings, asked, told=step.say))
        else:
            recorder = asyncio.run(connect_recorder(settings, asked, told=step.say))
        _send(settings)
    if nvr is None:
        if picture is not None:
            _write(picture, camera.picture.jpeg)
        _show_camera(camera, site, as_json=as_json)
    else:
        _show_recorder(recorder, site, as_json=as_json)


def _asked(
    address: str,
    site: str,
    user: str | None,
    nvr: str | None,
    channels: str | None,
    device_id: str | None,
    name: str | None,
    author: str | None,
) -> Asked:
    """What is wanted, checked. Raises SettingsError for what makes no sense."""
    import re

    from infra.onboard.taking import Asked
    from infra.secrets import Secret
    from schemas.base import ID_PATTERN

    if nvr is not None and nvr not in DRIVERS:
        raise SettingsError(f"onboard: --nvr {nvr[:40]!r} is none of {', '.join(DRIVERS)}")
    if channels is not None and nvr is None:
        raise SettingsError("onboard: --channels is of a recorder", hint="Add --nvr DRIVER.")
    if device_id is not None and not re.fullmatch(ID_PATTERN, device_id):
        raise SettingsError(
            f"onboard: --id {device_id[:70]!r} is no id",
            hint="Letters, digits, '.', '_' and '-', a letter or digit first, 63 at most.",
        )
    if user is not None and (not user or ":" in user or not user.isprintable()):
        raise SettingsError("onboard: --user is empty, or has a colon or what is no letter in it")
    if name is not None and not (0 < len(name) <= 200 and name.isprintable()):
        raise SettingsError("onboard: --name has 1 to 200 letters")
    return Asked(
        site_id=site,
        address=address,
        username=user,
        password=Secret(_password(user, address)) if user is not None else None,
        author=author or login(),
        id=device_id,
        name=name,
        driver=nvr or "onvif",
        channels=None
        if channels is None
        else tuple(word for part in channels.split(",") if (word := part.strip())),
    )


def _password(user: str, address: str) -> str:
    """The password: asked for on a terminal, else a line of standard input."""
    if sys.stdin.isatty():
        said: str = typer.prompt(
            f"Password of {user} at {address}", hide_input=True, default="", show_default=False,
            err=True,
        )  # fmt: skip
    else:
        data = os.read(sys.stdin.fileno(), 8 * MOST_PASSWORD)
        try:
            said = data.decode().split("\n")[0].rstrip("\r")
        except UnicodeDecodeError:
            raise SettingsError("onboard: the password on standard input is no UTF-8") from None
    if len(said) > MOST_PASSWORD or not said.isprintable():
        raise SettingsError(f"onboard: a password has {MOST_PASSWORD} letters at most, in one line")
    return said


def _send(settings: Settings) -> None:
    """Send what the document owes to Kafka. The API does, too, where it runs."""
    import asyncio

    from infra.db.outbox import drain_outbox

    asyncio.run(drain_outbox(settings))


def _write(path: Path, jpeg: bytes) -> None:
    try:
        path.write_bytes(jpeg)
    except OSError as error:
        raise WatchfloorError(f"{path}: {error.strerror}", exit_code=ExitCode.FAILED) from None


def _device(found: Described) -> dict[str, Any]:
    return {
        "manufacturer": found.manufacturer,
        "model": found.model,
        "firmware": found.firmware,
        "serial": found.serial,
    }


def _words(found: Described) -> str:
    said = " ".join(word for word in (found.manufacturer, found.model) if word)
    return said or "a device that does not say what it is"


def _show_camera(taken: TakenCamera, site: str, *, as_json: bool) -> None:
    channel = taken.described.channels[0]
    if as_json:
        import msgspec

        print_json(
            {
                "site_id": site,
                "camera_id": taken.camera_id,
                "name": taken.name,
                "created": taken.created,
                "revision": taken.revision,
                "device": _device(taken.described),
                "main": msgspec.to_builtins(channel.main),
                "sub": msgspec.to_builtins(channel.sub),
                "picture": {"width": taken.picture.width, "height": taken.picture.height},
            }
        )
        return
    out = console()
    done = "is taken on" if taken.created else "was there already, and is up to date"
    out.print(f"Camera {site}/{taken.camera_id} {done}: {_words(taken.described)}.", markup=False)
    out.print(f"  main stream  {channel.main.url}", markup=False)
    if channel.sub is not None:
        out.print(f"  sub stream   {channel.sub.url}", markup=False)
    size = f"{taken.picture.width}x{taken.picture.height}"
    out.print(f"Its stream has pictures of {size}. Revision {taken.revision}.", markup=False)


def _show_recorder(taken: TakenRecorder, site: str, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "site_id": site,
                "device_id": taken.device_id,
                "name": taken.name,
                "created": taken.created,
                "revision": taken.revision,
                "device": _device(taken.described),
                "camera_ids": list(taken.cameras),
                "new_camera_ids": list(taken.new),
            }
        )
        return
    done = "is taken on" if taken.created else "was there already, and is up to date"
    out = console()
    out.print(f"Recorder {site}/{taken.device_id} {done}: {_words(taken.described)}.", markup=False)
    table(
        ("camera", ""),
        [(one, "new" if one in taken.new else "") for one in taken.cameras[:MOST_ROWS]],
    )
    if len(taken.cameras) > MOST_ROWS:
        more = len(taken.cameras) - MOST_ROWS
        out.print(f"and {more} more (--json has all)", markup=False)
    out.print(
        f"{len(taken.cameras)} cameras, {len(taken.new)} of them new. Revision {taken.revision}.",
        markup=False,
    )
