"""Cameras: as configured, with capture's newest word; what archive wrote fills in older words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from agents.runtime.configuration import Configuration
from api.camera import repository
from api.camera.pictures import Held
from api.camera.schemas import CameraView, NewestPicture
from api.database import Database, Row
from api.problems import NotFound, SiteAmbiguous
from api.stream.live import Live
from schemas.device import Probe, ProbeKind

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["age_of", "archived", "every", "newest", "pictures", "recall", "site_of"]


def every(live: Live, sites: frozenset[str]) -> list[CameraView]:
    """The cameras of those sites, by site and id."""
    return live.cameras(sites)


def site_of(configuration: Configuration, sites: frozenset[str], camera_id: str) -> str:
    """The site that has that camera. Raises NotFound, and SiteAmbiguous where several have one."""
    having = [
        site_id
        for site_id in sorted(sites)
        if (config := configuration.site(site_id)) is not None and config.camera(camera_id)
    ]
    if not having:
        raise NotFound("camera", camera_id)
    if len(having) > 1:
        raise SiteAmbiguous(
            f"Several sites have a camera {camera_id!r}: name one as `site_id`.", sites=having
        )
    return having[0]


def age_of(held: Held, now: datetime) -> float:
    """Seconds since the picture was seen; of a file's, since it was sent."""
    seen = held.meta.captured_at if held.meta.live else held.received_at
    return round(max(0.0, (now - seen).total_seconds()), 3)


async def newest(api: Api, site_id: str, camera_id: str) -> Held | None:
    """The camera's newest frame; None where none came lately."""
    return await api.pictures.find(site_id, camera_id)


async def archived(api: Api, site_id: str, camera_id: str) -> Row:
    """Where the newest picture of one of the camera's events is. Raises NotFound without one."""
    row = await repository.last_picture(api.database, frozenset((site_id,)), camera_id)
    if row is None:
        raise NotFound("picture of camera", camera_id, "No frame came lately, and no event has one")
    return row


def pictures(api: Api, sites: frozenset[str]) -> list[NewestPicture]:
    """What there is of those sites' cameras now, by site and camera."""
    now = api.now()
    return [
        NewestPicture(
            site_id=held.meta.site_id,
            camera_id=held.meta.camera_id,
            tag=held.tag,
            captured_at=held.meta.captured_at,
            received_at=held.received_at,
            live=held.meta.live,
            age_s=age_of(held, now),
            width=held.meta.width,
            height=held.meta.height,
            location=f"/v1/cameras/{held.meta.camera_id}/snapshot?site_id={held.meta.site_id}",
        )
        for held in api.pictures.every(sites)
        if (config := api.configuration.site(held.meta.site_id)) is not None
        and config.camera(held.meta.camera_id) is not None
    ]


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
