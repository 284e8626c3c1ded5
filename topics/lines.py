"""A record as a line for a person, and as JSON for a program.

What comes from records is hostile: it may hold what moves a terminal's cursor. Nothing that does
not print gets out of here unescaped.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, Final

from topics.catalogue import BY_NAME
from topics.consumer import FIELDS
from topics.declare import DLQ_SUFFIX, Content, Topic
from topics.reader import RawRecord

__all__ = ["as_json", "content", "line", "matches", "printable"]

MAX_CELL: Final = 80


def printable(text: str, limit: int = 2000) -> str:
    """Text without control characters, cut at `limit`."""
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:limit])
    return shown + ("…" if len(text) > limit else "")


def source_of(record: RawRecord) -> Topic | None:
    """The declaration of the topic that the record is, or was, on."""
    return BY_NAME.get(record.topic.removesuffix(DLQ_SUFFIX))


def content(record: RawRecord) -> dict[str, Any] | None:
    """The message's fields: from the value, or for a JPEG from its header; None: it has none."""
    topic = source_of(record)
    raw: bytes | None = record.value
    if topic is not None and topic.content is Content.JPEG:
        raw = next((v for k, v in record.headers if k == topic.header), None)
    if raw is None:
        return None
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def line(record: RawRecord) -> str:
    """One line: broker or event time, place, key, and the fields that say most."""
    at = record.header("ce_time") or datetime.fromtimestamp(
        record.timestamp_ms / 1000, UTC
    ).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    key = record.key.decode("utf-8", "replace") if record.key is not None else "-"
    cells = [at, f"{record.partition}/{record.offset}", key, *_cells(record)]
    return "  ".join(printable(cell, MAX_CELL) for cell in cells)


def _cells(record: RawRecord) -> list[str]:
    if record.topic.endswith(DLQ_SUFFIX):
        return [
            record.header(f"__watchfloor.errors.{name}") or "?"
            for name in ("stage", "class", "message")
        ]
    if record.value is None:
        return ["removed"]
    fields = content(record)
    if fields is None:
        return [f"{len(record.value)} bytes that are no message"]
    names = FIELDS.get(record.topic, tuple(fields)[:4])
    cells = [f"{name}={_short(fields[name])}" for name in names if name in fields]
    topic = source_of(record)
    if topic is not None and topic.content is Content.JPEG:
        cells.append(f"{len(record.value)} bytes")
    return cells


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} of them"
    if isinstance(value, dict):
        return str(next((v for k, v in value.items() if k.endswith("_id")), "{…}"))
    return str(value)


def as_json(record: RawRecord) -> dict[str, Any]:
    """The whole record. value: its JSON; else value_base64, or value_bytes for a picture."""
    shown: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": datetime.fromtimestamp(record.timestamp_ms / 1000, UTC).isoformat(),
        "key": None if record.key is None else record.key.decode("utf-8", "replace"),
        "headers": {name: value.decode("utf-8", "replace") for name, value in record.headers},
    }
    topic = source_of(record)
    if record.value is None:
        return {**shown, "value": None}
    if topic is not None and topic.content is Content.JPEG and record.topic == topic.name:
        return {**shown, "value_bytes": len(record.value)}
    try:
        return {**shown, "value": json.loads(record.value)}
    except (ValueError, RecursionError):
        return {**shown, "value_base64": base64.b64encode(record.value).decode()}


def matches(record: RawRecord, site: str | None, camera: str | None) -> bool:
    """Whether a record is of that site, and of that camera (or device)."""
    if site is None and camera is None:
        return True
    fields = content(record) or {}
    key = (record.key or b"").decode("utf-8", "replace")
    key_site, _, key_camera = key.partition("/")
    if site is not None and site not in {_site(fields), key_site}:
        return False
    cameras = {fields.get("camera_id"), fields.get("device_id"), key_camera or None}
    return camera is None or camera in cameras


def _site(fields: dict[str, Any]) -> Any:
    inner = fields.get("site")
    return inner.get("site_id") if isinstance(inner, dict) else fields.get("site_id")
