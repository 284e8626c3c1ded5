"""Devices read and tried as they are taken on: the fleet's, hostile ones, a library's stream."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cryptography import x509

from agents.capture.sources.base import Limits as StreamLimits
from agents.watch.drivers.base import Fault, Limits, Target
from infra.errors import MachineError
from infra.fleet.device import SimDevice
from infra.fleet.media import stream_paths
from infra.fleet.rtsp import RtspServer
from infra.fleet.script import read_script
from infra.fleet.serving import Fleet
from infra.onboard.described import Described, OnboardError, Step
from infra.onboard.onvif import read_onvif
from infra.onboard.picture import first_picture
from infra.onboard.recorders import read_recorder
from tests.integration.watch.hostile import Talk, head_of, http, serving
from tests.integration.watch.test_vendor_drivers import certified

USER, PASSWORD = "admin", "hunter2-secret"
PATIENT = Limits(step_s=60.0, body=100_000, answers=32)
QUICK = replace(PATIENT, step_s=0.5)
"""For what never answers; whatever does must not be late on a slow machine."""


@asynccontextmanager
async def device(
    kind: str, script: str = "", **more: Any
) -> AsyncIterator[tuple[Fleet, SimDevice]]:
    fleet = Fleet(read_script(script, ["one"]), now=lambda: datetime.now(UTC), elapsed=lambda: 1.0)
    try:
        yield fleet, await fleet.add("one", kind, username=USER, password=PASSWORD, **more)
    finally:
        await fleet.close()


def target(port: int, password: str = PASSWORD, **more: Any) -> Target:
    return Target(
        site_id="north",
        device_id="new",
        kind="camera",
        address=f"http://127.0.0.1:{port}",
        username=USER,
        password=password,
        **{"timeout_s": 30.0, **more},
    )


async def failure(reading: Any) -> OnboardError:
    with pytest.raises(OnboardError) as caught:
        await reading
    assert PASSWORD not in caught.value.message
    return caught.value


async def test_an_onvif_camera_says_what_it_is_and_streams() -> None:
    async with device("onvif", rtsp_port=8554) as (_, one):
        found = await read_onvif(target(one.port), "127.0.0.1")
    assert (found.manufacturer, found.model, found.firmware) == ("Simulated", "SIM-4", "1.2.3")
    assert found.serial == f"SIM{one.port:08d}"
    (channel,) = found.channels
    assert channel.sub is not None
    assert channel.main.url == "rtsp://127.0.0.1:8554/one/1/main"
    assert (channel.main.codec, channel.main.width, channel.main.height) == ("H264", 1920, 1080)
    assert (channel.sub.url, channel.sub.width) == ("rtsp://127.0.0.1:8554/one/1/sub", 640)


async def test_a_wrong_clock_is_no_hindrance() -> None:
    script = "[{at: 0, device: one, fault: wrong-clock, seconds: -7200}]"
    async with device("onvif", script) as (_, one):
        found = await read_onvif(target(one.port), "127.0.0.1")
    assert found.model == "SIM-4"


async def test_a_device_that_names_another_host_is_asked_at_its_own() -> None:
    async with device("onvif", names_host="169.254.169.254") as (fleet, one):
        found = await read_onvif(target(one.port), "gate.example")
        # The media service's questions came here as well.
        assert fleet.asked == {"one": 6}
    assert found.channels[0].main.url == "rtsp://gate.example/one/1/main"


async def test_an_onvif_recorder_has_a_channel_a_source() -> None:
    async with device("onvif", channels=3) as (_, one):
        found = await read_recorder(target(one.port), "onvif", "10.0.0.2")
    assert [one.key for one in found.channels] == ["source1", "source2", "source3"]
    assert len({one.main.url for one in found.channels}) == 3


async def test_refused_credentials_end_it_at_once() -> None:
    async with device("onvif") as (fleet, one):
        error = await failure(read_onvif(target(one.port, "wrong"), "127.0.0.1"))
        assert (error.step, error.fault) == (Step.INFORMATION, Fault.CREDENTIALS)
        # The time, which anybody may ask, and one log-in.
        assert fleet.asked == {"one": 2}


async def test_a_log_in_that_http_refused_is_offered_once() -> None:
    """Also where the first question, the time, is refused already."""
    offered = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await head_of(reader)
        offered.append("authorization:" in head.lower())
        offer = 'WWW-Authenticate: Digest realm="x", nonce="y", qop="auth"'
        writer.write(http("401 Unauthorized", b"", offer))
        await writer.drain()
        writer.close()

    async with serving(talk) as port:
        error = await failure(read_onvif(target(port), "127.0.0.1"))
    assert (error.step, error.fault) == (Step.INFORMATION, Fault.CREDENTIALS)
    assert offered == [False, True]


async def test_an_open_camera_is_read_without_a_log_in() -> None:
    asked: list[str] = []
    answers = {**WELL, **open_camera("rtsp://10.0.0.9/live")}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await saying(answers, asked)(reader, writer)

    async with serving(talk) as port:
        found = await read_onvif(replace(target(port), username=None, password=None), "gate")
    assert found.channels[0].main.url == "rtsp://gate/live"
    assert len(asked) == 5
    assert not any("UsernameToken" in body for body in asked)


def test_the_library_leaves_the_log_as_it_was() -> None:
    from infra.onboard.onvif import _library

    before = list(logging.getLogger().handlers)
    assert _library().ONVIFService
    assert logging.getLogger().handlers == before


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ("garbage", {Fault.GARBAGE}),
        ("nonsense", {Fault.GARBAGE}),
        ("xml-bomb", {Fault.HOSTILE}),
        ("redirect", {Fault.REDIRECT}),
        ("huge", {Fault.TOO_LARGE}),
        ("drip", {Fault.TIMEOUT}),
        ("slow", {Fault.TIMEOUT}),
        ("down", {Fault.REFUSED}),
        ("wrong-auth", {Fault.CREDENTIALS}),
    ],
)
async def test_each_way_to_fail_has_its_name(fault: str, named: set[Fault]) -> None:
    async with device("onvif", f"[{{at: 0, device: one, fault: {fault}}}]") as (_, one):
        limits = QUICK if fault in ("drip", "slow") else PATIENT
        error = await failure(read_onvif(target(one.port, timeout_s=90.0), "127.0.0.1", limits))
        assert error.fault in named


async def test_a_certificate_of_somebody_else_is_named_before_a_log_in_is_sent(
    tmp_path: Path,
) -> None:
    context, _ = certified(tmp_path, x509.DNSName("somebody.else"))
    asked: list[str] = []
    async with serving(saying(WELL, asked), context) as port:
        there = replace(target(port), address=f"https://127.0.0.1:{port}")
        error = await failure(read_onvif(there, "127.0.0.1"))
    assert (error.step, error.fault, asked) == (Step.INFORMATION, Fault.CERTIFICATE, [])


async def test_nobody_there_is_named() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        error = await failure(read_onvif(target(sock.getsockname()[1]), "127.0.0.1"))
    assert error.fault is Fault.REFUSED


DATE = (
    "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP"
    "</tt:DateTimeType></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
)
INFO = "<tds:GetDeviceInformationResponse>{}</tds:GetDeviceInformationResponse>"
PROFILE = '<trt:Profiles token="p" fixed="true"><tt:Name>p</tt:Name>{}</trt:Profiles>'


def soap(body: str, before: str = "") -> bytes:
    return http(
        "200 OK",
        (
            before + '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
            'xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
            f'xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body>{body}</s:Body></s:Envelope>'
        ).encode(),
        "Content-Type: multipart/related; boundary=x",
    )


def saying(answers: dict[str, bytes], asked: list[str] | None = None) -> Talk:
    """Answers by the operation that is asked for. asked: gets the bodies."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await head_of(reader)
        lines = (line.partition(":") for line in head.splitlines())
        length = {name.lower(): value for name, _, value in lines}.get("content-length", "0")
        body = (await reader.readexactly(int(length))).decode()
        if asked is not None:
            asked.append(body)
        name = next((one for one in answers if f":{one}" in body), "")
        writer.write(answers.get(name, soap("")))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return talk


WELL = {
    "GetSystemDateAndTime": soap(DATE),
    "GetDeviceInformation": soap(
        INFO.format(
            "<tds:Manufacturer>M&#10;&#x2028;[31m</tds:Manufacturer><tds:Model>"
            + "x" * 5000
            + "</tds:Model><tds:FirmwareVersion>1</tds:FirmwareVersion>"
            "<tds:SerialNumber>1</tds:SerialNumber><tds:HardwareId>1</tds:HardwareId>"
        )
    ),
}


@pytest.mark.parametrize(
    ("answers", "step", "fault"),
    [
        ({"GetDeviceInformation": soap(DATE)}, Step.INFORMATION, Fault.GARBAGE),
        ({"GetDeviceInformation": soap("<a/>" * 30_000)}, Step.INFORMATION, Fault.TOO_LARGE),
        ({"GetDeviceInformation": soap("<a>" * 60 + "</a>" * 60)}, Step.INFORMATION,
         Fault.TOO_LARGE),
        ({"GetDeviceInformation": soap("", "<!DOCTYPE a []>")},
         Step.INFORMATION, Fault.HOSTILE),
        ({"GetServices": soap("<tds:GetServicesResponse/>"),
          "GetProfiles": soap("<trt:GetProfilesResponse/>")}, Step.PROFILES, Fault.NO_STREAM),
        ({"GetServices": soap("<tds:GetServicesResponse/>"),
          "GetProfiles": soap(f"<trt:GetProfilesResponse>{PROFILE.format('')}"
                              "</trt:GetProfilesResponse>")}, Step.PROFILES, Fault.NO_STREAM),
    ],
)  # fmt: skip
async def test_answers_that_are_none(answers: dict[str, bytes], step: Step, fault: Fault) -> None:
    async with serving(saying({**WELL, **answers})) as port:
        limits = Limits(step_s=60.0, answers=32)
        error = await failure(read_onvif(target(port), "127.0.0.1", limits))
    assert (error.step, error.fault) == (step, fault)


def open_camera(stream: str) -> dict[str, bytes]:
    """The answers of one with a profile whose stream is there."""
    video = (
        '<tt:VideoSourceConfiguration token="v"><tt:Name>v</tt:Name><tt:UseCount>1</tt:UseCount>'
        '<tt:SourceToken>s</tt:SourceToken><tt:Bounds x="0" y="0" width="1" height="1"/>'
        '</tt:VideoSourceConfiguration><tt:VideoEncoderConfiguration token="e"><tt:Name>e</tt:Name>'
        "<tt:UseCount>1</tt:UseCount><tt:Encoding>H264</tt:Encoding><tt:Resolution>"
        "<tt:Width>999999999</tt:Width><tt:Height>-4</tt:Height></tt:Resolution><tt:Quality>5"
        "</tt:Quality></tt:VideoEncoderConfiguration>"
    )
    uri = (
        "<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{}</tt:Uri></trt:MediaUri>"
        "</trt:GetStreamUriResponse>"
    )
    return {
        "GetServices": soap("<tds:GetServicesResponse/>"),
        "GetProfiles": soap(
            f"<trt:GetProfilesResponse>{PROFILE.format(video)}</trt:GetProfilesResponse>"
        ),
        "GetStreamUri": soap(uri.format(stream)),
    }


async def test_a_stream_that_is_no_rtsp_is_none() -> None:
    answers = {**WELL, **open_camera("file:///etc/passwd")}
    async with serving(saying(answers)) as port:
        error = await failure(read_onvif(target(port), "127.0.0.1"))
    assert (error.step, error.fault) == (Step.STREAM, Fault.NO_STREAM)
    answers |= open_camera("rtsp://169.254.169.254:8554/a")
    async with serving(saying(answers)) as port:
        found = await read_onvif(target(port), "gate")
    (channel,) = found.channels
    assert channel.main.url == "rtsp://gate:8554/a"
    assert (channel.main.width, channel.main.height) == (0, 0)
    assert (found.manufacturer, found.model) == ("M [31m", "x" * 120)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("isapi", "rtsp://10.0.0.2:8554/Streaming/Channels/{}01"),
        ("dahua", "rtsp://10.0.0.2:8554/cam/realmonitor?channel={}&subtype=0"),
    ],
)
async def test_a_recorders_channels_have_their_names_and_streams(kind: str, path: str) -> None:
    async with device(kind, channels=12, rtsp_port=8554) as (_, one):
        found = await read_recorder(target(one.port), kind, "10.0.0.2")
    assert found.serial == f"SIM{one.port:08d}"
    assert [one.key for one in found.channels] == [str(n) for n in range(1, 13)]
    assert [one.main.url for one in found.channels] == [path.format(n) for n in range(1, 13)]
    assert found.channels[9].name == "Camera 10"
    assert all(one.sub is not None for one in found.channels)


@pytest.mark.parametrize("kind", ["isapi", "dahua"])
async def test_a_recorder_that_fails_is_named(kind: str) -> None:
    async with device(kind) as (_, one):
        error = await failure(read_recorder(target(one.port), kind, "10.0.0.2"))
        assert (error.step, error.fault) == (Step.CHANNELS, Fault.NO_STREAM)
    async with device(kind, channels=2) as (fleet, one):
        error = await failure(read_recorder(target(one.port, "wrong"), kind, "10.0.0.2"))
        assert (error.step, error.fault) == (Step.INFORMATION, Fault.CREDENTIALS)
        # Asked without a log-in, and once with it.
        assert fleet.asked == {"one": 2}
    for fault, named in (
        ("xml-bomb", {Fault.HOSTILE, Fault.GARBAGE}),
        ("redirect", {Fault.REDIRECT}),
    ):
        script = f"[{{at: 0, device: one, fault: {fault}}}]"
        async with device(kind, script, channels=2) as (_, one):
            error = await failure(read_recorder(target(one.port), kind, "10.0.0.2"))
            assert error.fault in named


@pytest.fixture(scope="module")
def stream() -> Iterator[tuple[str, str]]:
    """A camera's stream by GStreamer's server: its URL, and its path."""
    path = stream_paths(SimDevice(device_id="one", kind="onvif", port=0))[0]
    try:
        server = RtspServer([path], username=USER, password=PASSWORD).__enter__()
    except MachineError as error:
        pytest.skip(error.message)
    try:
        yield f"rtsp://gate.example:{server.port}/{path}", path
    finally:
        server.close()


async def test_the_first_picture_is_a_jpeg_of_the_stream(stream: tuple[str, str]) -> None:
    # The name is nobody's: asked is the address that was checked.
    limits = StreamLimits(connect=timedelta(seconds=30), silence=timedelta(seconds=60))
    found = await first_picture(stream[0], "127.0.0.1", USER, PASSWORD, limits=limits, whole_s=90)
    assert (found.width, found.height) == (320, 240)
    picture = cv2.imdecode(np.frombuffer(found.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (240, 320, 3)


async def test_a_stream_that_refuses_is_named(stream: tuple[str, str]) -> None:
    error = await failure(first_picture(stream[0], "127.0.0.1", USER, "wrong"))
    assert (error.step, error.fault) == (Step.STREAM, Fault.CREDENTIALS)
    other = stream[0].replace(stream[1], "nothing")
    error = await failure(first_picture(other, "127.0.0.1", USER, PASSWORD))
    assert (error.step, error.fault) == (Step.STREAM, Fault.NO_STREAM)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def _nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(b"\x00\xff" * 2000)
    await writer.drain()


async def _elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head_of(reader)
    writer.write(b"RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: rtsp://169.254.169.254/\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    ("talk", "fault"),
    [
        (_silent, Fault.TIMEOUT),
        (_nonsense, Fault.UNREACHABLE),
        (_elsewhere, Fault.UNREACHABLE),
    ],
)
async def test_a_stream_that_is_none_is_named(talk: Talk, fault: Fault) -> None:
    seconds = 0.5 if talk is _silent else 60.0
    limits = StreamLimits(connect=timedelta(seconds=seconds), silence=timedelta(seconds=seconds))
    async with serving(talk) as port:
        error = await failure(
            first_picture(
                f"rtsp://gate:{port}/a", "127.0.0.1", USER, PASSWORD, limits=limits, whole_s=90
            )
        )
    assert (error.step, error.fault) == (Step.STREAM, fault)


async def test_all_of_it_has_a_limit() -> None:
    """Also where each read is within its own."""
    limits = StreamLimits(connect=timedelta(seconds=5), silence=timedelta(seconds=5))
    async with serving(_silent) as port:
        error = await failure(
            first_picture(
                f"rtsp://gate:{port}/a", "127.0.0.1", USER, PASSWORD, limits=limits, whole_s=0.2
            )
        )
    assert (error.fault, error.detail) == (Fault.TIMEOUT, "no picture within 0.2 s")


def test_what_is_read_shows_no_log_in() -> None:
    found = Described(model="x")
    assert PASSWORD not in repr(found) + repr(target(1))
