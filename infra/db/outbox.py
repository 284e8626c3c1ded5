"""The outbox drained: what committed revisions owe to Kafka, sent and marked.

At least once: a crash between the broker's confirmation and the mark sends a record twice, with
the same id and the same content.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from agents.runtime.emitter import EmitError, Emitter
from infra.db.errors import DatabaseError, explain
from infra.db.pool import AsyncConnection, site_scope
from infra.db.target import Role, target_of
from schemas.audit import Audit
from schemas.base import decode
from topics.catalogue import AUDIT, BY_NAME
from topics.record import OutRecord, Provenance, make, tombstone

if TYPE_CHECKING:
    from agents.runtime.service import Emits
    from infra.settings import Settings

__all__ = ["drain", "drain_outbox", "follow_outbox"]

log = logging.getLogger("watchfloor.outbox")

SOURCE: Final = "watchfloor/config"
AUDIT_SOURCE: Final = "watchfloor/api"
BATCH: Final = 500
CONFIRM_S: Final = 30.0
"""How long one batch may wait for the broker; the rows stay, so that giving up loses nothing."""

KEEP_DAYS: Final = 7
"""How long rows that were sent are kept, for whoever asks what was sent when."""

POLL_S: Final = 5.0
"""A notification is lost with its connection: rows are looked for this often all the same."""


async def drain_outbox(settings: Settings) -> int:
    """Send everything that is owed, with a connection and an emitter of its own; how many.

    Raises DatabaseError where PostgreSQL is away, and where the broker does not confirm within
    half a minute: the revision stands then, and the API process sends it when it can.
    """
    emitter = Emitter(settings, "watchfloor-outbox")
    await emitter.start()
    target = target_of(settings)
    try:
        with explain(target):
            async with await psycopg.AsyncConnection.connect(
                target.connection(Role.API, application="watchfloor-outbox"), autocommit=True
            ) as connection:
                return await drain(connection, emitter)
    except (TimeoutError, EmitError) as error:
        raise DatabaseError(
            "the revision is stored, and Kafka has not confirmed it",
            hint="it is sent as soon as Kafka answers and the API runs; apply again to wait for it",
        ) from error
    finally:
        await emitter.stop()


async def drain(connection: AsyncConnection, emitter: Emits) -> int:
    """Send everything that is owed, oldest first, and return how many records that was.

    Raises TimeoutError where the broker does not confirm in time, EmitError where it refuses.
    """
    total = 0
    while True:
        sent = await _batch(connection, emitter)
        total += sent
        if sent < BATCH:
            return total


async def follow_outbox(settings: Settings, emitter: Emits) -> None:
    """Drain now, and at each commit that owes something, until cancelled.

    While PostgreSQL or Kafka is away it tries again every few seconds.
    """
    target = target_of(settings)
    conninfo = target.connection(Role.API, application="watchfloor-outbox")
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(
                conninfo, autocommit=True
            ) as connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(target.schema)))
                while True:
                    await drain(connection, emitter)
                    async for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                        pass
        except (psycopg.Error, TimeoutError, EmitError) as error:
            log.warning("the outbox waits: %s", error)
            await asyncio.sleep(POLL_S)


async def _batch(connection: AsyncConnection, emitter: Emits) -> int:
    found = await (await connection.execute("SELECT outbox_sites()")).fetchone()
    sites = found[0] if found is not None else []
    if not sites:
        return 0
    async with site_scope(connection, sites):
        # One drainer at a time, so that a key's records leave in the order of their revisions.
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtext('outbox.' || current_schema()))"
        )
        rows = await (
            await connection.execute(
                "SELECT id, topic, key, revision, value, at FROM outbox WHERE sent_at IS NULL "
                "ORDER BY id LIMIT %s",
                (BATCH,),
            )
        ).fetchall()
        if not rows:
            return 0
        async with asyncio.timeout(CONFIRM_S):
            await emitter.emit([_record(*row[1:]) for row in rows])
        await connection.execute(
            "UPDATE outbox SET sent_at = %s WHERE id = ANY(%s)",
            (datetime.now(UTC), [row[0] for row in rows]),
        )
        await connection.execute(
            "DELETE FROM outbox WHERE sent_at < now() - make_interval(days => %s)", (KEEP_DAYS,)
        )
    return len(rows)


def _record(name: str, key: str, revision: int, value: bytes | None, at: datetime) -> OutRecord:
    topic = BY_NAME[name]
    if topic is AUDIT and value is not None:
        said = decode(bytes(value), Audit)
        return make(topic, said, id=said.audit_id, time=at, source=AUDIT_SOURCE, key=key)
    record_id = f"{key}@{revision}"
    if value is None:
        return tombstone(topic, key=key, id=record_id, time=at, source=SOURCE)
    return make(
        topic,
        decode(bytes(value), topic.value),
        id=record_id,
        time=at,
        source=SOURCE,
        key=key,
        provenance=Provenance(config_revision=revision),
    )
