"""`bench failover`: how long nobody is alerted after decide was killed.

Events come all the time, at sites of every partition. What counts is the first alert that an event
sent after the kill caused, at a site whose partition the killed worker owned: what the others own
goes on, and would look like an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.embedded.process import tail
from infra.errors import WatchfloorError

if TYPE_CHECKING:
    from agents.runtime.emitter import Emitter
    from agents.runtime.record import Record
    from infra.sandbox import Sandbox
    from schemas.document import Document

__all__ = ["BENCH", "Seen", "document", "number_of", "sites_of"]

SITES: Final = tuple(f"site-{number:02d}" for number in range(24))
ZONE: Final = "yard"
CAMERA: Final = "gate"
RATE: Final = 50.0
"""Events a second."""
KILLS: Final = 3
MANY_KILLS: Final = 10
WARM_UP_S: Final = 10.0
LIMIT_S: Final = 120.0
LOOK_S: Final = 0.005

RESTART: Final = Metric(
    name="restart_first_alert_s",
    unit="s",
    what="from kill -9 of decide to the first alert again, started again in place; the slowest",
    bar=Bar(limit=10.0, side="at most"),
)
FAILOVER: Final = Metric(
    name="failover_first_alert_s",
    unit="s",
    what="the same by fail-over to a second worker with a standby; the slowest",
    bar=Bar(limit=15.0, side="at most"),
)


@dataclass
class Seen:
    """When events were sent, and when an alert first told of them. Times are monotonic, in s."""

    sent: dict[int, tuple[float, str]] = field(default_factory=dict)
    told: dict[int, float] = field(default_factory=dict)

    def first_after(self, kill: float, sites: Sequence[str]) -> float | None:
        """When the first alert came that an event at these sites caused, sent after the kill."""
        nothing = (-inf, "")
        return min(
            (
                at
                for number, at in self.told.items()
                if (own := self.sent.get(number, nothing))[0] >= kill and own[1] in sites
            ),
            default=None,
        )


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Seconds without alerts, until the first of a partition's came, by partition."""

    by_partition: Mapping[int, float]

    @property
    def first(self) -> float:
        """Until the first alert of any of them."""
        return min(self.by_partition.values())

    @property
    def last(self) -> float:
        """Until each of them had one."""
        return max(self.by_partition.values())


def measure(run: Run) -> Sequence[Measured]:
    """Kill decide some times in either set-up."""
    from infra.sandbox import publish, sandbox

    kills = MANY_KILLS if run.full else KILLS
    with sandbox(run.settings, "bench", roles=(), say=run.say, count=run.count) as box:
        publish(box.settings, document(), "bench")
        restarts = asyncio.run(_restarts(run, box, kills))
        failovers = asyncio.run(_failovers(run, box, kills))
        run.say("putting things away")
    return [_measured(RESTART, restarts), _measured(FAILOVER, failovers)]


def _measured(metric: Metric, gaps: Sequence[Gap]) -> Measured:
    from infra.bench.machine import machine

    return Measured(
        metric=metric,
        value=max(gap.first for gap in gaps),
        detail={
            "each_s": [round(gap.first, 2) for gap in gaps],
            "all_partitions_s": [round(gap.last, 2) for gap in gaps],
            "events_per_s": RATE,
            "machine": machine(),
        },
    )


def document() -> Document:
    """Sites of every partition, each with a camera and a zone that folds nothing."""
    from schemas.document import Camera, Channel, Document, Receiver, Route, Routing, Site, Zone

    return Document(
        sites=tuple(
            Site(
                site_id=one,
                name=one,
                cameras=(Camera(camera_id=CAMERA, name=CAMERA),),
                zones=(Zone(zone_id=ZONE, camera_ids=(CAMERA,), dedupe_window_sec=0),),
            )
            for one in SITES
        ),
        routing=Routing(
            route=Route(receiver="log", group_interval=timedelta(hours=1)),
            receivers=(Receiver(name="log", channels=(Channel(kind="log"),)),),
        ),
    )


def sites_of(partition: int, partitions: int) -> list[str]:
    """The sites whose events are on a partition."""
    from topics.partitioner import partition_for

    return [one for one in SITES if partition_for(one.encode(), partitions) == partition]


def number_of(event_id: str) -> int | None:
    """The number in an id of ours, or None."""
    head, _, number = event_id.rpartition("-")
    return int(number) if head == "bench-event" and number.isdigit() else None


async def _restarts(run: Run, box: Sandbox, kills: int) -> list[Gap]:
    """One worker, static member of its group; a supervisor starts it again at once."""
    env = {"WATCHFLOOR_STATIC_MEMBER": "1", "WATCHFLOOR_STANDBYS": "0"}
    box.start("decide", "decide-1", **env)
    await asyncio.to_thread(box.wait_ready, ["decide-1"])
    gaps = []
    async with _load(box) as seen:
        await _until_alerts(box, seen, monotonic())
        for number in range(kills):
            run.say(f"kill {number + 1} of {kills}, started again in place")
            await asyncio.sleep(WARM_UP_S)
            owned = _owned(box, "decide-1")
            kill = monotonic()
            box.children["decide-1"].kill()
            box.start("decide", "decide-1", **env)
            gaps.append(await _gap(box, seen, kill, owned, "decide-1"))
    await asyncio.to_thread(box.children["decide-1"].stop)
    return gaps


async def _failovers(run: Run, box: Sandbox, kills: int) -> list[Gap]:
    """Two workers, each with a standby of what the other owns; they are killed in turns."""
    env = {"WATCHFLOOR_STATIC_MEMBER": "0", "WATCHFLOOR_STANDBYS": "1"}
    names = ["decide-2", "decide-3"]
    for name in names:
        box.start("decide", name, **env)
    gaps = []
    async with _load(box) as seen:
        for number in range(kills):
            victim, heir = names[number % 2], names[(number + 1) % 2]
            run.say(f"kill {number + 1} of {kills}, taken over by the other")
            await _until_shared(box, names)
            await _until_alerts(box, seen, monotonic())
            await asyncio.sleep(WARM_UP_S)
            owned = _owned(box, victim)
            kill = monotonic()
            box.children[victim].kill()
            gaps.append(await _gap(box, seen, kill, owned, heir))
            box.start("decide", victim, **env)
    for name in names:
        await asyncio.to_thread(box.children[name].stop)
    return gaps


def _owned(box: Sandbox, name: str) -> list[int]:
    """The partitions of events that a worker says it owns."""
    from topics.catalogue import EVENTS

    report = box.report(name) or {}
    return list(report.get("partitions", {}).get(EVENTS.name, []))


async def _until_shared(box: Sandbox, names: Sequence[str]) -> None:
    """Wait until both are ready and each owns something."""
    deadline = monotonic() + LIMIT_S
    while True:
        await asyncio.to_thread(box.wait_ready, names, LIMIT_S)
        shares = [await asyncio.to_thread(_owned, box, name) for name in names]
        if all(shares):
            return
        if monotonic() > deadline:
            raise WatchfloorError(f"bench: the workers do not share: {shares}")
        await asyncio.sleep(0.2)


async def _until_alerts(box: Sandbox, seen: Seen, since: float) -> None:
    """Wait until alerts flow."""
    await _wait(box, lambda: seen.first_after(since, SITES) is not None, "no alert came")


async def _gap(box: Sandbox, seen: Seen, kill: float, owned: Sequence[int], heir: str) -> Gap:
    """Wait until every partition that the killed one owned has an alert again."""
    from topics.catalogue import EVENTS

    sites = {number: sites_of(number, EVENTS.partitions) for number in owned}
    sites = {number: own for number, own in sites.items() if own}
    if not sites:
        raise WatchfloorError("bench: the killed worker owned nothing")
    came = {number: partial(seen.first_after, kill, own) for number, own in sites.items()}
    await _wait(
        box,
        lambda: all(first() is not None for first in came.values()),
        f"no alert came again after the kill of the owner of {sorted(sites)}; heir: {heir}",
        heir=heir,
    )
    return Gap(by_partition={number: (first() or kill) - kill for number, first in came.items()})


async def _wait(box: Sandbox, condition: Any, problem: str, *, heir: str | None = None) -> None:
    deadline = monotonic() + LIMIT_S
    while not condition():
        if heir is not None:
            box.children[heir].check()
        if monotonic() > deadline:
            said = "" if heir is None else f"\n{tail(box.children[heir].log)}"
            raise WatchfloorError(f"bench: {problem} within {LIMIT_S:.0f} s{said}")
        await asyncio.sleep(LOOK_S)


@contextlib.asynccontextmanager
async def _load(box: Sandbox) -> AsyncIterator[Seen]:
    """Send events all the time, and note the alerts that they cause."""
    from agents.runtime.emitter import Emitter

    seen = Seen()
    emitter = Emitter(box.settings, "watchfloor-bench")
    await emitter.start()
    tasks = [asyncio.create_task(_send(emitter, seen)), asyncio.create_task(_follow(box, seen))]
    try:
        yield seen
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await emitter.stop()


async def _send(emitter: Emitter, seen: Seen) -> None:
    from schemas.event import SecurityEvent
    from topics.catalogue import EVENTS
    from topics.record import make

    began, number = monotonic(), 0
    run = f"{int(began * 1000)}"
    while True:
        await asyncio.sleep(max(0.0, began + number / RATE - monotonic()))
        site, at = SITES[number % len(SITES)], datetime.now(UTC)
        event = SecurityEvent(
            event_id=f"bench-event-{run}{number:07d}",
            site_id=site,
            camera_id=CAMERA,
            zone_id=ZONE,
            event_type="intrusion",
            occurred_at=at,
        )
        record = make(
            EVENTS, event, id=event.event_id, time=at, source="watchfloor/bench", key=site
        )
        seen.sent[int(f"{run}{number:07d}")] = (monotonic(), site)
        await emitter.emit([record])
        number += 1


async def _follow(box: Sandbox, seen: Seen) -> None:
    from agents.runtime.follower import Follower
    from topics.catalogue import ALERTS

    async with Follower(box.settings, [ALERTS], client_id="watchfloor-bench") as follower:
        async for chunk in follower.chunks(timeout=0.1):
            now = monotonic()
            for record in chunk:
                note(seen, record, now)


def note(seen: Seen, record: Record, now: float) -> None:
    """Take in an alert's record: the events that it tells of."""
    alert = None if record.value is None else record.message()
    for event_id in () if alert is None else alert.event_ids:
        number = number_of(event_id)
        if number is not None:
            seen.told.setdefault(number, now)


BENCH: Final = Bench(
    name="failover",
    summary="kill -9 of decide under load: how long until the first alert again",
    metrics=(RESTART, FAILOVER),
    measure=measure,
)
