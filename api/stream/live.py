"""What happens now, as this replica has read it: newest alerts, cameras' words, decide's ticks.

All of it is bounded, and none of it is the truth: that is in Kafka, and PostgreSQL has the history.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from agents.runtime.configuration import Configuration, SiteConfig
from api.camera.schemas import CameraView
from api.health.verdict import CameraSeen
from schemas.alert import Alert
from schemas.device import CameraState, Probe, ProbeKind
from schemas.document import Camera

__all__ = ["Live"]

MAX_ALERTS: Final = 2_000


class Live:
    """The newest state of what moves."""

    def __init__(self, configuration: Configuration, *, max_alerts: int = MAX_ALERTS) -> None:
        self._configuration = configuration
        self._max_alerts = max_alerts
        self._alerts: OrderedDict[str, Alert] = OrderedDict()
        self._words: dict[tuple[str, str], Probe] = {}
        self._expected: dict[tuple[str, str], datetime] = {}
        self.ticks: dict[int, datetime] = {}

    def alert(self, alert: Alert) -> bool:
        """Take in a record of an alert; False where a newer one is here already."""
        known = self._alerts.get(alert.alert_id)
        if known is not None and known.revision >= alert.revision:
            return False
        self._alerts[alert.alert_id] = alert
        self._alerts.move_to_end(alert.alert_id)
        if len(self._alerts) > self._max_alerts:
            self._alerts.popitem(last=False)
        return True

    def forget(self, alert_id: str) -> Alert | None:
        """Take in a tombstone; the alert that it removes, where it was here."""
        return self._alerts.pop(alert_id, None)

    def recent(self, alert_id: str) -> Alert | None:
        """The alert, where it changed lately."""
        return self._alerts.get(alert_id)

    def alerts(self, sites: Collection[str]) -> list[Alert]:
        """Those that changed lately at these sites."""
        return [alert for alert in self._alerts.values() if alert.site_id in sites]

    def tick(self, partition: int, timestamp_ms: int) -> None:
        """Take in a tick, by the time at which the broker took it."""
        at = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
        known = self.ticks.get(partition)
        if known is None or at > known:
            self.ticks[partition] = at

    def probe(self, probe: Probe) -> bool:
        """Take in capture's word about a camera; False for an older or another kind of probe."""
        if probe.kind is not ProbeKind.FRAMES:
            return False
        key = (probe.site_id, probe.device_id)
        config = self._configuration.site(probe.site_id)
        if self._configuration.loaded.is_set() and (
            config is None or probe.device_id not in config.cameras
        ):
            return False
        known = self._words.get(key)
        if known is not None and known.at >= probe.at:
            return False
        if known is not None and probe.last_frame_at is None:
            # A camera that is being connected again still had its last frame when it had it.
            probe = replace(probe, last_frame_at=known.last_frame_at)
        self._words[key] = probe
        return True

    def expect(self, now: datetime) -> None:
        """The configuration changed: who must be heard of from now on, and who is gone."""
        there = {
            (site_id, camera_id)
            for site_id, config in self._configuration.sites.items()
            for camera_id in config.cameras
        }
        for key in there:
            self._expected.setdefault(key, now)
        for key in self._expected.keys() - there:
            del self._expected[key]
        for key in self._words.keys() - there:
            del self._words[key]

    def camera(self, site_id: str, camera_id: str) -> CameraView | None:
        """A camera as it is, or None where none is configured."""
        config = self._configuration.site(site_id)
        camera = None if config is None else config.camera(camera_id)
        if config is None or camera is None:
            return None
        return _view(config, camera, self._words.get((site_id, camera_id)))

    def cameras(self, sites: Collection[str]) -> list[CameraView]:
        """All cameras of these sites, by site and id."""
        return [
            _view(config, camera, self._words.get((site_id, camera.camera_id)))
            for site_id in sorted(sites)
            if (config := self._configuration.site(site_id)) is not None
            for _, camera in sorted(config.cameras.items())
        ]

    def captured(self) -> list[CameraSeen]:
        """Every camera that ought to deliver frames: it has a stream, and its site is enabled."""
        return [
            self._seen(config, camera)
            for _, config in sorted(self._configuration.sites.items())
            if config.site.enabled
            for _, camera in sorted(config.cameras.items())
            if camera.stream
        ]

    def _seen(self, config: SiteConfig, camera: Camera) -> CameraSeen:
        key = (config.site.site_id, camera.camera_id)
        word = self._words.get(key)
        since = self._expected.get(key, datetime.min.replace(tzinfo=UTC))
        return CameraSeen(
            site_id=key[0],
            camera_id=key[1],
            name=camera.name or camera.camera_id,
            expected_since=since,
            state=None if word is None else word.state,
            heard_at=None if word is None else word.at,
            last_frame_at=None if word is None else word.last_frame_at,
            error=None if word is None else word.error,
        )


def _view(config: SiteConfig, camera: Camera, word: Probe | None) -> CameraView:
    told: dict[str, Any] = {}
    if word is not None:
        told = {
            "state": word.state or (CameraState.CONNECTED if word.ok else CameraState.LOST),
            "heard_at": word.at,
            "last_frame_at": word.last_frame_at,
            "gap_s": word.gap_s,
            "error": word.error,
            "frames": word.frames,
            "sent": word.sent,
            "width": word.width,
            "height": word.height,
            "fps": word.fps,
        }
    zones = config.zones_by_camera.get(camera.camera_id, ())
    return CameraView(
        site_id=config.site.site_id,
        camera_id=camera.camera_id,
        name=camera.name or camera.camera_id,
        nvr_id=camera.nvr_id,
        zone_ids=tuple(zone.zone_id for zone in zones),
        captured=bool(camera.stream),
        detect_fps=camera.detect_fps,
        **told,
    )
