"""A device in its site's document: known again, never doubled, and what a person wrote stays."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from infra.onboard.described import Channel, Described, Stream
from infra.onboard.document import (
    IdTakenError,
    camera_of,
    recorder_of,
    secret_of,
    telling,
    with_camera,
    with_recorder,
)
from schemas.base import ID_PATTERN
from schemas.document import Camera, Device, Document, Site, Zone
from schemas.document_reader import dump, examine

GATE = Channel(
    key="source1",
    main=Stream(url="rtsp://10.0.0.9/main", width=1920, height=1080),
    sub=Stream(url="rtsp://10.0.0.9/sub"),
)
CAMERA = Described(manufacturer="Axis", model="P3", serial="ACCC8E012345", channels=(GATE,))
EMPTY = Site(site_id="north")


def channel(number: int, host: str = "10.0.0.2") -> Channel:
    return Channel(
        key=str(number),
        name=f"Camera {number:02d}",
        main=Stream(url=f"rtsp://{host}/Streaming/Channels/{number}01"),
        sub=Stream(url=f"rtsp://{host}/Streaming/Channels/{number}02"),
    )


def recorder(*numbers: int, host: str = "10.0.0.2") -> Described:
    channels = tuple(channel(number, host) for number in numbers)
    return Described(manufacturer="Hikvision", model="DS-77", serial="DS77A12", channels=channels)


def taken(site: Site, found: Described = CAMERA, address: str = "http://10.0.0.9:80") -> Site:
    return with_camera(
        site,
        camera_of(site, found, address, None, None),
        found,
        address=address,
        driver="onvif",
        credentials="device.gate",
        name=None,
    )


def imported(
    site: Site, found: Described, channels: tuple[str, ...] | None = None
) -> tuple[Site, tuple[str, ...]]:
    host = found.channels[0].main.url.split("/")[2]
    address = f"http://{host}:80"
    return with_recorder(
        site,
        recorder_of(site, found, address, None, None),
        found,
        address=address,
        driver="isapi",
        credentials="device.nvr",
        name=None,
        channels=channels,
    )


def valid(site: Site) -> bool:
    return examine(dump(Document(sites=(site,)))).problems == ()


def test_a_new_camera_has_all_of_it() -> None:
    (camera,) = taken(EMPTY).cameras
    assert camera == Camera(
        camera_id="cam-accc8e012345",
        name="Axis P3",
        stream="rtsp://10.0.0.9/main",
        substream="rtsp://10.0.0.9/sub",
        credentials="device.gate",
        address="http://10.0.0.9:80",
        driver="onvif",
        serial="ACCC8E012345",
    )
    assert valid(taken(EMPTY))


def test_twice_changes_nothing() -> None:
    assert taken(taken(EMPTY)) == taken(EMPTY)
    once, _ = imported(EMPTY, recorder(1, 2))
    again, _ = imported(once, recorder(1, 2))
    assert again == once


def test_by_its_serial_number_it_is_known_at_another_address() -> None:
    moved = taken(taken(EMPTY), CAMERA, "http://10.0.0.77:80")
    (camera,) = moved.cameras
    assert (camera.camera_id, camera.address) == ("cam-accc8e012345", "http://10.0.0.77:80")


def test_another_camera_at_the_same_address_takes_the_place() -> None:
    other = replace(CAMERA, serial="ACCC8E999999")
    (camera,) = taken(taken(EMPTY), other).cameras
    assert (camera.camera_id, camera.serial) == ("cam-accc8e012345", "ACCC8E999999")


@pytest.mark.parametrize("serial", [None, "", "12345", "000000000", "123456", "abababab"])
def test_a_serial_number_that_all_have_tells_nothing(serial: str | None) -> None:
    assert not telling(serial)
    found = replace(CAMERA, serial=serial)
    site = taken(EMPTY, found)
    both = taken(site, found, "http://10.0.0.10:80")
    assert [one.address for one in both.cameras] == ["http://10.0.0.9:80", "http://10.0.0.10:80"]
    assert len({one.camera_id for one in both.cameras}) == 2


def test_what_a_person_wrote_of_a_camera_stays() -> None:
    site = taken(EMPTY)
    (camera,) = site.cameras
    edited = replace(
        site,
        cameras=(replace(camera, name="Main gate", detect_fps=2.0, camera_id="gate"),),
        zones=(Zone(zone_id="yard", camera_ids=("gate",)),),
    )
    again = taken(edited)
    assert again == edited


def test_a_camera_that_was_only_watched_is_captured_under_its_id() -> None:
    site = Site(
        site_id="north",
        devices=(
            Device(device_id="nvr", kind="nvr"),
            Device(
                device_id="gate",
                kind="camera",
                name="Main gate",
                address="10.0.0.9",
                driver="onvif",
                parent="nvr",
            ),
        ),
    )
    after = taken(site)
    (camera,) = after.cameras
    assert (camera.camera_id, camera.name, camera.nvr_id) == ("gate", "Main gate", "nvr")
    assert [one.device_id for one in after.devices] == ["nvr"]
    assert valid(after)


def test_an_id_of_something_else_is_refused() -> None:
    site = Site(site_id="north", zones=(Zone(zone_id="yard", camera_ids=("a",)),))
    with pytest.raises(IdTakenError, match="zone"):
        camera_of(site, CAMERA, "http://10.0.0.9:80", "yard", None)
    with pytest.raises(IdTakenError, match="zone"):
        recorder_of(site, CAMERA, "http://10.0.0.9:80", "yard", None)
    assert camera_of(site, CAMERA, "http://10.0.0.9:80", "gate", None) == "gate"
    # One that is made up gets out of the way.
    assert camera_of(site, CAMERA, "http://10.0.0.9:80", None, "Yard") == "yard-2"


def test_a_recorders_channels_are_cameras_with_ids_of_their_channels() -> None:
    site, ids = imported(EMPTY, recorder(1, 2, 11))
    assert ids == ("nvr-ds77a12-ch01", "nvr-ds77a12-ch02", "nvr-ds77a12-ch11")
    assert [one.name for one in site.cameras] == ["Camera 01", "Camera 02", "Camera 11"]
    assert {one.nvr_id for one in site.cameras} == {"nvr-ds77a12"}
    (device,) = site.devices
    assert (device.kind, device.driver, device.credentials) == ("nvr", "isapi", "device.nvr")
    # What a recorder's camera is asked by is the recorder.
    assert {one.address for one in site.cameras} == {None}
    assert valid(site)


def test_imported_again_it_keeps_what_was_renamed_and_what_is_gone() -> None:
    site, _ = imported(EMPTY, recorder(1, 2))
    first, second = site.cameras
    edited = replace(site, cameras=(replace(first, camera_id="gate", name="Main gate"), second))
    moved, ids = imported(edited, recorder(1, 3, host="10.0.0.3"))
    assert ids == ("gate", "nvr-ds77a12-ch03")
    assert [(one.camera_id, one.name) for one in moved.cameras] == [
        ("gate", "Main gate"),
        ("nvr-ds77a12-ch02", "Camera 02"),
        ("nvr-ds77a12-ch03", "Camera 03"),
    ]
    assert moved.cameras[0].stream == "rtsp://10.0.0.3/Streaming/Channels/101"
    assert len(moved.devices) == 1


def test_only_the_channels_that_were_asked_for() -> None:
    _, ids = imported(EMPTY, recorder(1, 2, 3), channels=("3", "1"))
    assert ids == ("nvr-ds77a12-ch01", "nvr-ds77a12-ch03")


def test_a_channels_id_that_something_else_has_is_refused() -> None:
    site = Site(site_id="north", cameras=(Camera(camera_id="nvr-ds77a12-ch01"),))
    with pytest.raises(IdTakenError, match="camera"):
        imported(site, recorder(1))


@example(["1", "01", "ch01", "CH01", "", "\u0661"], False)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=6, unique=True), st.booleans())
def test_ids_of_channels_are_valid_distinct_and_the_same_again(keys: list[str], long: bool) -> None:
    device = "n" * 63 if long else "nvr"
    found = Described(
        channels=tuple(
            Channel(key=key, main=Stream(url=f"rtsp://10.0.0.2/{n}")) for n, key in enumerate(keys)
        )
    )

    def run(site: Site) -> tuple[Site, tuple[str, ...]]:
        return with_recorder(
            site,
            device,
            found,
            address="http://10.0.0.2:80",
            driver="onvif",
            credentials=None,
            name=None,
            channels=None,
        )

    site, ids = run(EMPTY)
    assert len(set(ids)) == len(keys)
    assert valid(site)
    assert run(site) == (site, ids)


@given(st.from_regex(ID_PATTERN, fullmatch=True))
def test_a_secrets_name_is_one(device: str) -> None:
    import re

    assert re.fullmatch(ID_PATTERN, secret_of(device))
    assert secret_of(device) != device


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_an_id_is_made_of_any_words(serial: str, name: str, host: str) -> None:
    import re

    found = replace(CAMERA, serial=serial)
    made = camera_of(EMPTY, found, f"http://{host}", None, name)
    assert re.fullmatch(ID_PATTERN, made)
