"""The long tail: Apprise in a process of its own, its addresses checked and its time bounded."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from agents.notify.errors import ChannelError, ChannelTimeoutError
from agents.notify.senders import apprise as module
from agents.notify.senders.apprise import AppriseSender
from agents.notify.targets import NOWHERE_INTERNAL, Policy
from agents.notify.web import Web
from tests.integration.notify.servers import Server, serving
from tests.unit.agents.notify.parts import LOOPBACK, channel, job

SECRET = "s3cret-t0ken"


def json_url(server: Server, path: str = SECRET) -> str:
    return server.base.replace("http://", "json://") + f"/{path}"


async def send(url: str, web: Web, policy: Policy = LOOPBACK, **more: Any) -> None:
    one = channel("apprise", credentials="url", **more)
    await AppriseSender().send(job(one, {"url": url}, policy=policy), web)


async def test_it_is_told(web: Web, server: Server) -> None:
    server.answers(200)
    await send(json_url(server), web)
    (seen,) = server.seen
    assert seen.path == f"/{SECRET}"
    assert seen.json["title"] == "High: person at Gate (yard), North depot"
    assert "person at Gate" in seen.json["message"]


async def test_ntfy_through_its_own_plugin(web: Web, server: Server) -> None:
    server.answers(200, {"id": "x"})
    await send(server.base.replace("http://", "ntfy://") + "/doors", web)
    assert server.seen[0].json["topic"] == "doors"


async def test_no_is_no_and_names_no_secret(
    web: Web, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers(500)
    with pytest.raises(ChannelError, match="Apprise says no") as caught:
        await send(json_url(server), web)
    assert SECRET not in str(caught.value) + caplog.text
    with pytest.raises(ChannelError, match="none that Apprise knows") as caught:
        await send(f"nosuch://{SECRET}", web)
    assert SECRET not in str(caught.value) + caplog.text


async def test_an_internal_address_is_refused(web: Web, server: Server) -> None:
    for url in (json_url(server), json_url(server).replace("127.0.0.1", "localhost")):
        with pytest.raises(ChannelError, match="is this machine"):
            await send(url, web, NOWHERE_INTERNAL)
    assert server.seen == []


async def test_a_redirect_to_an_address_that_is_not_allowed_is_refused(web: Web) -> None:
    """Apprise follows redirects; the second connection is checked like the first."""
    async with serving() as first:
        port = first.base.rpartition(":")[2]
        first.answers(307, Location=f"http://127.0.0.2:{port}/elsewhere")
        import ipaddress

        only = Policy(networks=(ipaddress.ip_network("127.0.0.1/32"),))
        with pytest.raises(ChannelError, match=r"127\.0\.0\.2 is this machine"):
            await send(json_url(first), web, only)
        assert len(first.seen) == 1


async def test_no_program_and_no_socket_of_this_machine_is_opened(web: Web) -> None:
    for url in ("syslog://", "dbus://", "gnome://", "macosx://"):
        with pytest.raises(ChannelError):
            await send(url, web)


async def test_one_that_hangs_is_ended(
    web: Web, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_S", 4.0)
    server.hangs()
    started = asyncio.create_task(send(json_url(server) + "?rto=60&cto=60", web, timeout=0.1))
    with pytest.raises(ChannelTimeoutError):
        await started
    assert server.hanging == 1
