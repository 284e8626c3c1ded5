"""The stage: a request becomes a delivery with a due time; the I/O is done beside the stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.notify import circuits, limits
from agents.notify.backoff import STEADY, backoff_of, wait
from agents.notify.passes import Attempt, Confirming, keyed
from agents.runtime.stage import Chain, Context, Effect, Emit, Stage, Start
from agents.runtime.state import TableSpec
from agents.runtime.timers import Timer
from schemas.base import SchemaError, Severity, parse_duration
from schemas.document import Channel
from schemas.ids import result_id
from schemas.notification import ChannelOutcome, NotifyRequest, NotifyResult, Outcome
from topics.catalogue import NOTIFY_REQUESTS, NOTIFY_RESULTS, TICKS_ACT
from topics.record import OutRecord, make, traced, traceparent

__all__ = ["ACT_CHAIN", "DELIVERIES", "Attempt", "Delivery", "Way", "result_record"]

LOST_AFTER: Final = timedelta(seconds=20)
"""An attempt without an outcome for this long died with its worker; one that is under way in this
worker is not begun a second time, however long it takes."""

GRACE: Final = timedelta(seconds=2)
"""After a restart the outcome may lie in the topic, unread, while the clock is far ahead already:
what seems lost gets this long to be found before it is sent again."""

REMEMBER: Final = timedelta(hours=25)

CHECK_FIRST: Final = timedelta(seconds=10)
CHECK_MOST: Final = timedelta(minutes=5)
"""Pushover asks for 5 s between two looks at a receipt."""
CHECK_FOR: Final = timedelta(hours=4)
"""Longer than an emergency lasts at Pushover (3 h), and than carriers keep an SMS for a phone that
is off and then say so (Twilio's default)."""


class Way(Struct, frozen=True, kw_only=True):
    """A channel that is tried again. tries: how often it failed."""

    channel: str
    tries: int
    due: datetime


class Delivery(Struct, frozen=True, kw_only=True):
    """A delivery: which attempt is under way or due, and whether it is done.

    first: the outcome of the first pass, which decisions wait for. ways: the channels that are
    owed; none: all of them. dead: channels that took it, and then said that it did not arrive.
    """

    request: NotifyRequest
    attempt: int
    started: datetime | None
    due: datetime | None = None
    done: bool = False
    first: NotifyResult | None = None
    ways: tuple[Way, ...] = ()
    confirming: tuple[Confirming, ...] = ()
    dead: tuple[str, ...] = ()
    limited: bool = False


DELIVERIES: Final = TableSpec(name="notify.deliveries", value=Delivery)
MINUTES: Final = TableSpec(name="notify.minutes", value=limits.Minute)
"""By site: the notes of other services in the last minute."""

NOTIFY = Stage(
    name="notify",
    reads=(NOTIFY_REQUESTS, NOTIFY_RESULTS),
    writes=(NOTIFY_RESULTS,),
    state=(DELIVERIES, MINUTES, circuits.CIRCUITS),
)
ACT_CHAIN = Chain(name="act", stages=(NOTIFY,), ticks=TICKS_ACT, timed=(NOTIFY_REQUESTS,))


def _begin(ctx: Context, delivery: Delivery) -> Iterable[Effect]:
    key = delivery.request.notification_id
    ctx.put(DELIVERIES, key, replace(delivery, started=ctx.now, due=None, limited=False))
    ctx.set_timer(ctx.now + LOST_AFTER, "lost", key, traced=True)
    # A pass that was lost takes up what it was to try, and what has become due since.
    due = tuple(way.channel for way in delivery.ways if way.due <= ctx.now)
    later = tuple(way.channel for way in delivery.ways if way.due > ctx.now)
    yield Start(
        Attempt(
            request=delivery.request,
            attempt=delivery.attempt,
            channels=due or later,
            waiting=later if due else (),
            circuits=circuits.known(ctx, _channels(ctx, delivery.request.receiver)),
            trace=ctx.trace,
        )
    )


def _end(ctx: Context, delivery: Delivery) -> None:
    key = delivery.request.notification_id
    ctx.put(DELIVERIES, key, replace(delivery, started=None, due=None, done=True, ways=()))
    ctx.set_timer(ctx.now + REMEMBER, "forget", key)


@NOTIFY.on(NotifyRequest)
def on_request(ctx: Context, request: NotifyRequest) -> Iterable[Effect]:
    """Begin the first attempt; the same request again is the same delivery.

    Whoever asks again may have asked before its own state was safe, and heard the outcome before
    it knew the question: it is told the first outcome again.
    """
    known = ctx.get(DELIVERIES, request.notification_id)
    if known is None:
        delivery = Delivery(request=request, attempt=1, started=None)
        yield from _admit(ctx, delivery) if request.note is not None else _begin(ctx, delivery)
    elif known.first is not None:
        yield Emit(result_record(known.first))


def _admit(ctx: Context, delivery: Delivery) -> Iterable[Effect]:
    """Begin what another service asked for, as far as its site allows: alerts went through route,
    which has seen to that; notes did not."""
    request = delivery.request
    assert request.note is not None
    site = ctx.configuration.site(request.site_id)
    if site is None or not site.site.enabled or not site.site.notifications.enabled:
        yield from _refuse(ctx, delivery, Outcome.FAILED, "the site's notifications are off")
        return
    limit = site.site.notifications.rate_limit_per_min
    if request.note.severity is not Severity.CRITICAL:
        minute = ctx.get(MINUTES, request.site_id) or limits.EMPTY
        minute, seconds = limits.admit(minute, ctx.now, limit)
        ctx.put(MINUTES, request.site_id, minute if limit else None)
        if seconds > 0:
            due = ctx.now + timedelta(seconds=seconds)
            if due > request.deadline:
                text = f"the site's limit of {limit} a minute"
                yield from _refuse(ctx, delivery, Outcome.EXPIRED, text)
                return
            key = request.notification_id
            ctx.put(DELIVERIES, key, replace(delivery, due=due, limited=True))
            ctx.set_timer(due, "try", key, traced=True)
            return
    yield from _begin(ctx, delivery)


def _refuse(ctx: Context, delivery: Delivery, outcome: Outcome, error: str) -> Iterable[Effect]:
    request = delivery.request
    refused = NotifyResult(
        result_id=result_id(request.notification_id, 1),
        notification_id=request.notification_id,
        site_id=request.site_id,
        receiver=request.receiver,
        outcome=outcome,
        attempt=1,
        at=ctx.now,
        status=request.status,
        kind=request.kind,
        severity=None if request.note is None else request.note.severity,
        error=error,
    )
    _end(ctx, replace(delivery, first=refused))
    yield Emit(result_record(refused))


@NOTIFY.on(NotifyResult)
def on_result(ctx: Context, result: NotifyResult) -> Iterable[Effect]:
    """Be done, or be due again with backoff until `retry_for` is over."""
    delivery = ctx.get(DELIVERIES, result.notification_id)
    if delivery is None:
        return
    if result.attempt == 0:
        yield from _reported(ctx, delivery, result)
        return
    circuits.note(ctx, _channels(ctx, result.receiver), result)
    if delivery.done:
        return
    if delivery.first is None and result.attempt == 1:
        delivery = replace(delivery, first=result)
    took = result.outcome is Outcome.DELIVERED
    delivery = _watch(ctx, delivery, result)
    if took and not result.owed:
        # Of whichever attempt: one that was thought lost may have been there first.
        _end(ctx, delivery)
        return
    if result.attempt != delivery.attempt:
        return
    ways = _ways(ctx, delivery, result)
    if not ways and result.channels:
        # Whatever was tried, the same again would be refused again.
        yield from _expire(ctx, delivery, result)
        return
    due = min(way.due for way in ways) if ways else ctx.now + wait(STEADY, delivery.attempt)
    if due > delivery.request.deadline:
        yield from _expire(ctx, delivery, result)
        return
    fresh = replace(delivery, attempt=delivery.attempt + 1, started=None, due=due, ways=ways)
    ctx.put(DELIVERIES, result.notification_id, fresh)
    ctx.set_timer(due, "try", result.notification_id, traced=True)


def _expire(ctx: Context, delivery: Delivery, result: NotifyResult) -> Iterable[Effect]:
    _end(ctx, delivery)
    number = delivery.attempt + 1
    expired = replace(
        result,
        result_id=result_id(result.notification_id, number),
        outcome=Outcome.EXPIRED,
        attempt=number,
        at=ctx.now,
        channels=(),
    )
    yield Emit(result_record(expired))


def _channels(ctx: Context, receiver: str) -> Mapping[str, Channel]:
    found = next((r for r in ctx.configuration.routing.receivers if r.name == receiver), None)
    return {} if found is None else keyed(found.channels)


def _seconds(channel: Channel | None, name: str) -> float | None:
    value = None if channel is None else channel.options.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return parse_duration(value).total_seconds()
    except SchemaError:
        return None


def _ways(ctx: Context, delivery: Delivery, result: NotifyResult) -> tuple[Way, ...]:
    """The channels that are owed, each with its own next time; the order of the document stays."""
    channels = _channels(ctx, delivery.request.receiver)
    known = {way.channel: way for way in delivery.ways}
    failed: dict[str, ChannelOutcome] = {one.channel: one for one in result.channels}
    found: list[Way] = []
    for name in result.owed:
        outcome = failed.get(name)
        if outcome is None:
            found += [known[name]] if name in known else []
            continue
        tries = 1 + (known[name].tries if name in known else 0)
        channel = channels.get(name)
        backoff = backoff_of(
            outcome.kind,
            first=_seconds(channel, "backoff_first"),
            most=_seconds(channel, "backoff_most"),
        )
        pause = wait(backoff, tries, delivery.request.notification_id, name)
        if outcome.retry_after_s is not None:
            pause = max(pause, timedelta(seconds=outcome.retry_after_s))
        found.append(Way(channel=name, tries=tries, due=ctx.now + pause))
    order = list(channels)
    return tuple(sorted(found, key=lambda w: order.index(w.channel) if w.channel in order else 99))


def _watch(ctx: Context, delivery: Delivery, result: NotifyResult) -> Delivery:
    """Ask later what became of what channels took, where they say."""
    fresh = tuple(
        Confirming(
            channel=one.channel,
            kind=one.kind,
            reference=one.reference,
            since=ctx.now,
            attempt=result.attempt,
        )
        for one in result.channels
        if one.outcome is Outcome.DELIVERED and one.confirm and one.reference
    )
    asked = {(one.channel, one.reference) for one in delivery.confirming}
    fresh = tuple(one for one in fresh if (one.channel, one.reference) not in asked)
    if not fresh:
        return delivery
    ctx.set_timer(ctx.now + CHECK_FIRST, "check", delivery.request.notification_id, traced=True)
    return replace(delivery, confirming=(*delivery.confirming, *fresh))


def _reported(ctx: Context, delivery: Delivery, result: NotifyResult) -> Iterable[Effect]:
    """A channel said what became of it. Where it did not arrive, the next channels have a turn."""
    about = {(one.channel, one.reference) for one in result.channels}
    left = tuple(c for c in delivery.confirming if (c.channel, c.reference) not in about)
    if len(left) == len(delivery.confirming):
        return
    key = delivery.request.notification_id
    delivery = replace(delivery, confirming=left)
    if result.outcome is not Outcome.UNDELIVERED or not delivery.done:
        ctx.put(DELIVERIES, key, delivery)
        return
    dead = (*delivery.dead, *(channel for channel, _ in about))
    names = list(_channels(ctx, delivery.request.receiver))
    rest = tuple(name for name in names if name not in dead)
    delivery = replace(delivery, dead=dead[-20:])
    if not rest:
        ctx.put(DELIVERIES, key, delivery)
        return
    # However late the word comes: nobody has been told, and this is the one pass that it gets.
    ways = tuple(Way(channel=name, tries=0, due=ctx.now) for name in rest)
    yield from _begin(ctx, replace(delivery, attempt=delivery.attempt + 1, done=False, ways=ways))


@NOTIFY.on(Timer)
def on_timer(ctx: Context, timer: Timer) -> Iterable[Effect]:
    """Try again, find an attempt that died with its worker, ask what became of it, or forget."""
    if timer.kind == "circuit":
        circuits.forget(ctx, timer.key)
        return
    delivery = ctx.get(DELIVERIES, timer.key)
    if delivery is None:
        return
    if timer.kind == "forget":
        if delivery.done:
            ctx.put(DELIVERIES, timer.key, None)
        return
    if timer.kind == "check":
        yield from _check(ctx, delivery)
        return
    if delivery.done:
        return
    if timer.kind == "try" and delivery.due is not None and delivery.due <= ctx.now:
        yield from _admit(ctx, delivery) if delivery.limited else _begin(ctx, delivery)
    elif delivery.started is not None and ctx.now - delivery.started >= LOST_AFTER:
        if timer.kind == "lost":
            ctx.set_timer(ctx.now + GRACE, "gone", timer.key)
        elif timer.kind == "gone":
            # The same attempt again: its outcome has the same id, whichever copy comes first.
            yield from _begin(ctx, delivery)


def _check(ctx: Context, delivery: Delivery) -> Iterable[Effect]:
    key = delivery.request.notification_id
    open_ones = tuple(one for one in delivery.confirming if ctx.now - one.since < CHECK_FOR)
    asked = tuple(replace(one, tries=one.tries + 1) for one in open_ones)
    ctx.put(DELIVERIES, key, replace(delivery, confirming=asked))
    if not asked:
        return
    soonest = min(one.tries for one in asked)
    pause = min(CHECK_MOST, CHECK_FIRST * 2 ** min(soonest, 10))
    ctx.set_timer(ctx.now + pause, "check", key, traced=True)
    yield Start(
        Attempt(request=delivery.request, attempt=delivery.attempt, checks=asked, trace=ctx.trace)
    )


def result_record(result: NotifyResult, trace: str = "") -> OutRecord:
    """The outcome as a record. trace: the trace that it continues; empty: its cause's."""
    record = make(
        NOTIFY_RESULTS,
        result,
        id=result.result_id,
        time=result.at,
        source="watchfloor/act",
        key=result.site_id,
        subject=result.notification_id,
    )
    return traced(record, traceparent(trace)) if trace else record
