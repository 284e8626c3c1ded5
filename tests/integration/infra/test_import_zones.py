"""`watchfloor import zones --apply`: another relay's zones in force beside what was there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra import applied
from infra.cli.main import main
from infra.db.documents import publish
from infra.db.migrate import prepare
from infra.settings import Settings
from schemas.document import Camera, Document, Site, Zone
from topics.admin import ensure

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

ZONES = [
    {
        "zone_id": "yard",
        "site_id": "north",
        "camera_ids": ["gate", "roof"],
        "severity": "high",
        "active_schedule": {"timezone": "UTC", "windows": []},
        "alert_destinations": ["whatsapp"],
        "suppression_window_sec": 30,
        "dedupe_window_sec": 60,
    }
]


def test_zones_are_put_into_force(
    kafka_bootstrap: str, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        state_dir=tmp_path,
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace="import-tests",
    )
    ensure(settings)
    prepare(settings)
    there = Site(
        site_id="north",
        cameras=(Camera(camera_id="gate", name="Gate", stream="rtsp://192.0.2.1/a"),),
        zones=(Zone(zone_id="dock", camera_ids=("gate",)),),
    )
    publish(settings, Document(sites=(there, Site(site_id="south"))), "test")
    applied.put(settings, Document(sites=(Site(site_id="south"),)), "test")
    for name in ("kafka_url", "postgres_url", "namespace"):
        monkeypatch.setenv(f"WATCHFLOOR_{name.upper()}", getattr(settings, name))
    file = tmp_path / "zones.json"
    file.write_text(json.dumps(ZONES))
    arguments = ["--state", str(tmp_path), "import", "zones", str(file), "--apply"]
    assert main(arguments) == 0
    found = applied.current(settings)
    assert found is not None
    north, south = found.sites
    assert south.site_id == "south"
    assert [zone.zone_id for zone in north.zones] == ["dock", "yard"]
    assert north.cameras[0] == there.cameras[0]
    assert north.cameras[1] == Camera(camera_id="roof")
    assert [receiver.name for receiver in found.routing.receivers] == ["whatsapp"]
    file.write_text(json.dumps([{**ZONES[0], "severity": "loud"}]))
    assert main(arguments) == 1
    assert applied.current(settings) == found
