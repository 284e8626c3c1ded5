"""Which hosts are answered for, and that only our own pages may change things."""

from __future__ import annotations

import resource
from pathlib import Path

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.binding import allow_files, answers_to, listen, require_address
from api.guard import Guard, host_allowed, is_loopback_host, origin_allowed, origin_of
from infra.errors import MachineError, SettingsError
from infra.settings import Settings
from infra.tls import Tls


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("localhost:8080", True),
        ("LOCALHOST:8080", True),
        ("127.0.0.1", True),
        ("127.0.0.1:8080", True),
        ("127.1.2.3:80", True),
        ("[::1]:8080", True),
        ("", False),
        ("example.com", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com:8080", False),
        ("user@127.0.0.1@example.com", False),
        ("0.0.0.0:8080", False),
        ("10.0.0.1", False),
        ("[::1", False),
        ("[::ffff:10.0.0.1]:80", False),
    ],
)
def test_hosts(host: str, allowed: bool) -> None:
    assert is_loopback_host(host) is allowed


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "127.0.0.1:8080", True),  # a program, not a page
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("http://localhost:8080", "localhost:8080", True),
        ("http://localhost:8080", "127.0.0.1:8080", False),
        ("http://127.0.0.1:9000", "127.0.0.1:8080", False),  # another local service's page
        ("https://example.com", "127.0.0.1:8080", False),
        ("null", "127.0.0.1:8080", False),  # a sandboxed frame
        ("file://127.0.0.1:8080", "127.0.0.1:8080", False),
        ("", "127.0.0.1:8080", False),
    ],
)
def test_origins(origin: str | None, host: str, allowed: bool) -> None:
    assert origin_allowed(origin, host) is allowed


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9"])
def test_loopback_addresses(host: str) -> None:
    assert require_address(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_other_addresses_are_refused_before_anything_listens(host: str) -> None:
    with pytest.raises(SettingsError, match="in the clear"):
        listen(host, 0)


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_with_tls_any_address_will_do(host: str) -> None:
    with listen(host, 0, tls=True) as found:
        assert found.getsockname()[0] == host


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8080", True),  # whatever is set
        ("watch.example.org", True),
        ("WATCH.example.org:8443", True),
        ("watch.example.org.", True),
        ("192.0.2.5:8443", True),
        ("[2001:db8::5]:8443", True),
        ("a.inner.example.org", True),  # *.inner.example.org
        ("inner.example.org", False),
        ("a.b.inner.example.org", False),  # a wildcard is one label
        ("example.org", False),
        ("evil.example", False),
        ("watch.example.org.evil.example", False),
        ("", False),
    ],
)
def test_hosts_that_are_set(host: str, allowed: bool) -> None:
    hosts = {"watch.example.org", "192.0.2.5", "2001:db8::5", "*.inner.example.org"}
    assert host_allowed(host, hosts) is allowed


def test_the_hosts_are_those_that_are_set_else_the_certificates() -> None:
    tls = Tls(cert=Path("c"), key=Path("k"), names=("watch.example.org",))
    assert answers_to(Settings(), None) == ()
    assert answers_to(Settings(), tls) == ("watch.example.org",)
    named = Settings(api_allowed_hosts=("other",), api_public_url="https://public.example:444")
    assert answers_to(named, tls) == ("other", "public.example")


def test_a_port_in_use_is_named() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(MachineError, match=f"127.0.0.1:{port} is in use") as caught:
            listen("127.0.0.1", port)
    assert "WATCHFLOOR_API_PORT" in str(caught.value.hint)


def test_a_process_may_open_as_many_files_as_it_needs() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert allow_files(300)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, hard)
        assert allow_files(200)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 300
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("tiles", "elsewhere"),
    [
        (None, set()),
        ("https://tiles.example.com:8443/{z}/{x}/{y}.png", {"https://tiles.example.com:8443"}),
    ],
)
async def test_pictures_come_from_here_or_from_where_settings_say(
    tiles: str | None, elsewhere: set[str]
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response()(scope, receive, send)

    guard = Guard(app, pictures_from=origin_of(tiles))
    transport = httpx.ASGITransport(app=guard)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        policy = (await client.get("/")).headers["content-security-policy"]
    (images,) = (part.split() for part in policy.split("; ") if part.startswith("img-src "))
    assert set(images) - {"img-src", "'self'", "blob:"} == elsewhere
    assert "script-src 'self';" in policy
    assert policy.startswith("default-src 'none';")
