"""Ten million events and what became of them, made inside PostgreSQL, and kept for the next run.

A group is a burst at one camera: its first event opens an alert, some of the others join it, most
are suppressed. Everything is drawn by hashes of numbers, so that the same size is the same data.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra.db.migrate import MIGRATIONS, prepare
from infra.db.target import target_of

if TYPE_CHECKING:
    import psycopg

    from infra.settings import Settings
    from schemas.document import Document

__all__ = [
    "CAMERAS",
    "DAYS",
    "FULL",
    "SITES",
    "START",
    "Size",
    "build",
    "digest",
    "document",
    "folder_of",
]

SITES: Final = 24
CAMERAS: Final = 30
"""A site's; each watches one of three zones."""
ZONES: Final = 3
START: Final = datetime(2026, 3, 1, tzinfo=UTC)
DAYS: Final = 30
TABLES: Final = ("event", "decision", "alert")
DONE: Final = "complete"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """How much. events: a multiple of alerts."""

    events: int
    alerts: int

    @property
    def each(self) -> int:
        """Events of an alert's group."""
        return self.events // self.alerts


FULL: Final = Size(10_000_000, 200_000)

# u(n, k): a number in [0, 1) that is the same for the same n and k.
SETUP: Final = """
CREATE FUNCTION pg_temp.u(n bigint, k bigint) RETURNS double precision LANGUAGE sql IMMUTABLE AS
$$ SELECT (hashint8extended(n, k) & 4294967295)::double precision / 4294967296 $$;
CREATE TEMPORARY TABLE burst AS
SELECT g,
       'site-' || lpad(floor(%(sites)s * pg_temp.u(g, 1) ^ 1.5)::int::text, 2, '0') AS site_id,
       floor(%(cameras)s * pg_temp.u(g, 2) ^ 1.3)::int AS camera,
       CASE WHEN pg_temp.u(g, 3) < 0.45 THEN 'object_in_zone'
            WHEN pg_temp.u(g, 3) < 0.80 THEN 'motion' WHEN pg_temp.u(g, 3) < 0.92 THEN 'loitering'
            WHEN pg_temp.u(g, 3) < 0.98 THEN 'line_crossing' ELSE 'crowding' END AS event_type,
       CASE WHEN pg_temp.u(g, 4) < 0.6 THEN 'person' WHEN pg_temp.u(g, 4) < 0.9 THEN 'car'
            ELSE 'truck' END AS label,
       %(start)s::timestamptz + g * %(step)s::interval AS at,
       md5('alert/' || g)::uuid::text AS alert_id
FROM generate_series(0, %(alerts)s - 1) AS g;
"""

EVENTS: Final = """
INSERT INTO event (site_id, event_id, event_type, occurred_at, recorded_at, source, camera_id,
    zone_id, label, confidence, track_id, first_frame, frame, box, snapshots, detector_ms, labels)
SELECT site_id, md5((g * %(each)s + m)::text)::uuid::text, event_type,
       at + m * interval '4.7 seconds', at + m * interval '4.7 seconds' + interval '0.4 seconds',
       'detector', 'cam-' || lpad(camera::text, 2, '0'), 'zone-' || camera %% %(zones)s, label,
       0.5 + pg_temp.u(g * %(each)s + m, 5) / 2, (g * 3 + m)::text, m * 25, m * 25 + 12,
       ARRAY[pg_temp.u(g, 6) / 2, 0.2, pg_temp.u(g, 6) / 2 + 0.2, 0.7], 7, 31.5, '{}'
FROM burst, generate_series(0, %(each)s - 1) AS m
"""

DECISIONS: Final = """
INSERT INTO decision (site_id, event_id, decision_id, result, reason, alert_id, decided_at, stages)
SELECT site_id, md5((g * %(each)s + m)::text)::uuid::text,
       md5('d' || (g * %(each)s + m))::uuid::text, result,
       CASE result WHEN 'suppressed' THEN CASE WHEN draw < 0.7 THEN 'duplicate'
            WHEN draw < 0.9 THEN 'outside_schedule' ELSE 'low_confidence' END
            WHEN 'rejected' THEN 'unknown_zone' END,
       CASE WHEN result IN ('sent', 'grouped') THEN alert_id END,
       at + m * interval '4.7 seconds' + interval '0.5 seconds',
       '[{"stage": "dedupe", "verdict": "pass"}, {"stage": "rank", "verdict": "pass"}]'
FROM (
    SELECT *, CASE WHEN m = 0 THEN 'sent' WHEN draw > 0.985 THEN 'rejected'
                   WHEN draw > 0.87 THEN 'grouped' ELSE 'suppressed' END AS result
    FROM (SELECT *, pg_temp.u(g * %(each)s + m, 7) AS draw
          FROM burst, generate_series(0, %(each)s - 1) AS m) AS drawn
) AS decided
"""

ALERTS: Final = """
INSERT INTO alert (site_id, alert_id, state, severity, event_type, rank, reasons, opened_at,
    updated_at, first_event, last_event, events, repeats, revision, site_name, camera_id,
    camera_name, zone_id, label, confidence, box, event_ids, snapshot, acknowledged_by,
    acknowledged_at, escalation, resolved_at, resolved_by, resolution)
SELECT site_id, alert_id, state,
       (ARRAY['critical', 'high', 'medium', 'low', 'info'])[1 + floor(5 * pg_temp.u(g, 8))::int],
       event_type, 5 + floor(95 * pg_temp.u(g, 9) ^ 1.5)::int,
       '[{"name": "severity", "points": 40, "reason": "the zone''s severity is high"},
         {"name": "hour", "points": 12, "reason": "rare at this hour: 3 in 30 days"},
         {"name": "verdicts", "points": -6, "reason": "2 of 9 were false positives lately"}]',
       at, at + interval '4 minutes', at, at + interval '4 minutes', 6, 44, 9, 'The site',
       'cam-' || lpad(camera::text, 2, '0'), 'Camera ' || camera, 'zone-' || camera %% %(zones)s,
       label, 0.5 + pg_temp.u(g, 5) / 2, ARRAY[0.1, 0.2, 0.3, 0.7],
       ARRAY(SELECT md5((g * %(each)s + m)::text)::uuid::text FROM generate_series(0, 5) AS m),
       md5((g * %(each)s)::text)::uuid::text,
       CASE WHEN state <> 'open' THEN 'anna' END,
       CASE WHEN state <> 'open' THEN at + interval '5 minutes' END, 0,
       CASE WHEN state = 'resolved' THEN at + interval '1 hour' END,
       CASE WHEN state = 'resolved' THEN 'anna' END,
       CASE WHEN state = 'resolved' THEN 'true_positive' END
FROM (
    SELECT *, CASE WHEN pg_temp.u(g, 10) < 0.01 THEN 'open'
                   WHEN pg_temp.u(g, 10) < 0.025 THEN 'acknowledged' ELSE 'resolved' END AS state
    FROM burst
) AS drawn
"""

INDEXES: Final = """
SELECT c.relname, pg_get_indexdef(c.oid), pg_get_constraintdef(p.oid), p.conname, t.relname
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
LEFT JOIN pg_constraint p ON p.conindid = c.oid
WHERE t.relnamespace = current_schema()::regnamespace AND t.relname = ANY (%s)
ORDER BY c.relname
"""


def document() -> Document:
    """The sites that the data are of."""
    from schemas.document import Camera, Document, Site, Zone

    cameras = tuple(Camera(camera_id=f"cam-{n:02}") for n in range(CAMERAS))
    zones = tuple(
        Zone(
            zone_id=f"zone-{zone}",
            camera_ids=tuple(f"cam-{n:02}" for n in range(CAMERAS) if n % ZONES == zone),
        )
        for zone in range(ZONES)
    )
    return Document(
        sites=tuple(
            Site(site_id=f"site-{n:02}", cameras=cameras, zones=zones) for n in range(SITES)
        )
    )


def digest(size: Size) -> str:
    """Names the data: the size, what makes them, and the schema that they are in."""
    found = hashlib.sha256(repr(size).encode())
    for path in (Path(__file__), *sorted((MIGRATIONS / "versions").glob("v*"))):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def folder_of(cache: Path, size: Size) -> tuple[Path, bool]:
    """Where the server with the data is, and whether they are all there.

    One of another digest, or half made, is taken away.
    """
    kind = cache / "bench-api" / f"{size.events}"
    folder = kind / digest(size)
    if kind.is_dir():
        for other in kind.iterdir():
            if other != folder or not (other / DONE).exists():
                shutil.rmtree(other, ignore_errors=True)
    return folder, (folder / DONE).exists()


def build(settings: Settings, size: Size, say: Say) -> None:
    """Make schema and data. As the server's superuser: the rows are of all sites."""
    import psycopg

    prepare(settings)
    target = target_of(settings)
    with psycopg.connect(target.maintenance(), autocommit=True) as connection:
        connection.execute(f"SET search_path = {target.schema}".encode())
        connection.execute("SET maintenance_work_mem = '512MB'")
        connection.execute("SET synchronous_commit = off")
        # In one go after the rows: kept current row by row they would cost ten times as much.
        indexes = connection.execute(INDEXES, (list(TABLES),)).fetchall()
        for name, _, constraint, constraint_name, table in indexes:
            if constraint:
                _run(connection, f"ALTER TABLE {table} DROP CONSTRAINT {constraint_name}")
            else:
                _run(connection, f"DROP INDEX {name}")
        values = {
            "sites": SITES,
            "cameras": CAMERAS,
            "zones": ZONES,
            "alerts": size.alerts,
            "each": size.each,
            "start": START,
            "step": timedelta(days=DAYS) / size.alerts,
        }
        # Literals: a statement that takes parameters is one statement only.
        cursor = psycopg.ClientCursor(connection)
        say(f"making {size.alerts:,} alerts and {size.events:,} events")
        cursor.execute(SETUP.encode(), values)
        for query in (ALERTS, EVENTS, DECISIONS):
            cursor.execute(query.encode(), values)
        for name, definition, constraint, constraint_name, table in indexes:
            say(f"making the index {name}")
            if constraint:
                _run(
                    connection, f"ALTER TABLE {table} ADD CONSTRAINT {constraint_name} {constraint}"
                )
            else:
                _run(connection, definition)
        say("looking at the data")
        for table in TABLES:
            _run(connection, f"VACUUM ANALYZE {table}")


def _run(connection: psycopg.Connection[Any], statement: str) -> None:
    """A statement made of names that the catalogue told."""
    connection.execute(statement.encode())
