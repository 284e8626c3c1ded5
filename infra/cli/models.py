"""`watchfloor models`: list, pull, add."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, table
from infra.errors import MachineError, WatchfloorError

if TYPE_CHECKING:
    from agents.detect.errors import ModelError
    from agents.detect.shelf import Shelved

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def models() -> None:
    """The catalogue of detectors: list, pull, add."""


@app.command(
    "list", epilog="\b\nExamples:\n  watchfloor models list\n  watchfloor models list --json"
)
def list_(ctx: typer.Context, state: StateOption = None, as_json: JsonOption = False) -> None:
    """The models that are known, and which of them are on this machine."""
    from agents.detect.errors import ModelError
    from agents.detect.shelf import listing

    try:
        found = listing(_directory(ctx, state))
    except ModelError as error:
        raise _told(error) from None
    rows = [_facts(shelved) for shelved in found]
    if as_json:
        print_json(rows)
        return
    table(
        ("name", "state", "licence", "input", "classes", "sha256"),
        [
            (
                row["name"],
                row["state"],
                row["licence"],
                row["input"],
                row["classes"],
                row["sha256"][:12],
            )
            for row in rows
        ],
    )


@app.command("pull", epilog="\b\nExamples:\n  watchfloor models pull yolox-nano")
def pull(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The model's name in the catalogue.")],
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Get a model from where its maker publishes it; its sha256 is checked."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from agents.detect.errors import ModelError
    from agents.detect.shelf import find
    from agents.detect.shelf import pull as get

    directory = _directory(ctx, state)
    out = console(stderr=True)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        DownloadColumn(),
        console=out,
        transient=True,
        disable=as_json or not out.is_terminal,
    ) as live:
        task = live.add_task(name, total=None)
        try:
            get(
                name,
                directory,
                progress=lambda done, total: live.update(task, completed=done, total=total or None),
            )
            path = find(name, directory)
        except ModelError as error:
            raise _told(error, network="no way out to the network" in error.found) from None
    _tell(name, path, as_json)


@app.command(
    "add",
    epilog="\b\nExamples:\n  watchfloor models add yolox_nano.onnx\n"
    "  watchfloor models add best.onnx --name our-yard   (best.onnx.card.yaml beside it)",
)
def add(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="An ONNX file; its card may lie beside it.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Its name here; default: its card's.")
    ] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a model here, with its card, so that it can be used by name."""
    from agents.detect.errors import ModelError
    from agents.detect.shelf import add as put

    try:
        shelved = put(file.expanduser(), _directory(ctx, state), name=name)
    except ModelError as error:
        raise _told(error) from None
    _tell(shelved.card.name, shelved.path, as_json)


def _directory(ctx: typer.Context, state: Path | None) -> Path:
    return settings_of(ctx, state).cache_dir / "models"


def _facts(shelved: Shelved) -> dict[str, Any]:
    from agents.detect.cards import class_names

    card = shelved.card
    return {
        "name": card.name,
        "state": str(shelved.state),
        "licence": card.licence,
        "maker": card.maker,
        "source": card.source,
        "input": f"{card.input.width}x{card.input.height}",
        "classes": len(class_names(card)),
        "bytes": card.bytes,
        "sha256": card.sha256,
        "path": str(shelved.path) if shelved.state != "absent" else None,
    }


def _tell(name: str, path: Path, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "path": str(path)})
        return
    console().print(f"{name}: {path}", markup=False)
    console().print(f"Use it: WATCHFLOOR_MODEL={name} watchfloor up", markup=False)


def _told(error: ModelError, *, network: bool = False) -> WatchfloorError:
    kind = MachineError if network else WatchfloorError
    said = f"model: {error.file}: {error.found}"
    if error.expected:
        said += f"; expected {error.expected}"
    return kind(said, hint=error.way_out or None)
