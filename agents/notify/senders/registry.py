"""A sender for every kind of channel that a document may name."""

from __future__ import annotations

from agents.notify.senders.apprise import AppriseSender
from agents.notify.senders.base import Sender
from agents.notify.senders.gchat import GoogleChatSender
from agents.notify.senders.local import LogSender, RecordingSender, SilentSender
from agents.notify.senders.mail import EmailSender
from agents.notify.senders.pushover import PushoverSender
from agents.notify.senders.sms import SmsSender
from agents.notify.senders.webhook import AlertmanagerSender, WebhookSender
from agents.notify.senders.webpush import WebPushSender
from agents.notify.senders.whatsapp import WhatsAppSender
from schemas.reading.channels import APPRISE_KINDS
from schemas.reading.routing import CHANNEL_KINDS

__all__ = ["senders"]


def senders(*, silent: bool, recorder: str | None = None) -> dict[str, Sender]:
    """A sender a kind. silent: nothing leaves the machine, whatever the document says.

    recorder: who is told what goes to channels of kind `recording`, and with silent, what goes to
    any; None: nobody.
    """
    recording: Sender = SilentSender() if recorder is None else RecordingSender(recorder)
    if silent:
        return dict.fromkeys(CHANNEL_KINDS, recording)
    tail = AppriseSender()
    return {
        "log": LogSender(),
        "recording": recording,
        "webhook": WebhookSender(),
        "alertmanager": AlertmanagerSender(),
        "pushover": PushoverSender(),
        "gchat": GoogleChatSender(),
        "whatsapp": WhatsAppSender(),
        "sms": SmsSender(),
        "email": EmailSender(),
        "webpush": WebPushSender(),
        **dict.fromkeys(APPRISE_KINDS, tail),
    }
