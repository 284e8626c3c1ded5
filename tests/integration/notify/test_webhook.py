"""The webhook against real servers: yes, no, silence, lies; signed; and no secret gets out."""

from __future__ import annotations

import logging
import resource
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from agents.notify.errors import ChannelError, ChannelTimeoutError
from agents.notify.places import target_of
from agents.notify.senders.local import CHANNEL_HEADER, LogSender, RecordingSender
from agents.notify.senders.registry import senders
from agents.notify.senders.webhook import AlertmanagerSender, WebhookSender
from agents.notify.signing import SignatureError, verify
from agents.notify.targets import NOWHERE_INTERNAL, Policy
from agents.notify.web import MOST_ANSWER, Web
from agents.runtime.lease import LeaseError
from schemas.notification import NotifyStatus
from tests.integration.notify.servers import Server, speaking
from tests.unit.agents.notify.parts import T0, channel, job, note, request, webhook

SECRET = "correct-horse-battery-staple"
TOKEN = "tok3n-in-a-url"
SECRETS = {"hmac": SECRET, "bearer": "b-1", "basic": "kim:pa55"}

HOOK = WebhookSender()


async def test_it_posts_the_request_as_json_with_its_id(web: Web, server: Server) -> None:
    await HOOK.send(job(webhook(f"{server.base}/x?a=1")), web)
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("POST", "/x", {"a": "1"})
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["Idempotency-Key"] == "n-1"
    assert (seen.json["status"], seen.json["alerts"][0]["alert_id"]) == ("firing", "a-1")
    assert "X-Watchfloor-Signature" not in seen.headers
    assert "Authorization" not in seen.headers


async def test_a_process_that_may_send_nothing_more_sends_nothing(web: Web, server: Server) -> None:
    """It stood still while it looked for the address, or fetched the picture."""

    def gone() -> None:
        raise LeaseError("another's by now")

    web.alive = gone
    with pytest.raises(LeaseError):
        await HOOK.send(job(webhook(f"{server.base}/x")), web)
    assert server.seen == []


async def test_a_receiver_can_verify_its_signature(web: Web, server: Server) -> None:
    await HOOK.send(job(webhook(f"{server.base}/ok", secret="hmac"), SECRETS), web)
    (seen,) = server.seen
    verify(SECRET.encode(), seen.headers, seen.body, T0)
    later = T0 + timedelta(minutes=6)
    for secret, body, now in (
        (b"another", seen.body, T0),
        (SECRET.encode(), seen.body + b" ", T0),
        (SECRET.encode(), seen.body, later),
    ):
        with pytest.raises(SignatureError):
            verify(secret, seen.headers, body, now)


@pytest.mark.parametrize(
    ("name", "header"), [("bearer", "Bearer b-1"), ("basic", "Basic a2ltOnBhNTU=")]
)
async def test_credentials_become_a_header(
    web: Web, server: Server, name: str, header: str
) -> None:
    await HOOK.send(job(webhook(f"{server.base}/ok", credentials=name), SECRETS), web)
    assert server.seen[0].headers["Authorization"] == header


async def test_a_secret_that_is_missing_sends_nothing_unsigned(web: Web, server: Server) -> None:
    with pytest.raises(ChannelError, match=r"secret 'gone' \(secret\) is not there"):
        await HOOK.send(job(webhook(f"{server.base}/ok", secret="gone"), SECRETS), web)
    assert server.seen == []


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_a_yes_whatever_it_says(web: Web, server: Server, status: int) -> None:
    server.answers(status, {"error": "this receiver lies, or nobody reads it"})
    await HOOK.send(job(webhook(f"{server.base}/ok")), web)


@pytest.mark.parametrize(
    ("status", "final", "faulty"),
    [
        (301, False, False),
        (302, False, False),
        (307, False, False),
        (400, True, False),
        (401, False, False),  # somebody may be putting the right token in place
        (404, False, False),
        (408, False, False),
        (410, True, False),
        (422, True, False),
        (500, False, True),
        (503, False, True),
    ],
)
async def test_everything_else_is_a_no_and_redirects_are_not_followed(
    web: Web, server: Server, status: int, final: bool, faulty: bool
) -> None:
    server.answers(status, Location=f"{server.base}/elsewhere")
    with pytest.raises(ChannelError, match=rf"^{server.base} answered {status}$") as caught:
        await HOOK.send(job(webhook(f"{server.base}/x")), web)
    error = caught.value
    assert (error.final, error.faulty, error.retry_after) == (final, faulty, None)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "17", 17.0),
        (429, "Mon, 02 Mar 2026 10:01:30 GMT", 90.0),
        (429, "999999999", 3600.0),
        (429, "-5", 30.0),
        (429, "soon", 30.0),
        (429, "0", 1.0),
        (503, "20", 20.0),
    ],
)
async def test_retry_after_is_heard_and_bounded(
    web: Web, server: Server, status: int, header: str, seconds: float
) -> None:
    server.answers(status, Retry_After=header)
    with pytest.raises(ChannelError) as caught:
        await HOOK.send(job(webhook(f"{server.base}/x")), web)
    assert (caught.value.retry_after, caught.value.final) == (seconds, False)


async def test_one_that_hangs_is_given_up_in_time(web: Web, server: Server) -> None:
    server.hangs()
    with pytest.raises(ChannelTimeoutError, match=r"did not answer in 0\.3 s"):
        await HOOK.send(job(webhook(f"{server.base}/x", timeout="300ms")), web)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200,
    ],
)
async def test_one_that_drips_is_given_up_as_a_whole(web: Web, answer: bytes) -> None:
    """Each byte comes within the limit of a read; the answer does not."""
    async with speaking(answer, pause=0.02) as base:
        with pytest.raises(ChannelTimeoutError):
            await HOOK.send(job(webhook(base, timeout="300ms")), web)


@pytest.mark.parametrize(
    "answer",
    [
        b"",  # hangs up
        b"SSH-2.0-OpenSSH_9.2\r\n",  # another protocol
        b"HTTP/1.1 two hundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: " + b"x" * 2_000_000 + b"\r\n\r\n",
        b"\x00" * 1000,
    ],
)
async def test_one_that_talks_nonsense_did_not_take_it(web: Web, answer: bytes) -> None:
    async with speaking(answer) as base:
        with pytest.raises(ChannelError, match=rf"^{base}: ") as caught:
            await HOOK.send(job(webhook(f"{base}/{TOKEN}")), web)
    assert caught.value.faulty


async def test_a_flood_is_not_read(web: Web, server: Server) -> None:
    server.floods()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await web.request(
        "GET", server.base, policy=Policy(internal=True), limit=10.0, headers={}
    )
    assert (len(answer.body), answer.whole) == (MOST_ANSWER, False)
    with pytest.raises(ChannelError, match="more than anybody needs"):
        answer.json()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


async def test_a_compressed_answer_is_not_unpacked(web: Web) -> None:
    import gzip

    body = gzip.compress(b"0" * 50_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with speaking(head + body) as base:
        answer = await web.request("GET", base, policy=Policy(internal=True), limit=10.0)
    assert not answer.whole
    assert len(answer.body) <= MOST_ANSWER


async def test_a_truncated_answer_is_not_whole(web: Web) -> None:
    async with speaking(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"status":1}') as base:
        answer = await web.request("GET", base, policy=Policy(internal=True), limit=10.0)
        assert (answer.status, answer.whole) == (200, False)


async def test_nobody_listens(web: Web) -> None:
    with pytest.raises(ChannelError, match="ConnectError"):
        await HOOK.send(job(webhook("http://127.0.0.1:1/x")), web)


async def test_https_with_an_authority_of_ones_own(web: Web, secure: Server, ca_file: str) -> None:
    await HOOK.send(job(webhook(f"{secure.base}/ok", ca_file=ca_file)), web)
    with pytest.raises(ChannelError, match="its certificate is not believed"):
        await HOOK.send(job(webhook(f"{secure.base}/ok")), web)
    assert len(secure.seen) == 1
    with pytest.raises(ChannelError, match="ca_file"):
        await HOOK.send(job(webhook(f"{secure.base}/ok", ca_file="/etc/hostname")), web)


def resolver(*addresses: str) -> tuple[Web, list[str]]:
    """A client whose names resolve to those addresses, one look-up after the other."""
    left, asked = list(addresses), list[str]()

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [left.pop(0)] if left else []

    return Web(resolver=resolve), asked


async def test_the_certificate_is_for_the_name_and_the_connection_for_the_address(
    secure: Server, ca_file: str
) -> None:
    port = secure.base.rpartition(":")[2]
    web, asked = resolver("127.0.0.1", "127.0.0.1")
    good = webhook(f"https://hooks.example.org:{port}/ok", ca_file=ca_file)
    await HOOK.send(job(good), web)
    assert secure.seen[0].headers["Host"] == f"hooks.example.org:{port}"
    bad = webhook(f"https://other.example.org:{port}/ok", ca_file=ca_file)
    with pytest.raises(ChannelError, match="its certificate is not believed"):
        await HOOK.send(job(bad), web)
    assert asked == ["hooks.example.org", "other.example.org"]
    await web.close()


async def test_an_internal_target_is_refused_unless_it_is_allowed(web: Web, server: Server) -> None:
    closed = job(webhook(f"{server.base}/x"), policy=NOWHERE_INTERNAL)
    with pytest.raises(ChannelError, match="allow_internal_targets") as caught:
        await HOOK.send(closed, web)
    assert caught.value.final
    assert server.seen == []


async def test_a_name_is_resolved_once_and_its_address_is_what_is_connected_to(
    server: Server,
) -> None:
    """The second answer would be the metadata service's: rebinding a name gains nothing."""
    port = server.base.rpartition(":")[2]
    web, asked = resolver("127.0.0.1", "169.254.169.254")
    hook = webhook(f"http://rebound.example.org:{port}/x")
    await HOOK.send(job(hook), web)
    assert asked == ["rebound.example.org"]
    with pytest.raises(ChannelError, match="metadata"):
        await HOOK.send(job(hook), web)
    assert len(server.seen) == 1
    await web.close()


@pytest.mark.parametrize("url", [None, 7, "", "ftp://h.org/x", "gate:80/x", "http://", "http:///x"])
async def test_a_url_that_is_none_is_refused(web: Web, url: Any) -> None:
    with pytest.raises(ChannelError):
        await HOOK.send(job(channel("webhook", url=url)), web)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"https://user:{TOKEN}@hooks.example.org:8443/{TOKEN}?key={TOKEN}#{TOKEN}", None),
        (f"https://hooks.example.org/{TOKEN}", "https://hooks.example.org"),
        (f"http://hooks.example.org:99999/{TOKEN}", None),
        (f"http://[{TOKEN}", None),
    ],
)
def test_what_is_told_of_a_target_has_none_of_its_secrets(url: str, told: str | None) -> None:
    said = target_of(webhook(url))
    assert TOKEN not in said
    assert told is None or said == told


async def test_secrets_reach_neither_errors_nor_logs(
    web: Web, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    host = server.base.removeprefix("http://")
    texts = []
    for status in (200, 500):
        server.answers(status, {"error": SECRET})
        url = f"http://user:{TOKEN}@{host}/{TOKEN}?token={TOKEN}"
        try:
            await HOOK.send(job(webhook(url, secret="hmac"), SECRETS), web)
        except ChannelError as error:
            texts += [str(error), repr(error)]
    texts += [record.getMessage() for record in caplog.records]
    assert len(server.seen) == 2
    # A user in a URL is not sent along as credentials that nobody asked for.
    assert all("Authorization" not in seen.headers for seen in server.seen)
    assert not any(TOKEN in text or SECRET in text for text in texts), texts


async def test_alertmanager_gets_alerts_that_end_when_they_are_resolved(
    web: Web, server: Server
) -> None:
    server.answers(200)
    sender = AlertmanagerSender()
    one = channel("alertmanager", url=server.base)
    await sender.send(job(one), web)
    await sender.send(job(one, of=request(status=NotifyStatus.RESOLVED)), web)
    await sender.send(job(one, of=note()), web)
    assert {seen.path for seen in server.seen} == {"/api/v2/alerts"}
    firing, resolved, told = (seen.json[0] for seen in server.seen)
    assert firing["labels"] == resolved["labels"]
    assert firing["labels"]["severity"] == "high"
    assert firing["endsAt"] > resolved["endsAt"] == T0.isoformat()
    assert told["labels"]["alertname"] == "Backup failed"


async def test_the_log_names_each_alert(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    await LogSender().send(job(channel("log")), web)
    assert caplog.messages == [
        "firing [soc] rank 70 high: person at Gate (yard), North depot (a-1)"
    ]


async def test_silent_senders_send_nothing_of_any_kind(web: Web, server: Server) -> None:
    for kind, sender in senders(silent=True).items():
        options = {"url": f"{server.base}/ok", "api": server.base, "host": "127.0.0.1"}
        await sender.send(job(channel(kind, **options)), web)
    assert server.seen == []


async def test_the_runner_of_conformance_hears_what_is_recorded(web: Web, server: Server) -> None:
    recording = senders(silent=True, recorder=f"{server.base}/rec")["recording"]
    assert isinstance(recording, RecordingSender)
    await recording.send(job(channel("recording", "sms"), policy=NOWHERE_INTERNAL), web)
    assert server.seen[0].headers[CHANNEL_HEADER] == "sms"
    assert server.seen[0].json["notification_id"] == "n-1"
    server.answers(503)
    with pytest.raises(ChannelError):
        await recording.send(job(channel("recording", "sms")), web)
