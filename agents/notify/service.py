"""The deliveries: I/O beside the stream, bounded a target, so that one that hangs delays nobody."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import defaultdict
from typing import Any, Final

from prometheus_client import Counter

from agents.notify.channels import (
    ChannelError,
    ChannelTimeoutError,
    Sender,
    senders,
    target_of,
)
from agents.notify.stage import Attempt, result_record
from agents.runtime.service import RoleContext
from schemas.base import Severity
from schemas.document import Channel
from schemas.ids import result_id
from schemas.notification import NotifyRequest, NotifyResult, Outcome

__all__ = ["DeliveryService"]

log = logging.getLogger("watchfloor.notify")

AT_ONCE: Final = 4
"""Attempts under way at one target."""

SENT = Counter("vmm_notification_sent_total", "Notifications that a channel took", ("channel",))
FAILED = Counter("vmm_notification_failed_total", "Attempts that no channel took", ("channel",))


class DeliveryService:
    """Makes attempts, and says on `notify.results.v1` what became of each."""

    name = "deliveries"
    handles: type[Any] = Attempt

    def __init__(self, by_kind: dict[str, Sender] | None = None) -> None:
        silent = os.environ.get("WATCHFLOOR_NOTIFY") == "off"
        self._senders = by_kind if by_kind is not None else senders(silent=silent)
        self._queue: asyncio.Queue[Attempt] = asyncio.Queue()
        self._slots: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
        self._taken: set[tuple[str, int]] = set()

    def start_work(self, work: Attempt) -> None:
        """Take an attempt; it is begun at once, or when its target has a free place.

        One that waits for its place is not lost, however long it has been without an outcome.
        """
        if self._mark(work) not in self._taken:
            self._taken.add(self._mark(work))
            self._queue.put_nowait(work)

    @staticmethod
    def _mark(work: Attempt) -> tuple[str, int]:
        return work.request.notification_id, work.attempt

    async def run(self, ctx: RoleContext) -> None:
        """Make attempts until cancelled. One that is cut off is found lost by its timer."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                attempt = await self._queue.get()
                tasks.create_task(self._one(ctx, attempt))

    async def _one(self, ctx: RoleContext, attempt: Attempt) -> None:
        try:
            await self._attempt(ctx, attempt)
        finally:
            self._taken.discard(self._mark(attempt))

    async def _attempt(self, ctx: RoleContext, attempt: Attempt) -> None:
        request = attempt.request
        receivers = {one.name: one for one in ctx.configuration.routing.receivers}
        receiver = receivers.get(request.receiver)
        channels = () if receiver is None else receiver.channels
        outcome, channel = Outcome.FAILED, None
        error: str | None = (
            f"there is no receiver {request.receiver}"
            if receiver is None
            else f"receiver {request.receiver} has no channels"
        )
        for channel in channels:
            outcome, error = await self._try(ctx, channel, request)
            if outcome is Outcome.DELIVERED:
                break
        kind = channel.kind if channel is not None else "none"
        (SENT if outcome is Outcome.DELIVERED else FAILED).labels(kind).inc()
        result = NotifyResult(
            result_id=result_id(request.notification_id, attempt.attempt),
            notification_id=request.notification_id,
            site_id=request.site_id,
            receiver=request.receiver,
            outcome=outcome,
            attempt=attempt.attempt,
            at=ctx.now(),
            channel=None if channel is None else channel.name or channel.kind,
            channel_kind=None if channel is None else channel.kind,
            status=request.status,
            kind=request.kind,
            severity=max(
                (line.severity for line in request.alerts),
                key=lambda s: s.rank,
                default=Severity.INFO,
            ),
            target=None if channel is None else target_of(channel),
            error=error,
            event_ids=request.event_ids,
            alert_ids=tuple(line.alert_id for line in request.alerts)[:1000],
        )
        await ctx.emitter.emit([result_record(result)])

    async def _try(
        self, ctx: RoleContext, channel: Channel, request: NotifyRequest
    ) -> tuple[Outcome, str | None]:
        sender = self._senders.get(channel.kind)
        if sender is None:
            return Outcome.FAILED, f"no sender for channels of kind {channel.kind}"
        async with self._slots[target_of(channel)]:
            try:
                await sender.send(channel, request, ctx.now())
            except ChannelTimeoutError as error:
                return Outcome.TIMED_OUT, str(error)
            except ChannelError as error:
                return Outcome.FAILED, str(error)
            except Exception as error:
                # A sender's bug is that channel's failure; the text may hold what it was given.
                log.exception("channel %s", channel.kind)
                return Outcome.FAILED, type(error).__name__
        return Outcome.DELIVERED, None
