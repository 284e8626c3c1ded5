"""Signed webhooks: how they are signed here, and how a receiver checks them.

Header `X-Watchfloor-Timestamp`: seconds since the epoch, as digits. Header
`X-Watchfloor-Signature`: `v1=` and the hex of HMAC-SHA256 under the shared secret over the
timestamp, a dot, and the body's bytes as they came. A receiver

1. checks the signature over the raw body, in constant time,
2. refuses a timestamp that is more than 5 min from its own clock (the replay window),
3. remembers the `Idempotency-Key`s of the last 10 min, and takes each only once.

    from agents.notify.signing import verify
    verify(secret, request.headers, body, now)     # raises SignatureError

The module needs the standard library only: receivers may copy it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

__all__ = ["REPLAY_WINDOW", "SIGNATURE", "TIMESTAMP", "SignatureError", "sign", "verify"]

TIMESTAMP: Final = "X-Watchfloor-Timestamp"
SIGNATURE: Final = "X-Watchfloor-Signature"
REPLAY_WINDOW: Final = timedelta(minutes=5)


class SignatureError(ValueError):
    """Not signed by who knows the secret, or not now."""


def _digest(secret: bytes, timestamp: str, body: bytes) -> str:
    return hmac.new(secret, timestamp.encode("ascii") + b"." + body, hashlib.sha256).hexdigest()


def sign(secret: bytes, body: bytes, now: datetime) -> dict[str, str]:
    """The two headers for a body."""
    timestamp = str(int(now.timestamp()))
    return {TIMESTAMP: timestamp, SIGNATURE: f"v1={_digest(secret, timestamp, body)}"}


def verify(
    secret: bytes,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    window: timedelta = REPLAY_WINDOW,
) -> None:
    """Raise SignatureError unless the body was signed with the secret within `window` of now.

    headers: with any case of letters. body: the bytes as they came, before any parsing.
    """
    found = {name.lower(): value for name, value in headers.items()}
    timestamp = found.get(TIMESTAMP.lower(), "")
    given = found.get(SIGNATURE.lower(), "")
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise SignatureError(f"{TIMESTAMP} is missing or no number of seconds")
    expected = f"v1={_digest(secret, timestamp, body)}"
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise SignatureError(f"{SIGNATURE} is missing or wrong")
    if abs(now.timestamp() - int(timestamp)) > window.total_seconds():
        raise SignatureError(f"signed more than {window.total_seconds():.0f} s from now")
