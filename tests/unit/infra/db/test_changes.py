"""What a new revision changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from infra.db.changes import Change, assignments, changed_assignments, compare
from schemas.document import Camera, Device, Polling, Site


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [Change(path="a", before=1, after=2)]),
        ({}, {"a": None}, [Change(path="a", after=None)]),  # null is a value, absence is none
        ({"a": 1}, {}, [Change(path="a", before=1)]),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, [Change(path="a.b", before=[1], after=[2])]),
        # entries are matched by id: one added on top is one change, and order alone is none
        (
            {"cameras": [{"camera_id": "gate", "name": "Gate"}]},
            {"cameras": [{"camera_id": "fence"}, {"camera_id": "gate", "name": "Main gate"}]},
            [
                Change(path="cameras[fence]", after={"camera_id": "fence"}),
                Change(path="cameras[gate].name", before="Gate", after="Main gate"),
            ],
        ),
        (
            {"zones": [{"zone_id": "a"}, {"zone_id": "b"}]},
            {"zones": [{"zone_id": "b"}]},
            [Change(path="zones[a]", before={"zone_id": "a"})],
        ),
        ([{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}], []),
        # the same id twice identifies nothing
        (
            [{"name": "a"}, {"name": "a"}],
            [{"name": "a"}],
            [Change(path="", before=[{"name": "a"}, {"name": "a"}], after=[{"name": "a"}])],
        ),
        ({"a": 1}, [1], [Change(path="", before={"a": 1}, after=[1])]),
    ],
)
def test_compare(before: Any, after: Any, expected: list[Change]) -> None:
    assert list(compare(before, after)) == expected


def test_a_change_says_which_side_is_absent() -> None:
    (change,) = compare({}, {"a": 1})
    assert change.before is UNSET
    assert change.after == 1


def site(*cameras: Camera, enabled: bool = True) -> Site:
    return Site(site_id="north", cameras=cameras, enabled=enabled)


GATE = Camera(camera_id="gate", stream="rtsp://gate/1", detect_fps=2.0, credentials="gate-login")
FENCE = Camera(camera_id="fence", stream="rtsp://fence/1")
SILENT = Camera(camera_id="silent")  # listed, and not ours to capture


def test_assignments_are_of_cameras_with_a_stream() -> None:
    made = assignments(site(GATE, SILENT))
    assert set(made) == {"north/gate"}
    gate = made["north/gate"]
    assert (gate.site_id, gate.device_id, gate.kind) == ("north", "gate", "camera")
    assert (gate.source, gate.credentials, gate.detect_fps) == ("rtsp://gate/1", "gate-login", 2.0)
    assert assignments(None) == {}
    assert assignments(site(GATE, enabled=False)) == {}


def test_a_camera_with_an_address_and_a_driver_is_polled_as_well() -> None:
    both = Camera(camera_id="both", stream="rtsp://a/1", address="10.0.0.9:80", driver="onvif")
    only = Camera(camera_id="only", address="10.0.0.8:80", driver="onvif", credentials="login")
    made = assignments(site(both, only, Camera(camera_id="half", address="10.0.0.7")))
    assert set(made) == {"north/both", "north/only"}
    one = made["north/both"]
    assert (one.kind, one.source, one.address, one.driver) == (
        "camera",
        "rtsp://a/1",
        "10.0.0.9:80",
        "onvif",
    )
    other = made["north/only"]
    assert (other.source, other.address, other.credentials) == (None, "10.0.0.8:80", "login")


NVR = Device(
    device_id="nvr-1", kind="nvr", address="10.0.0.2:80", driver="isapi", credentials="nvr-login"
)


def test_assignments_say_how_a_site_s_devices_are_asked() -> None:
    (one,) = assignments(watched(NVR)).values()
    assert (one.ca_file, one.normal_s, one.optional) == (None, 240.0, True)
    slow = Site(
        site_id="north",
        devices=(replace(NVR, ca_file="lab.pem"),),
        polling=Polling(normal=timedelta(minutes=10), optional=False),
    )
    (one,) = assignments(slow).values()
    assert (one.ca_file, one.normal_s, one.optional) == ("lab.pem", 600.0, False)


def watched(*devices: Device, enabled: bool = True) -> Site:
    return Site(site_id="north", devices=devices, enabled=enabled)


def test_assignments_are_of_devices_with_an_address_and_a_driver() -> None:
    passive = Device(device_id="dock", kind="camera", address="10.0.0.3:80", parent="nvr-1")
    nowhere = Device(device_id="bell", kind="camera", driver="tcp")
    made = assignments(watched(NVR, passive, nowhere))
    assert set(made) == {"north/nvr-1"}
    nvr = made["north/nvr-1"]
    assert (nvr.kind, nvr.address, nvr.driver) == ("nvr", "10.0.0.2:80", "isapi")
    assert (nvr.credentials, nvr.source) == ("nvr-login", None)
    assert assignments(watched(NVR, enabled=False)) == {}
    assert [key for key, made in changed_assignments(watched(NVR), None, 7) if made is None] == [
        "north/nvr-1"
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, site(GATE, FENCE), {"north/gate": "7", "north/fence": "7"}),
        (site(GATE), site(GATE, FENCE), {"north/fence": "7"}),  # the gate keeps its stream
        (site(GATE, FENCE), site(FENCE), {"north/gate": None}),
        (site(GATE), site(Camera(camera_id="gate")), {"north/gate": None}),  # its stream is gone
        (site(GATE), site(GATE, enabled=False), {"north/gate": None}),
        (site(GATE), None, {"north/gate": None}),
        (site(GATE), site(GATE), {}),
    ],
)
def test_changed_assignments(
    before: Site | None, after: Site | None, expected: dict[str, str | None]
) -> None:
    found = {
        key: None if made is None else made.revision
        for key, made in changed_assignments(before, after, 7)
    }
    assert found == expected
