"""Vendors' channels at a server of ours, and how each says yes."""

from __future__ import annotations

from typing import Any

from agents.notify.senders.base import Job, Sender, Taken
from agents.notify.senders.gchat import GoogleChatSender
from agents.notify.senders.pushover import PushoverSender
from agents.notify.senders.sms import SmsSender
from agents.notify.senders.whatsapp import WhatsAppSender
from schemas.notification import NotifyRequest
from tests.integration.notify.servers import Server
from tests.unit.agents.notify.parts import channel, job

JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
SECRETS = {
    "app": "app-t0ken",
    "key": "us3r-key",
    "wa": "wa-t0ken",
    "tw": "AC0123456789:auth-t0ken",
}

PUSHOVER_YES = {"status": 1, "request": "647d2300-702c"}
CHAT_YES = {"name": "spaces/A/messages/B.C", "thread": {"name": "spaces/A/threads/B"}}
WHATSAPP_YES = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "491700", "wa_id": "491700"}],
    "messages": [{"id": "wamid.HBgL"}],
}
SMS_YES = {"sid": "SM0001", "status": "queued", "error_code": None}


def pushover(server: Server, **more: Any) -> Any:
    return channel("pushover", credentials="app", user="key", api=server.base, **more)


def gchat(server: Server, **more: Any) -> Any:
    return channel("gchat", url=f"{server.base}/v1/spaces/A/messages?key=k&token=t", **more)


def whatsapp(server: Server, **more: Any) -> Any:
    return channel(
        "whatsapp",
        credentials="wa",
        phone_number_id="10",
        to="491700",
        api=f"{server.base}/v22.0",
        **more,
    )


def sms(server: Server, **more: Any) -> Any:
    return channel(
        "sms", credentials="tw", **{"from": "+100", "to": "+200", "api": server.base, **more}
    )


VENDORS: dict[str, tuple[Sender, Any, Any, Taken]] = {
    "pushover": (PushoverSender(), pushover, PUSHOVER_YES, Taken(reference="647d2300-702c")),
    "gchat": (GoogleChatSender(), gchat, CHAT_YES, Taken(reference="spaces/A/messages/B.C")),
    "whatsapp": (WhatsAppSender(), whatsapp, WHATSAPP_YES, Taken(reference="wamid.HBgL")),
    "sms": (SmsSender(), sms, SMS_YES, Taken(reference="SM0001", confirm=True)),
}


def made(kind: str, server: Server, of: NotifyRequest | None = None, **more: Any) -> Job:
    return job(VENDORS[kind][1](server, **more), SECRETS, of=of)
