"""A site's document as rows: site, devices, cameras, zones."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from infra.db.pool import Connection
from infra.db.values import jsonb
from schemas.document import Site, Zone

__all__ = ["remove_site_rows", "write_site_rows"]

PARTS: Final = ("device", "camera_config", "zone")


def write_site_rows(connection: Connection, site: Site, revision: int) -> None:
    """Replace the site's rows by what its document says. In the caller's transaction and scope."""
    connection.execute(
        "INSERT INTO site (site_id, name, timezone, enabled, revision) "
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (site_id) DO UPDATE SET name = EXCLUDED.name, "
        "timezone = EXCLUDED.timezone, enabled = EXCLUDED.enabled, revision = EXCLUDED.revision",
        (site.site_id, site.name or site.site_id, site.timezone or "UTC", site.enabled, revision),
    )
    _clear(connection, site.site_id)
    connection.execute(
        "INSERT INTO device (site_id, device_id, kind, name, address, driver, parent) "
        "SELECT %s, r.* FROM jsonb_to_recordset(%s) AS r(device_id text, kind text, name text, "
        "address text, driver text, parent text)",
        (site.site_id, jsonb(_devices(site))),
    )
    connection.execute(
        "INSERT INTO camera_config (site_id, camera_id, name, nvr_id, stream, substream, "
        "detect_fps) SELECT %s, r.* FROM jsonb_to_recordset(%s) AS r(camera_id text, name text, "
        "nvr_id text, stream text, substream text, detect_fps double precision)",
        (site.site_id, jsonb(_cameras(site))),
    )
    connection.execute(
        "INSERT INTO zone (site_id, zone_id, severity, camera_ids, body) "
        "SELECT %s, r.* FROM jsonb_to_recordset(%s) AS r(zone_id text, severity text, "
        "camera_ids text[], body jsonb)",
        (site.site_id, jsonb(_zones(site))),
    )


def remove_site_rows(connection: Connection, site_id: str) -> None:
    """Take the site's rows away; what happened there stays."""
    _clear(connection, site_id)
    connection.execute("DELETE FROM site WHERE site_id = %s", (site_id,))


def _clear(connection: Connection, site_id: str) -> None:
    connection.execute("DELETE FROM device WHERE site_id = %s", (site_id,))
    connection.execute("DELETE FROM camera_config WHERE site_id = %s", (site_id,))
    connection.execute("DELETE FROM zone WHERE site_id = %s", (site_id,))


def _devices(site: Site) -> list[dict[str, Any]]:
    return [
        {
            "device_id": device.device_id,
            "kind": device.kind,
            "name": device.name or device.device_id,
            "address": device.address,
            "driver": device.driver,
            "parent": device.parent,
        }
        for device in site.devices
    ]


def _cameras(site: Site) -> list[dict[str, Any]]:
    """A camera is listed under `cameras`, or as a device of that kind."""
    listed: dict[str, dict[str, Any]] = {
        device.device_id: {
            "camera_id": device.device_id,
            "name": device.name or device.device_id,
            "nvr_id": device.parent,
        }
        for device in site.devices
        if device.kind == "camera"
    }
    for camera in site.cameras:
        listed[camera.camera_id] = {
            "camera_id": camera.camera_id,
            "name": camera.name or camera.camera_id,
            "nvr_id": camera.nvr_id,
            "stream": camera.stream,
            "substream": camera.substream,
            "detect_fps": camera.detect_fps,
        }
    return list(listed.values())


def _zones(site: Site) -> list[dict[str, Any]]:
    return [
        {
            "zone_id": zone.zone_id,
            "severity": zone.severity,
            "camera_ids": zone.camera_ids,
            "body": _whole(zone),
        }
        for zone in site.zones
    ]


def _whole(zone: Zone) -> dict[str, Any]:
    """Every field, those that the document left open with what they mean."""
    return {field: getattr(zone, field) for field in zone.__struct_fields__} | {
        "active_schedule": {
            "timezone": zone.active_schedule.timezone,
            "windows": msgspec.to_builtins(zone.active_schedule.windows),
        }
    }
