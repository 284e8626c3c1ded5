"""A site of one recorder and its cameras, polled by the role's own poller; the recorder dies.

What is polled, when, and how often at once is the poller's; health, events, alerts and
notifications are made by the chains of watch, decide and act. Only devices and the broker's delays
are played, and time, which jumps.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from agents.runtime.ticker import tick_record
from agents.watch.asking import Asking
from agents.watch.drivers.base import DriverError, Fault, Limits, Outcome, Target
from agents.watch.drivers.registry import Registry
from agents.watch.health import next_poll
from agents.watch.known import Knowledge
from agents.watch.poller import Poller, Rules
from agents.watch.relatives import SiteRelatives
from agents.watch.service import probe_record
from infra.bench.outages.jumping import run_jumping
from infra.conformance.virtual import Virtual, messages, to_record
from schemas.device import (
    Assignment,
    Breaker,
    DeviceHealth,
    DeviceSeverity,
    Probe,
    ProbeKind,
)
from schemas.document import Channel, Device, Receiver, Route, Routing, Site
from topics.catalogue import DEVICE_HEALTH
from topics.record import OutRecord, make

__all__ = ["CAMERAS", "Outage", "Plan", "drawn", "play", "site"]

START: Final = datetime(2026, 3, 2, 10, tzinfo=UTC)
SITE: Final = "north"
RECORDER: Final = "nvr-1"
CAMERAS: Final = 64
QUIET_S: Final = 260.0
"""A run goes on for so long after the last camera is back."""
HANG_S: Final = 3600.0
A_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run. Seconds since its start. dies, returns: the recorder; back: each camera's return.

    hangs: what does not answer when the recorder is dead; the others are refused at once. failed:
    cameras with failures of their own before, and how many. polled: cameras that were polled just
    before it died. slow: it does not die, but answers too late to be of use, and so do they.
    shared: cameras are asked at the recorder's own address. delay_s: from the poller to a chain,
    and from a chain to the poller, at most.
    """

    seed: int
    dies: float
    returns: float
    back: dict[str, float]
    hangs: frozenset[str]
    failed: dict[str, int]
    polled: frozenset[str]
    slow: bool
    shared: bool
    delay_s: float


@dataclass
class Outage:
    """What came of a run. Seconds since its start; firing, resolved: when each was told.

    critical: the first critical verdict on the recorder or any camera.
    """

    firing: list[float] = field(default_factory=list)
    resolved: list[float] = field(default_factory=list)
    critical: float | None = None
    polls: int = 0
    down: set[str] = field(default_factory=set)
    """Devices that were critical at some time."""


def cameras() -> list[str]:
    """The cameras' names."""
    return [f"cam-{number:02d}" for number in range(CAMERAS)]


def site(*, shared: bool) -> Site:
    """The site's document."""
    return Site(
        site_id=SITE,
        devices=(
            Device(device_id=RECORDER, kind="nvr", address="10.0.0.1:80", driver="played"),
            *(
                Device(
                    device_id=name,
                    kind="camera",
                    parent=RECORDER,
                    address=f"10.0.0.{1 if shared else number + 10}:{8000 + number}",
                    driver="played",
                )
                for number, name in enumerate(cameras())
            ),
        ),
    )


ROUTING: Final = Routing(
    route=Route(receiver="soc"), receivers=(Receiver(name="soc", channels=(Channel(kind="log"),)),)
)
"""Every alert is a group of its own: nothing is few by being told together."""


def drawn(seed: int) -> Plan:
    """A run's plan. The same seed gives the same one."""
    chance = random.Random(seed)
    names = cameras()
    dies = chance.uniform(30.0, 300.0)
    returns = dies + chance.uniform(200.0, 700.0)
    share = chance.choice((0.0, 0.5, 1.0))
    slow = chance.random() < 0.2
    return Plan(
        seed=seed,
        dies=dies,
        returns=returns,
        back={name: returns + chance.uniform(0.0, 60.0) for name in names},
        hangs=frozenset(name for name in (RECORDER, *names) if chance.random() < share),
        failed={
            name: chance.choice((1, 2)) for name in chance.sample(names, chance.choice((0, 2)))
        },
        polled=frozenset(chance.sample(names, chance.choice((0, 3, 8)))),
        slow=slow,
        # Four at a time at one address, five seconds each: who is slow there is late as well.
        shared=not slow and chance.random() < 0.3,
        delay_s=chance.choice((0.05, 0.5) if slow else (0.05, 0.5, 1.0)),
    )


class _Played:
    """The driver: devices that answer, or not, as the plan says."""

    name = "played"
    probe = ProbeKind.TCP

    def __init__(self, plan: Plan, chance: random.Random) -> None:
        self._plan = plan
        self._chance = chance
        self._failures = dict(plan.failed)

    async def poll(self, target: Target, limits: Limits) -> Outcome:
        """See `Driver`."""
        now, name = asyncio.get_running_loop().time(), target.device_id
        plan = self._plan
        if plan.slow and plan.dies <= now < plan.back.get(name, plan.returns):
            latency = self._chance.uniform(5.1, 6.5)
            await asyncio.sleep(latency)
            return Outcome(ok=True, latency_ms=latency * 1000)
        if plan.dies <= now < plan.back.get(name, plan.returns):
            await asyncio.sleep(HANG_S if name in plan.hangs else 0.002)
            raise DriverError(Fault.REFUSED)
        if now < plan.dies and self._failures.get(name):
            self._failures[name] -= 1
            raise DriverError(Fault.REFUSED)
        latency = self._chance.uniform(0.005, 0.8)
        await asyncio.sleep(latency)
        return Outcome(ok=True, latency_ms=latency * 1000)


class _Desk:
    """The broker and the chains: probes in, health back to the poller, notifications counted."""

    def __init__(self, plan: Plan, chance: random.Random) -> None:
        self._plan = plan
        self._chance = chance
        self._watch_ticked = START
        self.virtual = Virtual(now=START)
        self.virtual.configure(site(shared=plan.shared), routing=ROUTING)
        self.virtual.advance(START)
        self.knowledge = Knowledge()
        self.outage = Outage()
        self.poller: Poller | None = None

    @staticmethod
    def now() -> datetime:
        """The time that jumps."""
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    def learn(self, out: OutRecord) -> None:
        """The poller's replica reads a device's health."""
        key = self.knowledge.take(to_record(out))
        if key is not None and self.poller is not None:
            self.poller.heard(key)

    async def send(self, probes: Sequence[Probe]) -> None:
        """The broker takes polls, and the chain does a moment later."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._chance.uniform(0.001, self._plan.delay_s / 2))
        later = self._chance.uniform(0.001, self._plan.delay_s / 2)
        for probe in probes:
            loop.call_later(later, self._take, probe)

    def _take(self, probe: Probe) -> None:
        self.tick()
        self.outage.polls += 1
        made = self.virtual.feed(probe_record(probe))
        loop = asyncio.get_running_loop()
        for health in messages(made, DEVICE_HEALTH):
            if health.severity is DeviceSeverity.CRITICAL:
                self.outage.down.add(health.device_id)
                if self.outage.critical is None:
                    self.outage.critical = loop.time()
        for out in made:
            if out.topic is DEVICE_HEALTH:
                loop.call_later(self._chance.uniform(0.001, self._plan.delay_s), self.learn, out)
        self._count()

    def tick(self) -> None:
        """The second's tick, where something is due or is about to be read.

        Watch has no timers: it is told the time once a minute.
        """
        second = self.now().replace(microsecond=0)
        if second <= self.virtual.now:
            return
        sides = [self.virtual.act, self.virtual.decide]
        if second - self._watch_ticked >= timedelta(minutes=1):
            self._watch_ticked = second
            sides.append(self.virtual.watch)
        self.virtual.now = second
        for side in sides:
            self.virtual.feed(tick_record(side.chain.ticks, 0, second, "bench"))
        self._count()

    def due(self) -> bool:
        """Whether a timer waits for this second."""
        dues = [side.next_due() for side in (self.virtual.act, self.virtual.decide)]
        now = self.now().timestamp()
        return any(due is not None and due <= now for due in dues)

    def _count(self) -> None:
        told = self.outage
        for one in self.virtual.delivered[len(told.firing) + len(told.resolved) :]:
            at = asyncio.get_running_loop().time()
            (told.firing if one.status == "firing" else told.resolved).append(at)


def _seeded(plan: Plan, chance: random.Random) -> list[DeviceHealth]:
    """The health of devices that have been polled for long; some of them just before the end."""
    found = []
    for name in (RECORDER, *cameras()):
        at = START - timedelta(seconds=chance.uniform(1.0, 120.0))
        probe = Probe(site_id=SITE, device_id=name, kind=ProbeKind.TCP, at=at, ok=True)
        due = next_poll(DeviceSeverity.NORMAL, probe)
        if name in plan.polled:
            due = START + timedelta(seconds=plan.dies - chance.uniform(0.5, 3.0))
        elif due < START or name in plan.failed:
            due = START + A_SECOND
        found.append(
            DeviceHealth(
                site_id=SITE,
                device_id=name,
                severity=DeviceSeverity.NORMAL,
                breaker=Breaker.CLOSED,
                consecutive_failures=0,
                load_shed=False,
                at=at,
                since=at,
                next_poll_at=due,
            )
        )
    return found


async def _run(plan: Plan) -> Outage:
    chance = random.Random(plan.seed + 1)
    desk = _Desk(plan, chance)
    for health in _seeded(plan, chance):
        key = f"{health.site_id}/{health.device_id}"
        desk.learn(make(DEVICE_HEALTH, health, id=key, time=health.at, source="bench", key=key))

    async def secret(name: str, site_id: str) -> str:
        raise LookupError(name)

    rules = Rules()
    poller = desk.poller = Poller(
        now=desk.now,
        knowledge=desk.knowledge,
        asking=Asking(secret, Limits(), rules.timeout_s),
        send=desk.send,
        registry=Registry({"played": (_Played(plan, chance),)}),
        rules=rules,
        relatives=SiteRelatives(desk.virtual.configuration),
    )
    shown = site(shared=plan.shared)
    poller.assign(
        {
            f"{SITE}/{one.device_id}": Assignment(
                site_id=SITE,
                device_id=one.device_id,
                kind=one.kind,
                address=one.address,
                driver=one.driver,
            )
            for one in shown.devices
        }
    )
    polling = asyncio.create_task(poller.run())
    loop = asyncio.get_running_loop()
    end = max(plan.back.values()) + QUIET_S
    while loop.time() < end:
        await asyncio.sleep(1.0)
        if desk.due():
            desk.tick()
    if polling.done():
        polling.result()
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    return desk.outage


def play(plan: Plan) -> Outage:
    """Let it happen."""
    return run_jumping(_run(plan))
