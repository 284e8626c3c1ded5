"""`watchfloor import zones`: another relay's zones as a site document."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json
from infra.errors import ExitCode, WatchfloorError

if TYPE_CHECKING:
    from infra.settings import Settings
    from infra.zone_import import Imported
    from schemas.document import Document

app = typer.Typer(add_completion=False, no_args_is_help=True)

EPILOG = """\
\b
Examples:
  watchfloor import zones configs/zones.yaml > site.yaml
  watchfloor import zones --env ZONE_CONFIG_JSON --site north --apply
"""


@app.callback()
def root() -> None:
    """Take over what another relay is configured with."""


@app.command("zones", epilog=EPILOG)
def zones(
    ctx: typer.Context,
    file: Annotated[
        str | None, typer.Argument(help="zones.yaml, or the JSON; `-` is standard input.")
    ] = None,
    env: Annotated[
        str | None, typer.Option("--env", help="The environment variable that holds the JSON.")
    ] = None,
    site: Annotated[str | None, typer.Option(help="The site of zones that name none.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Of sites that are new (IANA).")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Put it into force, beside what is there.")
    ] = False,
    author: Annotated[
        str | None, typer.Option(help="Who changes it, for the history; default: your login.")
    ] = None,
    as_json: JsonOption = False,
    state: StateOption = None,
) -> None:
    """Turn EZ-WATCH's zones into a site document, and print it.

    With --apply it is put into force: sites, cameras, receivers and zones that are there already
    stay, and a zone of the same id is replaced. Exit status 1 where anything is wrong with the
    zones: every problem is named with its field, and nothing was changed.
    """
    from infra.zone_import import read_zones
    from schemas.document_reader import DocumentError, dump

    data, name = _input(file, env)
    settings = settings_of(ctx, state)
    current = _current(settings) if apply else None
    try:
        found = read_zones(data, file=name, site=site, timezone=timezone, current=current)
    except DocumentError as error:
        count = len(error.problems)
        if as_json:
            print_json({"ok": False, "problems": [str(one) for one in error.problems]})
            raise typer.Exit(ExitCode.FAILED) from None
        raise WatchfloorError(
            str(error), hint=f"{count} problem{'s' if count > 1 else ''}; nothing was changed."
        ) from None
    revision = _apply(settings, found, author) if apply else None
    if as_json:
        print_json(
            {
                "ok": True,
                "zones": found.zones,
                "revision": revision,
                "notes": list(found.notes),
                "document": dump(found.document),
            }
        )
        return
    if revision is None:
        sys.stdout.write(dump(found.document))
    told = console(stderr=True)
    for note in found.notes:
        told.print(f"Note: {note}", markup=False)
    if revision is not None:
        told.print(f"{found.zones} zones are in force: revision {revision}.", markup=False)


def _input(file: str | None, env: str | None) -> tuple[bytes, str]:
    """The bytes, bounded, and how problems call them."""
    from schemas.reading.tree import MAX_BYTES

    if (file is None) == (env is None):
        raise typer.BadParameter("give a FILE, or --env with a variable's name", param_hint="FILE")
    if env is not None:
        text = os.environ.get(env)
        if text is None:
            raise WatchfloorError(f"--env {env}: not set", exit_code=ExitCode.USAGE)
        return text.encode("utf-8", "surrogateescape")[: MAX_BYTES + 1], env
    if file == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1), "stdin"
    assert file is not None
    try:
        with Path(file).open("rb") as stream:
            return stream.read(MAX_BYTES + 1), file
    except OSError as error:
        raise WatchfloorError(f"{file}: {error.strerror}", exit_code=ExitCode.USAGE) from None


def _current(settings: Settings) -> Document:
    from infra import applied
    from infra.errors import NotRunningError

    found = applied.current(settings)
    if found is None:
        raise NotRunningError("import: no broker is known, so nothing can be put into force")
    return found


def _apply(settings: Settings, found: Imported, author: str | None) -> int:
    import getpass

    from infra import applied

    try:
        name = author or getpass.getuser()[:200]
    except (KeyError, OSError):
        # A container's user may have no name.
        name = "unknown"
    return applied.put(settings, found.document, name)
