"""A browser's subscription: what it is made of, whether it is one, and how it is kept. Pure.

Whoever has it may push, so it is a secret: it is kept sealed, and known by a digest.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = [
    "AUTH_BYTES",
    "MOST_ENDPOINT",
    "Keys",
    "Subscription",
    "flaws",
    "id_of",
    "opened",
    "plain",
    "purpose_of",
]

MOST_ENDPOINT: Final = 2_000
"""Characters. Push services use some hundred."""

POINT_BYTES: Final = 65
AUTH_BYTES: Final = 16

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]{1,200}={0,2}")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")


class Keys(msgspec.Struct, frozen=True):
    """A browser's keys, base64url."""

    p256dh: str
    auth: str


class Subscription(msgspec.Struct, frozen=True):
    """What `PushManager.subscribe()` gave, as JSON."""

    endpoint: str
    keys: Keys


def id_of(endpoint: str) -> str:
    """What a subscription is called: 64 hex digits, from which nobody gets the endpoint."""
    return hashlib.sha256(endpoint.encode()).hexdigest()


def purpose_of(account_id: str, subscription_id: str) -> str:
    """What it is sealed for: put under another account or id, it does not open."""
    return f"push-subscription {account_id} {subscription_id}"


def plain(subscription: Subscription) -> bytes:
    """As it is sealed."""
    return msgspec.json.encode(subscription)


def opened(data: bytes | str) -> Subscription:
    """Raises ValueError for what is none; the message says nothing of it."""
    try:
        return msgspec.json.decode(data, type=Subscription)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise ValueError("it is no subscription") from None


def flaws(subscription: Subscription) -> Iterator[tuple[str, str]]:
    """What is wrong with one that somebody brings: the field, and what it has to be."""
    if not _is_endpoint(subscription.endpoint):
        yield "endpoint", f"has to be an https:// URL of at most {MOST_ENDPOINT} characters"
    point = _decoded(subscription.keys.p256dh)
    if point is None or not _on_curve(point):
        yield "keys.p256dh", "has to be a point of P-256, uncompressed, in base64url"
    auth = _decoded(subscription.keys.auth)
    if auth is None or len(auth) != AUTH_BYTES:
        yield "keys.auth", f"has to be {AUTH_BYTES} bytes in base64url"


def _is_endpoint(url: str) -> bool:
    if len(url) > MOST_ENDPOINT or _PRINTABLE.fullmatch(url) is None:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    named = bool(parts.hostname) and parts.username is None and parts.password is None
    return parts.scheme == "https" and named and port != 0 and not parts.fragment


def _decoded(text: str) -> bytes | None:
    if _BASE64URL.fullmatch(text) is None:
        return None
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None


def _on_curve(point: bytes) -> bool:
    # Compressed points are none: browsers send none, and what encrypts takes none.
    if len(point) != POINT_BYTES or point[0] != 4:
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        return False
    return True
