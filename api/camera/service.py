"""Cameras: as configured, with capture's newest word; what archive wrote fills in older words."""

from __future__ import annotations

import msgspec

from agents.runtime.configuration import Configuration
from api.camera import repository
from api.camera.schemas import CameraView
from api.database import Database, Row
from api.stream.live import Live
from schemas.device import Probe, ProbeKind

__all__ = ["every", "recall"]


def every(live: Live, sites: frozenset[str]) -> list[CameraView]:
    """The cameras of those sites, by site and id."""
    return live.cameras(sites)


async def recall(database: Database, configuration: Configuration, live: Live) -> None:
    """Fill in what archive knows of cameras that were not heard of lately. Once, at the start.

    Raises DatabaseUnavailable.
    """
    await configuration.loaded.wait()
    for row in await repository.states(database, frozenset(configuration.sites)):
        live.probe(_probe(row))


def _probe(row: Row) -> Probe:
    row["last_frame_at"] = row.pop("last_seen_at")
    return msgspec.convert({**row, "kind": ProbeKind.FRAMES}, Probe)
