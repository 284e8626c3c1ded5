"""One push: encrypted for the browser (RFC 8291), signed with VAPID (RFC 8292), sent (RFC 8030)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from agents.notify.errors import ChannelError, GoneError
from agents.notify.places import origin
from agents.notify.push.subscription import Subscription
from agents.notify.senders.base import Job
from agents.notify.web import Web
from schemas.base import Severity

__all__ = ["Payload", "push"]

MOST_PAYLOAD: Final = 3_800
"""Bytes: push services take 4,096 (RFC 8030, section 7.2), of which sealing takes 103."""
MOST_BODY: Final = 750
"""Characters; a browser shows less."""

TTL_S: Final = 3600.0
SIGNED_FOR_S: Final = 12 * 3600


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """What the service worker is told. url: where a click goes. tag: one replaces another's."""

    title: str
    body: str
    url: str
    tag: str


def _fitted(payload: Payload) -> bytes:
    raw = msgspec.json.encode(payload)
    while len(raw) > MOST_PAYLOAD and payload.body:
        shorter = payload.body[: len(payload.body) * 4 // 5]
        payload = msgspec.structs.replace(payload, body=shorter)
        raw = msgspec.json.encode(payload)
    return raw


async def push(
    job: Job, web: Web, subscription: Subscription, payload: Payload, *, limit: float
) -> None:
    """Return once the push service took it. A copy replaces the first one in the browser's queue:
    the Topic is the notification's id.

    Raises GoneError where the subscription is (404 and 410 say so), and ChannelError.
    """
    try:
        target = origin(subscription.endpoint)
    except ValueError:
        raise ChannelError("the subscription has no endpoint", final=True) from None
    headers, body = _sealed(job, subscription, target, _fitted(payload))
    answer = await web.request(
        "POST",
        subscription.endpoint,
        policy=job.policy,
        limit=limit,
        headers=headers,
        content=body,
        ca_file=job.ca_file,
    )
    if answer.status in (404, 410):
        raise GoneError(f"{target}: the subscription is gone ({answer.status})")
    answer.check(now=job.now)


def _sealed(
    job: Job, subscription: Subscription, target: str, payload: bytes
) -> tuple[dict[str, str], bytes]:
    from py_vapid import Vapid02, VapidException
    from pywebpush import WebPusher, WebPushException

    claims = {
        "sub": job.options.text("contact"),
        "aud": target,
        "exp": int(job.now.timestamp()) + SIGNED_FOR_S,
    }
    keys: dict[str, Any] = {"p256dh": subscription.keys.p256dh, "auth": subscription.keys.auth}
    try:
        key = Vapid02.from_string(job.options.secret("credentials"))
        signed: dict[str, str] = key.sign(claims)
        pusher = WebPusher({"endpoint": subscription.endpoint, "keys": keys})
        sealed: bytes = pusher.encode(payload)["body"]
    except (VapidException, WebPushException, ValueError, TypeError, IndexError) as error:
        # What it was given is secret; what it says may quote it.
        raise ChannelError(
            f"the VAPID key or the subscription is none ({type(error).__name__})", final=True
        ) from None
    urgent = Severity(job.said.view.severity).rank >= Severity.HIGH.rank
    return {
        **signed,
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(int(job.options.seconds("ttl", TTL_S))),
        "Urgency": "high" if urgent else "normal",
        "Topic": job.key.replace("-", "")[:32],
    }, sealed
