"""The fleet that these tests share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from infra.fleet.device import SimDevice
from infra.fleet.discovery import Discovery
from infra.fleet.serving import Fleet

USER, PASSWORD = "admin", "hunter2-secret"


@dataclass
class Devices:
    """The fleet, on a loop of its own, so that it answers whatever a test waits for."""

    loop: asyncio.AbstractEventLoop
    fleet: Fleet
    discovery: Discovery
    listed: list[SimDevice]

    def add(self, name: str, kind: str, **more: Any) -> SimDevice:
        """One device more."""
        made: SimDevice = self.run(
            self.fleet.add(name, kind, username=USER, password=PASSWORD, **more)
        )
        self.listed.append(made)
        return made

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of work on the fleet's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)
