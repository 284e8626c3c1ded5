"""The stage: polls become their devices' health and conditions, and changes become events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from agents.runtime.stage import Chain, Context, Effect, Emit, Poison, Stage
from agents.runtime.state import Expiry, TableSpec
from agents.watch.channels import captured_channels
from agents.watch.conditions import Conditions, observe_conditions
from agents.watch.health import MEAN_NORMAL_S, BreakerState, Device, PollState, health_of, observe
from schemas.device import Breaker, DeviceHealth, DeviceSeverity, Probe
from schemas.event import SecurityEvent
from topics.catalogue import DEVICE_HEALTH, EVENTS, PROBES, TICKS_WATCH
from topics.record import OutRecord, make

__all__ = ["BREAKERS", "CONDITIONS", "POLLS", "WATCH", "WATCH_CHAIN"]

SOURCE: Final = "watchfloor/watch"

FORGOTTEN: Final = timedelta(days=30)
"""A device that was not polled for so long has left its document; one that is back begins anew."""


def _poll_at(poll: PollState) -> datetime | None:
    # Somebody was told that it is down, and is to be told when it is not: that is remembered.
    return None if poll.told else poll.at


def _breaker_at(breaker: BreakerState) -> datetime | None:
    return breaker.at if breaker.state is Breaker.CLOSED else None


POLLS: Final = TableSpec(
    name="watch.poll_state", value=PollState, expiry=Expiry(FORGOTTEN, _poll_at)
)
BREAKERS: Final = TableSpec(
    name="watch.circuit_breaker_state", value=BreakerState, expiry=Expiry(FORGOTTEN, _breaker_at)
)


def _conditions_at(conditions: Conditions) -> datetime | None:
    return None if conditions.open else conditions.at


CONDITIONS: Final = TableSpec(
    name="watch.conditions", value=Conditions, expiry=Expiry(FORGOTTEN, _conditions_at)
)

WATCH = Stage(
    name="watch",
    reads=(PROBES,),
    writes=(DEVICE_HEALTH, EVENTS),
    state=(POLLS, BREAKERS, CONDITIONS),
)
WATCH_CHAIN: Final = Chain(name="watch", stages=(WATCH,), ticks=TICKS_WATCH, timed=(PROBES,))


@WATCH.on(Probe)
def on_probe(ctx: Context, probe: Probe) -> Iterable[Effect]:
    """Tell a device's health after each poll that counts, and what changed about it."""
    key = f"{probe.site_id}/{probe.device_id}"
    poll = ctx.get(POLLS, key)
    breaker = ctx.get(BREAKERS, key) or BreakerState(state=Breaker.CLOSED)
    before = None if poll is None else Device(poll=poll, breaker=breaker)
    try:
        after, events = observe(before, probe, ctx.now, normal_s=_normal_s(ctx, probe))
    except ValueError as error:
        raise Poison(str(error)) from None
    yield from _conditions(ctx, probe, key, poll)
    if after is None or after is before:
        return
    ctx.put(POLLS, key, after.poll)
    ctx.put(BREAKERS, key, after.breaker)
    for event in events:
        yield Emit(_event_record(event))
    yield Emit(_health_record(health_of(probe.site_id, probe.device_id, after)))


def _normal_s(ctx: Context, probe: Probe) -> float:
    config = ctx.configuration.site(probe.site_id)
    return MEAN_NORMAL_S if config is None else config.site.polling.normal.total_seconds()


def _conditions(ctx: Context, probe: Probe, key: str, poll: PollState | None) -> Iterable[Effect]:
    """What a poll's facts say is wrong with a device that answers."""
    before = ctx.get(CONDITIONS, key)
    after, events = observe_conditions(
        before,
        probe,
        captured=captured_channels(ctx.configuration.site(probe.site_id), probe.device_id),
        normal_s=_normal_s(ctx, probe),
        down=poll is not None and poll.severity is DeviceSeverity.CRITICAL,
    )
    if after is not before:
        ctx.put(CONDITIONS, key, after)
    for event in events:
        yield Emit(_event_record(event))


def _event_record(event: SecurityEvent) -> OutRecord:
    return make(
        EVENTS,
        event,
        id=event.event_id,
        time=event.occurred_at,
        source=SOURCE,
        key=event.site_id,
        subject=event.device_id,
    )


def _health_record(health: DeviceHealth) -> OutRecord:
    key = f"{health.site_id}/{health.device_id}"
    return make(
        DEVICE_HEALTH,
        health,
        id=f"{key}/{health.at.isoformat()}",
        time=health.at,
        source=SOURCE,
        key=key,
    )
