"""The stage: polls become their devices' health and conditions, and changes become events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.route.family import PARENT
from agents.runtime.configuration import SiteConfig
from agents.runtime.stage import Chain, Context, Effect, Emit, Poison, Stage
from agents.runtime.state import Expiry, TableSpec
from agents.watch.channels import captured_channels
from agents.watch.conditions import Conditions, observe_conditions
from agents.watch.flapping import RULES
from agents.watch.health import MEAN_NORMAL_S, BreakerState, Device, PollState, health_of, observe
from agents.watch.watchdog import EVERY, pulse_record
from schemas.device import Breaker, DeviceHealth, DeviceSeverity, Probe, Pulse
from schemas.event import SecurityEvent
from topics.catalogue import DEVICE_HEALTH, EVENTS, PROBES, PULSES, TICKS_WATCH
from topics.record import OutRecord, make

__all__ = ["BREAKERS", "CONDITIONS", "POLLS", "WATCH", "WATCH_CHAIN", "of_family"]

SOURCE: Final = "watchfloor/watch"

FORGOTTEN: Final = timedelta(days=30)
"""A device that was not polled for so long has left its document; one that is back begins anew."""


def _poll_at(poll: PollState) -> datetime | None:
    # Somebody was told that it is down, and is to be told when it is not: that is remembered.
    return None if poll.told or poll.flapping is not None else poll.at


def _breaker_at(breaker: BreakerState) -> datetime | None:
    return breaker.at if breaker.state is Breaker.CLOSED else None


class Pulsed(Struct, frozen=True):
    """When it was last said of a site that polls of it arrive: a poll's own time."""

    at: datetime


POLLS: Final = TableSpec(
    name="watch.poll_state", value=PollState, expiry=Expiry(FORGOTTEN, _poll_at)
)
BREAKERS: Final = TableSpec(
    name="watch.circuit_breaker_state", value=BreakerState, expiry=Expiry(FORGOTTEN, _breaker_at)
)

PULSED: Final = TableSpec(name="watch.pulses", value=Pulsed)


def _conditions_at(conditions: Conditions) -> datetime | None:
    return None if conditions.open else conditions.at


CONDITIONS: Final = TableSpec(
    name="watch.conditions", value=Conditions, expiry=Expiry(FORGOTTEN, _conditions_at)
)

WATCH = Stage(
    name="watch",
    reads=(PROBES,),
    writes=(DEVICE_HEALTH, EVENTS, PULSES),
    state=(POLLS, BREAKERS, CONDITIONS, PULSED),
)
WATCH_CHAIN: Final = Chain(name="watch", stages=(WATCH,), ticks=TICKS_WATCH, timed=(PROBES,))


@WATCH.on(Probe)
def on_probe(ctx: Context, probe: Probe) -> Iterable[Effect]:
    """Tell a device's health after each poll that counts, and what changed about it."""
    key = f"{probe.site_id}/{probe.device_id}"
    poll = ctx.get(POLLS, key)
    breaker = ctx.get(BREAKERS, key) or BreakerState(state=Breaker.CLOSED)
    before = None if poll is None else Device(poll=poll, breaker=breaker)
    site = ctx.configuration.site(probe.site_id)
    rules = RULES if site is None else site.site.watch
    try:
        after, events = observe(before, probe, ctx.now, rules, normal_s=_normal_s(site))
    except ValueError as error:
        raise Poison(str(error)) from None
    yield from _conditions(ctx, probe, key, site, poll)
    if after is None or after is before:
        return
    ctx.put(POLLS, key, after.poll)
    ctx.put(BREAKERS, key, after.breaker)
    for event in events:
        yield Emit(_event_record(of_family(event, site)))
    yield Emit(_health_record(health_of(probe.site_id, probe.device_id, after)))
    pulsed = ctx.get(PULSED, probe.site_id)
    if pulsed is None or probe.at - pulsed.at >= EVERY:
        ctx.put(PULSED, probe.site_id, Pulsed(probe.at))
        pulse = Pulse(site_id=probe.site_id, at=probe.at, partition=ctx.partition)
        yield Emit(pulse_record(pulse))


def of_family(event: SecurityEvent, site: SiteConfig | None) -> SecurityEvent:
    """The event with the name of what its device hangs on: that one may explain it."""
    parent = None if site is None else site.parents.get(event.device_id or event.camera_id or "")
    return event if parent is None else replace(event, labels={**event.labels, PARENT: parent})


def _normal_s(site: SiteConfig | None) -> float:
    return MEAN_NORMAL_S if site is None else site.site.polling.normal.total_seconds()


def _conditions(
    ctx: Context, probe: Probe, key: str, site: SiteConfig | None, poll: PollState | None
) -> Iterable[Effect]:
    """What a poll's facts say is wrong with a device that answers."""
    before = ctx.get(CONDITIONS, key)
    after, events = observe_conditions(
        before,
        probe,
        captured=captured_channels(site, probe.device_id),
        normal_s=_normal_s(site),
        down=poll is not None and poll.severity is DeviceSeverity.CRITICAL,
    )
    if after is not before:
        ctx.put(CONDITIONS, key, after)
    for event in events:
        yield Emit(_event_record(of_family(event, site)))


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
