"""One message of a device's own analytics, whoever made the device."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

__all__ = ["State", "VendorMessage", "token"]


class State(StrEnum):
    """What the message says of what it is about."""

    STARTED = "started"
    """It happens, or just happened."""
    ENDED = "ended"
    """It is over: of a zone's event there is nothing to tell, a device is back to normal."""
    HEARTBEAT = "heartbeat"
    """Nothing happened; the device is there."""


class VendorMessage(Struct, frozen=True, kw_only=True):
    """A device's message. kind: the vendor's word for what happened, as it came.

    at: when; naive where the device gave its own wall clock. channel: 1-based, as the vendor
    counts a recorder's cameras. channel_name, address: what may tell which camera it is. rule: the
    vendor's region or rule. target: the vendor's word for what was seen. input: 1-based, which of
    the device's alarm inputs, such as a door contact's; such a message has no channel.
    """

    vendor: str
    kind: str
    state: State
    at: datetime | None = None
    channel: int | None = None
    channel_name: str | None = None
    address: str | None = None
    rule: str | None = None
    target: str | None = None
    sequence: str | None = None
    input: int | None = None


def token(message: VendorMessage, camera: str) -> str:
    """What makes it that event and no other; the same message again has the same."""
    named = (
        message.vendor,
        message.kind,
        message.state.value,
        "" if message.at is None else message.at.isoformat(),
        camera,
        message.rule or "",
        message.sequence or "",
        *(() if message.input is None else (f"input {message.input}",)),
    )
    return hashlib.sha256("\x1f".join(named).encode()).hexdigest()
