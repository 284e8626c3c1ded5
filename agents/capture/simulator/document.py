"""The simulated site as the document that `watchfloor apply` takes."""

from __future__ import annotations

from typing import Any

from agents.capture.simulator.address import SimulatorAddress
from agents.capture.simulator.site import SimulatedSite

__all__ = ["SITE_ID", "site_document"]

SITE_ID = "sim"


def site_document(
    scene: str = "day",
    seed: int = 1,
    *,
    cameras: int | None = None,
    labels: tuple[str, ...] | None = None,
    detect_fps: float = 5.0,
    dedupe_window_sec: float = 0.0,
    suppression_window_sec: float = 0.0,
    dwell_sec: float = 0.0,
) -> dict[str, Any]:
    """The site document of a simulated site, as plain YAML-shaped data.

    Its zones are those of `SimulatedSite(scene, seed, cameras=cameras, labels=labels)`. Windows
    and dwell are 0 by default, so that every stay is an event of its own. Raises
    UnknownSceneError, and ValueError for a number of cameras that no site has.
    """
    site = SimulatedSite(scene, seed, cameras=cameras, labels=labels)
    zones = []
    listed = []
    for camera in site.cameras:
        address = SimulatorAddress(scene=scene, seed=seed, camera_id=camera, cameras=cameras or 0)
        listed.append(
            {
                "camera_id": camera,
                "name": site.camera_name(camera),
                "stream": address.text(),
                "detect_fps": detect_fps,
            }
        )
        for zone in site.zones(camera):
            document: dict[str, Any] = {
                "zone_id": zone.zone_id,
                "camera_ids": [camera],
                "severity": zone.severity,
                "dedupe_window_sec": dedupe_window_sec,
                "suppression_window_sec": suppression_window_sec,
                "dwell_sec": dwell_sec,
                "min_confidence": 0.3,
                "polygons": {camera: [list(point) for point in zone.polygon]},
            }
            if zone.labels:
                document["labels"] = list(zone.labels)
            zones.append(document)
    return {
        "sites": [
            {
                "site_id": SITE_ID,
                "name": f"Simulated site ({site.scene.summary})",
                "timezone": "UTC",
                "cameras": listed,
                "zones": zones,
            }
        ],
        "route": {"receiver": "log"},
        "receivers": [{"name": "log", "channels": [{"kind": "log"}]}],
    }
