"""`watchfloor alerts`: the queue, as the API tells it."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import console, print_json, table
from infra.local_api import ask, client

EPILOG = """\
\b
Examples:
  watchfloor alerts
  watchfloor alerts --site north --severity critical
  watchfloor alerts --state resolved --limit 200 --json | jq .
"""

MOST = 200

app = typer.Typer(add_completion=False)


@app.command("alerts", epilog=EPILOG)
def alerts(
    ctx: typer.Context,
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="open, acknowledged or resolved.")
    ] = "open",
    severity: Annotated[str | None, typer.Option(help="Only this severity.")] = None,
    camera: Annotated[str | None, typer.Option(help="Only this camera.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many at most.")] = 50,
    json: JsonOption = False,
    state: StateOption = None,
) -> None:
    """The queue of alerts, the worst first."""
    settings = settings_of(ctx, state)
    wanted = {
        "site_id": site,
        "state": status,
        "severity": severity,
        "camera_id": camera,
        "limit": str(limit),
    }
    params = {name: value for name, value in wanted.items() if value}
    with client(settings) as opened:
        body = ask(opened, "alerts", params)
    if json:
        print_json(body)
        return
    found = body["items"]
    if not found:
        console().print("No alerts." if status != "open" else "No open alerts.")
        return
    table(
        ["rank", "severity", "what", "where", "events", "repeats", "last", "state"],
        [
            [
                one["rank"],
                one["severity"],
                one["label"] or one["event_type"],
                f"{one['site_id']}/{one['camera_id'] or one['device_id']} {one['zone_id'] or ''}",
                one["events"],
                one["repeats"],
                one["last_event"][:19].replace("T", " "),
                one["state"],
            ]
            for one in found
        ],
    )
