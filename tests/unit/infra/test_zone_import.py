"""Another relay's zones become a site document, or every problem is named by its field."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.dedupe.schedule import active
from infra.cli.main import main
from infra.zone_import import read_zones
from schemas.base import Severity
from schemas.document import (
    Camera,
    Channel,
    Device,
    Document,
    Receiver,
    Route,
    Routing,
    Site,
    Zone,
)
from schemas.document_reader import DocumentError, dump, read

ZONE: dict[str, Any] = {
    "zone_id": "yard",
    "site_id": "north",
    "camera_ids": ["cam-1", "cam-2"],
    "severity": "high",
    "active_schedule": {
        "timezone": "America/Sao_Paulo",
        "windows": [{"days": ["mon", "Fri", "sunday"], "start": "18:00", "end": "6:00"}],
    },
    "alert_destinations": ["pushover", "whatsapp"],
    "suppression_window_sec": 30,
    "dedupe_window_sec": 60,
}

YAML = b"""\
zones:
  - zone_id: yard
    site_id: north
    camera_ids: [cam-1]
    severity: low
    active_schedule:
      timezone: UTC
      windows:
        - {days: [mon], start: 18:00, end: 06:00}
    alert_destinations: [whatsapp]
    suppression_window_sec: 5
    dedupe_window_sec: 7.5
"""


def zone(**fields: Any) -> bytes:
    return json.dumps([{**ZONE, **fields}]).encode()


@pytest.mark.parametrize(
    "data",
    [
        json.dumps([ZONE]).encode(),  # ZONE_CONFIG_JSON
        json.dumps({"zones": [ZONE]}).encode(),
        json.dumps({"yard": {k: v for k, v in ZONE.items() if k != "zone_id"}}).encode(),
        json.dumps(ZONE).encode(),
    ],
)
def test_every_shape_is_the_same_document(data: bytes) -> None:
    found = read_zones(data, file="zones")
    (site,) = found.document.sites
    (made,) = site.zones
    assert (site.site_id, made.zone_id, made.severity) == ("north", "yard", Severity.HIGH)
    assert made.camera_ids == ("cam-1", "cam-2")
    assert [camera.camera_id for camera in site.cameras] == ["cam-1", "cam-2"]
    assert (made.suppression_window_sec, made.dedupe_window_sec) == (30.0, 60.0)
    (window,) = made.active_schedule.windows
    assert (window.days, window.start, window.end) == (("mon", "fri", "sun"), "18:00", "06:00")
    # That relay asks for no confidence, so what it let through still comes through.
    assert made.min_confidence == 0.0
    assert [r.name for r in found.document.routing.receivers] == ["pushover", "whatsapp"]
    assert found.document.routing.route == Route(receiver="pushover")
    assert read(dump(found.document)) == found.document


def test_yaml_with_times_without_quotes() -> None:
    (site,) = read_zones(YAML, file="zones.yaml").document.sites
    schedule = site.zones[0].active_schedule
    assert active(schedule, None, datetime(2026, 3, 2, 23, 0, tzinfo=UTC))
    assert not active(schedule, None, datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
    assert site.zones[0].dedupe_window_sec == 7.5


def test_what_is_in_force_stays() -> None:
    current = Document(
        sites=(
            Site(
                site_id="north",
                name="North",
                timezone="Europe/Berlin",
                devices=(Device(device_id="cam-2", kind="camera"),),
                cameras=(Camera(camera_id="cam-1", stream="rtsp://192.0.2.1/a"),),
                zones=(
                    Zone(zone_id="yard", camera_ids=("cam-1",), labels=("car",)),
                    Zone(zone_id="dock", camera_ids=("cam-1",)),
                ),
            ),
            Site(site_id="south"),
        ),
        routing=Routing(
            route=Route(receiver="desk"),
            receivers=(
                Receiver(name="desk", channels=(Channel(kind="log"),)),
                Receiver(name="whatsapp", channels=(Channel(kind="recording"),)),
            ),
        ),
    )
    found = read_zones(zone(), file="z", current=current)
    (site,) = found.document.sites
    assert (site.name, site.timezone, site.cameras) == (
        "North",
        "Europe/Berlin",
        current.sites[0].cameras,
    )
    assert [one.zone_id for one in site.zones] == ["yard", "dock"]
    assert site.zones[0].severity is Severity.HIGH
    routing = found.document.routing
    assert routing.route == Route(receiver="desk")
    assert [r.name for r in routing.receivers] == ["desk", "whatsapp", "pushover"]
    assert routing.receivers[1].channels[0].kind == "recording"
    assert found.notes == (
        "receiver pushover only writes to the log: give it the channel that pushover was",
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"severity": "urgent"}, "zones[0].severity: 'urgent' is none of these."),
        ({"camera_ids": "cam-1"}, "zones[0].camera_ids: has to be a list"),
        ({"camera_ids": [1, None]}, "zones[0].camera_ids[1]: has to be a text"),
        ({"camera_ids": []}, "camera_ids has 0 entries; at least 1"),
        ({"zone_id": "the yard"}, "zone_id: 'the yard' is no id"),
        ({"zone_id": ""}, "zones[0].zone_id: has to be a text"),
        ({"dedupe_window_sec": -1}, "zones[0].dedupe_window_sec: has to be a number of seconds"),
        ({"suppression_window_sec": "soon"}, "zones[0].suppression_window_sec: has to be a number"),
        ({"dedupe_windw_sec": 5}, "unknown field 'dedupe_windw_sec'. Did you mean"),
        ({"active_schedule": []}, "zones[0].active_schedule: has to be a mapping"),
        ({"active_schedule": {"timezone": "Mars/Olympus"}}, "'Mars/Olympus' is no IANA timezone"),
        (
            {
                "active_schedule": {
                    "windows": [{"days": ["moonday"], "start": "1:00", "end": "2:00"}]
                }
            },
            "zones[0].active_schedule.windows[0].days: 'moonday' is no day.",
        ),
        (
            {"active_schedule": {"windows": [{"days": ["mon"], "start": "25:00", "end": "2:00"}]}},
            "zones[0].active_schedule.windows[0].start: '25:00' is no time of day",
        ),
        (
            {"active_schedule": {"windows": [{"days": ["mon"], "start": "1:00"}]}},
            "zones[0].active_schedule.windows[0].end: is required",
        ),
        ({"site_id": None}, "zones[0].site_id: has to be a text"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_zones(zone(**fields), file="zones.json")
    assert says in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"[", b"hello", b"- 5", b"\xff\xfe\x00"])
def test_what_is_no_zones_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError):
        read_zones(data, file="z")


def test_the_command_prints_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZONE_CONFIG_JSON", json.dumps([{**ZONE, "site_id": "south"}]))
    arguments = ["--state", str(tmp_path), "import", "zones"]
    assert main([*arguments, "--env", "ZONE_CONFIG_JSON"]) == 0
    printed = capsys.readouterr()
    assert read(printed.out).sites[0].site_id == "south"
    assert "receiver pushover only writes to the log" in printed.err
    bad = tmp_path / "zones.yaml"
    bad.write_bytes(YAML.replace(b"severity: low", b"severity: loud"))
    assert main([*arguments, str(bad)]) == 1
    assert "zones.yaml:5: zones[0].severity: 'loud' is none of these." in capsys.readouterr().err
    assert main(arguments) == 2
    assert main([*arguments, "--env", "NOT_THERE"]) == 2
