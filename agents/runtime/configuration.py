"""The sites' documents, followed by every worker with a plain consumer from the start."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import Any

from schemas.document import Camera, ConfigRecord, Routing, Site, Zone
from topics.record import Provenance

__all__ = ["Configuration", "SiteConfig"]

ROUTING_KEY = "routing"
MOST_ANCESTORS = 4
"""A camera, its recorder and the site's uplink are three."""


class SiteConfig:
    """A site's document with the look-ups that stages need; built once a revision.

    derived: what stages make of it, by their own names; it is gone with the revision. provenance:
    of what is made by this revision. parents: by device, what it hangs on;
    hung_on: what something hangs on.
    """

    def __init__(self, site: Site, revision: int) -> None:
        self.site = site
        self.revision = revision
        self.derived: dict[str, Any] = {}
        self.provenance = Provenance(config_revision=revision)
        self.zones = MappingProxyType({zone.zone_id: zone for zone in site.zones})
        self.cameras = MappingProxyType({camera.camera_id: camera for camera in site.cameras})
        self.devices = MappingProxyType({device.device_id: device for device in site.devices})
        by_camera: dict[str, list[Zone]] = {}
        for zone in site.zones:
            for camera_id in zone.camera_ids:
                by_camera.setdefault(camera_id, []).append(zone)
        self.zones_by_camera = MappingProxyType({k: tuple(v) for k, v in by_camera.items()})

        self.parents = MappingProxyType(
            {one.device_id: one.parent for one in site.devices if one.parent is not None}
            | {one.camera_id: one.nvr_id for one in site.cameras if one.nvr_id is not None}
        )
        self.hung_on = frozenset(self.parents.values())

    def camera(self, camera_id: str) -> Camera | None:
        """The camera of that id."""
        return self.cameras.get(camera_id)

    def ancestors(self, device_id: str) -> tuple[str, ...]:
        """What a device hangs on, the nearest first: its recorder, and the uplink of that."""
        found: list[str] = []
        parent = self.parents.get(device_id)
        while parent is not None and parent not in found and len(found) < MOST_ANCESTORS:
            found.append(parent)
            parent = self.parents.get(parent)
        return tuple(found)


class Configuration:
    """What is configured now. Read by stages, changed only by the follower of the topic."""

    def __init__(self) -> None:
        self.sites: dict[str, SiteConfig] = {}
        self.routing: Routing = Routing()
        self.revision: int = 0
        self.loaded = asyncio.Event()
        self._changed = asyncio.Event()

    def apply(self, key: str, record: ConfigRecord | None) -> None:
        """Take a record of `config.documents.v1` in; None is a tombstone."""
        if record is None and key == ROUTING_KEY:
            self.routing = Routing()
        elif record is None:
            self.sites.pop(key, None)
        elif record.site is not None:
            self.sites[record.site.site_id] = SiteConfig(record.site, record.revision)
        elif record.routing is not None:
            self.routing = record.routing
        if record is not None:
            self.revision = max(self.revision, record.revision)
        self._changed.set()
        self._changed = asyncio.Event()

    def site(self, site_id: str) -> SiteConfig | None:
        """The site of that id."""
        return self.sites.get(site_id)

    async def wait_change(self) -> None:
        """Return at the next change."""
        await self._changed.wait()
