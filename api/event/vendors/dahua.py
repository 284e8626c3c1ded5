"""Dahua's events, which Intelbras devices send as well: JSON that they push, and their event
manager's lines (`Code=…;action=…;index=…;data={…}`, HTTP API 3, "Subscribe to Event Message")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from api.body import MAX_DEPTH, depth_exceeds
from api.event.vendors.message import State, VendorMessage
from api.problems import BodyTooDeep, FieldError, Invalid

__all__ = ["MAX_EVENTS", "VENDOR", "from_json", "from_text", "is_json"]

VENDOR: Final = "dahua"
MAX_EVENTS: Final = 32
OVER: Final = frozenset({"stop", "end"})
NAMES: Final = ("ChannelName", "MachineName", "DeviceName")
HEARTBEATS: Final = frozenset({"heartbeat", "keepalive", "keeplivesmartmotion"})
INPUT: Final = "alarmlocal"
"""The code of an alarm input, whose index is the input's (HTTP API, "AlarmLocal")."""
_LINE: Final = re.compile(r"Code=([^;&\s]{1,100})[;&]action=(\w{1,20})[;&]index=(\d{1,5})", re.I)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS: Final = 10**11
"""Above it, a number is no time in seconds for three thousand years."""


def is_json(raw: Mapping[str, Any]) -> bool:
    """Whether a JSON object is one of theirs."""
    return "event_type" not in raw and (
        isinstance(raw.get("Code"), str) or isinstance(raw.get("Events"), list)
    )


def from_json(raw: Mapping[str, Any]) -> list[VendorMessage]:
    """The messages, several where the device gathered them. Raises Invalid."""
    events = raw.get("Events")
    if not isinstance(events, list):
        return [_message(raw, raw, "body")]
    if not 1 <= len(events) <= MAX_EVENTS:
        detail = f"has {len(events)} entries; 1 to {MAX_EVENTS} are taken"
        raise Invalid([FieldError(field="body.Events", detail=detail)])
    return [
        _message(event if isinstance(event, Mapping) else {}, raw, f"body.Events[{index}]")
        for index, event in enumerate(events)
    ]


def from_text(text: str) -> list[VendorMessage]:
    """The messages of the event manager's lines, or of a form of these. Raises Invalid."""
    if text.strip().lower() in HEARTBEATS:
        return [VendorMessage(vendor=VENDOR, kind="Heartbeat", state=State.HEARTBEAT)]
    decoded = unquote_plus(text) if "%" in text else text
    found: list[VendorMessage] = []
    for match in _LINE.finditer(decoded):
        if len(found) >= MAX_EVENTS:
            raise Invalid([FieldError(field="body", detail=f"has more than {MAX_EVENTS} events")])
        raw = {"Code": match[1], "Action": match[2], "Index": int(match[3])}
        data = _data(decoded, match.end())
        found.append(_message({**raw, "Data": data}, raw, "body"))
    if not found:
        raise Invalid(
            [FieldError(field="body", detail="has to be as Code=VideoMotion;action=Start;index=0")]
        )
    return found


def _data(text: str, start: int) -> Any:
    """The JSON after `data=`, up to where it ends; None where there is none or it is broken."""
    head = re.match(r"[;&]data=", text[start : start + 8], re.IGNORECASE)
    if head is None:
        return None
    begin = start + head.end()
    depth, quoted, escaped = 0, False, False
    for at in range(begin, len(text)):
        char = text[at]
        if quoted:
            quoted, escaped = (char != '"' or escaped), (char == "\\" and not escaped)
        elif char == '"':
            quoted = True
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth == 0:
                part = text[begin : at + 1].encode()
                if depth_exceeds(part, MAX_DEPTH):
                    raise BodyTooDeep(f"`data` is nested deeper than {MAX_DEPTH}.")
                try:
                    return msgspec.json.decode(part)
                except (msgspec.DecodeError, RecursionError):
                    return None
        if depth == 0 and not quoted:
            return None
    return None


def _message(raw: Mapping[str, Any], outer: Mapping[str, Any], where: str) -> VendorMessage:
    code = raw.get("Code")
    if not isinstance(code, str) or not code.strip():
        raise Invalid([FieldError(field=f"{where}.Code", detail="is required, a text")])
    action = raw.get("Action", "Pulse")
    given = raw.get("Data")
    data: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    index = next(
        (v for v in (raw.get("Index"), outer.get("Channel"), outer.get("Index")) if _whole(v)),
        None,
    )
    number = None if index is None else int(index) + 1
    is_input = code.strip().lower() == INPUT
    seen = data.get("Object")
    thing: Mapping[str, Any] = seen if isinstance(seen, Mapping) else {}
    if code.lower() in HEARTBEATS:
        state = State.HEARTBEAT
    else:
        state = State.ENDED if str(action).lower() in OVER else State.STARTED
    return VendorMessage(
        vendor=VENDOR,
        kind=code.strip(),
        state=state,
        at=_time(data, raw, outer, f"{where}.Data"),
        # Their indexes begin at 0, and their channels and inputs at 1.
        channel=None if number is None or is_input else number,
        channel_name=None if is_input else _text(data, outer, names=NAMES),
        input=number if is_input else None,
        address=_text(outer, data, names=("IPAddress", "Address", "DeviceIP")),
        rule=_text(data, names=("Name",) if is_input else ("RuleId", "RuleID", "Name")),
        target=_text(thing, data, names=("ObjectType", "Category")),
        sequence=_text(data, names=("EventID", "GroupID", "Sequence")),
    )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 100_000


def _text(*places: Mapping[str, Any], names: Iterable[str]) -> str | None:
    wanted = tuple(names)
    for place in places:
        for name in wanted:
            value = place.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool):
                return str(value).strip()[:200] or None
    return None


def _time(
    data: Mapping[str, Any], raw: Mapping[str, Any], outer: Mapping[str, Any], where: str
) -> datetime | None:
    """The true UTC first: their `UTC` is the device's wall clock on many releases."""
    for name in ("RealUTC", "UTC"):
        value = data.get(name, raw.get(name))
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            seconds = value / 1000 if value > _MILLISECONDS else value
            part = data.get("UTCMS", 0)
            extra = part / 1000 if isinstance(part, int) and 0 <= part < 1000 else 0
            try:
                return _EPOCH + timedelta(seconds=seconds + (extra if seconds == value else 0))
            except OverflowError:
                detail = "is no time: seconds since 1970 are expected"
                raise Invalid([FieldError(field=f"{where}.{name}", detail=detail)]) from None
    for place in (data, raw, outer):
        for name in ("LocaleTime", "Time", "StartTime"):
            value = place.get(name)
            if isinstance(value, str) and value:
                try:
                    return datetime.fromisoformat(value[:64])
                except ValueError:
                    detail = "is no time; it has to be as 2026-03-02 10:00:00"
                    raise Invalid([FieldError(field=f"{where}.{name}", detail=detail)]) from None
    return None
