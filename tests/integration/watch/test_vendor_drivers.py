"""The vendors' drivers against the simulated fleet, well and hostile.

The fleet is our own, written apart from the drivers: that they agree proves no more than that.
"""

from __future__ import annotations

import asyncio
import resource
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agents.watch.drivers.base import Driver, Fault, Limits, Outcome, Target
from agents.watch.drivers.dahua import Dahua, DahuaChannels
from agents.watch.drivers.isapi import Isapi, IsapiChannels
from agents.watch.drivers.onvif import Onvif
from infra.fleet.serving import Fleet
from tests.integration.watch.vendors import NOON, answering, at, device, failure, now, target

DRIVERS: dict[str, Driver] = {"isapi": Isapi(now), "dahua": Dahua(), "onvif": Onvif(now)}
KINDS = sorted(DRIVERS)


async def outcome(
    driver: Driver, kind: str, script: str = "", *, channels: int = 0
) -> tuple[Outcome, int]:
    async with device(kind, script, channels=channels) as (fleet, one):
        return await driver.poll(target(one), Limits()), fleet.asked["one"]


async def test_isapi_tells_what_a_recorder_is() -> None:
    found, asked = await outcome(Isapi(now), "isapi", channels=3)
    assert found.ok
    assert found.error is None
    assert found.latency_ms is not None
    assert found.facts == {
        "model": "DS-7732NI-K4",
        "firmware": "V4.31.102",
        "uptime_s": 86400,
        "clock_offset_s": 0.0,
    }
    # One refusal, which is where the digest's number comes from, then two answers.
    assert asked == 3


async def test_isapi_tells_of_channels_disks_and_recordings() -> None:
    found, _ = await outcome(IsapiChannels(), "isapi", channels=3)
    assert found.facts == {
        "channels": 3,
        "channels_online": 3,
        "disks": 1,
        "disks_failed": 0,
        "disk_free_mib": 1907723,
        "missing_recording": False,
        "recording_asked": 3,
        "asked_channels": "1,2,3",
    }


@pytest.mark.parametrize(("kind", "driver"), [("isapi", IsapiChannels()), ("dahua", Dahua())])
async def test_a_digests_number_may_be_good_for_one_request(kind: str, driver: Driver) -> None:
    fleet = Fleet(now=now, elapsed=lambda: 1.0, one_time=True)
    try:
        one = await fleet.add("one", kind, channels=3)
        assert (await driver.poll(target(one), Limits())).ok
    finally:
        await fleet.close()


FAULTS = """
- {at: 0, device: one, fault: channel-lost, channel: 2}
- {at: 0, device: one, fault: disk-failed}
- {at: 0, device: one, fault: disk-full}
- {at: 0, device: one, fault: recording-gap, channel: 3}
"""


UNWELL = {
    "channels": 3,
    "channels_online": 2,
    "channels_lost": "2",
    "disks": 1,
    "disks_failed": 1,
    "disk_free_mib": 0,
    "missing_recording": True,
    "missing_channels": "3",
}
"""What both vendors' recorders say with FAULTS."""


async def test_isapi_tells_what_is_wrong() -> None:
    found, _ = await outcome(IsapiChannels(), "isapi", FAULTS, channels=3)
    assert not found.ok
    assert found.error == "unwell: channels lost: 2; disks failed: 1; channels not recorded: 3"
    assert found.facts == {**UNWELL, "recording_asked": 3, "asked_channels": "1,2,3"}


async def test_dahua_tells_what_is_wrong() -> None:
    main, _ = await outcome(Dahua(), "dahua", FAULTS, channels=3)
    assert main.facts == {"model": "DHI-NVR5216-16P", "firmware": "4.001.0000000.1"}
    found, _ = await outcome(DahuaChannels(), "dahua", FAULTS, channels=3)
    assert not found.ok
    assert found.error == "unwell: channels lost: 2; disks failed: 1; channels not recorded: 3"
    assert found.facts == UNWELL
    well, _ = await outcome(DahuaChannels(), "dahua", channels=3)
    assert well.facts["disk_free_mib"] == int(2e12) >> 20
    assert well.facts["missing_recording"] is False
    assert (well.ok, well.error) == (True, None)


@pytest.mark.parametrize(
    ("kind", "driver"), [("isapi", IsapiChannels()), ("dahua", DahuaChannels())]
)
async def test_a_camera_has_no_channels(kind: str, driver: Driver) -> None:
    found, _ = await outcome(driver, kind)
    assert found.facts.keys() == {"disks", "disks_failed", "disk_free_mib"}


async def test_onvif_logs_in_by_the_devices_own_clock() -> None:
    # An hour ahead: the fleet refuses a token that is more than 5 s from its clock.
    script = "[{at: 0, device: one, fault: wrong-clock, seconds: 3600}]"
    found, _ = await outcome(Onvif(now), "onvif", script)
    assert found.facts == {
        "clock_offset_s": 3600.0,
        "manufacturer": "Simulated",
        "model": "SIM-4",
        "firmware": "1.2.3",
    }


async def test_isapi_tells_a_wrong_clock_across_time_zones() -> None:
    script = "[{at: 0, device: one, fault: wrong-clock, seconds: -90}]"
    found, _ = await outcome(Isapi(now), "isapi", script)
    assert found.facts["clock_offset_s"] == -90.0


async def test_onvif_without_credentials_asks_the_time_alone() -> None:
    async with device("onvif") as (fleet, one):
        found = await Onvif(now).poll(target(one, username=None, password=None), Limits())
        assert found.facts == {"clock_offset_s": 0.0}
        assert fleet.asked == {"one": 1}


async def test_onvif_is_not_well_again_because_nobody_logs_in_any_more() -> None:
    async with device("onvif") as (fleet, one):
        held = target(one, username=None, password=None, withheld=True)
        error = await failure(Onvif(now), held)
        assert error.fault is Fault.CREDENTIALS
        assert fleet.asked == {"one": 1}


@pytest.mark.parametrize("kind", ["isapi", "dahua"])
async def test_credentials_that_are_missing_are_named(kind: str) -> None:
    async with device(kind) as (fleet, one):
        error = await failure(DRIVERS[kind], target(one, username=None, password=None))
        assert error.fault is Fault.CREDENTIALS
        assert fleet.asked == {"one": 1}


@pytest.mark.parametrize("kind", KINDS)
async def test_wrong_credentials_are_offered_once(kind: str) -> None:
    async with device(kind) as (fleet, one):
        error = await failure(DRIVERS[kind], target(one, password="hunter2-secret"))
        assert error.fault is Fault.CREDENTIALS
        assert "hunter2-secret" not in str(error)
        # The question that learns how to log in, and one try.
        assert fleet.asked == {"one": 2}


HOSTILE = [
    ("down", Fault.REFUSED),
    ("garbage", Fault.GARBAGE),
    ("nonsense", Fault.GARBAGE),
    ("huge", Fault.TOO_LARGE),
    ("redirect", Fault.REDIRECT),
    ("wrong-auth", Fault.CREDENTIALS),
    ("slow", Fault.TIMEOUT),
    ("drip", Fault.TIMEOUT),
]


@pytest.mark.parametrize(("fault", "name"), HOSTILE)
@pytest.mark.parametrize("kind", KINDS)
async def test_hostile_answers_are_named_failures(kind: str, fault: str, name: Fault) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with device(kind, f"[{{at: 0, device: one, fault: {fault}}}]") as (_, one):
        error = await failure(DRIVERS[kind], target(one), Limits(step_s=0.5))
    assert error.fault is name
    assert "169.254" not in str(error)
    # The fleet is in this process: 200 MB that were read would be here.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


@pytest.mark.parametrize("kind", ["isapi", "onvif"])
async def test_xml_that_expands_is_hostile(kind: str) -> None:
    async with device(kind, "[{at: 0, device: one, fault: xml-bomb}]") as (_, one):
        assert (await failure(DRIVERS[kind], target(one))).fault is Fault.HOSTILE


async def test_a_whole_poll_has_its_time() -> None:
    # Each answer is within a step's limit, all of them are not within the poll's.
    async with device("isapi", "[{at: 0, device: one, fault: slow, seconds: 0.3}]") as (_, one):
        error = await failure(Isapi(now), target(one, timeout_s=0.7), Limits(step_s=30))
    assert error.fault is Fault.TIMEOUT
    assert error.latency_ms is not None


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        # A refusal whose body never ends: nobody may read it to the end.
        (
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 9999999999\r\n"
            b"\r\n" + b"x" * 100_000,
            Fault.CREDENTIALS,
        ),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", Fault.CREDENTIALS),
        (
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm\r\nContent-Length: 0\r\n\r\n",
            Fault.GARBAGE,
        ),
        (
            b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="x", nonce="y", algorithm=NONE\r\n'
            b"Content-Length: 0\r\n\r\n",
            Fault.GARBAGE,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx", Fault.GARBAGE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999999\r\n\r\n", Fault.GARBAGE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n", Fault.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000, Fault.GARBAGE),
        (b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n", Fault.STATUS),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut", Fault.GARBAGE),
        (b"", Fault.REFUSED),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_raw_answers(kind: str, raw: bytes, name: Fault) -> None:
    async with answering(lambda _, writer: writer.write(raw)) as port:
        error = await failure(DRIVERS[kind], at(port))
    assert error.fault is name, str(error)
    assert "hunter2-secret" not in str(error)


def certified(folder: Path, name: x509.GeneralName) -> tuple[ssl.SSLContext, str]:
    """A server's side with a certificate of its own making for a name, and that as a PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "device")])
    made = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made - timedelta(hours=1))
        .not_valid_after(made + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "cert.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, str(public)


BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("name", "believed", "fault"),
    [
        # 503: it was asked, so that its certificate was believed.
        (x509.IPAddress(ip_address("127.0.0.1")), True, Fault.STATUS),
        (x509.IPAddress(ip_address("127.0.0.1")), False, Fault.CERTIFICATE),
        (x509.DNSName("other.example"), True, Fault.CERTIFICATE),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_certificates(
    kind: str, name: x509.GeneralName, believed: bool, fault: Fault, tmp_path: Path
) -> None:
    context, pem = certified(tmp_path, name)
    asked = []

    def busy(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        writer.write(BUSY)

    async with answering(busy, context) as port:
        given = replace(
            at(port), address=f"https://127.0.0.1:{port}", ca_file=pem if believed else None
        )
        error = await failure(DRIVERS[kind], given)
    assert error.fault is fault
    # Nobody's password went to somebody else.
    assert bool(asked) is (fault is Fault.STATUS)


async def test_nobody_listens() -> None:
    async with answering(lambda *_: None) as port:
        pass
    assert (await failure(Isapi(now), at(port))).fault is Fault.REFUSED


@pytest.mark.parametrize("address", ["http://", "ftp://x", "admin:x@192.0.2.1", "", "a b"])
async def test_addresses_that_are_none(address: str) -> None:
    given = Target(site_id="n", device_id="d", kind="camera", address=address)
    assert (await failure(Isapi(now), given)).fault is Fault.ADDRESS


async def test_clouds_credentials_are_not_asked_for() -> None:
    given = Target(site_id="n", device_id="d", kind="camera", address="169.254.169.254")
    assert (await failure(Isapi(now), given)).fault is Fault.FORBIDDEN


def test_a_target_does_not_show_its_password() -> None:
    assert "hunter2" not in repr(at(1))


def test_noon_is_what_it_says() -> None:
    assert (NOON - timedelta(hours=3)).strftime("%A %H:%M") == "Wednesday 12:00"
