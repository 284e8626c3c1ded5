"""The API's own process over TLS, asked by real clients; it starts without its other servers."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from infra.embedded.process import child, free_port, wait_for
from infra.errors import WatchfloorError
from infra.local_api import ask, client
from infra.local_token import bearer
from infra.probes import answers_ok
from infra.settings import Settings
from infra.tls import local_context, self_signed

NAME = "watch.example.org"
START_S = 120
HSTS = "strict-transport-security"


@contextlib.contextmanager
def running(folder: Path, **more: Any) -> Iterator[Settings]:
    """The API's process with these settings, once it answers."""
    given = {
        "state_dir": folder / "state",
        "kafka_url": "127.0.0.1:1",
        "postgres_url": "postgresql://nobody@127.0.0.1:1/nothing",
        "api_port": free_port(None),
        **more,
    }
    settings = Settings(**given, origins=dict.fromkeys(given, "test"))
    with child("api", "api", [], log=folder / "api.log", env=settings.environment()) as started:
        live = f"{settings.api_url}/health/live"
        context = local_context(settings)
        wait_for("api", lambda: answers_ok(live, context), timeout=START_S, alive=started.check)
        yield settings


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """On every address, with a certificate for NAME."""
    folder = tmp_path_factory.mktemp("tls")
    made = self_signed(folder / "tls", [NAME], datetime.now(UTC))
    with running(
        folder,
        api_host="0.0.0.0",
        api_tls_cert=made.cert,
        api_tls_key=made.key,
    ) as found:
        yield found


def browser(settings: Settings) -> ssl.SSLContext:
    """What checks names, as browsers do, and was told of the certificate."""
    return ssl.create_default_context(cafile=str(settings.api_tls_cert))


def get(settings: Settings, path: str, name: str = NAME, **headers: str) -> httpx.Response:
    with httpx.Client(verify=browser(settings), trust_env=False) as opened:
        return opened.get(
            f"{settings.api_url}{path}",
            headers={"Host": f"{name}:{settings.api_port}", **headers},
            extensions={"sni_hostname": NAME},
        )


def test_it_answers_to_its_certificate_s_names(secure: Settings) -> None:
    answer = get(secure, "/health/live")
    assert answer.status_code == 200
    assert answer.headers[HSTS] == "max-age=31536000"
    assert get(secure, "/health/live", "127.0.0.1").status_code == 200
    other = get(secure, "/health/live", "other.example.org")
    assert other.status_code == 421
    assert "other.example.org" in other.json()["detail"]


def test_nobody_is_let_in_for_being_near(secure: Settings) -> None:
    refused = get(secure, "/v1/alerts")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert get(secure, "/v1/alerts", **bearer(secure)).status_code == 503


def test_nothing_goes_in_the_clear(secure: Settings) -> None:
    with (
        httpx.Client(trust_env=False) as opened,
        pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)),
    ):
        opened.get(f"http://127.0.0.1:{secure.api_port}/health/live")


def test_programs_of_this_machine_know_the_certificate(secure: Settings) -> None:
    """Its name is not the address that they use."""
    with client(secure) as opened, pytest.raises(WatchfloorError, match="still being read"):
        ask(opened, "alerts", {})


async def test_the_stream_over_tls(secure: Settings) -> None:
    url = secure.api_url.replace("https", "wss", 1) + "/v1/stream"
    context = local_context(secure)
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, ssl=context, proxy=None):
            pass
    assert caught.value.response.status_code == 401
    async with connect(url, ssl=context, proxy=None, additional_headers=bearer(secure)) as socket:
        assert '"type":"hello"' in str(await socket.recv())


@pytest.mark.parametrize("trusted", [True, False])
def test_only_a_proxy_that_is_named_is_believed(tmp_path: Path, trusted: bool) -> None:
    """It says that it was asked by https: what is answered is for that."""
    proxies = ("127.0.0.1/32",) if trusted else ("192.0.2.0/24",)
    with (
        running(tmp_path, api_trusted_proxies=proxies, api_allowed_hosts=(NAME,)) as settings,
        httpx.Client(trust_env=False) as opened,
    ):
        answer = opened.get(
            f"{settings.api_url}/health/live",
            headers={"Host": NAME, "X-Forwarded-Proto": "https", "X-Forwarded-For": "8.8.8.8"},
        )
    assert answer.status_code == 200
    assert (HSTS in answer.headers) is trusted


def test_an_open_address_without_a_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WatchfloorError) as caught, running(tmp_path, api_host="0.0.0.0"):
        pass
    assert "in the clear" in f"{caught.value.message} {caught.value.hint}"
