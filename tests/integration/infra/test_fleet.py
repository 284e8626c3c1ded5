"""The simulated fleet as its user has it: the command, the script, discovery, streams."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.fleet.answers import SimDevice
from infra.fleet.discovery import Discovery, matches, urn_of
from infra.fleet.running import Plan
from infra.fleet.script import Now, read_script
from infra.fleet.serving import Fleet
from schemas.document_reader import read

PROBE = (
    '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
    'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header>'
    "<w:MessageID>uuid:one&amp;only</w:MessageID></e:Header><e:Body><d:Probe>"
    "<d:Types>{}</d:Types></d:Probe></e:Body></e:Envelope>"
)
DEVICES = [SimDevice(device_id=f"onvif-{n}", kind="onvif", port=8000 + n) for n in range(3)]


@asynccontextmanager
async def command(*options: str) -> AsyncIterator[dict[str, Any]]:
    """The command while it runs, and what it lists; it is to end well with Ctrl-C."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "infra.cli",
        "simulate",
        "fleet",
        "--json",
        "--discovery-port",
        "0",
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
        yield json.loads(line)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            _, said = await process.communicate()
    assert (process.returncode, said.decode()) == (0, "")


async def test_the_command_lists_devices_that_answer(tmp_path: Path) -> None:
    script = tmp_path / "faults.yaml"
    script.write_text("[{at: 0, device: isapi-001, fault: wrong-auth}]")
    async with command(
        "--devices", "3", "--recorders", "1", "--channels", "2", "--script", str(script)
    ) as found:
        devices = {one["device"]: one for one in found["devices"]}
        assert list(devices) == ["isapi-001", "dahua-002", "onvif-003", "isapi-nvr-001"]
        assert devices["isapi-nvr-001"]["channels"] == 2
        auth = httpx.DigestAuth(found["username"], found["password"])
        async with httpx.AsyncClient(auth=auth, trust_env=False) as client:
            nvr = await client.get(
                devices["isapi-nvr-001"]["address"]
                + "/ISAPI/ContentMgmt/InputProxy/channels/status"
            )
            locked = await client.get(devices["isapi-001"]["address"] + "/ISAPI/System/status")
            intelbras = await client.get(
                devices["dahua-002"]["address"] + "/cgi-bin/magicBox.cgi?action=getSystemInfo"
            )
        assert (nvr.status_code, nvr.text.count("<online>true</online>")) == (200, 2)
        assert locked.status_code == 401
        assert "deviceType=" in intelbras.text


async def test_the_fleet_writes_the_document_that_has_it(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    async with command("--devices", "2", "--recorders", "1", "--site", str(file)) as found:
        document = read(file.read_text(), file=str(file))
    devices = document.sites[0].devices
    assert [(one.device_id, one.kind, one.driver) for one in devices] == [
        ("isapi-001", "camera", "isapi"),
        ("dahua-002", "camera", "dahua"),
        ("isapi-nvr-001", "nvr", "isapi"),
    ]
    assert [one.address for one in devices] == [one["address"] for one in found["devices"]]
    assert {one.credentials for one in devices} == {"fleet"}
    assert found["password"] not in file.read_text()


async def test_hundreds_answer_in_one_process() -> None:
    async with command("--devices", "600", "--recorders", "0", "--kinds", "dahua") as found:
        assert len(found["devices"]) == 600
        ports = {int(one["address"].rpartition(":")[2]) for one in found["devices"]}
        assert len(ports) == 600
        auth = httpx.BasicAuth(found["username"], found["password"])
        async with httpx.AsyncClient(auth=auth, trust_env=False) as client:
            for one in (found["devices"][0], found["devices"][-1]):
                path = "/cgi-bin/magicBox.cgi?action=getSystemInfo"
                assert (await client.get(one["address"] + path)).status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        ["--kinds", "axis"],
        ["--kinds", ""],
        ["--script", "/no/such/file"],
        ["--devices", "0"],
    ],
)
async def test_wrong_usage_is_named(options: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.cli", "simulate", "fleet", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, said = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert said.startswith(b"watchfloor: simulate fleet")


async def test_faults_come_and_go_by_the_clock() -> None:
    at = 0.0
    script = read_script("[{at: 10, device: one, fault: down, for: 10}]", ["one"])
    fleet = Fleet(script, now=lambda: datetime.now(UTC), elapsed=lambda: at)
    device = await fleet.add("one", "dahua")
    url = f"http://127.0.0.1:{device.port}/cgi-bin/magicBox.cgi?action=getSystemInfo"
    auth = httpx.DigestAuth(device.username, device.password)
    try:
        async with httpx.AsyncClient(auth=auth, trust_env=False) as client:
            assert (await client.get(url)).status_code == 200
        at = 10.0
        async with httpx.AsyncClient(auth=auth, trust_env=False) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(url)
        at = 20.0
        async with httpx.AsyncClient(auth=auth, trust_env=False) as client:
            assert (await client.get(url)).status_code == 200
            # A kept connection: its second question has the digest at once.
            assert (await client.get(url)).status_code == 200
    finally:
        await fleet.close()


async def test_a_digest_for_another_path_or_password_is_refused() -> None:
    fleet = Fleet(now=lambda: datetime.now(UTC), elapsed=lambda: 0.0)
    device = await fleet.add("one", "isapi")
    url = f"http://127.0.0.1:{device.port}/ISAPI/System/status"
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            wrong = await client.get(url, auth=httpx.DigestAuth(device.username, "other"))
            right = await client.get(url, auth=httpx.DigestAuth(device.username, device.password))
            stolen = right.request.headers["authorization"]
            again = await client.get(url + "?x=1", headers={"authorization": stolen})
        assert [one.status_code for one in (wrong, right, again)] == [401, 200, 401]
    finally:
        await fleet.close()


def test_discovery_answers_each_device_once() -> None:
    found = matches(PROBE.format("dn:NetworkVideoTransmitter").encode(), DEVICES)
    assert len(found) == 3
    for device, answer in zip(DEVICES, found, strict=True):
        text = answer.decode()
        assert urn_of(device) in text
        assert f"http://127.0.0.1:{device.port}/onvif/device_service" in text
        # What relates an answer to its question comes back as it was, escaped.
        assert "<a:RelatesTo>uuid:one&amp;only</a:RelatesTo>" in text
    assert len(matches(PROBE.format("").encode(), DEVICES)) == 3
    assert len({urn_of(one) for one in DEVICES}) == 3


@pytest.mark.parametrize(
    "asked",
    [
        b"",
        b"garbage",
        b"<a/>",
        PROBE.format("dn:Printer").encode(),
        PROBE.format("").replace("Probe", "Resolve").encode(),
        PROBE.format("").replace("uuid:one&amp;only", "").encode(),
        b'<!DOCTYPE a [<!ENTITY x "y">]>' + PROBE.format("&x;").encode(),
        PROBE.format(" " * 9000).encode(),
    ],
)
def test_discovery_ignores_what_is_no_probe(asked: bytes) -> None:
    assert matches(asked, DEVICES) == []


async def test_discovery_over_udp() -> None:
    found = Discovery(lambda: DEVICES, lambda _: Now())
    await found.start(0)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        try:
            await loop.sock_sendto(sock, b"garbage", ("127.0.0.1", found.port))
            await loop.sock_sendto(sock, PROBE.format("").encode(), ("127.0.0.1", found.port))
            async with asyncio.timeout(20):
                answers = [await loop.sock_recv(sock, 65_535) for _ in DEVICES]
        finally:
            found.close()
    assert {b"8000" in one or b"8001" in one or b"8002" in one for one in answers} == {True}
    assert len(set(answers)) == 3


BINDINGS = "*/girepository-1.0/GstRtspServer*"


@pytest.mark.skipif(
    not any(Path("/usr/lib").glob(BINDINGS)), reason="GStreamer's RTSP server is not installed"
)
async def test_streams_are_a_librarys() -> None:
    async with command("--devices", "2", "--recorders", "0", "--rtsp") as found:
        stream = found["devices"][1]["stream"]
        host, _, path = stream.removeprefix("rtsp://").partition("/")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(host.rpartition(":")[2]))
        writer.write(f"DESCRIBE rtsp://{host}/{path} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
        async with asyncio.timeout(20):
            refused = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert refused.startswith(b"RTSP/1.0 401 ")
        assert b"basic" in refused.lower()


def test_recorders_are_of_kinds_that_have_them() -> None:
    plan = Plan(kinds=("onvif",), cameras=1, recorders=2, channels=4)
    assert plan.names() == [("onvif-001", "onvif", 0)]
    mixed = Plan(kinds=("onvif", "dahua"), cameras=2, recorders=2, channels=4)
    assert [kind for _, kind, _ in mixed.names()] == ["onvif", "dahua", "dahua", "dahua"]
