"""What a record is in the database: rows by table, and a picture for the blob store. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from agents.runtime.record import Record
from infra.blob.store import check_key
from schemas.alert import Activity, Alert
from schemas.base import Message, SchemaError, encode, utc
from schemas.decision import Decision
from schemas.device import DeviceHealth, Probe
from schemas.event import SecurityEvent
from schemas.frame import SnapshotMeta
from schemas.ids import snapshot_id
from schemas.notification import NotifyRequest, NotifyResult
from topics.catalogue import (
    ACTIVITY,
    ALERTS,
    DECISIONS,
    DEVICE_HEALTH,
    EVENTS,
    NOTIFY_REQUESTS,
    NOTIFY_RESULTS,
    PROBES,
    SNAPSHOTS,
)
from topics.declare import Topic

__all__ = ["TOPICS", "Item", "Picture", "Poison", "Row", "Statement", "Table", "plan", "statements"]

TOPICS: Final[tuple[Topic, ...]] = (
    EVENTS,
    DECISIONS,
    ALERTS,
    ACTIVITY,
    SNAPSHOTS,
    NOTIFY_REQUESTS,
    NOTIFY_RESULTS,
    PROBES,
    DEVICE_HEALTH,
)
"""What is archived."""

JPEG_MAGIC: Final = b"\xff\xd8\xff"


class Table(StrEnum):
    """A table that archive feeds; the value is the end of its function's name, `archive_…`."""

    EVENTS = "events"
    DECISIONS = "decisions"
    ALERTS = "alerts"
    ACTIVITY = "activity"
    SNAPSHOTS = "snapshots"
    NOTIFICATIONS = "notifications"
    DELIVERIES = "deliveries"
    DEVICE_STATES = "device_states"
    DEVICE_HEALTH = "device_health"
    """Of polls, of breakers, and of changes: one function writes all three."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. data: a JSON object, column to value."""

    table: Table
    data: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """A blob that must be stored before its row is."""

    key: str
    data: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Item:
    """A record, and what it is in the database; a tombstone is nothing there."""

    record: Record
    row: Row | None
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that can never be archived, and why."""

    record: Record
    error: Exception


@dataclass(frozen=True, slots=True)
class Statement:
    """One call of a table's function. rows: a JSON array."""

    table: Table
    rows: bytes
    count: int


def plan(records: Iterable[Record]) -> tuple[list[Item], list[Poison]]:
    """What the records are in the database, in their order, and those that are nothing."""
    items: list[Item] = []
    poison: list[Poison] = []
    for record in records:
        try:
            items.append(_item(record))
        except ValueError as error:  # SchemaError and BlobKeyError are both.
            poison.append(Poison(record, error))
    return items, poison


def statements(items: Sequence[Item]) -> list[Statement]:
    """One statement a table, tables always in the same order, rows in that of the records."""
    by_table: dict[Table, list[bytes]] = {}
    for item in items:
        if item.row is not None:
            by_table.setdefault(item.row.table, []).append(item.row.data)
    return [
        Statement(table, b"[" + b",".join(by_table[table]) + b"]", len(by_table[table]))
        for table in Table
        if table in by_table
    ]


def _item(record: Record) -> Item:
    if record.value is None and record.topic.compact:
        # The topic forgets an alert some time after it was resolved; its history stays.
        return Item(record, None)
    message = record.message()
    if isinstance(message, SnapshotMeta):
        return _snapshot(record, message)
    table, columns = _COLUMNS[type(message)]
    return Item(record, Row(table, encode(columns(record, message))))


def _snapshot(record: Record, meta: SnapshotMeta) -> Item:
    data = record.value or b""
    if not data.startswith(JPEG_MAGIC):
        raise SchemaError(f"{record.topic}: the value is no JPEG")
    name = snapshot_id(meta.site_id, meta.event_id, meta.position)
    day = utc(meta.captured_at).strftime("%Y/%m/%d")
    key = check_key(f"snapshots/{meta.site_id}/{day}/{name}.jpg")
    picture = Picture(key, data, record.topic.content.value)
    columns = _fields(meta) | {
        "snapshot_id": name,
        "content_type": picture.content_type,
        "bytes": len(data),
        "blob_key": key,
    }
    return Item(record, Row(Table.SNAPSHOTS, encode(columns)), picture)


def _fields(message: Message) -> dict[str, Any]:
    """Every field, defaults too: a column has no other source for them."""
    return {name: getattr(message, name) for name in message.__struct_fields__}


def _plain(_record: Record, message: Message) -> dict[str, Any]:
    return _fields(message)


def _event(record: Record, event: SecurityEvent) -> dict[str, Any]:
    recorded = datetime.fromtimestamp(max(record.timestamp_ms, 0) / 1000, UTC)
    return _fields(event) | {"recorded_at": recorded}


def _request(_record: Record, request: NotifyRequest) -> dict[str, Any]:
    columns = _fields(request)
    lines = columns.pop("alerts")
    columns["group_key"] = columns.pop("group")
    columns["alert_ids"] = [line.alert_id for line in lines]
    columns["severity"] = max((line.severity for line in lines), key=lambda s: s.rank, default=None)
    columns["payload"] = request
    return columns


def _probe(_record: Record, probe: Probe) -> dict[str, Any]:
    columns = _fields(probe)
    last_frame = columns.pop("last_frame_at")
    columns["last_seen_at"] = last_frame or (probe.at if probe.ok else None)
    return columns


_COLUMNS: Final[dict[type[Message], tuple[Table, Callable[[Record, Any], dict[str, Any]]]]] = {
    SecurityEvent: (Table.EVENTS, _event),
    Decision: (Table.DECISIONS, _plain),
    Alert: (Table.ALERTS, _plain),
    Activity: (Table.ACTIVITY, _plain),
    NotifyRequest: (Table.NOTIFICATIONS, _request),
    NotifyResult: (Table.DELIVERIES, _plain),
    Probe: (Table.DEVICE_STATES, _probe),
    DeviceHealth: (Table.DEVICE_HEALTH, _plain),
}
