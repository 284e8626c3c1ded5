"""The main job on real footage: exactly the people, one event each, and the same ids again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.replay import default_document, place_in, replay, with_model
from infra.sandbox import sandbox
from infra.settings import Settings, load
from schemas.document import Document
from schemas.document_reader import read_value

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.assets]

CLIP = "one-by-one-person-detection.mp4"
TOLERANCE = 8


def document(dedupe: float) -> Document:
    """One zone over the whole picture, people only."""
    zone = {
        "zone_id": "picture",
        "camera_ids": ["door"],
        "severity": "high",
        "labels": ["person"],
        "dedupe_window_sec": dedupe,
        "suppression_window_sec": 0,
    }
    site = {
        "site_id": "lab",
        "timezone": "UTC",
        "cameras": [{"camera_id": "door", "name": "Door"}],
        "zones": [zone],
    }
    return read_value(
        {
            "sites": [site],
            "route": {"receiver": "soc"},
            "receivers": [{"name": "soc", "channels": [{"kind": "log"}]}],
        },
        file="test",
    )


def settings(tmp_path: Path, kafka: str, postgres: str) -> Settings:
    """Settings on the tests' servers."""
    base = load(env={"WATCHFLOOR_STATE": str(tmp_path / "state")})
    given = {"kafka_url": "test", "postgres_url": "test"}
    return replace(base, kafka_url=kafka, postgres_url=postgres, origins=given)


@pytest.fixture
def assets() -> Path:
    """The folder of footage and detectors."""
    folder = load().assets_dir
    if not (folder / "videos" / CLIP).is_file():
        pytest.skip(f"{CLIP} is not under WATCHFLOOR_ASSETS ({folder})")
    return folder


def run(base: Settings, assets: Path, wanted: Document, model: str | None) -> list[dict[str, Any]]:
    """The lines of one replay."""
    chosen = with_model(base, model and str(assets / "models" / model))
    with sandbox(chosen, "replay", outside_time=True) as box:
        place = place_in(wanted, None)
        return replay(box, assets / "videos" / CLIP, wanted, place).lines()


@pytest.mark.timeout(280)
def test_six_people_one_event_each_and_the_same_ids_again(
    tmp_path: Path, kafka_bootstrap: str, postgres_url: str, assets: Path
) -> None:
    base = settings(tmp_path, kafka_bootstrap, postgres_url)
    lines = run(base, assets, document(0), "yolox_nano.onnx")
    truth = json.loads((assets / "videos" / "truth.json").read_text())[CLIP]
    intervals = truth["person_intervals_frames"]
    events = [line for line in lines if line["kind"] == "event"]
    alerts = [line for line in lines if line["kind"] == "alert"]
    assert len(events) == truth["expected_person_events"]
    inside = [
        [
            index
            for index, (first, last) in enumerate(intervals)
            if first - TOLERANCE <= event["frame"] <= last + TOLERANCE
        ]
        for event in events
    ]
    assert inside == [[index] for index in range(len(intervals))]
    assert {event["label"] for event in events} == {"person"}
    assert [(alert["events"], alert["repeats"]) for alert in alerts] == [(len(events), 0)]
    assert {event["alert_id"] for event in events} == {alerts[0]["alert_id"]}
    assert alerts[0]["rank"] == sum(part["points"] for part in alerts[0]["reasons"])
    assert alerts[0]["snapshot"] == events[-1]["event_id"]

    again = run(base, assets, document(60), "yolox_nano.onnx")
    repeated = [line for line in again if line["kind"] == "event"]
    # Other windows decide otherwise about the same events.
    assert [one["event_id"] for one in repeated] == [one["event_id"] for one in events]
    admitted = [one for one in repeated if one["reason"] != "dedupe_window"]
    assert 0 < len(admitted) < len(events)
    [alert] = [line for line in again if line["kind"] == "alert"]
    assert (alert["events"], alert["repeats"]) == (len(admitted), len(events) - len(admitted))


def test_without_a_model_events_carry_no_label(
    tmp_path: Path, kafka_bootstrap: str, postgres_url: str, assets: Path
) -> None:
    base = settings(tmp_path, kafka_bootstrap, postgres_url)
    lines = run(base, assets, default_document(), None)
    events = [line for line in lines if line["kind"] == "event"]
    assert events
    assert {(one["type"], one["label"], one["confidence"]) for one in events} == {
        ("motion", None, None)
    }
