"""`watchfloor devices`: recorders, cameras and services, and how they are, as the API tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, table
from infra.local_api import ask, client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.settings import Settings

EPILOG = """\
\b
Examples:
  watchfloor devices
  watchfloor devices --site north --severity critical
  watchfloor devices --kind nvr --json | jq .
"""

PAGE: Final = 500
SHORT: Final = 60
"""Characters of an error in the table; --json has all of it."""

app = typer.Typer(add_completion=False)


@app.command("devices", epilog=EPILOG)
def devices(
    ctx: typer.Context,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    kind: Annotated[str | None, typer.Option(help="nvr, camera or service.")] = None,
    severity: Annotated[
        str | None, typer.Option(help="normal, suspect, critical or unknown.")
    ] = None,
    json: JsonOption = False,
    state: StateOption = None,
) -> None:
    """Every device with its health, since when, its breaker and its next poll; times in UTC."""
    settings = settings_of(ctx, state)
    wanted = {"site_id": site, "kind": kind, "severity": severity, "limit": str(PAGE)}
    params = {name: value for name, value in wanted.items() if value}
    found = [one for page in _pages(settings, params) for one in page]
    if json:
        print_json(found)
        return
    if not found:
        console().print("No devices.")
        return
    table(
        ["device", "kind", "severity", "since", "up today", "breaker", "next poll", "error"],
        [_row(one) for one in found],
    )
    down = sum(one["severity"] == "critical" for one in found)
    old = sum(one["overdue"] for one in found)
    console().print(
        f"{len(found)} devices, {down} critical"
        + (f"; {old} not polled when they were due: what is told of them is old" if old else "")
    )


def _pages(settings: Settings, params: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
    """Every page. Raises NotRunningError and WatchfloorError."""
    with client(settings) as opened:
        cursor: str | None = None
        while True:
            asked = params if cursor is None else {**params, "cursor": cursor}
            body = ask(opened, "devices", asked)
            yield body["items"]
            cursor = body["next"]
            if cursor is None:
                return


def _row(one: dict[str, Any]) -> list[object]:
    # A device has a say in what its error is, and none in what a terminal does.
    error = "".join(c if c.isprintable() else " " for c in one["error"] or "")
    return [
        f"{one['site_id']}/{one['device_id']}",
        one["kind"],
        one["severity"],
        _time(one["since"]),
        "" if one["up_today"] is None else f"{100 * one['up_today']:.2f}%",
        one["breaker"] or "",
        _time(one["next_poll_at"]) + (" overdue" if one["overdue"] else ""),
        error if len(error) <= SHORT else error[: SHORT - 1] + "…",
    ]


def _time(text: str | None) -> str:
    return "" if text is None else text[:19].replace("T", " ")
