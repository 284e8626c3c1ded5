"""What a listener may say: little, and not often. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from api.stream.hub import Closed
from api.stream.schemas import Inbound

__all__ = ["MAX_BYTES", "POLICY_VIOLATION", "Allowance", "read"]

MAX_BYTES: Final = 1_024
BURST: Final = 30
PER_SECOND: Final = 5.0
"""Somebody who goes through the queue by keyboard looks at five alerts a second for a while."""
POLICY_VIOLATION: Final = 1008

_decoder = msgspec.json.Decoder(Inbound)


class Allowance:
    """How many messages a listener may send: `burst` at once, and so many a second."""

    def __init__(self, now: float, *, burst: int = BURST, per_second: float = PER_SECOND) -> None:
        self._burst = float(burst)
        self._per_second = per_second
        self._left = self._burst
        self._at = now

    def take(self, now: float) -> bool:
        """Whether another one is allowed. now: seconds that never go back."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def read(message: dict[str, Any]) -> Inbound:
    """What a `websocket.receive` of ASGI says. Raises Closed with 1008 for anything unknown."""
    said = message.get("text")
    if said is None or len(said) > MAX_BYTES:
        raise Closed(POLICY_VIOLATION, "a message that is no short text")
    try:
        return _decoder.decode(said)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Closed(POLICY_VIOLATION, "a message that this stream does not know") from None
