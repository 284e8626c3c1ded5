"""Polls what is due: thousands of devices on one loop.

A poll has a place among all that are under way, and one at its host. It keeps the first until the
broker has its probe: while the broker is away nothing more is asked, and nothing piles up.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from agents.watch import metrics
from agents.watch.asking import Asking
from agents.watch.drivers.base import Driver
from agents.watch.drivers.net import host_of
from agents.watch.drivers.registry import Registry
from agents.watch.health import MEAN_NORMAL_S, SLOW_MS, next_poll
from agents.watch.known import Knowledge
from agents.watch.relatives import Nobody, Relatives, asked_at
from agents.watch.schedule import Pacer, Schedule, first_due, interval_s, longest_s
from schemas.device import Assignment, Breaker, DeviceSeverity, Probe
from schemas.reading.sites import DEVICE_KINDS

__all__ = ["LATE_S", "Poller", "Rules", "planned"]

log = logging.getLogger("watchfloor.watch")

OTHER_KIND: Final = "other"
"""Of devices that a later release may know: a label stays one of few."""
LATE_S: Final = 5.0
COUNT_S: Final = 5.0
"""How often devices are counted, for metrics and for the normal rate."""
LONGEST_SLEEP_S: Final = 1.0
"""The wall clock may be set, and a sleep does not follow it."""

Send = Callable[[Sequence[Probe]], Awaitable[None]]
"""Returns once the broker has the probes."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """most: polls under way; per_host: of them at one host; timeout_s: for one."""

    most: int = 1000
    per_host: int = 4
    timeout_s: float = 10.0


@dataclass(frozen=True)
class _Device:
    assignment: Assignment
    drivers: tuple[Driver, ...]
    host: str


def planned(known: DeviceSeverity | None, probe: Probe, normal_s: float = MEAN_NORMAL_S) -> float:
    """When to poll again, in seconds since the epoch, until the health of the device says so.

    As the health stage will plan it, where only the polls of this replica count.
    """
    slow = probe.latency_ms is not None and probe.latency_ms > SLOW_MS
    well = probe.ok and not slow and known in (None, DeviceSeverity.NORMAL)
    severity = DeviceSeverity.NORMAL if well else DeviceSeverity.SUSPECT
    return next_poll(severity, probe, normal_s).timestamp()


class Poller:
    """Polls the devices that it was given, by what is known of their health.

    now: the wall clock. send: see `Send`. relatives: what hangs on what. alive: raises
    where this replica may do nothing more.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        knowledge: Knowledge,
        asking: Asking,
        send: Send,
        registry: Registry,
        rules: Rules,
        relatives: Relatives | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._now = now
        self._knowledge = knowledge
        self._asking = asking
        self._send = send
        self._registry = registry
        self._rules = rules
        self._relatives = relatives or Nobody()
        self._alive = alive
        self._devices: dict[str, _Device] = {}
        self._polled: dict[str, float] = {}
        self._schedule = Schedule()
        self._pacer = Pacer()
        self._under_way: set[str] = set()
        self._at_host: Counter[str] = Counter()
        self._waiting: dict[str, deque[tuple[str, float]]] = {}
        self._wake = asyncio.Event()
        self._rate = 0.0
        self._counted = float("-inf")
        self.unknown: dict[str, str] = {}
        """Devices that are not polled, and why."""

    def assign(self, assignments: Mapping[str, Assignment]) -> None:
        """Make these the devices that are polled; what did not change keeps its plan."""
        for key in [key for key in self._devices if key not in assignments]:
            self._drop(key)
        self.unknown = {key: why for key, why in self.unknown.items() if key in assignments}
        changed = [
            (key, assignment)
            for key, assignment in assignments.items()
            if key not in self._devices or self._devices[key].assignment != assignment
        ]
        fresh: list[str] = []
        for key, assignment in changed:
            before = self._devices.get(key)
            device = self._device(key, assignment)
            if device is None:
                if before is not None:
                    self._drop(key)
                continue
            self._devices[key] = device
            if before is not None and key in self._schedule:
                # Somebody changed how it is reached, and waits to see whether that works.
                soon = self._first(key, None, 1)
                self._schedule.put(key, min(soon, self._schedule.due_of(key)))
            elif before is None and key not in self._under_way:
                fresh.append(key)
        new = sum(k not in self._knowledge.devices and k not in self._polled for k in self._devices)
        for key in fresh:
            known = self._knowledge.devices.get(key)
            self._schedule.put(
                key, self._first(key, None if known is None else known.next_poll, new)
            )
        self._counted = float("-inf")
        self._wake.set()

    def _first(self, key: str, next_poll_at: float | None, new: int) -> float:
        known = self._knowledge.devices.get(key)
        severity = None if known is None else known.severity
        return first_due(
            key, severity, next_poll_at, self._now().timestamp(), new, self._normal_s(key)
        )

    def _normal_s(self, key: str) -> float:
        device = self._devices.get(key)
        return MEAN_NORMAL_S if device is None else device.assignment.normal_s

    def _device(self, key: str, assignment: Assignment) -> _Device | None:
        try:
            drivers = self._registry.of(assignment.driver or "")
        except LookupError as error:
            reason = str(error.args[0])
            if self.unknown.get(key) != reason:
                log.error("%s is not polled: %s", key, reason)
            self.unknown[key] = reason
            return None
        self.unknown.pop(key, None)
        return _Device(assignment, drivers, host_of(assignment.address or ""))

    def _drop(self, key: str) -> None:
        self._devices.pop(key, None)
        self._polled.pop(key, None)
        self._schedule.drop(key)
        self._asking.forget(key)

    def heard(self, key: str) -> None:
        """The health of a device is known anew: it says when to poll again, and what it hangs on
        may be asked because of it."""
        self._plan(key)
        self._hurry(key)
        parent = self._relatives.parent(key)
        if parent is not None:
            self._hurry(parent)

    def _plan(self, key: str) -> None:
        known = self._knowledge.devices.get(key)
        if known is None or key not in self._schedule:
            return
        # An older poll's, or one that was read late: what is planned here is newer.
        if known.at + 0.001 < self._polled.get(key, 0.0):
            return
        now = self._now().timestamp()
        if known.next_poll > now:
            due = first_due(key, known.severity, known.next_poll, now, 0, self._normal_s(key))
            self._schedule.put(key, due)
            self._wake.set()

    def _hurry(self, key: str) -> None:
        """Bring a device's poll forward, where what hangs on it fails."""
        if key not in self._schedule:
            return
        soon = self._asked(key, self._now().timestamp())
        if soon is not None and soon < self._schedule.due_of(key):
            self._schedule.put(key, soon)
            self._wake.set()

    def _asked(self, key: str, now: float) -> float | None:
        """When a device is asked because of what hangs on it."""
        known = self._knowledge.devices
        children = (known[child] for child in self._relatives.children(key) if child in known)
        return asked_at(known.get(key), self._polled.get(key), children, now)

    async def run(self) -> None:
        """Poll until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                pause = self._begin_due(group)
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()

    def _begin_due(self, group: asyncio.TaskGroup) -> float:
        """Begin what is due; for how many seconds there is nothing to begin then."""
        self._alive()
        now = self._now().timestamp()
        if abs(now - self._counted) >= COUNT_S:
            self._count(now)
        paced = self._pacer.room(now, self._rate)
        room = min(self._rules.most - len(self._under_way), paced)
        for key, due in self._schedule.take(now, max(0, room)):
            device = self._devices[key]
            self._pacer.begin(now)
            self._under_way.add(key)
            if self._at_host[device.host] >= self._rules.per_host:
                queue = self._waiting.setdefault(device.host, deque())
                # A recorder's channels may be at its own address: it is not to wait for them all.
                if self._asked(key, now) is None:
                    queue.append((key, due))
                else:
                    queue.appendleft((key, due))
            else:
                self._begin(group, key, device, due)
        metrics.UNDER_WAY.set(len(self._under_way))
        upcoming = self._schedule.next_due()
        if upcoming is None or len(self._under_way) >= self._rules.most:
            return LONGEST_SLEEP_S
        pause = max(0.0, upcoming - now)
        if pause == 0.0 and room >= paced:
            pause = self._pacer.frees(now)
        return min(LONGEST_SLEEP_S, max(0.001, pause))

    def _begin(self, group: asyncio.TaskGroup, key: str, device: _Device, due: float) -> None:
        self._at_host[device.host] += 1
        group.create_task(self._poll(group, key, device, due))

    def _next_at(self, group: asyncio.TaskGroup, host: str) -> None:
        """A place at a host is free."""
        self._at_host[host] -= 1
        if not self._at_host[host]:
            del self._at_host[host]
        queue = self._waiting.get(host)
        while queue:
            key, due = queue.popleft()
            device = self._devices.get(key)
            if device is not None and device.host == host:
                self._begin(group, key, device, due)
                break
            self._under_way.discard(key)
            if device is not None:
                # It was moved meanwhile, and waits for no place here any more.
                self._schedule.put(key, due)
        if not queue:
            self._waiting.pop(host, None)

    async def _poll(self, group: asyncio.TaskGroup, key: str, device: _Device, due: float) -> None:
        at = self._now()
        if at.timestamp() - due > LATE_S:
            metrics.LATE.inc()
        site = device.assignment.site_id
        try:
            probes = await self._asking.ask(
                device.assignment,
                device.drivers,
                at,
                lambda: (
                    not device.assignment.optional or self._knowledge.sheds(site, at.timestamp())
                ),
            )
            self._next_at(group, device.host)
            if self._devices.get(key) is device and probes:
                self._polled[key] = at.timestamp()
                await self._send(probes)
        finally:
            self._under_way.discard(key)
            self._wake.set()
        now = self._devices.get(key)
        if now is device:
            self._schedule.put(key, self._again(key, at, probes))
            self._hurry(key)
        elif now is not None:
            # It was changed meanwhile: what was asked is not what is there.
            self._schedule.put(key, self._now().timestamp())

    def _again(self, key: str, at: datetime, probes: Sequence[Probe]) -> float:
        """When a device is polled again."""
        now = self._now().timestamp()
        known = self._knowledge.devices.get(key)
        severity = None if known is None else known.severity
        if known is not None and known.at + 0.001 >= at.timestamp() and known.next_poll > now:
            return first_due(key, severity, known.next_poll, now, 0, self._normal_s(key))
        if not probes:
            return now + interval_s(DeviceSeverity.SUSPECT)
        return max(now, planned(severity, probes[0], self._normal_s(key)))

    def _count(self, now: float) -> None:
        """Count the devices: for the metrics, and for how many polls a second are normal."""
        states: Counter[tuple[str, DeviceSeverity | None]] = Counter()
        breakers: Counter[Breaker] = Counter()
        rate = 0.0
        for key, device in self._devices.items():
            known = self._knowledge.devices.get(key)
            severity = None if known is None else known.severity
            kind = device.assignment.kind if device.assignment.kind in DEVICE_KINDS else OTHER_KIND
            normal_s = device.assignment.normal_s
            states[kind, severity] += 1
            rate += 1 / interval_s(severity, normal_s)
            if known is not None:
                breakers[Breaker.OPEN if known.open else Breaker.CLOSED] += 1
            latest = now + longest_s(normal_s) + 1
            if key in self._schedule and self._schedule.due_of(key) > latest:
                # The clock was set back: by it, nobody would be polled for as long.
                self._schedule.put(key, self._first(key, 0.0, 0))
        for kind in (*DEVICE_KINDS, OTHER_KIND):
            for state in (None, *DeviceSeverity):
                name = "unknown" if state is None else state.value
                metrics.DEVICES.labels(kind, name).set(states[kind, state])
        for breaker in Breaker:
            metrics.BREAKERS.labels(breaker.value).set(breakers[breaker])
        self._rate = rate
        self._counted = now
