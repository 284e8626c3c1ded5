"""Hikvision's EventNotificationAlert, as XML or as JSON (ISAPI, "Event Notification")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from api.event.vendors.message import State, VendorMessage
from api.event.vendors.xml import Element
from api.problems import FieldError, Invalid

__all__ = ["VENDOR", "from_json", "from_xml", "is_json"]

VENDOR: Final = "hikvision"
ROOTS: Final = ("EventNotificationAlert",)

HEARTBEATS: Final = frozenset({"heartbeat", "keepalive"})
INPUT: Final = "io"
"""`eventType` of an alarm input (ISAPI, "EventNotificationAlert": `inputIOPortID`)."""
OVER: Final = frozenset({"inactive", "stop", "end"})


def from_xml(root: Element) -> VendorMessage:
    """The message. Raises Invalid where it is none of Hikvision's, and names the field."""
    alert = root.find(*ROOTS)
    if alert is None:
        raise Invalid(
            [
                FieldError(
                    field=f"body.{root.name[:60]}",
                    detail="is not taken; the root has to be EventNotificationAlert",
                )
            ]
        )
    region = alert.find("DetectionRegionEntry")
    target = alert.find("detectionTarget", "targetType")
    return _message(
        kind=alert.value("eventType"),
        state=alert.value("eventState"),
        at=alert.value("dateTime"),
        channel=alert.value("channelID", "dynChannelID"),
        channel_name=alert.value("channelName"),
        address=alert.value("ipAddress", "ipv6Address"),
        rule=None if region is None else region.value("regionID"),
        target=None if target is None else target.text.strip(),
        sequence=alert.value("activePostCount"),
        port=alert.value("inputIOPortID", "dynInputIOPortID"),
    )


def is_json(raw: Mapping[str, Any]) -> bool:
    """Whether a JSON object is such an alert: newer devices send it so."""
    return any(root in raw for root in ROOTS) or ("eventType" in raw and "event_type" not in raw)


def from_json(raw: Mapping[str, Any]) -> VendorMessage:
    """The message. Raises Invalid."""
    inner = raw.get(ROOTS[0], raw)
    alert: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}

    def text(*names: str) -> str | None:
        for name in names:
            value = alert.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool):
                return str(value).strip() or None
        return None

    return _message(
        kind=text("eventType"),
        state=text("eventState"),
        at=text("dateTime"),
        channel=text("channelID", "dynChannelID"),
        channel_name=text("channelName"),
        address=text("ipAddress", "ipv6Address"),
        rule=text("regionID", "ruleID"),
        target=text("detectionTarget", "targetType"),
        sequence=text("activePostCount"),
        port=text("inputIOPortID", "dynInputIOPortID"),
    )


def _message(
    *,
    kind: str | None,
    state: str | None,
    at: str | None,
    channel: str | None,
    channel_name: str | None,
    address: str | None,
    rule: str | None,
    target: str | None,
    sequence: str | None,
    port: str | None,
) -> VendorMessage:
    if kind is None:
        raise Invalid([FieldError(field="body.eventType", detail="is required")])
    over = (state or "active").lower() in OVER
    small = kind.lower()
    if small in HEARTBEATS or (small == "videoloss" and over):
        # A stream's keep-alive is a video loss that is not: ISAPI's own heartbeat.
        found = State.HEARTBEAT
    else:
        found = State.ENDED if over else State.STARTED
    # An input's alert has its number in the channel's place where the firmware is an old one.
    is_input = small == INPUT
    return VendorMessage(
        vendor=VENDOR,
        kind=kind,
        state=found,
        at=_time(at),
        channel=None if is_input else _number(channel),
        channel_name=None if is_input else channel_name,
        address=address,
        rule=rule,
        target=target,
        sequence=sequence,
        input=_number(port or channel) if is_input else None,
    )


def _number(text: str | None) -> int | None:
    """A whole number from 0; None where it is none, or no device's."""
    known = text is not None and text.isascii() and text.isdecimal() and len(text) < 10
    return int(text) if known and text is not None else None


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text[:64])
    except ValueError:
        raise Invalid(
            [
                FieldError(
                    field="body.dateTime",
                    detail="is no time; it has to be as 2026-03-02T10:00:00+01:00",
                )
            ]
        ) from None
