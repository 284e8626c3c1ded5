"""`watchfloor clean`: remove what `up` left on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json
from infra.errors import ExitCode, WatchfloorError
from infra.setting_values import show_bytes
from infra.settings import Settings
from infra.stack import Stack

app = typer.Typer(add_completion=False)

OURS = (
    "kafka", "postgres", "tables", "blobs", "capture", "run", "logs", "secrets", "replay", "bench",
    "tls",
)  # fmt: skip
"""Folders that we make under a state directory: nothing else in it is touched."""


@app.command(
    "clean",
    epilog="\b\nExamples:\n  watchfloor clean --yes\n  watchfloor clean --yes --cache",
)
def clean(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    cache: Annotated[
        bool, typer.Option("--cache", help="Also what was downloaded: jars and models.")
    ] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove data, logs and secrets of the state directory: events, alerts, everything.

    The settings file stays. Refused while `up` runs.
    """
    settings = settings_of(ctx, state)
    if Stack(settings).running:
        raise WatchfloorError(
            f"clean: it runs under {settings.state_dir}", hint="Stop it first: watchfloor down"
        )
    paths = _found(settings, cache=cache)
    size = sum(_size(path) for path in paths)
    if paths and not yes:
        _ask(settings, paths, size)
    for path in paths:
        shutil.rmtree(path)
    with_rest = settings.state_dir
    if with_rest.is_dir() and not any(with_rest.iterdir()):
        with_rest.rmdir()
    if as_json:
        print_json({"removed": [str(path) for path in paths], "bytes": size})
    elif paths:
        console().print(f"Removed {show_bytes(size)}.")
    else:
        console().print("Nothing was there.")


def _found(settings: Settings, *, cache: bool) -> list[Path]:
    paths = [settings.state_dir / name for name in OURS]
    if cache:
        paths.append(settings.cache_dir)
    return [path for path in paths if path.is_dir() and not path.is_symlink()]


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        if not path.is_symlink():
            # Blocks, not length: the broker's index files are sparse.
            total += path.stat().st_blocks * 512
    return total


def _ask(settings: Settings, paths: list[Path], size: int) -> None:
    import sys

    names = ", ".join(path.name for path in paths)
    if not sys.stdin.isatty():
        raise WatchfloorError(
            f"clean: {settings.state_dir} holds {show_bytes(size)}: {names}",
            hint="Nothing was removed. Say that you mean it: --yes",
            exit_code=ExitCode.USAGE,
        )
    typer.confirm(f"Remove {show_bytes(size)} under {settings.state_dir}: {names}?", abort=True)
