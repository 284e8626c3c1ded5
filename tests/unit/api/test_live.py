"""The newest state of what moves: bounded, never going back, following the configuration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from agents.runtime.configuration import Configuration
from api import examples
from api.stream.live import Live
from schemas.alert import Alert
from schemas.device import CameraState, Probe, ProbeKind
from schemas.document import Camera, ConfigRecord, Site

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def alert(number: int, revision: int = 1, site: str = "north") -> Alert:
    known = msgspec.structs.asdict(examples.ALERT)
    known.pop("snapshot_url")
    return Alert(**{**known, "alert_id": f"a{number}", "revision": revision, "site_id": site})


def probe(seconds: float, **fields: Any) -> Probe:
    known: dict[str, Any] = {
        "site_id": "north",
        "device_id": "gate",
        "kind": ProbeKind.FRAMES,
        "at": NOW + timedelta(seconds=seconds),
        "ok": True,
        "state": CameraState.CONNECTED,
    }
    return Probe(**{**known, **fields})


def configured(*cameras: Camera, enabled: bool = True) -> Configuration:
    configuration = Configuration()
    site = Site(site_id="north", cameras=cameras, enabled=enabled)
    configuration.apply("north", ConfigRecord(revision=1, author="t", at=NOW, site=site))
    configuration.loaded.set()
    return configuration


GATE = Camera(camera_id="gate", stream="rtsp://camera.example/1")


def test_an_alert_never_goes_back() -> None:
    live = Live(Configuration())
    assert live.alert(alert(1, revision=2))
    assert not live.alert(alert(1, revision=1))
    assert not live.alert(alert(1, revision=2))
    assert live.alert(alert(1, revision=3))
    found = live.recent("a1")
    assert found is not None
    assert found.revision == 3


def test_the_oldest_changes_are_forgotten_first() -> None:
    live = Live(Configuration(), max_alerts=2)
    live.alert(alert(1))
    live.alert(alert(2))
    live.alert(alert(1, revision=2))
    live.alert(alert(3))
    assert [a.alert_id for a in live.alerts({"north"})] == ["a1", "a3"]
    assert live.alerts({"south"}) == []
    gone = live.forget("a1")
    assert gone is not None
    assert gone.alert_id == "a1"
    assert live.forget("a1") is None


def test_cameras_are_those_of_the_configuration() -> None:
    live = Live(configured(GATE, Camera(camera_id="fence")))
    live.expect(NOW)
    assert live.probe(probe(1))
    assert not live.probe(probe(0))  # older
    assert not live.probe(probe(2, device_id="other"))
    assert not live.probe(probe(2, site_id="west"))
    assert not live.probe(probe(2, kind=ProbeKind.TCP))
    fence, gate = live.cameras({"north"})
    assert (fence.camera_id, fence.captured, fence.state) == ("fence", False, None)
    assert (gate.camera_id, gate.captured, gate.state) == ("gate", True, CameraState.CONNECTED)
    assert [camera.camera_id for camera in live.captured()] == ["gate"]
    assert live.camera("north", "none") is None
    assert "rtsp" not in str(msgspec.json.encode(gate))


def test_the_last_frame_is_remembered_while_a_camera_is_connected_again() -> None:
    live = Live(configured(GATE))
    live.probe(probe(1, last_frame_at=NOW))
    live.probe(probe(2, ok=False, state=CameraState.CONNECTING))
    found = live.camera("north", "gate")
    assert found is not None
    assert (found.state, found.last_frame_at) == (CameraState.CONNECTING, NOW)


def test_a_camera_that_is_configured_anew_is_expected_from_then_on() -> None:
    configuration = configured(GATE)
    live = Live(configuration)
    live.expect(NOW)
    live.expect(NOW + timedelta(hours=1))
    assert live.captured()[0].expected_since == NOW
    live.probe(probe(1))
    configuration.apply("north", None)
    live.expect(NOW)
    assert live.captured() == []
    site = Site(site_id="north", cameras=(GATE,))
    configuration.apply("north", ConfigRecord(revision=2, author="t", at=NOW, site=site))
    live.expect(NOW + timedelta(hours=2))
    (seen,) = live.captured()
    assert (seen.expected_since, seen.heard_at) == (NOW + timedelta(hours=2), None)


def test_nothing_is_captured_at_a_disabled_site() -> None:
    assert Live(configured(GATE, enabled=False)).captured() == []


def test_ticks_never_go_back() -> None:
    live = Live(Configuration())
    live.tick(0, 2_000)
    live.tick(0, 1_000)
    assert live.ticks[0] == datetime.fromtimestamp(2, UTC)
