"""The stage: a request becomes a delivery with a due time; the I/O is done beside the stream."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.runtime.stage import Chain, Context, Effect, Emit, Stage, Start
from agents.runtime.state import TableSpec
from agents.runtime.timers import Timer
from schemas.ids import result_id
from schemas.notification import NotifyRequest, NotifyResult, Outcome
from topics.catalogue import NOTIFY_REQUESTS, NOTIFY_RESULTS, TICKS_ACT
from topics.record import OutRecord, make

__all__ = ["ACT_CHAIN", "Attempt", "Delivery", "backoff", "result_record"]

LOST_AFTER: Final = timedelta(seconds=20)
"""An attempt without an outcome for this long died with its worker: longer than any time limit."""
REMEMBER: Final = timedelta(hours=25)
FIRST_DELAY_S: Final = 10.0
MOST_DELAY_S: Final = 120.0


class Attempt(Struct, frozen=True, kw_only=True):
    """A pass over a receiver's channels, to be made now."""

    request: NotifyRequest
    attempt: int


class Delivery(Struct, frozen=True, kw_only=True):
    """A delivery: which attempt is under way or due, and whether it is done.

    first: the outcome of the first pass, which decisions wait for.
    """

    request: NotifyRequest
    attempt: int
    started: datetime | None
    due: datetime | None = None
    done: bool = False
    first: NotifyResult | None = None


DELIVERIES: Final = TableSpec(name="notify.deliveries", value=Delivery)
NOTIFY = Stage(
    name="notify",
    reads=(NOTIFY_REQUESTS, NOTIFY_RESULTS),
    writes=(NOTIFY_RESULTS,),
    state=(DELIVERIES,),
)
ACT_CHAIN = Chain(name="act", stages=(NOTIFY,), ticks=TICKS_ACT, timed=(NOTIFY_REQUESTS,))


def backoff(attempt: int) -> timedelta:
    """The wait after a failed attempt (1 is the first): 10 s, doubling, at most 2 min."""
    return timedelta(seconds=min(MOST_DELAY_S, FIRST_DELAY_S * 2.0 ** (attempt - 1)))


def _begin(ctx: Context, delivery: Delivery) -> Iterable[Effect]:
    key = delivery.request.notification_id
    ctx.put(DELIVERIES, key, replace(delivery, started=ctx.now, due=None))
    ctx.set_timer(ctx.now + LOST_AFTER, "lost", key)
    yield Start(Attempt(request=delivery.request, attempt=delivery.attempt))


def _end(ctx: Context, delivery: Delivery) -> None:
    key = delivery.request.notification_id
    ctx.put(DELIVERIES, key, replace(delivery, started=None, due=None, done=True))
    ctx.set_timer(ctx.now + REMEMBER, "forget", key)


@NOTIFY.on(NotifyRequest)
def on_request(ctx: Context, request: NotifyRequest) -> Iterable[Effect]:
    """Begin the first attempt; the same request again is the same delivery.

    Whoever asks again may have asked before its own state was safe, and heard the outcome before
    it knew the question: it is told the first outcome again.
    """
    known = ctx.get(DELIVERIES, request.notification_id)
    if known is None:
        yield from _begin(ctx, Delivery(request=request, attempt=1, started=None))
    elif known.first is not None:
        yield Emit(result_record(known.first))


@NOTIFY.on(NotifyResult)
def on_result(ctx: Context, result: NotifyResult) -> Iterable[Effect]:
    """Be done, or be due again with backoff until `retry_for` is over."""
    delivery = ctx.get(DELIVERIES, result.notification_id)
    if delivery is None or delivery.done:
        return
    if delivery.first is None and result.attempt == 1:
        delivery = replace(delivery, first=result)
    if result.outcome is Outcome.DELIVERED:
        # Of whichever attempt: one that was thought lost may have been there first.
        _end(ctx, delivery)
        return
    if result.attempt != delivery.attempt:
        return
    due = ctx.now + backoff(delivery.attempt)
    if due > delivery.request.deadline:
        _end(ctx, delivery)
        expired = replace(
            result,
            result_id=result_id(result.notification_id, delivery.attempt + 1),
            outcome=Outcome.EXPIRED,
            attempt=delivery.attempt + 1,
            at=ctx.now,
        )
        yield Emit(result_record(expired))
        return
    fresh = replace(delivery, attempt=delivery.attempt + 1, started=None, due=due)
    ctx.put(DELIVERIES, result.notification_id, fresh)
    ctx.set_timer(due, "try", result.notification_id)


@NOTIFY.on(Timer)
def on_timer(ctx: Context, timer: Timer) -> Iterable[Effect]:
    """Try again, find an attempt that died with its worker, or forget."""
    delivery = ctx.get(DELIVERIES, timer.key)
    if delivery is None:
        return
    if timer.kind == "forget":
        if delivery.done:
            ctx.put(DELIVERIES, timer.key, None)
        return
    if delivery.done:
        return
    if timer.kind == "try" and delivery.due is not None and delivery.due <= ctx.now:
        yield from _begin(ctx, delivery)
    elif (
        timer.kind == "lost"
        and delivery.started is not None
        and ctx.now - delivery.started >= LOST_AFTER
    ):
        # The same attempt again: its outcome has the same id, whichever copy comes first.
        yield from _begin(ctx, delivery)


def result_record(result: NotifyResult) -> OutRecord:
    """The outcome as a record."""
    return make(
        NOTIFY_RESULTS,
        result,
        id=result.result_id,
        time=result.at,
        source="watchfloor/act",
        key=result.site_id,
        subject=result.notification_id,
    )
