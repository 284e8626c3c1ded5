"""The archive: a consumer group of its own, which writes what happened to where it is queried."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaException

from agents.archive import metrics
from agents.archive.rows import TOPICS, Poison, plan
from agents.archive.sink import AwayError, Sink
from agents.runtime.deadletter import dead_letter
from agents.runtime.emitter import EmitError, RefusedError
from agents.runtime.follower import Follower
from agents.runtime.record import Record
from agents.runtime.service import RoleContext
from infra.blob.open import open_store
from infra.blob.store import BlobError, BlobStore, sweep
from infra.db.target import target_of

__all__ = ["GROUP", "ArchiveService"]

log = logging.getLogger("watchfloor.archive")

GROUP: Final = "watchfloor-archive"
MAX_RECORDS: Final = 500
BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Waits between attempts; the last one is repeated for ever."""

LAG_EVERY_S: Final = 10.0
SWEEP_EVERY_S: Final = 60.0
SWEEP_SHARE: Final = 20
"""A twentieth of the quota written brings the next sweep forward."""


class ArchiveService:
    """Writes events, decisions, alerts, activity, snapshots, notifications and devices' health.

    A chunk goes in this order:

    1. decode and plan; what does not decode is set aside
    2. pictures to the blob store: a row never points at a picture that is not there yet
    3. rows to PostgreSQL in one transaction; what it can never take is found and set aside
    4. what was set aside to the dead-letter topics, confirmed
    5. offsets committed

    A crash anywhere repeats work and loses none: every row is written by its id. A sink that is
    away holds step 2, 3 or 4, for ever if need be, and the offsets wait with it.
    """

    name = "archive"

    def __init__(self) -> None:
        self._written = 0
        self._sweep_now = asyncio.Event()

    async def run(self, ctx: RoleContext) -> None:
        """See Service."""
        blobs = open_store(ctx.settings)
        follower = Follower(ctx.settings, TOPICS, group=GROUP, client_id=GROUP)
        async with asyncio.TaskGroup() as tasks:
            janitor = tasks.create_task(self._sweep(ctx, blobs))
            try:
                async with Sink(target_of(ctx.settings), blobs) as sink, follower:
                    await self._follow(ctx, follower, sink)
            finally:
                janitor.cancel()

    async def _follow(self, ctx: RoleContext, follower: Follower, sink: Sink) -> None:
        measured = 0.0
        async for chunk in follower.chunks(max_records=MAX_RECORDS, timeout=1.0):
            if chunk:
                await self._archive(ctx, sink, chunk)
                try:
                    await follower.commit()
                except KafkaException as error:
                    # The group moved on meanwhile: whoever owns the partitions now reads these
                    # records again, and writes what is there already.
                    log.warning("offsets not committed: %s", error)
            if time.monotonic() - measured >= LAG_EVERY_S:
                measured = time.monotonic()
                await _measure_lag(follower)

    async def _archive(self, ctx: RoleContext, sink: Sink, chunk: Sequence[Record]) -> None:
        """Steps 1 to 4; returns when everything that the chunk holds is safe."""
        started = time.monotonic()
        items, poison = plan(chunk)
        pictures = [item.picture for item in items if item.picture is not None]
        attempt = 0
        while True:
            try:
                if pictures:
                    await sink.store_pictures(pictures)
                    self._count(ctx, sum(len(picture.data) for picture in pictures))
                    pictures = []
                refused = await sink.store_rows(items)
                break
            except AwayError as error:
                sink_name = "blob" if pictures else "database"
                await self._wait(ctx, sink_name, error, attempt)
                attempt += 1
        await self._bury(ctx, [*poison, *refused])
        ctx.report(self.name, None)
        metrics.BATCH_RECORDS.observe(len(chunk))
        metrics.BATCH_SECONDS.observe(time.monotonic() - started)
        for record in chunk:
            metrics.RECORDS.labels(record.topic.name).inc()

    async def _bury(self, ctx: RoleContext, poison: Sequence[Poison]) -> None:
        """Step 4. Nothing is committed before its dead letters are confirmed."""
        if not poison:
            return
        letters = [dead_letter(p.record, stage=self.name, error=p.error) for p in poison]
        attempt = 0
        while True:
            try:
                await ctx.emitter.emit(letters)
                break
            except RefusedError as error:
                # Too large with its reasons in the headers. It stays in its own topic as long as
                # that keeps it, and this line says where; waiting would stop the partition.
                for letter, reason in error.refused:
                    log.error("dead letter refused: %s %s: %s", letter.topic, letter.key, reason)
                break
            except EmitError as error:
                await self._wait(ctx, "broker", error, attempt)
                attempt += 1
        for p in poison:
            metrics.DEAD_LETTERS.labels(p.record.topic.name).inc()
            log.warning(
                "%s %d:%d cannot be archived: %s",
                p.record.topic,
                p.record.partition,
                p.record.offset,
                type(p.error).__name__,
            )

    async def _wait(self, ctx: RoleContext, sink: str, error: Exception, attempt: int) -> None:
        metrics.FAILURES.labels(sink).inc()
        ctx.report(self.name, str(error))
        delay = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
        log.warning("%s; trying again in %.1f s", error, delay)
        await asyncio.sleep(delay)

    def _count(self, ctx: RoleContext, size: int) -> None:
        self._written += size
        if self._written * SWEEP_SHARE >= ctx.settings.blob_quota:
            self._sweep_now.set()

    async def _sweep(self, ctx: RoleContext, blobs: BlobStore) -> None:
        """Keep the store within its quota and its age, beside the stream."""
        settings = ctx.settings
        while True:
            self._written = 0
            self._sweep_now.clear()
            try:
                swept = await asyncio.to_thread(
                    sweep,
                    blobs,
                    now=ctx.now(),
                    max_age=settings.blob_age,
                    max_bytes=settings.blob_quota,
                )
            except BlobError as error:
                log.warning("blobs not swept: %s", error)
            else:
                metrics.BLOB_BYTES.set(swept.left.bytes)
                metrics.SWEPT.inc(swept.deleted)
            try:
                async with asyncio.timeout(SWEEP_EVERY_S):
                    await self._sweep_now.wait()
            except TimeoutError:
                continue


async def _measure_lag(follower: Follower) -> None:
    behind: dict[str, int] = {topic.name: 0 for topic in TOPICS}
    positions = follower.positions()
    for (topic, partition), end in (await follower.end_offsets(cached=True)).items():
        read = positions.get((topic, partition))
        if read is not None:
            behind[topic.name] += max(0, end - read)
    for name, records in behind.items():
        metrics.LAG.labels(name).set(records)
