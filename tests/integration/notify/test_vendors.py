"""Pushover, Google Chat, WhatsApp and SMS against servers that answer as the vendors do, or lie."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from aiohttp import web as http

from agents.notify.errors import ChannelError, ChannelTimeoutError
from agents.notify.senders.base import Report
from agents.notify.senders.gchat import GoogleChatSender
from agents.notify.senders.sms import SmsSender
from agents.notify.senders.whatsapp import WhatsAppSender
from agents.notify.web import Web
from schemas.notification import Outcome
from tests.integration.notify.servers import Seen, Server
from tests.integration.notify.vendors import (
    CHAT_YES,
    SMS_YES,
    VENDORS,
    WHATSAPP_YES,
    gchat,
    made,
    sms,
)
from tests.unit.agents.notify.parts import channel, job, line, request


@pytest.mark.parametrize("kind", VENDORS)
async def test_a_yes_and_the_vendors_own_id_of_it(kind: str, web: Web, server: Server) -> None:
    sender, _, yes, taken = VENDORS[kind]
    server.answers(201, yes)
    assert await sender.send(made(kind, server), web) == taken
    assert len(server.seen) == 1


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize(
    "lie",
    [
        {},
        {"status": 0, "errors": ["application token is invalid"]},
        {"error": {"message": "no", "code": 1}},
        {"messages": []},
        {"messages": [{"id": 7}]},
        {"sid": "SM1", "status": "failed", "error_code": 30003},
        {"sid": "../x", "status": "queued"},
        [],
        b"<html>Welcome</html>",
        b"",
        b"\xff\xfe\x00",
        b'{"status": 1',
        b"[" * 20_000,
    ],
)
async def test_a_200_that_is_no_yes(kind: str, lie: Any, web: Web, server: Server) -> None:
    sender, *_ = VENDORS[kind]
    server.answers(200, lie)
    with pytest.raises(ChannelError) as caught:
        await sender.send(made(kind, server), web)
    assert caught.value.final is False


@pytest.mark.parametrize("kind", VENDORS)
async def test_a_flood_is_no_yes(kind: str, web: Web, server: Server) -> None:
    server.floods(megabytes=5)
    with pytest.raises(ChannelError, match="more than anybody needs"):
        await VENDORS[kind][0].send(made(kind, server), web)


@pytest.mark.parametrize("kind", VENDORS)
async def test_silence_is_given_up(kind: str, web: Web, server: Server) -> None:
    server.hangs()
    with pytest.raises(ChannelTimeoutError):
        await VENDORS[kind][0].send(made(kind, server, timeout=0.2), web)


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize(
    ("status", "retry_after", "final"),
    [(400, None, True), (401, None, False), (429, 12.0, False), (500, None, False)],
)
async def test_no(
    kind: str, status: int, retry_after: float | None, final: bool, web: Web, server: Server
) -> None:
    server.answers(status, {"status": 0, "errors": ["app-t0ken is no"]}, Retry_After="12")
    with pytest.raises(ChannelError, match=f"answered {status}") as caught:
        await VENDORS[kind][0].send(made(kind, server), web)
    assert (caught.value.retry_after, caught.value.final) == (retry_after, final)
    assert not any(secret in str(caught.value) for secret in ("t0ken", "us3r"))


@pytest.mark.parametrize("kind", ["pushover", "whatsapp", "sms"])
async def test_what_is_needed_and_missing_is_named(kind: str, web: Web, server: Server) -> None:
    with pytest.raises(ChannelError, match=r"needs|not there") as caught:
        await VENDORS[kind][0].send(job(channel(kind, api=server.base)), web)
    assert caught.value.final
    assert server.seen == []


# Google Chat


async def test_gchat_speaks_text_unless_the_site_or_the_channel_wants_cards(
    web: Web, server: Server
) -> None:
    server.answers(200, CHAT_YES)
    sender = GoogleChatSender()
    await sender.send(job(gchat(server)), web)
    await sender.send(job(gchat(server), cards=True), web)
    await sender.send(job(gchat(server, mode="text"), cards=True), web)
    texts = ["text" in seen.json for seen in server.seen]
    assert texts == [True, False, True]
    # The URL's own key and token stay what they were.
    assert server.seen[0].query == {"key": "k", "token": "t", "requestId": "n-1-0"}


async def test_gchat_links_are_sliced_into_cards_of_six(web: Web, server: Server) -> None:
    server.answers(200, CHAT_YES)
    of = request(alerts=tuple(line(n) for n in range(15)))
    await GoogleChatSender().send(job(gchat(server, mode="links"), of=of), web)
    (seen,) = server.seen
    cards = seen.json["cardsV2"]
    sizes = [
        len(card["card"]["sections"][0]["widgets"][0]["buttonList"]["buttons"]) for card in cards
    ]
    assert sizes == [6, 6, 3]


async def test_gchat_copies_carry_the_same_request_ids_message_by_message(
    web: Web, server: Server
) -> None:
    """The second message failed; the first is not written a second time."""
    created: dict[str, int] = {}
    fail = [True]

    async def handle(seen: Seen, asked: http.Request) -> http.StreamResponse:
        name = seen.query["requestId"]
        if name.endswith("-1") and fail[0]:
            return http.Response(status=500)
        created[name] = created.get(name, 0) + 1
        return http.json_response(CHAT_YES)

    server.handler = handle
    of = request(alerts=tuple(line(n) for n in range(20)))
    one = job(gchat(server, mode="links", buttons_per_card=1), of=of)
    with pytest.raises(ChannelError):
        await GoogleChatSender().send(one, web)
    fail[0] = False
    await GoogleChatSender().send(one, web)
    assert list(created) == ["n-1-0", "n-1-1"]
    assert all(len(seen.json["cardsV2"]) == 10 for seen in server.seen)


async def test_gchat_takes_its_url_from_a_secret(web: Web, server: Server) -> None:
    server.answers(200, CHAT_YES)
    secrets = {"chat": f"{server.base}/v1/spaces/S/messages?key=k&token=s3cret"}
    await GoogleChatSender().send(job(channel("gchat", credentials="chat"), secrets), web)
    assert server.seen[0].path == "/v1/spaces/S/messages"
    server.answers(500)
    with pytest.raises(ChannelError) as caught:
        await GoogleChatSender().send(job(channel("gchat", credentials="chat"), secrets), web)
    assert "s3cret" not in str(caught.value)


# WhatsApp


async def test_whatsapp_text_and_template(web: Web, server: Server) -> None:
    server.answers(200, WHATSAPP_YES)
    sender = WhatsAppSender()
    await sender.send(made("whatsapp", server), web)
    of = request(alerts=(line(1), line(2)))
    await sender.send(
        made("whatsapp", server, of, template="alert", template_language="pt_BR"), web
    )
    text, template = (seen.json for seen in server.seen)
    assert server.seen[0].path == "/v22.0/10/messages"
    assert server.seen[0].headers["Authorization"] == "Bearer wa-t0ken"
    assert (text["to"], text["type"]) == ("491700", "text")
    assert {text["biz_opaque_callback_data"], template["biz_opaque_callback_data"]} == {"n-1"}
    assert text["text"]["body"].startswith("High: person at Gate")
    told = template["template"]
    assert (told["name"], told["language"]) == ("alert", {"code": "pt_BR"})
    parameters = [one["text"] for one in told["components"][0]["parameters"]]
    # Meta refuses parameters with line breaks.
    assert len(parameters) == 2
    assert not any("\n" in one for one in parameters)


async def test_whatsapp_says_too_many_in_its_own_words(web: Web, server: Server) -> None:
    server.answers(400, {"error": {"message": "wa-t0ken", "code": 130429}})
    with pytest.raises(ChannelError, match="code 130429") as caught:
        await WhatsAppSender().send(made("whatsapp", server), web)
    assert (caught.value.retry_after, caught.value.final) == (60.0, False)
    assert "t0ken" not in str(caught.value)


# SMS


async def test_sms_is_posted_as_twilio_wants_it(web: Web, server: Server) -> None:
    server.answers(201, SMS_YES)
    await SmsSender().send(made("sms", server), web)
    await SmsSender().send(made("sms", server, messaging_service="MG1"), web)
    first, second = server.seen
    assert first.path == "/2010-04-01/Accounts/AC0123456789/Messages.json"
    basic = base64.b64encode(b"AC0123456789:auth-t0ken").decode()
    assert first.headers["Authorization"] == f"Basic {basic}"
    assert first.headers["I-Twilio-Idempotency-Token"] == "n-1"
    assert (first.form["From"], first.form["To"]) == ("+100", "+200")
    assert first.form["Body"].startswith("High: person at Gate")
    assert ("From" in second.form, second.form["MessagingServiceSid"]) == (False, "MG1")


@pytest.mark.parametrize(
    ("status", "report"),
    [
        ("queued", None),
        ("sent", None),
        ("delivered", Report(outcome=Outcome.CONFIRMED)),
        ("undelivered", Report(outcome=Outcome.UNDELIVERED, detail="undelivered code 30003")),
        ("failed", Report(outcome=Outcome.UNDELIVERED, detail="failed code 30003")),
        (None, None),
    ],
)
async def test_sms_delivery_reports(
    status: str | None, report: Report | None, web: Web, server: Server
) -> None:
    lost = status in ("undelivered", "failed")
    server.answers(200, {"status": status, "error_code": 30003 if lost else None})
    assert await SmsSender().check(made("sms", server), web, "SM1") == report
    assert server.seen[0].path == "/2010-04-01/Accounts/AC0123456789/Messages/SM1.json"


async def test_sms_needs_no_report_where_nobody_wants_one(web: Web, server: Server) -> None:
    server.answers(201, SMS_YES)
    taken = await SmsSender().send(made("sms", server, confirm=False), web)
    assert not taken.confirm


async def test_sms_credentials_have_two_halves(web: Web, server: Server) -> None:
    with pytest.raises(ChannelError, match="is not FIRST:SECOND") as caught:
        await SmsSender().send(job(sms(server), {"tw": "only-a-t0ken"}), web)
    assert "t0ken" not in str(caught.value)
