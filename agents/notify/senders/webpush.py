"""Web push (RFC 8030), encrypted for the browser (RFC 8291), signed with VAPID (RFC 8292)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from agents.notify.errors import ChannelError
from agents.notify.places import origin
from agents.notify.senders.base import Job, Taken, Unconfirmed
from agents.notify.web import Web
from schemas.base import Severity

__all__ = ["WebPushSender"]

MOST_BODY: Final = 3_000
"""Bytes of payload: RFC 8291 gives 3,993, and a browser shows less."""

TTL_S: Final = 3600.0
SIGNED_FOR_S: Final = 12 * 3600


class Keys(msgspec.Struct, frozen=True):
    """A browser's keys, base64url."""

    p256dh: str
    auth: str


class Subscription(msgspec.Struct, frozen=True):
    """What `PushManager.subscribe()` gave, as JSON."""

    endpoint: str
    keys: Keys


class WebPushSender(Unconfirmed):
    """`credentials`: the VAPID private key; `subscription`: the subscription's JSON, a secret as
    well, because whoever has it may push; `contact`: a mailto: or https: address of whoever sends.

    A copy replaces the first one in the browser's queue: the Topic is the notification's id.
    """

    async def send(self, job: Job, web: Web) -> Taken:
        """Encrypt, sign and push; 404 and 410 say that the subscription is gone."""
        try:
            subscription = msgspec.json.decode(
                job.options.secret("subscription").encode(), type=Subscription
            )
            target = origin(subscription.endpoint)
        except (msgspec.DecodeError, ValueError):
            raise ChannelError("the secret subscription is no subscription", final=True) from None
        headers, body = self._sealed(job, subscription, target)
        answer = await web.request(
            "POST",
            subscription.endpoint,
            policy=job.policy,
            limit=job.limit,
            headers=headers,
            content=body,
            ca_file=job.ca_file,
        )
        if answer.status in (404, 410):
            raise ChannelError(f"{target}: the subscription is gone ({answer.status})", final=True)
        answer.check(now=job.now)
        return Taken()

    def _sealed(
        self, job: Job, subscription: Subscription, target: str
    ) -> tuple[dict[str, str], bytes]:
        from py_vapid import Vapid02, VapidException
        from pywebpush import WebPusher, WebPushException

        said = job.said
        payload: dict[str, Any] = {
            "title": said.subject,
            "body": said.text[: MOST_BODY // 4],
            "url": said.view.link,
            "tag": job.key,
        }
        claims = {
            "sub": job.options.text("contact"),
            "aud": target,
            "exp": int(job.now.timestamp()) + SIGNED_FOR_S,
        }
        try:
            key = Vapid02.from_string(job.options.secret("credentials"))
            signed: dict[str, str] = key.sign(claims)
            pusher = WebPusher(
                {
                    "endpoint": subscription.endpoint,
                    "keys": {"p256dh": subscription.keys.p256dh, "auth": subscription.keys.auth},
                }
            )
            sealed: bytes = pusher.encode(msgspec.json.encode(payload))["body"]
        except (VapidException, WebPushException, ValueError, TypeError, IndexError) as error:
            # What it was given is secret; what it says may quote it.
            raise ChannelError(
                f"the VAPID key or the subscription is none ({type(error).__name__})", final=True
            ) from None
        urgent = Severity(said.view.severity).rank >= Severity.HIGH.rank
        return {
            **signed,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(job.options.seconds("ttl", TTL_S))),
            "Urgency": "high" if urgent else "normal",
            "Topic": job.key.replace("-", "")[:32],
        }, sealed
