"""The deliveries: I/O beside the stream, bounded a target, so that one that hangs delays nobody."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import Any, Final

from msgspec.structs import replace

from agents.notify.errors import ChannelError, ChannelTimeoutError
from agents.notify.known import Targets
from agents.notify.message import Said, compose, speaking
from agents.notify.options import secret_of
from agents.notify.passes import Attempt, Confirming, chosen, keyed, report, summary
from agents.notify.picture import picture_of
from agents.notify.places import target_of
from agents.notify.push.subscribers import KeptSubscribers, Subscribers
from agents.notify.senders.base import Job, Sender
from agents.notify.senders.registry import senders
from agents.notify.stage import result_record
from agents.notify.targets import policy_of
from agents.notify.web import Web
from agents.runtime.emitter import EmitError, RefusedError
from agents.runtime.lease import LeaseError
from agents.runtime.metrics import METRICS
from agents.runtime.service import RoleContext
from infra.blob.store import BlobStore
from schemas.document import Channel, Receiver
from schemas.notification import (
    ChannelOutcome,
    NotifyRequest,
    NotifyResult,
    Outcome,
)

__all__ = ["DeliveryService"]

log = logging.getLogger("watchfloor.notify")

MOST_SAID: Final = 10_000
"""Outcomes that are remembered: the newest, of some minutes in a storm."""

HANDS_OFF_S: Final = 15.0
"""Beside a channel's own limit: a sender that does not keep to it is cut off."""

TELL_AGAIN_S: Final = (0.5, 1.0, 2.0, 5.0)


class DeliveryService:
    """Makes attempts, and says on `notify.results.v1` what became of each."""

    name = "deliveries"
    handles: type[Any] = Attempt

    def __init__(
        self,
        by_kind: dict[str, Sender] | None = None,
        *,
        secrets: Callable[[str], str] | None = None,
        web: Web | None = None,
        blobs: BlobStore | None = None,
        subscribers: Subscribers | None = None,
    ) -> None:
        silent = os.environ.get("WATCHFLOOR_NOTIFY") == "off"
        recorder = os.environ.get("WATCHFLOOR_RECORDER")
        self._senders = (
            by_kind if by_kind is not None else senders(silent=silent, recorder=recorder)
        )
        self._given = secrets
        self._secrets: Callable[[str], str] = secrets or secret_of
        self._web = web or Web()
        self._blobs = blobs
        self._subscribers = subscribers
        self._queue: asyncio.Queue[Attempt] = asyncio.Queue()
        self._targets = Targets()
        self._taken: set[tuple[str, int, bool]] = set()
        self._said: dict[tuple[str, int, bool], NotifyResult] = {}
        METRICS.notifications_under_way.set_function(lambda: float(len(self._taken)))

    def start_work(self, work: Attempt) -> None:
        """Take an attempt; it is begun at once, or when its target has a free place.

        One that waits for its place is not lost, however long it has been without an outcome.
        """
        if self._mark(work) not in self._taken:
            self._taken.add(self._mark(work))
            self._queue.put_nowait(work)

    @staticmethod
    def _mark(work: Attempt) -> tuple[str, int, bool]:
        return work.request.notification_id, work.attempt, bool(work.checks)

    async def run(self, ctx: RoleContext) -> None:
        """Make attempts until cancelled. One that is cut off is found lost by its timer."""
        if self._given is None:
            self._secrets = partial(secret_of, state_dir=ctx.settings.state_dir)
        if self._blobs is None:
            with contextlib.suppress(Exception):
                # Without its store a notification has no picture, and that is all.
                from infra.blob.open import open_store

                self._blobs = open_store(ctx.settings)
        self._web.alive = ctx.alive
        kept = KeptSubscribers(ctx.settings)
        if self._subscribers is None:
            self._subscribers = kept
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    attempt = await self._queue.get()
                    tasks.create_task(self._one(ctx, attempt))
        finally:
            self._taken.clear()
            await self._web.close()
            await kept.close()

    async def _one(self, ctx: RoleContext, attempt: Attempt) -> None:
        said = self._said.get(self._mark(attempt))
        try:
            if said is not None:
                # Its outcome lies unread behind a backlog, and it was taken for lost.
                await self._tell(ctx, said, attempt.trace)
            elif attempt.checks:
                await self._checks(ctx, attempt)
            else:
                await self._attempt(ctx, attempt)
        finally:
            self._taken.discard(self._mark(attempt))

    async def _tell(self, ctx: RoleContext, result: NotifyResult, trace: str) -> None:
        """Until the broker has it: an outcome that is lost sends the notification once more."""
        tries = 0
        while True:
            try:
                await ctx.emitter.emit([result_record(result, trace)])
                return
            except RefusedError as error:
                # Too large, of all that can be wrong with it; what counts is small.
                log.error("the outcome of %s is refused: %s", result.notification_id, error)
                if not result.alert_ids and not result.channels:
                    return
                result = replace(result, alert_ids=(), channels=(), owed=())
            except EmitError as error:
                log.warning("the outcome of %s is not out yet: %s", result.notification_id, error)
                await asyncio.sleep(TELL_AGAIN_S[min(tries, len(TELL_AGAIN_S) - 1)])
                tries += 1

    async def _attempt(self, ctx: RoleContext, attempt: Attempt) -> None:
        request = attempt.request
        receivers = {one.name: one for one in ctx.configuration.routing.receivers}
        receiver = receivers.get(request.receiver)
        if receiver is None or not receiver.channels:
            error = (
                f"there is no receiver {request.receiver}"
                if receiver is None
                else f"receiver {request.receiver} has no channels"
            )
            await self._tell(ctx, summary(attempt, (), {}, ctx.now(), error=error), attempt.trace)
            return
        site = ctx.configuration.site(request.site_id)
        channels = chosen(receiver, attempt, None if site is None else site.site)
        if not channels:
            text = f"receiver {receiver.name} has no channel that pushes to users"
            await self._tell(ctx, summary(attempt, (), {}, ctx.now(), error=text), attempt.trace)
            return
        for key, circuit in attempt.circuits:
            if key in channels:
                # One that this process has met itself it knows better.
                self._targets.of(channels[key], circuit)
        picture = _once(lambda: picture_of(self._blobs, request))
        outcomes = await self._pass(ctx, receiver, channels, request, picture)
        result = summary(attempt, outcomes, channels, ctx.now(), fanout=receiver.fanout)
        _count(result)
        self._remember(attempt, result)
        await self._tell(ctx, result, attempt.trace)

    def _remember(self, attempt: Attempt, result: NotifyResult) -> None:
        if len(self._said) >= MOST_SAID:
            self._said.pop(next(iter(self._said)))
        self._said[self._mark(attempt)] = result

    async def _pass(
        self,
        ctx: RoleContext,
        receiver: Receiver,
        channels: dict[str, Channel],
        request: NotifyRequest,
        picture: Callable[[], Awaitable[bytes | None]],
    ) -> list[ChannelOutcome]:
        """In order until one takes it, or all at once."""
        if receiver.fanout:
            async with asyncio.TaskGroup() as tasks:
                parts = [
                    tasks.create_task(self._try(ctx, key, channel, request, picture))
                    for key, channel in channels.items()
                ]
            return [part.result() for part in parts]
        outcomes: list[ChannelOutcome] = []
        for key, channel in channels.items():
            outcomes.append(await self._try(ctx, key, channel, request, picture))
            if outcomes[-1].outcome is Outcome.DELIVERED:
                break
        return outcomes

    async def _try(
        self,
        ctx: RoleContext,
        key: str,
        channel: Channel,
        request: NotifyRequest,
        picture: Callable[[], Awaitable[bytes | None]],
    ) -> ChannelOutcome:
        told = target_of(channel)
        sender = self._senders.get(channel.kind)
        if sender is None:
            return ChannelOutcome(
                channel=key,
                kind=channel.kind,
                outcome=Outcome.FAILED,
                target=told,
                error=f"no sender for channels of kind {channel.kind}",
            )
        target = self._targets.of(channel)

        def said(outcome: Outcome, error: str | None = None, **more: Any) -> ChannelOutcome:
            return ChannelOutcome(
                channel=key,
                kind=channel.kind,
                outcome=outcome,
                target=told,
                error=error,
                circuit=target.circuit,
                **more,
            )

        seconds = target.limited(channel, request, ctx.now())
        if seconds > 0:
            text = f"{key}: its limit a minute is used"
            return said(Outcome.FAILED, text, retry_after_s=seconds)
        async with target.slots:
            pause = target.pause(ctx.now())
            if pause > 0:
                text = f"{told} is left alone for {pause:.0f} s"
                return said(Outcome.FAILED, text, retry_after_s=pause)
            target.ask(ctx.now())
            begun = monotonic()
            # Whoever has the partition by now sends what was not begun.
            ctx.alive()
            try:
                job = self._job(ctx, channel, request, picture)
                async with asyncio.timeout(job.limit + HANDS_OFF_S):
                    taken = await sender.send(job, self._web)
            except (ChannelTimeoutError, TimeoutError) as error:
                target.failed(ctx.now())
                text = str(error) or f"{told} did not answer in time"
                return said(Outcome.TIMED_OUT, text, latency_ms=_ms(begun))
            except ChannelError as error:
                target.learn(error, ctx.now())
                return said(
                    Outcome.FAILED,
                    str(error),
                    latency_ms=_ms(begun),
                    retry_after_s=error.retry_after,
                    final=error.final,
                )
            except LeaseError:
                raise
            except Exception as error:
                # A sender's bug is that channel's failure; the text may hold what it was given,
                # and so may the traceback's last line.
                log.error("channel %s: %s in its sender", channel.kind, type(error).__name__)
                target.failed(ctx.now())
                return said(Outcome.FAILED, type(error).__name__, latency_ms=_ms(begun))
            target.took()
        return said(
            Outcome.DELIVERED,
            latency_ms=_ms(begun),
            reference=taken.reference,
            confirm=taken.confirm,
        )

    def _job(
        self,
        ctx: RoleContext,
        channel: Channel,
        request: NotifyRequest,
        picture: Callable[[], Awaitable[bytes | None]],
    ) -> Job:
        site = ctx.configuration.site(request.site_id)
        document = None if site is None else site.site
        base = channel.options.get("link_base", ctx.settings.link_base)

        def said(by: Channel) -> Said:
            return compose(
                request,
                by,
                site=document,
                templates=ctx.configuration.routing.templates,
                link_base=base if isinstance(base, str) else "",
            )

        return Job(
            channel=channel,
            request=request,
            said=said(channel),
            speaking=lambda language: said(speaking(channel, language)),
            subscribers=self._subscribers,
            now=ctx.now(),
            secrets=self._secrets,
            policy=policy_of(None if document is None else document.notifications),
            cards=document is not None and document.notifications.mode == "cards",
            picture=picture,
        )

    async def _checks(self, ctx: RoleContext, attempt: Attempt) -> None:
        """Ask what became of what channels took. No word, or no answer: asked again later."""
        receivers = {one.name: one for one in ctx.configuration.routing.receivers}
        receiver = receivers.get(attempt.request.receiver)
        channels = {} if receiver is None else keyed(receiver.channels)
        for asked in attempt.checks:
            channel = channels.get(asked.channel)
            if channel is not None and channel.kind == asked.kind:
                await self._check(ctx, attempt, asked, channel)

    async def _check(
        self, ctx: RoleContext, attempt: Attempt, asked: Confirming, channel: Channel
    ) -> None:
        request = attempt.request
        sender = self._senders.get(channel.kind)
        if sender is None:
            return
        job = self._job(ctx, channel, request, _once(_nothing))
        try:
            async with self._targets.of(channel).slots, asyncio.timeout(job.limit + HANDS_OFF_S):
                found = await sender.check(job, self._web, asked.reference)
        except (ChannelError, TimeoutError) as error:
            log.info("no word yet of what %s took: %s", asked.channel, error)
            return
        except Exception as error:
            log.error("channel %s: %s in its check", channel.kind, type(error).__name__)
            return
        if found is not None:
            METRICS.notification_reports.labels(channel.kind, found.outcome.value).inc()
            told = target_of(channel)
            result = report(request, asked, channel, found.outcome, found.detail, told, ctx.now())
            await self._tell(ctx, result, attempt.trace)


async def _nothing() -> bytes | None:
    return None


def _once(
    make: Callable[[], Awaitable[bytes | None]],
) -> Callable[[], Awaitable[bytes | None]]:
    """The same picture for every channel of a pass, fetched when the first one wants it."""
    found: list[bytes | None] = []
    lock = asyncio.Lock()

    async def get() -> bytes | None:
        async with lock:
            if not found:
                found.append(await make())
        return found[0]

    return get


def _ms(begun: float) -> float:
    return round((monotonic() - begun) * 1000, 1)


def _count(result: NotifyResult) -> None:
    for one in result.channels:
        if one.outcome is Outcome.DELIVERED:
            METRICS.notification_sent.labels(one.kind).inc()
        else:
            METRICS.notification_failed.labels(one.kind).inc()
        if one.latency_ms is not None:
            METRICS.notification_seconds.labels(one.kind).observe(one.latency_ms / 1000)
    if not result.channels:
        METRICS.notification_failed.labels("none").inc()
