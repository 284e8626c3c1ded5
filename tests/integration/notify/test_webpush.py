"""Web push: sealed for the browser, signed by us, taken by a real HTTP server."""

from __future__ import annotations

import base64

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from agents.notify.errors import ChannelError
from agents.notify.senders.webpush import WebPushSender
from agents.notify.targets import NOWHERE_INTERNAL
from agents.notify.web import Web
from tests.integration.notify.browser import Browser, b64
from tests.integration.notify.servers import Server
from tests.unit.agents.notify.parts import channel, job, line, request


def secrets_of(browser: Browser) -> dict[str, str]:
    own = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return {
        "vapid": b64(own.to_bytes(32, "big")),
        "browser": msgspec.json.encode(browser.subscription).decode(),
    }


PUSH = channel("webpush", credentials="vapid", subscription="browser", contact="mailto:a@b.org")


async def test_only_the_browser_can_read_it(web: Web, server: Server) -> None:
    browser = Browser(f"{server.base}/push/s3cret-id")
    server.answers(201)
    secrets = secrets_of(browser)
    await WebPushSender().send(job(PUSH, secrets), web)
    (seen,) = server.seen
    assert seen.path == "/push/s3cret-id"
    assert b"person" not in seen.body
    told = browser.open(seen.body)
    assert told["title"] == "High: person at Gate (yard), North depot"
    assert told["tag"] == "n-1"
    headers = seen.headers
    assert (headers["Content-Encoding"], headers["TTL"]) == ("aes128gcm", "3600")
    assert (headers["Urgency"], headers["Topic"]) == ("high", "n1")
    scheme, _, rest = headers["Authorization"].partition(" ")
    assert scheme == "vapid"
    token = dict(part.split("=", 1) for part in rest.split(","))["t"]
    claims = msgspec.json.decode(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert (claims["aud"], claims["sub"]) == (server.base, "mailto:a@b.org")
    assert Vapid02.verify(headers["Authorization"])


async def test_a_large_notification_still_fits(web: Web, server: Server) -> None:
    browser = Browser(f"{server.base}/push/x")
    server.answers(201)
    of = request(alerts=tuple(line(n, title="人" * 250) for n in range(20)))
    await WebPushSender().send(job(PUSH, secrets_of(browser), of=of), web)
    # What push services take at least (RFC 8030, section 7.2).
    assert len(server.seen[0].body) <= 4096
    assert browser.open(server.seen[0].body)["body"]


@pytest.mark.parametrize(
    ("status", "final"), [(404, True), (410, True), (429, False), (500, False)]
)
async def test_a_subscription_that_is_gone_is_gone(
    web: Web, server: Server, status: int, final: bool
) -> None:
    server.answers(status)
    browser = Browser(f"{server.base}/push/s3cret-id")
    with pytest.raises(ChannelError) as caught:
        await WebPushSender().send(job(PUSH, secrets_of(browser)), web)
    assert caught.value.final is final
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"browser": "no json"},
        {"browser": '{"endpoint": "ftp://x", "keys": {"p256dh": "a", "auth": "b"}}'},
        {"browser": '{"endpoint": "http://127.0.0.1:1/x", "keys": {"p256dh": "a", "auth": "b"}}'},
        {"vapid": "no key"},
        {"vapid": ""},
    ],
)
async def test_secrets_that_are_none_are_not_quoted(
    web: Web, server: Server, spoiled: dict[str, str]
) -> None:
    secrets = secrets_of(Browser(f"{server.base}/x")) | spoiled
    with pytest.raises(ChannelError) as caught:
        await WebPushSender().send(job(PUSH, secrets), web)
    assert not any(len(value) > 3 and value in str(caught.value) for value in secrets.values())
    assert server.seen == []


async def test_a_push_service_on_the_inside_is_refused(web: Web, server: Server) -> None:
    secrets = secrets_of(Browser(f"{server.base}/x"))
    with pytest.raises(ChannelError, match="allow_internal_targets"):
        await WebPushSender().send(job(PUSH, secrets, policy=NOWHERE_INTERNAL), web)
