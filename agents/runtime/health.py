"""What a role says of itself: /healthz, /readyz, /metrics, on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from agents.runtime.inspection import TableView

__all__ = ["Health", "HealthServer"]

LOOP_LATE_S: Final = 5.0
"""A loop that turns this late is stuck in something that blocks it."""
STUCK_S: Final = 120.0
"""A record that waits this long for its commit: the partition makes no progress."""


@dataclass
class Health:
    """Gathers what is to be said. `checks` return a problem, or None."""

    role: str
    ready: Callable[[], bool]
    facts: Callable[[], dict[str, Any]]
    oldest: Callable[[], float | None]
    services: dict[str, str | None] = field(default_factory=dict)
    _turned: float = field(default_factory=monotonic)

    async def watch_loop(self) -> None:
        """Note that the loop turns, for ever."""
        while True:
            self._turned = monotonic()
            await asyncio.sleep(0.5)

    def problems(self) -> list[str]:
        """Why this role is not live; empty when it is."""
        found = []
        if monotonic() - self._turned > LOOP_LATE_S:
            found.append("the event loop does not turn")
        waited = self.oldest()
        if waited is not None and waited > STUCK_S:
            found.append(f"a record waits for its commit since {waited:.0f} s")
        return found

    def report(self, name: str, problem: str | None) -> None:
        """What a service says of itself."""
        self.services[name] = problem

    def body(self) -> dict[str, Any]:
        """The whole report."""
        return {
            "role": self.role,
            "pid": os.getpid(),
            "live": not self.problems(),
            "ready": self.ready(),
            "problems": self.problems(),
            "services": self.services,
            **self.facts(),
        }


class HealthServer:
    """Serves a role's health on 127.0.0.1, and leaves its address in a file for `status`.

    tables: served as well, to whoever has the token in that file.
    """

    def __init__(
        self, health: Health, port: int, note: Path, tables: TableView | None = None
    ) -> None:
        self._health = health
        self._tables = tables
        self._port = port
        self._note = note
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        app = web.Application()
        app.router.add_get("/healthz", self._live)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        token = secrets.token_urlsafe(24)
        if self._tables is not None:
            app.add_routes(self._tables.routes(token))
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        assert self._runner.addresses
        self.port = self._runner.addresses[0][1]
        self._note.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._note.with_suffix(".new")
        body = {"role": self._health.role, "pid": os.getpid(), "port": self.port, "token": token}
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(body), encoding="utf-8")
        fresh.replace(self._note)

    async def stop(self) -> None:
        """Stop listening."""
        self._note.unlink(missing_ok=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _live(self, _request: web.Request) -> web.Response:
        body = self._health.body()
        return web.json_response(body, status=200 if body["live"] else 503)

    async def _ready(self, _request: web.Request) -> web.Response:
        body = self._health.body()
        return web.json_response(body, status=200 if body["ready"] else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        if self._tables is not None:
            self._tables.measure()
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
