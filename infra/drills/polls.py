"""The drill of the watch role: it is killed while polls of devices come in."""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from agents.watch.health import Device, health_of, observe
from infra.drills.arena import Arena
from infra.drills.events import CAMERAS, SITES
from infra.drills.frame import Drill
from infra.drills.topic import messages, taken_events
from infra.errors import TimeLimitError
from schemas.device import DeviceHealth, Probe, ProbeKind
from schemas.event import SecurityEvent
from schemas.ids import probe_id
from topics.catalogue import DEVICE_HEALTH, EVENTS, PROBES
from topics.record import OutRecord, make

__all__ = ["DRILLS", "STAYING", "Polls"]

ROUND_S: Final = 0.4
"""Seconds in which each of the eighteen devices is polled once: 45 polls a second."""
LONGEST_RUN: Final = 8
"""Polls of a kind in a row; five that fail are a device that is down."""
STAYING: Final = CAMERAS[0]
"""The device of each site that stays down once it is: of it somebody has to be told."""
FAILS_FOR_GOOD: Final = 0.03
"""By poll: some are down early and some late."""


class Polls:
    """Devices that come and go, one a site that goes for good, and what their polls make of them
    in peace."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"polls/{seed}")
        self._runs: dict[str, tuple[bool, int]] = {}
        self._sent: dict[str, list[Probe]] = defaultdict(list)

    def next_round(self) -> list[Probe]:
        """One poll of each device, now."""
        return [self._next(site, camera) for site in SITES for camera in CAMERAS]

    def _next(self, site: str, device: str) -> Probe:
        key = f"{site}/{device}"
        well, left = self._runs.get(key, (device == STAYING, 0))
        if device == STAYING:
            well = well and self._chance.random() >= FAILS_FOR_GOOD
        elif not left:
            well, left = not well, self._chance.randint(1, LONGEST_RUN)
        self._runs[key] = (well, left - 1)
        probe = Probe(
            site_id=site,
            device_id=device,
            kind=ProbeKind.TCP,
            at=datetime.now(UTC),
            ok=well,
            latency_ms=12.0 if well else None,
            error=None if well else "no answer",
        )
        self._sent[key].append(probe)
        return probe

    def expected(self) -> frozenset[str]:
        """What has to come: a health after each poll, the newest one last, and the events."""
        names = {f"{key}: newest {sent[-1].at.isoformat()}" for key, sent in self._sent.items()}
        for health, events in self._in_peace():
            names.add(_name(health))
            names.update(_event_name(event) for event in events)
        return frozenset(names)

    def brief(self) -> frozenset[str]:
        """The ids of events whose devices come back, perhaps before it is time to tell."""
        return frozenset(
            event.event_id
            for _, events in self._in_peace()
            for event in events
            if event.device_id != STAYING
        )

    def _in_peace(self) -> Iterator[tuple[DeviceHealth, tuple[SecurityEvent, ...]]]:
        for probes in self._sent.values():
            device: Device | None = None
            for probe in probes:
                device, events = observe(device, probe, probe.at)
                assert device is not None
                yield health_of(probe.site_id, probe.device_id, device), events


def _name(health: DeviceHealth) -> str:
    return (
        f"{health.site_id}/{health.device_id}: {health.severity}, breaker {health.breaker}, "
        f"{health.consecutive_failures} failed, {health.at.isoformat()}"
    )


def _event_name(event: SecurityEvent) -> str:
    return f"event {event.event_id} of {event.site_id}/{event.device_id}"


def _seen(at: Arena) -> frozenset[str]:
    names: set[str] = set()
    newest: dict[str, DeviceHealth] = {}
    for message, _ in messages(at.settings, DEVICE_HEALTH):
        if isinstance(message, DeviceHealth):
            names.add(_name(message))
            newest[f"{message.site_id}/{message.device_id}"] = message
    for message, _ in messages(at.settings, EVENTS):
        if isinstance(message, SecurityEvent):
            names.add(_event_name(message))
    return frozenset(names) | {
        f"{key}: newest {health.at.isoformat()}" for key, health in newest.items()
    }


def _record(probe: Probe) -> OutRecord:
    return make(
        PROBES,
        probe,
        id=probe_id(probe.site_id, probe.device_id, probe.kind, probe.at),
        time=probe.at,
        source="watchfloor/drill",
        key=f"{probe.site_id}/{probe.device_id}",
    )


def _kill_watch(at: Arena) -> None:
    """Polls come all the time; what they say of a device is the same with kills as in peace."""
    polls = Polls(at.run.seed)
    sent = 0

    def poll(seconds: float) -> None:
        nonlocal sent
        for _ in range(max(1, round(seconds / ROUND_S))):
            for probe in polls.next_round():
                sent += 1
                at.load.send_other(_record(probe), f"poll {sent}")
            at.load.poll()
            at.wait(ROUND_S)

    at.extra_taken = lambda: taken_events(at.settings)
    poll(1.0)
    kills = 50 if at.full else 3
    for number in range(kills):
        # Some kills find it at work, some while it is starting from the one before.
        poll(at.chance.uniform(0.3, 4.0))
        at.say(f"kill -9 watch, {number + 1} of {kills}")
        at.kill("watch")
    at.ready("watch")
    poll(1.0)
    at.until("the polls are taken", lambda: _taken(at, sent))
    at.expected, at.brief = polls.expected(), polls.brief()
    with contextlib.suppress(TimeLimitError):
        # What is not there by then the oracle calls lost, by name.
        at.until("every poll is told", lambda: at.expected <= _seen(at))
    at.seen = _seen(at)
    at.detail["polls"] = sent


def _taken(at: Arena, polls: int) -> bool:
    at.load.poll()
    return len(at.load.others_taken()) == polls


DRILLS: Final = (
    Drill(
        name="kill-watch",
        summary="watch is killed under polls (full: 50 times); health and alerts as in peace",
        drive=_kill_watch,
        roles=("watch", "decide", "act"),
        rate=0.0,
    ),
)
