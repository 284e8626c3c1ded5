"""Drivers against real sockets: what works, and a named failure for all that does not."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.watch.asking import Asking
from agents.watch.drivers.base import DriverError, Limits, Target
from agents.watch.drivers.challenge import answer
from agents.watch.drivers.registry import drivers_of
from schemas.device import Assignment, Probe
from tests.integration.capture.conftest import RtspServer, closed, mute, rtsp
from tests.integration.notify.servers import authority
from tests.integration.watch.hostile import Talk, head_of, http, says, serving

__all__ = ["closed", "mute", "rtsp"]

LIMITS = Limits(step_s=2.0, body=100_000)


async def poll(driver: str, address: str, *, secret: str | None = None, ms: int = 5000) -> Probe:
    """The probe of one poll, as the poller makes it."""

    async def look_up(_name: str, _site: str) -> str:
        assert secret is not None
        return secret

    asking = Asking(look_up, LIMITS, ms / 1000)
    assignment = Assignment(
        site_id="north",
        device_id="nvr-1",
        kind="nvr",
        address=address,
        driver=driver,
        credentials="lab" if secret else None,
    )
    probes = await asking.ask(assignment, drivers_of(driver), datetime.now(UTC), lambda: False)
    assert len(probes) == 1
    return probes[0]


def endless(start: bytes, more: bytes, count: int = 1 << 30) -> Talk:
    """Takes a request and does not come to an end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(start)
        for _ in range(count):
            writer.write(more)
            await writer.drain()

    return talk


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte now and then: no single read ever waits long."""
    await head_of(reader)
    while True:
        writer.write(b"H")
        await writer.drain()
        await asyncio.sleep(0.02)


HUGE = b"x" * 65_536
GARBAGE = bytes(range(256)) * 8 + b"\r\n\r\n"


@pytest.mark.parametrize("driver", ["http", "healthz"])
@pytest.mark.parametrize(
    ("talk", "error"),
    [
        (says(http("200 OK", b"fine")), None),
        (says(http("503 Service Unavailable")), "503"),
        (says(http("404 Not Found")), "bad_status: it answered 404"),
        (says(http("401 Unauthorized", b"", 'WWW-Authenticate: Basic realm="x"')), "bad_cred"),
        (says(http("403 Forbidden")), "bad_credentials: it answered 403"),
        (says(GARBAGE), "garbage: its answer is no HTTP"),
        (says(b""), "garbage: its answer is no HTTP"),
        (says(http("302 Found", b"", "Location: http://169.254.169.254/x")), "redirect: to an"),
        (says(http("302 Found", b"", "Location: http://10.0.0.1/login")), "redirect: to another"),
        (
            says(http("302 Found", b"", "Location: http://a:9999999/")),
            "redirect: to another host",
        ),
        (
            endless(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n", HUGE, 3200),
            "too_large: more than 100000 bytes",
        ),
        (endless(b"HTTP/1.1 200 OK\r\nX: ", HUGE), "garbage: its answer is no HTTP"),
        (
            says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"),
            "garbage: in its answer",
        ),
    ],
)
async def test_http(driver: str, talk: Talk, error: str | None) -> None:
    async with serving(talk) as port:
        probe = await poll(driver, f"http://127.0.0.1:{port}/")
    if error is None:
        assert (probe.ok, probe.error) == (True, None)
        assert probe.latency_ms is not None
    else:
        assert not probe.ok
        assert error in (probe.error or "")


async def test_a_redirect_to_its_own_login_page_is_an_answer() -> None:
    async with serving(says(http("302 Found", b"", "Location: /doc/page/login.asp"))) as port:
        assert (await poll("http", f"http://127.0.0.1:{port}/")).ok


async def test_healthz_asks_for_it_unless_the_address_says_otherwise() -> None:
    asked: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await head_of(reader)).split(" ")[1])
        writer.write(http("200 OK"))
        await writer.drain()

    async with serving(talk) as port:
        assert (await poll("healthz", f"http://127.0.0.1:{port}")).ok
        assert (await poll("healthz", f"http://127.0.0.1:{port}/up?now=1")).ok
    assert asked == ["/healthz", "/up?now=1"]


def guarded(challenge: str, protocol: str = "HTTP/1.1") -> Talk:
    """Lets in whoever proves to be admin with the password `correct horse`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await head_of(reader)
            method, uri = head.split(" ")[:2]
            given = re.search(r"(?m)^Authorization: (.*?)\r?$", head)
            sequence = re.search(r"(?m)^CSeq: (\d+)", head)
            echoed = f"CSeq: {sequence[1]}\r\n" if sequence else ""
            cnonce = re.search(r'cnonce="([^"]*)"', given[1]) if given else None
            right = answer(
                [challenge],
                method,
                uri,
                "admin",
                "correct horse",
                cnonce[1] if cnonce else "",
            )
            if given and given[1] == right:
                body = b"v=0\r\nm=video 0 RTP/AVP 96\r\n" if method == "DESCRIBE" else b""
                status, extra = "200 OK", ""
            else:
                body, status, extra = b"", "401 Unauthorized", f"WWW-Authenticate: {challenge}\r\n"
            text = f"{protocol} {status}\r\n{echoed}{extra}Content-Length: {len(body)}\r\n\r\n"
            writer.write(text.encode() + body)
            await writer.drain()
            if protocol.startswith("HTTP"):
                return

    return talk


CHALLENGES = [
    'Basic realm="cam"',
    'Digest realm="cam", nonce="n1"',
    'Digest realm="cam", nonce="n1", qop="auth", algorithm=SHA-256, opaque="o"',
]


@pytest.mark.parametrize("challenge", CHALLENGES)
@pytest.mark.parametrize(("driver", "protocol"), [("http", "HTTP/1.1"), ("rtsp", "RTSP/1.0")])
async def test_credentials(driver: str, protocol: str, challenge: str) -> None:
    async with serving(guarded(challenge, protocol)) as port:
        address = f"{driver}://127.0.0.1:{port}/stream"
        right = await poll(driver, address, secret="admin:correct horse")
        wrong = await poll(driver, address, secret="admin:battery staple")
        none = await poll(driver, address)
    assert (right.ok, right.error) == (True, None)
    for probe in (wrong, none):
        assert probe.error == "bad_credentials: it answered 401"
        assert "battery" not in repr(probe)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", None),
        (b"RTSP/1.0 500 Oh\r\nCSeq: 1\r\n\r\n", "bad_status: it answered 500"),
        (b"RTSP/1.0 302 Found\r\nLocation: rtsp://10.0.0.1/\r\n\r\n", "redirect: to another"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "garbage: its answer is no RTSP"),
        (GARBAGE, "garbage: its answer is no RTSP"),
        (b"", "refused: the connection was cut"),
        (b"RTSP/1.0 200 OK\r\nno header\r\n\r\n", "garbage: a header without a colon"),
        (b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 200, "too_large: more than 100 headers"),
        (b"RTSP/1.0 200 OK\r\nX: " + HUGE * 3, "too_large: a line without an end"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 200000000\r\n\r\n", "too_large: more than 100000"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n", "garbage: its length is no number"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nx", "refused: the connection was cut"),
    ],
)
async def test_rtsp(answers: bytes, error: str | None) -> None:
    async with serving(says(answers)) as port:
        probe = await poll("rtsp", f"rtsp://127.0.0.1:{port}")
    if error is None:
        assert (probe.ok, probe.error) == (True, None)
    else:
        assert not probe.ok
        assert (probe.error or "").startswith(error)


async def test_rtsp_describes_the_stream_of_a_real_server(
    rtsp: Callable[..., RtspServer],
) -> None:
    open_, guarded_ = rtsp(), rtsp("--user", "admin", "--password", "correct horse")
    well = await poll("rtsp", open_.url(), ms=20_000)
    assert (well.ok, well.error) == (True, None)
    missing = await poll("rtsp", open_.url(path="/no-such-stream"), ms=20_000)
    assert missing.error == "bad_status: it answered 404"
    let_in = await poll("rtsp", guarded_.url(), secret="admin:correct horse", ms=20_000)
    assert (let_in.ok, let_in.error) == (True, None)
    kept_out = await poll("rtsp", guarded_.url(), secret="admin:wrong", ms=20_000)
    assert (kept_out.error or "").startswith("bad_credentials")


@pytest.mark.parametrize("driver", ["http", "healthz", "rtsp", "tls"])
async def test_who_says_nothing_is_a_timeout(driver: str, mute: int) -> None:
    scheme = {"rtsp": "rtsp://", "tls": ""}.get(driver, "http://")
    probe = await poll(driver, f"{scheme}127.0.0.1:{mute}", ms=300)
    assert probe.error == "timeout: after 0.3 s"


@pytest.mark.parametrize("driver", ["http", "rtsp"])
async def test_who_drips_is_a_timeout(driver: str) -> None:
    async with serving(drips) as port:
        probe = await poll(driver, f"{driver}://127.0.0.1:{port}", ms=400)
    assert (probe.error or "").startswith("timeout")


@pytest.mark.parametrize("driver", ["tcp", "tls", "http", "rtsp", "healthz"])
async def test_where_nobody_listens_is_refused(driver: str, closed: int) -> None:
    scheme = {"tcp": "", "tls": "", "healthz": "http://"}.get(driver, f"{driver}://")
    probe = await poll(driver, f"{scheme}127.0.0.1:{closed}")
    assert probe.error == "refused: nobody listens there"


@pytest.mark.parametrize("driver", ["tcp", "tls", "http", "rtsp", "healthz"])
@pytest.mark.parametrize(
    ("host", "error"),
    [
        ("169.254.169.254:80", "forbidden_address"),
        ("[::ffff:169.254.169.254]:80", "forbidden_address"),
        ("0.0.0.0:80", "forbidden_address"),
        ("224.0.0.1:80", "forbidden_address"),
        ("no-such-host.invalid:80", "unreachable"),
        ("u:p@127.0.0.1:80", "bad_address"),
        ("127.0.0.1:99999", "bad_address"),
        ("", "bad_address"),
    ],
)
async def test_what_is_no_devices_address(driver: str, host: str, error: str) -> None:
    scheme = {"healthz": "http"}.get(driver, driver)
    probe = await poll(driver, f"{scheme}://{host}")
    assert (probe.error or "").startswith(error)


async def test_tcp_takes_a_connection_for_an_answer(mute: int) -> None:
    probe = await poll("tcp", f"127.0.0.1:{mute}")
    assert probe.ok
    assert probe.latency_ms is not None


async def test_a_certificate_of_someone_else_is_named(tmp_path: Path) -> None:
    own = authority(tmp_path)
    async with serving(says(http("200 OK")), own.server) as good, serving(drips) as plain:
        strange = await poll("tls", f"127.0.0.1:{good}")
        assert (strange.error or "").startswith("certificate: ")
        over_http = await poll("http", f"https://127.0.0.1:{good}/")
        assert (over_http.error or "").startswith("certificate: ")
        no_tls = await poll("tls", f"127.0.0.1:{plain}", ms=1000)
        assert (no_tls.error or "").startswith(("tls: ", "refused", "timeout"))
        target = Target(
            site_id="n",
            device_id="d",
            kind="nvr",
            address=f"127.0.0.1:{good}",
            ca_file=str(own.ca),
        )
        driver = drivers_of("tls")[0]
        found = await driver.poll(target, LIMITS)
        assert found.ok
        assert isinstance(found.facts["certificate_ends"], (int, float))
        # It is for 127.0.0.1, and for no name.
        elsewhere = replace(target, address=f"localhost:{good}")
        with pytest.raises(DriverError, match=r"^certificate: .*localhost"):
            await driver.poll(elsewhere, LIMITS)


def test_tls_contexts_check_hosts() -> None:
    from agents.watch.drivers.net import tls_context

    context = tls_context(
        Target(site_id="n", device_id="d", kind="nvr", address="h:1", timeout_s=1.0)
    )
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
