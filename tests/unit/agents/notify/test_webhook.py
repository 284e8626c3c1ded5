"""The webhook against a real server: yes, no, silence, lies; signed; and no secret gets out."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator

import pytest

from agents.notify.channels import (
    ChannelError,
    ChannelTimeoutError,
    WebhookSender,
    senders,
    target_of,
)
from schemas.document import Channel
from tests.unit.agents.harness import T0
from tests.unit.agents.notify.parts import Target, liar, request, target, webhook

SECRET = "correct-horse-battery-staple"
TOKEN = "tok3n-in-a-url"


@pytest.fixture
async def hook() -> AsyncIterator[WebhookSender]:
    sender = WebhookSender({"hmac": SECRET}, time_limit=0.3)
    yield sender
    await sender.close()


@pytest.fixture
async def server() -> AsyncIterator[Target]:
    async with target() as found:
        yield found


async def test_it_posts_the_request_as_json_with_its_id(
    hook: WebhookSender, server: Target
) -> None:
    await hook.send(webhook(f"{server.base}/ok"), request(), T0)
    ((path, body, headers),) = server.seen
    assert path == "/ok"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "n-1"
    said = json.loads(body)
    assert (said["status"], said["alerts"][0]["alert_id"]) == ("firing", "a-1")
    assert "X-Watchfloor-Signature" not in headers


async def test_its_signature_is_verified_with_the_secret_and_the_time(
    hook: WebhookSender, server: Target
) -> None:
    await hook.send(webhook(f"{server.base}/ok", secret="hmac"), request(), T0)
    _, body, headers = server.seen[0]
    fields = dict(part.split("=", 1) for part in headers["X-Watchfloor-Signature"].split(","))
    assert int(fields["t"]) == int(T0.timestamp())
    signed = hmac.new(SECRET.encode(), f"{fields['t']}.".encode() + body, hashlib.sha256)
    assert hmac.compare_digest(fields["v1"], signed.hexdigest())
    forged = hmac.new(b"another", f"{fields['t']}.".encode() + body, hashlib.sha256)
    assert not hmac.compare_digest(fields["v1"], forged.hexdigest())


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_a_yes(hook: WebhookSender, server: Target, status: int) -> None:
    await hook.send(webhook(f"{server.base}/status/{status}"), request(), T0)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 429, 500, 503])
async def test_everything_else_is_a_no_and_redirects_are_not_followed(
    hook: WebhookSender, server: Target, status: int
) -> None:
    with pytest.raises(ChannelError, match=rf"^{server.base} answered {status}$") as caught:
        await hook.send(webhook(f"{server.base}/status/{status}"), request(), T0)
    assert not isinstance(caught.value, ChannelTimeoutError)
    assert len(server.seen) == 1


async def test_one_that_hangs_is_given_up_in_time(hook: WebhookSender, server: Target) -> None:
    with pytest.raises(ChannelTimeoutError, match=r"did not answer in 0\.3 s"):
        await hook.send(webhook(f"{server.base}/hang"), request(), T0)


async def test_one_that_answers_a_byte_at_a_time_is_given_up_as_a_whole(
    hook: WebhookSender,
) -> None:
    """Each byte comes within the limit of a read; the answer does not."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for one in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000:
                writer.write(bytes((one,)))
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        finally:
            writer.close()

    slow = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with slow:
        url = f"http://127.0.0.1:{slow.sockets[0].getsockname()[1]}/"
        with pytest.raises(ChannelTimeoutError):
            await hook.send(webhook(url), request(), T0)


@pytest.mark.parametrize(
    "answer",
    [
        b"",  # hangs up
        b"SSH-2.0-OpenSSH_9.2\r\n",  # another protocol
        b"HTTP/1.1 two hundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"\x00" * 1000,
    ],
)
async def test_one_that_talks_nonsense_did_not_take_it(hook: WebhookSender, answer: bytes) -> None:
    async with liar(answer) as base:
        with pytest.raises(ChannelError, match=rf"^{base}: "):
            await hook.send(webhook(f"{base}/{TOKEN}"), request(), T0)


async def test_nobody_listens(hook: WebhookSender) -> None:
    with pytest.raises(ChannelError, match="ConnectError"):
        await hook.send(webhook("http://127.0.0.1:1/x"), request(), T0)


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        "ftp://example.org/x",
        "file:///etc/passwd",
        "gate:80/x",
        "http://",
        "http:///x",
    ],
)
async def test_a_url_that_is_none_is_refused(hook: WebhookSender, url: object) -> None:
    with pytest.raises(ChannelError):
        await hook.send(Channel(kind="webhook", options={"url": url}), request(), T0)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"https://user:{TOKEN}@hooks.example.org:8443/{TOKEN}?key={TOKEN}#{TOKEN}", None),
        (f"https://hooks.example.org/{TOKEN}", "https://hooks.example.org"),
        (f"http://hooks.example.org:99999/{TOKEN}", None),  # no port at all
        (f"http://[{TOKEN}", None),
    ],
)
def test_what_is_told_of_a_target_has_none_of_its_secrets(url: str, told: str | None) -> None:
    said = target_of(webhook(url))
    assert TOKEN not in said
    assert told is None or said == told


async def test_secrets_reach_neither_errors_nor_logs(
    hook: WebhookSender, server: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    host = server.base.removeprefix("http://")
    texts = []
    for path in ("ok", "status/500", "hang"):
        url = f"http://user:{TOKEN}@{host}/{path}?token={TOKEN}"
        try:
            await hook.send(webhook(url, secret="hmac"), request(), T0)
        except ChannelError as error:
            texts += [str(error), repr(error)]
    texts += [record.getMessage() for record in caplog.records]
    assert len(server.seen) == 3
    assert not any(TOKEN in text or SECRET in text for text in texts), texts


async def test_the_log_names_each_alert(caplog: pytest.LogCaptureFixture) -> None:
    await senders(silent=False)["log"].send(Channel(kind="log"), request(), T0)
    assert caplog.messages == [
        "firing [soc] rank 70 high: person at Gate (yard), North depot (a-1)"
    ]


async def test_silent_senders_send_nothing_of_any_kind(server: Target) -> None:
    loud, quiet = senders(silent=False), senders(silent=True)
    assert set(loud) == set(quiet)
    for kind, sender in quiet.items():
        await sender.send(Channel(kind=kind, options={"url": f"{server.base}/ok"}), request(), T0)
    assert server.seen == []
