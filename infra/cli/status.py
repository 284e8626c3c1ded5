"""`watchfloor status`: what runs, where, and how it is."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, table
from infra.errors import ExitCode
from infra.setting_values import show_duration
from infra.stack import Stack

app = typer.Typer(add_completion=False)

COLOURS = {"ready": "green", "external": "green", "starting": "yellow", "failing": "red"}


@app.command(
    "status", epilog="\b\nExamples:\n  watchfloor status\n  watchfloor status --memory --json"
)
def status(
    ctx: typer.Context,
    memory: Annotated[
        bool, typer.Option("--memory", help="Add every process and its memory (PSS).")
    ] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """What runs, where, and how it is.

    Exit status 0 where all is ready, 1 where something is not, 4 where nothing runs.
    """
    from datetime import timedelta

    from infra.probes import processes

    stack = Stack(settings_of(ctx, state))
    components = stack.status()
    rows = processes(stack.settings) if memory else []
    if as_json:
        body = {
            "state": str(stack.settings.state_dir),
            "api_url": stack.settings.api_url,
            "kafka": stack.settings.kafka_url,
            "detector": _detector(stack.settings.model),
            "ready": all(item.ready for item in components),
            "components": [item.to_json() for item in components],
        }
        print_json({**body, "processes": rows} if memory else body)
    else:
        from rich.text import Text

        table(
            ("", "state", "pid", "port", "up", ""),
            [
                (
                    item.name,
                    Text(item.state, style=COLOURS.get(item.state, "")),
                    item.pid or "",
                    item.port or "",
                    show_duration(timedelta(seconds=item.uptime_s)) if item.pid else "",
                    item.detail,
                )
                for item in components
            ],
        )
        if memory:
            table(
                ("process", "pid", "MiB"),
                [(row["name"], row["pid"], row["memory_mib"]) for row in rows],
            )
            total = sum(row["memory_mib"] for row in rows)
            console().print(f"{total:.0f} MiB in all (PSS)")
        console().print(f"API: {stack.settings.api_url}", markup=False)
        console().print(f"Detector: {_detector(stack.settings.model)}", markup=False)
    if not all(item.ready for item in components):
        raise typer.Exit(ExitCode.FAILED)


def _detector(model: str | None) -> str:
    """What detects: without a model file it is weaker, and says so."""
    return model or "motion, and what OpenCV ships (no model is set: WATCHFLOOR_MODEL)"
