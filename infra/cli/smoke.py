"""`watchfloor smoke`: one event through what runs, watched at every station."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from infra.cli.frame import JsonOption, StateOption, settings_of
from infra.cli.output import print_json, table
from infra.errors import ExitCode, NotRunningError

if TYPE_CHECKING:
    from infra.settings import Settings

SITE = "watchfloor-smoke"
EPILOG = "\b\nExamples:\n  watchfloor smoke\n  watchfloor smoke --json"

app = typer.Typer(add_completion=False)


@app.command("smoke", epilog=EPILOG)
def smoke(
    ctx: typer.Context,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait at each station.")] = 15,
    json: JsonOption = False,
    state: StateOption = None,
) -> None:
    """Send one event through what runs, and see it at every station.

    The event is of a site that nobody has configured, so it is rejected: it opens no alert and
    tells nobody, but it has gone through broker, decide and archive into the database.
    """
    from infra.stack import Stack

    stack = Stack(settings_of(ctx, state))
    if not stack.running:
        raise NotRunningError("nothing runs", hint="Start it with 'watchfloor up'.")
    stations: list[dict[str, object]] = [
        {"station": item.name, "ok": item.ready, "detail": item.detail or item.state, "ms": None}
        for item in stack.status()
    ]
    stations += asyncio.run(_through(stack.settings, timeout))
    if json:
        print_json({"ok": all(one["ok"] for one in stations), "stations": stations})
    else:
        table(
            ["station", "", "ms", ""],
            [
                [one["station"], "ok" if one["ok"] else "FAILED", one["ms"] or "", one["detail"]]
                for one in stations
            ],
        )
    if not all(one["ok"] for one in stations):
        raise typer.Exit(ExitCode.FAILED)


async def _through(settings: Settings, limit: float) -> list[dict[str, object]]:
    """Send the event; what each station says of it."""
    from agents.runtime.clock import wall
    from agents.runtime.emitter import Emitter
    from agents.runtime.follower import Follower
    from schemas.event import SecurityEvent
    from topics.catalogue import DECISIONS, EVENTS
    from topics.record import make

    now = wall()
    event_id = f"smoke-{uuid4()}"
    event = SecurityEvent(
        event_id=event_id, site_id=SITE, event_type="smoke", occurred_at=now, zone_id="none"
    )
    found: list[dict[str, object]] = []

    def note(station: str, ok: bool, begun: float, detail: str) -> None:
        ms = round((perf_counter() - begun) * 1000, 1)
        found.append({"station": station, "ok": ok, "ms": ms, "detail": detail})

    emitter = Emitter(settings, "watchfloor-smoke")
    await emitter.start()
    try:
        async with Follower(settings, [DECISIONS], start="latest") as follower:
            begun = perf_counter()
            record = make(EVENTS, event, id=event_id, time=now, source="watchfloor/smoke", key=SITE)
            try:
                async with asyncio.timeout(limit):
                    await emitter.emit([record])
                note("event confirmed by the broker", True, begun, event_id)
                async with asyncio.timeout(limit):
                    result = await _decision(follower, event_id)
                note("decision on security.decisions.v1", True, begun, result)
            except TimeoutError:
                note("decision on security.decisions.v1", False, begun, f"none in {limit:.0f} s")
                return found
        kept = await _archived(settings, event_id, limit)
        note("decision in PostgreSQL", kept, begun, "archived" if kept else f"not in {limit:.0f} s")
    finally:
        await emitter.stop()
    return found


async def _decision(follower: object, event_id: str) -> str:
    from agents.runtime.follower import Follower

    assert isinstance(follower, Follower)
    async for chunk in follower.chunks(timeout=0.5):
        for record in chunk:
            decision = record.message() if record.value is not None else None
            if decision is not None and decision.event_id == event_id:
                return f"{decision.result.value} ({decision.reason})"
    return ""


async def _archived(settings: Settings, event_id: str, limit: float) -> bool:
    """Whether the archive has written the decision, asked as the API would."""
    from infra.db.pool import connect, site_scope_sync
    from infra.db.target import Role

    def ask() -> bool:
        with connect(settings, Role.API) as connection, site_scope_sync(connection, {SITE}):
            row = connection.execute(
                "SELECT 1 FROM decision WHERE site_id = %s AND event_id = %s", (SITE, event_id)
            ).fetchone()
            return row is not None

    try:
        async with asyncio.timeout(limit):
            while not await asyncio.to_thread(ask):
                await asyncio.sleep(0.1)
    except TimeoutError:
        return False
    return True
