"""Drills in which what stands behind the pipeline is away, or slow."""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from infra.db.target import target_of
from infra.drills.arena import Arena
from infra.drills.events import CAMERAS, SITES
from infra.drills.frame import Drill
from infra.drills.oracle import Picture
from schemas.frame import SnapshotMeta
from schemas.ids import snapshot_id
from topics.catalogue import SNAPSHOTS
from topics.record import OutRecord, make

__all__ = ["DRILLS"]

JPEG: Final = b"\xff\xd8\xff\xe0"
PICTURE_BYTES: Final = 20_000


def _postgres_away(at: Arena) -> None:
    """The archive's sink is away; alerts and notifications go on."""
    at.wait(2.0)
    with at.broken("PostgreSQL is away"):
        at.servers.postgres.stop()
        at.wait(60.0 if at.full else 8.0)
        at.servers.postgres.start()
    at.wait(2.0)


def _blobs_away(at: Arena) -> None:
    """Where pictures go is no folder any more, for a while."""
    chance = random.Random(f"pictures/{at.run.seed}")
    folder = at.settings.state_dir / f"blobs-{at.settings.namespace}"
    seconds = 60 if at.full else 6
    number = 0

    def send(count: int) -> None:
        nonlocal number
        for _ in range(count):
            number += 1
            _send_picture(at, number, chance)
        at.wait(1.0)

    send(10)
    at.until("the first pictures are stored", folder.is_dir)
    with at.broken("the blob store is away"), _no_folder(folder):
        for _ in range(seconds):
            send(5)
    send(10)


def _send_picture(at: Arena, number: int, chance: random.Random) -> None:
    """A picture of an event that nobody else knows of: the archive takes what comes."""
    site, camera = chance.choice(SITES), chance.choice(CAMERAS)
    captured = datetime.now(UTC)
    event = f"pictured-{at.run.seed}-{number}"
    name = snapshot_id(site, event, 0)
    body = JPEG + chance.randbytes(PICTURE_BYTES)
    meta = SnapshotMeta(
        event_id=event, site_id=site, camera_id=camera, captured_at=captured, position=0
    )
    record: OutRecord = make(
        SNAPSHOTS,
        meta,
        id=name,
        time=captured,
        source="watchfloor/drill",
        key=f"{site}/{camera}",
        payload=body,
    )
    key = f"snapshots/{site}/{captured:%Y/%m/%d}/{name}.jpg"
    at.pictures[key] = Picture(name, hashlib.sha256(body).hexdigest())
    at.load.send_other(record, name)


@contextlib.contextmanager
def _no_folder(folder: Path) -> Iterator[None]:
    """Inside, a file stands where the folder was: every write fails, also root's."""
    aside = folder.with_name(folder.name + ".aside")
    folder.rename(aside)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


def _slow_sink(at: Arena) -> None:
    """The database and the receiver answer, late."""
    target = target_of(at.settings)
    at.wait(1.0)
    with at.broken("PostgreSQL and the receiver are slow"):
        at.receiver.delay_s = 1.0
        for _ in range(20 if at.full else 2):
            with psycopg.connect(target.maintenance()) as connection:
                connection.execute(
                    sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(
                        sql.Identifier(target.schema, "event")
                    )
                )
                at.wait(2.5)
            at.wait(0.2)
        at.receiver.delay_s = 0.0
    at.wait(1.0)


DRILLS: Final = (
    Drill(
        name="postgres-away",
        summary="PostgreSQL is stopped for 8 s (full: 60 s); the pipeline goes on",
        drive=_postgres_away,
    ),
    Drill(
        name="blobs-away",
        summary="the blob store is away for 6 s (full: 60 s) while pictures come",
        drive=_blobs_away,
        rate=20.0,
    ),
    Drill(
        name="slow-sink",
        summary="PostgreSQL and the receiver of notifications answer late",
        drive=_slow_sink,
    ),
)
