"""Which addresses are asked, and what a device's streams are taken for."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from agents.watch.drivers.base import DriverError, Fault
from infra.errors import SettingsError
from infra.onboard.places import Networks, spot_of
from infra.onboard.scan import subnet_of
from infra.onboard.streams import own_stream
from infra.settings import Settings
from schemas.reading.secrets import source_problem

PRIVATE = Networks.of(Settings().device_networks)
HOME = Networks.of(["127.0.0.0/8", "0.0.0.0/0"])


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("10.1.2.3", True),
        ("172.31.255.255", True),
        ("172.32.0.0", False),
        ("192.168.0.1", True),
        ("fd00::1", True),
        ("127.0.0.1", False),
        ("8.8.8.8", False),
        ("169.254.169.254", False),
        # Azure's and AWS' doors, inside of what is private otherwise.
        ("fd00:ec2::254", False),
        ("::ffff:10.1.2.3", False),
        ("::1", False),
        ("nothing", False),
    ],
)
def test_private_networks_alone_unless_others_are_named(address: str, allowed: bool) -> None:
    assert PRIVATE.allow(address) is allowed


@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "224.0.0.1", "0.0.0.0"])
def test_some_are_asked_by_no_setting(address: str) -> None:
    assert not HOME.allow(address)


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1/onvif/device_service?x=1", "http://127.0.0.1:80"),
        # A name is resolved once, and then asked by its number; under TLS the name holds it.
        ("localhost:81", "http://127.0.0.1:81"),
        ("https://localhost", "https://localhost:443"),
    ],
)
async def test_where_a_device_is_asked(address: str, asked: str) -> None:
    assert (await spot_of(address, HOME)).asked == asked


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("10.0.0.1", Fault.FORBIDDEN),
        ("localhost", Fault.FORBIDDEN),
        ("169.254.169.254", Fault.FORBIDDEN),
        ("rtsp://127.0.0.1/a", Fault.ADDRESS),
        ("http://admin:hunter2@127.0.0.1/", Fault.ADDRESS),
        ("http://", Fault.ADDRESS),
        ("no such host.example", Fault.ADDRESS),
    ],
)
async def test_where_none_is_asked(address: str, fault: Fault) -> None:
    with pytest.raises(DriverError) as caught:
        await spot_of(address, Networks.of(["192.168.0.0/16", "127.0.0.2/32"]))
    assert caught.value.fault is fault
    assert "hunter2" not in str(caught.value)


def test_a_subnet_is_bounded_and_allowed() -> None:
    assert subnet_of("10.0.1.7/22", PRIVATE) == IPv4Network("10.0.0.0/22")
    for wrong, said in (
        ("10.0.0.0/21", "2048 addresses"),
        ("8.8.8.0/24", "may not be asked"),
        ("127.0.0.0/24", "may not be asked"),
        ("172.16.0.0/11", "addresses"),
        ("fd00::/120", "no IPv4 network"),
        ("all of it", "no IPv4 network"),
    ):
        with pytest.raises(SettingsError) as caught:
            subnet_of(wrong, PRIVATE)
        assert said in caught.value.message
        assert caught.value.hint


@pytest.mark.parametrize(
    ("named", "url"),
    [
        ("rtsp://10.0.0.9:554/live/main", "rtsp://gate/live/main"),
        ("rtsp://10.0.0.9:8554/live", "rtsp://gate:8554/live"),
        ("rtsps://10.0.0.9/live", "rtsps://gate/live"),
        # Somebody else's address becomes its own; a log-in is left out.
        ("rtsp://169.254.169.254/live", "rtsp://gate/live"),
        ("rtsp://admin:hunter2@10.0.0.9/live", "rtsp://gate/live"),
        ("rtsp://10.0.0.9/a?user=admin&password=hunter2&channel=1", "rtsp://gate/a?channel=1"),
        ("rtsp://10.0.0.9/cam/realmonitor?channel=1&subtype=0&unicast=true&proto=Onvif",
         "rtsp://gate/cam/realmonitor?channel=1&subtype=0&unicast=true&proto=Onvif"),
    ],
)  # fmt: skip
def test_a_stream_is_at_the_devices_own_host(named: str, url: str) -> None:
    assert own_stream(named, "gate") == url
    assert source_problem(url) is None
    assert own_stream(named, "fd00::9").partition("/")[2].startswith("/[fd00::9]")


@pytest.mark.parametrize(
    "named",
    [
        "",
        "http://10.0.0.9/video",
        "file:///etc/passwd",
        "rtsp://",
        "rtsp://10.0.0.9:99999/a",
        "rtsp://10.0.0.9/" + "a" * 2000,
        "rtsp://10.0.0.9/a b",
        "rtsp://10.0.0.9/a\x00",
        "concat:rtsp://10.0.0.9/a|file:///etc/passwd",
    ],
)
def test_what_is_no_stream_is_none(named: str) -> None:
    with pytest.raises(DriverError) as caught:
        own_stream(named, "gate")
    assert caught.value.fault in (Fault.NO_STREAM, Fault.GARBAGE)
