"""Addresses of simulated cameras, and the site document that carries them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agents.capture.simulator import (
    SCENES,
    SimulatedSite,
    SimulatorAddress,
    SimulatorAddressError,
    UnknownSceneError,
    parse_address,
    site_document,
)


@pytest.mark.parametrize(
    ("text", "scene", "seed", "camera"),
    [
        ("sim:day?seed=1&camera=gate", "day", 1, "gate"),
        ("sim:night?camera=dock&seed=42", "night", 42, "dock"),
        ("sim:day", "day", 1, "gate"),  # the scene's first camera, seed 1
        ("sim:entries?seed=3", "entries", 3, "hall"),
        ("sim:day?camera=yard-2&cameras=8", "day", 1, "yard-2"),
    ],
)
def test_parse(text: str, scene: str, seed: int, camera: str) -> None:
    address = parse_address(text)
    assert (address.scene, address.seed, address.camera_id) == (scene, seed, camera)
    assert parse_address(address.text()) == address
    assert camera in address.site().cameras


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rtsp://host/1", "begins with"),
        ("sim:noon", "Scenes: day"),
        ("sim:day?seed=-1", "seed"),
        ("sim:day?seed=١", "seed"),  # a digit, but not an ASCII one
        ("sim:day?seed=99999999999999999999", "seed"),
        ("sim:day?cameras=65", "cameras"),
        ("sim:day?camera=roof", "Cameras: gate, yard, fence, dock"),
        ("sim:day?camera=gate-2", "Cameras"),  # a site of four has no second gate
        ("sim:day?speed=2", "Known"),
        ("sim:day?seed=1&seed=2", "twice"),
        ("sim:day?" + "x" * 500, "begins with"),
    ],
)
def test_parse_refuses(text: str, says: str) -> None:
    with pytest.raises(SimulatorAddressError, match=says):
        parse_address(text)


@given(st.text(max_size=60))
def test_parse_refuses_anything_else_cleanly(text: str) -> None:
    try:
        parse_address("sim:day?" + text)
    except SimulatorAddressError:
        return
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789=&-")


def test_document_and_site_agree() -> None:
    document = site_document("day", 7)
    site = SimulatedSite("day", 7)
    described = document["sites"][0]
    assert [camera["camera_id"] for camera in described["cameras"]] == list(site.cameras)
    for camera in described["cameras"]:
        address = parse_address(camera["stream"])
        assert address == SimulatorAddress(scene="day", seed=7, camera_id=camera["camera_id"])
    for zone in described["zones"]:
        (camera_id,) = zone["camera_ids"]
        (known,) = (z for z in site.zones(camera_id) if z.zone_id == zone["zone_id"])
        points = zone["polygons"][camera_id]
        assert [tuple(point) for point in points] == list(known.polygon)
        assert all(0 <= part <= 1 for point in points for part in point)
        assert zone["dedupe_window_sec"] == zone["suppression_window_sec"] == 0
        assert "labels" not in zone


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_document_is_yaml(scene: str) -> None:
    document = site_document(scene, 2, dedupe_window_sec=60)
    assert yaml.safe_load(yaml.safe_dump(document)) == document
    names = {receiver["name"] for receiver in document["receivers"]}
    assert document["route"]["receiver"] in names
    ids = [zone["zone_id"] for zone in document["sites"][0]["zones"]]
    assert len(set(ids)) == len(ids)


def test_document_takes_labels() -> None:
    zones = site_document("day", 1, labels=("person",))["sites"][0]["zones"]
    assert all(zone["labels"] == ["person"] for zone in zones)
    with pytest.raises(UnknownSceneError, match="'noon'"):
        site_document("noon")
