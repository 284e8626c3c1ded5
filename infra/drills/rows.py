"""What stands in PostgreSQL and in the blob store after a drill."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from infra.blob.open import open_store
from infra.blob.store import BlobError
from infra.db.target import target_of
from infra.drills.oracle import AlertView, Verdict
from infra.drills.watch import REPEATS

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["Rows", "read_blobs", "read_rows"]


@dataclass(frozen=True)
class Rows:
    """The tables, as the oracle compares them."""

    events: frozenset[str]
    decisions: dict[str, Verdict]
    alerts: dict[str, AlertView]
    notifications: frozenset[str]
    pictures: frozenset[str]


def read_rows(settings: Settings) -> Rows:
    """All rows of the namespace, past row-level security. Raises psycopg.Error without a server."""
    target = target_of(settings)
    with psycopg.connect(target.maintenance(), autocommit=True) as connection:
        connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(target.schema)))
        events = frozenset(row[0] for row in connection.execute("SELECT event_id FROM event"))
        decisions = {
            row[0]: Verdict(row[1], row[2], row[3], _twin(row[4]))
            for row in connection.execute(
                "SELECT event_id, result, reason, alert_id, stages FROM decision"
            )
        }
        alerts = {
            row[0]: AlertView(
                situation="/".join(part or "" for part in row[1:6]),
                resolved=row[6] == "resolved",
                events=row[7],
                repeats=row[8],
                revision=row[9],
            )
            for row in connection.execute(
                "SELECT alert_id, site_id, zone_id, camera_id, device_id, event_type, state, "
                "events, repeats, revision FROM alert"
            )
        }
        notifications = frozenset(
            row[0] for row in connection.execute("SELECT notification_id FROM notification")
        )
        pictures = frozenset(
            row[0] for row in connection.execute("SELECT snapshot_id FROM snapshot")
        )
    return Rows(events, decisions, alerts, notifications, pictures)


def _twin(stages: list[dict[str, str]]) -> str | None:
    details = (stage.get("detail") or "" for stage in stages)
    return next((text.removeprefix(REPEATS) for text in details if text.startswith(REPEATS)), None)


def read_blobs(settings: Settings) -> dict[str, str]:
    """Every blob's key and the SHA-256 of its bytes; none while the store is away."""
    store = open_store(settings)
    try:
        keys = [entry.key for entry in store.list()]
        return {key: hashlib.sha256(store.get(key)).hexdigest() for key in keys}
    except BlobError:
        return {}
