"""Whether anybody watches: a site whose devices are polled no more is an alert.

Watch says once a minute of each site that polls of it arrive (`watch.pulses.v1`), and decide, which
is another process, notices when that ends: whether polling stopped or the whole watch role did.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.runtime.configuration import SiteConfig
from agents.runtime.stage import Context, Effect, Emit, Stage
from agents.runtime.state import TableSpec
from agents.runtime.timers import Timer
from agents.watch.schedule import LONGEST_S, longest_s
from schemas.base import Severity
from schemas.device import Pulse
from schemas.document import Camera, Device
from schemas.event import EventSource, SecurityEvent
from schemas.ids import device_event_id
from topics.catalogue import EVENTS, PULSES
from topics.record import OutRecord, make

__all__ = [
    "EVERY",
    "STALLED",
    "STALLED_AFTER",
    "WATCHDOG",
    "WATCH_DEVICE",
    "pulse_record",
    "stalled_after",
]

STALLED: Final = "watch_stalled"
WATCH_DEVICE: Final = "watch"
"""What the event names as its device: it is about none of the site's own."""
SOURCE: Final = "watchfloor/watch"

EVERY: Final = timedelta(minutes=1)
"""Between two pulses of a partition's site."""
STALLED_AFTER: Final = 3 * timedelta(seconds=LONGEST_S)
"""Three times as long as a device that is well may wait for its poll, where its site does not say
that it waits longer."""
LOOK_AGAIN: Final = timedelta(minutes=1)
"""After a restart ticks are read before what waits: who seems stalled has this long to be read."""


class Watched(Struct, frozen=True, kw_only=True):
    """A site's polling. pulse: when the newest was taken, and polled: the poll that it was about.

    looked: it seemed stalled; told: since when an alert says so.
    """

    pulse: datetime
    polled: datetime
    looked: bool = False
    told: datetime | None = None


SITES: Final = TableSpec(name="watchdog.sites", value=Watched)
WATCHDOG: Final = Stage(name="watchdog", reads=(PULSES,), writes=(EVENTS,), state=(SITES,))


def pulse_record(pulse: Pulse) -> OutRecord:
    """The record of a pulse: polls of a site arrive."""
    return make(
        PULSES,
        pulse,
        id=f"{pulse.site_id}/{pulse.partition}/{pulse.at.isoformat()}",
        time=pulse.at,
        source=SOURCE,
        key=pulse.site_id,
    )


def _polls(site: SiteConfig | None) -> bool:
    """Whether the document has devices that are polled."""
    if site is None or not site.site.enabled:
        return False
    known: bool | None = site.derived.get("polled")
    if known is None:
        devices: tuple[Device | Camera, ...] = (*site.site.devices, *site.site.cameras)
        known = any(one.address and one.driver for one in devices)
        site.derived["polled"] = known
    return known


def stalled_after(site: SiteConfig | None) -> timedelta:
    """For how long no poll of a site may arrive."""
    if site is None:
        return STALLED_AFTER
    return 3 * timedelta(seconds=longest_s(site.site.polling.normal.total_seconds()))


@WATCHDOG.on(Pulse)
def on_pulse(ctx: Context, pulse: Pulse) -> Iterable[Effect]:
    """Polls arrive: what was stalled is so no more."""
    before = ctx.get(SITES, pulse.site_id)
    polled = pulse.at if before is None else max(before.polled, pulse.at)
    ctx.put(SITES, pulse.site_id, Watched(pulse=ctx.now, polled=polled))
    if before is not None and before.told is not None:
        yield Emit(_event(pulse.site_id, before.told, ctx.now, ended=True))
    if before is None or before.told is not None:
        after = stalled_after(ctx.configuration.site(pulse.site_id))
        ctx.set_timer(ctx.now + after, "watched", pulse.site_id)


@WATCHDOG.on(Timer)
def on_timer(ctx: Context, timer: Timer) -> Iterable[Effect]:
    """Look whether polls of a site still arrive."""
    site_id = timer.key
    row = ctx.get(SITES, site_id)
    if row is None or row.told is not None:
        return
    site = ctx.configuration.site(site_id)
    if not _polls(site):
        ctx.put(SITES, site_id, None)
        return
    due = row.pulse + stalled_after(site)
    if ctx.now < due:
        ctx.set_timer(due, "watched", site_id)
    elif not row.looked:
        ctx.put(SITES, site_id, replace(row, looked=True))
        ctx.set_timer(ctx.now + LOOK_AGAIN, "watched", site_id)
    else:
        ctx.put(SITES, site_id, replace(row, told=row.polled))
        yield Emit(_event(site_id, row.polled, ctx.now, ended=False))


def _event(site_id: str, since: datetime, now: datetime, *, ended: bool) -> OutRecord:
    event = SecurityEvent(
        event_id=device_event_id(site_id, WATCH_DEVICE, STALLED, since, ended=ended),
        site_id=site_id,
        device_id=WATCH_DEVICE,
        event_type=STALLED,
        occurred_at=now,
        source=EventSource.WATCH,
        severity=Severity.CRITICAL,
        ended=ended,
    )
    return make(
        EVENTS,
        event,
        id=event.event_id,
        time=now,
        source=SOURCE,
        key=site_id,
        subject=WATCH_DEVICE,
    )
