"""What somebody says of a browser, and is told of all of theirs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from agents.notify.push.subscription import MOST_ENDPOINT
from api.account.fields import Language
from api.push.repository import Kept
from infra.vapid import PUBLIC_CHARACTERS
from schemas.base import Severity

__all__ = [
    "KeyView",
    "KeysBody",
    "PushState",
    "PushSubscriptionBody",
    "PushSubscriptionView",
    "PushView",
    "view",
]

Base64Url = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9_-]{1,200}={0,2}$(?!\n)", max_length=202, description="base64url"),
]


class PushState(StrEnum):
    """Whether a browser can be told here."""

    READY = "ready"
    NO_RECEIVER = "no-receiver"
    """No receiver has a `webpush` channel whose `users` name who asks."""
    NO_KEY = "no-key"
    """There is one, and its secret is not there, or no VAPID key."""


class KeyView(Struct, frozen=True, kw_only=True):
    """A key to subscribe with (`applicationServerKey`), and the receivers that push by it."""

    key: str
    receivers: tuple[str, ...]


class PushSubscriptionView(Struct, frozen=True, kw_only=True):
    """A browser. push_id: the SHA-256 of its endpoint, in hex.

    key: which it subscribed with. taken_at: when it last took a push. gone_at: when its push
    service said that the subscription is no more.
    """

    push_id: str
    label: str
    least: Severity
    language: str
    key: str
    made_at: datetime
    taken_at: datetime | None
    gone_at: datetime | None


class PushView(Struct, frozen=True, kw_only=True):
    """Where somebody is told, and by which keys a browser can be added."""

    state: PushState
    keys: tuple[KeyView, ...]
    subscriptions: tuple[PushSubscriptionView, ...]


class KeysBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A browser's keys, as `PushSubscription.toJSON()` has them."""

    p256dh: Base64Url
    auth: Base64Url


class PushSubscriptionBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A browser's subscription. key: which it subscribed with. least: from there on it is told."""

    endpoint: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MOST_ENDPOINT,
            description=f"an https:// URL of at most {MOST_ENDPOINT} characters",
        ),
    ]
    keys: KeysBody
    key: Annotated[
        str,
        Meta(
            pattern=rf"^[A-Za-z0-9_-]{{{PUBLIC_CHARACTERS}}}$(?!\n)",
            max_length=PUBLIC_CHARACTERS,
            description=f"one of the keys that GET /v1/me/push has, {PUBLIC_CHARACTERS} characters",
        ),
    ]
    least: Annotated[Severity, Meta(description="critical, high, medium, low or info")]
    label: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=80,
            pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)",
            description="1 to 80 characters, none of them a control character",
        ),
    ]
    language: Language


def view(browser: Kept) -> PushSubscriptionView:
    """As it is told."""
    return PushSubscriptionView(
        push_id=browser.subscription_id,
        label=browser.label,
        least=browser.least,
        language=browser.language,
        key=browser.key,
        made_at=browser.made_at,
        taken_at=browser.taken_at,
        gone_at=browser.gone_at,
    )
