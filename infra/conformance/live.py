"""Cases through all roles: real processes, a real broker, and a clock that the runner turns.

A namespace holds a round of cases, each on a partition of its own (see `places`). The moments at
which something is due are those at which it is due in the pure stages; every role is told each of
them, and has done all that follows before the next.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Final

from agents.notify.stage import GRACE, LOST_AFTER
from agents.runtime.ticker import tick_record
from infra.conformance.cases import Case, ChannelFault
from infra.conformance.compare import Delivered
from infra.conformance.drive import (
    Outcome,
    PureMachine,
    command_record,
    event_record,
    probe_record,
    run_case,
)
from infra.conformance.flow import CHAINS, Flow
from infra.conformance.kill import Killer, missing, silenced
from infra.conformance.places import Placed, place, rounds
from infra.conformance.publisher import Publisher
from infra.conformance.recorder import Recorder
from infra.errors import TimeLimitError
from infra.sandbox import Sandbox, sandbox, servers
from infra.settings import Settings
from schemas.alert import Alert, Command
from schemas.decision import Decision
from schemas.device import DeviceHealth, Probe
from schemas.document import Document, Receiver
from schemas.event import SecurityEvent
from topics.catalogue import PROBES
from topics.partitioner import partition_for
from topics.plan import partitions_of
from topics.record import OutRecord

__all__ = ["LiveMachine", "memory", "run_live"]

MOST_PARTITIONS: Final = 48
"""A partition is a store, a changelog and some open files a table: a hundred start in a minute."""
COMMIT: Final = timedelta(milliseconds=20)
"""A step waits for commits, so they come quickly."""
OPEN_FILES: Final = 16_384
CONFIG_S: Final = 30.0
READY_S: Final = 180.0
"""Dozens of partitions, on a machine that may have much to do."""
SECOND: Final = timedelta(seconds=1)
LOST: Final = (LOST_AFTER + SECOND, GRACE + SECOND)
"""What act waits before it gives up a delivery that died with its worker, and makes it again."""
AFTER: Final = tuple(timedelta(seconds=one) for one in (5, 15, 45, 120, 330))
"""Where a role is killed, a case goes on for so long: late deliveries are tried again."""
AHEAD: Final = timedelta(minutes=10)
"""How far that may put act's clock ahead of the others."""
SOURCE: Final = "watchfloor/conformance"
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
MEMORY_BYTES: Final = 1024 * 1024 * 1024
"""Free, so that it may be used; a run of a hundred cases takes less than half of it."""

Say = Callable[[str], None]


class LiveMachine:
    """Cases through the roles of a sandbox."""

    def __init__(
        self,
        box: Sandbox,
        flow: Flow,
        recorder: Recorder,
        publisher: Publisher,
        killer: Killer | None = None,
    ) -> None:
        self.box = box
        self.flow = flow
        self.recorder = recorder
        self.publisher = publisher
        self.killer = killer
        self._ahead = timedelta(0)
        self._receivers: tuple[Receiver, ...] = ()
        self._plan = PureMachine()
        self._step = 0
        self._placed: Placed | None = None
        self._moments: list[datetime] = []
        self._watched: tuple[int, ...] = ()

    def run(self, placed: Placed) -> Outcome:
        """Drive a case."""
        self._placed = placed
        plan = PureMachine()
        run_case(placed.case, plan)
        if self.killer is None:
            self._plan = plan
            return run_case(placed.case, self)
        after = [placed.case.steps[-1].at + one for one in AFTER]
        for moment in after:
            plan.advance(moment)
        self._plan = plan
        before = self.killer.struck
        outcome = run_case(silenced(placed.case), self)
        for moment in after:
            self.advance(moment)
        kills = self.killer.struck - before
        lost = missing(placed.case, plan.delivered(), self.delivered(), kills)
        return replace(outcome, problems=(*outcome.problems, *lost))

    def begin(self, case: Case) -> None:
        """Put the case's document in force; what was taken before is another's."""
        assert self._placed is not None
        self._step = 0
        self._moments = []
        self._ahead = timedelta(0)
        self.recorder.begin()
        if self.killer is not None:
            self.killer.begin(case)
        self._watched = self._devices(case)
        self.flow.begin(self._placed.sites, self._placed.partition, self._watched)
        self._publish(case.document, first=True)

    def advance(self, to: datetime) -> None:
        """Turn the clock on, moment by moment."""
        due, still = self._plan.busy[self._step], self._plan.still[self._step]
        if self.killer is not None:
            self.killer.step(self._step)
        self._step += 1
        for moment in (*due, to):
            if not self._moments or moment > self._moments[-1]:
                self._turn(moment, still=still and moment == to)

    def _turn(self, moment: datetime, *, still: bool) -> None:
        """Tell every role the time. still: nothing is due, so that their order is all the same."""
        assert self._placed is not None
        self._moments.append(moment)
        self.recorder.turn()
        others = [
            self._tick("act", self._placed.partition, moment + self._ahead),
            *(self._tick("watch", number, moment) for number in self._watched),
        ]
        decide = self._tick("decide", self._placed.partition, moment)
        if still:
            self._do(*others, decide)
            return
        # Who acts knows the time before it is asked to.
        self._do(*others)
        self._do(decide)

    def _do(self, *records: OutRecord) -> None:
        """Send records; returns when all that follows has happened, whoever is killed."""
        assert self._placed is not None
        struck = 0 if self.killer is None else self.killer.struck
        self.flow.send(*records)
        self.flow.settle()
        if self.killer is None or self.killer.struck == struck or self.killer.role != "act":
            return
        # What died with act is found by its clock: for act, that much more time has passed.
        for pause in LOST:
            self._ahead += pause
            moment = self._moments[-1] + self._ahead
            self.flow.send(self._tick("act", self._placed.partition, moment))
            self.flow.settle()

    def _devices(self, case: Case) -> tuple[int, ...]:
        """The partitions of the devices that the case polls."""
        count = partitions_of(PROBES, self.box.settings.site_partitions)
        names = {
            f"{step.probe.site_id}/{step.probe.device_id}"
            for step in case.steps
            if step.probe is not None
        }
        return tuple(sorted({partition_for(name.encode(), count) for name in names}))

    @staticmethod
    def _tick(role: str, partition: int, moment: datetime) -> OutRecord:
        return tick_record(CHAINS[role].ticks, partition, moment, SOURCE)

    def apply(self, document: Document) -> None:
        """Publish a document; returns when every role has it."""
        self._publish(document)

    def _publish(self, document: Document, *, first: bool = False) -> None:
        self._receivers = document.routing.receivers or (() if first else self._receivers)
        revision = self.publisher.publish(document, first=first)
        deadline = monotonic() + CONFIG_S
        for role in CHAINS:
            while ((self.box.report(role) or {}).get("config_revision") or 0) < revision:
                _alive(self.box)
                if monotonic() > deadline:
                    raise TimeLimitError(f"{role} has not read revision {revision}", hint="")
                sleep(0.005)

    def channel(self, fault: ChannelFault) -> None:
        """Let a channel fail, or no longer."""
        self.recorder.set(fault)

    def command(self, command: Command) -> None:
        """Ask something of an alert."""
        self._do(command_record(command))

    def event(self, event: SecurityEvent) -> Decision | None:
        """Send an event."""
        known = len(self.flow.published.decisions)
        self._do(event_record(event))
        made = self.flow.published.decisions[known:]
        return next((one for one in made if one.event_id == event.event_id), None)

    def probe(self, probe: Probe) -> DeviceHealth | None:
        """Send a poll's outcome."""
        known = len(self.flow.published.health)
        self._do(probe_record(probe))
        made = self.flow.published.health[known:]
        return next((one for one in made if one.device_id == probe.device_id), None)

    def delivered(self) -> list[Delivered]:
        """What the channels took: in order of time, and of one moment in the order of requests.

        Channels that are told at once come in the order of their receiver.
        """
        order = {name: number for number, name in enumerate(self.flow.published.requests)}
        places = {
            (receiver.name, channel.name or channel.kind): number
            for receiver in self._receivers
            for number, channel in enumerate(receiver.channels)
        }
        taken = [one for one in self.recorder.taken() if one.request.notification_id in order]
        taken.sort(
            key=lambda one: (
                one.moment,
                order[one.request.notification_id],
                places.get((one.request.receiver, one.channel), 0),
            )
        )
        return [
            Delivered(
                receiver=one.request.receiver,
                channel=one.channel,
                status=one.request.status.value,
                alerts=one.request.total,
                kind=one.request.kind,
                at=self._moments[one.moment - 1],
                request=one.request,
            )
            for one in taken
        ]

    def alerts(self) -> list[Alert]:
        """The alerts as they are."""
        return list(self.flow.published.alerts.values())


def run_live(
    settings: Settings,
    cases: Sequence[Case],
    *,
    kill: str | None = None,
    seed: int = 0,
    done: Callable[[Outcome], None] = lambda outcome: None,
    say: Say = lambda text: None,
    count: Callable[[int, int], None] = lambda done, total: None,
) -> list[Outcome]:
    """Every case through all roles, in a namespace a round; `done` is told of each.

    kill: the role that is killed at random points. Raises WatchfloorError where nothing moves.
    """
    outcomes: list[Outcome] = []
    _allow_files()
    with (
        TemporaryDirectory(prefix="watchfloor-conformance-", dir=memory()) as folder,
        servers(settings, Path(folder), say, count) as found,
    ):
        _rounds(found, cases, outcomes, kill, seed, done, say)
    return outcomes


def _rounds(
    settings: Settings,
    cases: Sequence[Case],
    outcomes: list[Outcome],
    kill: str | None,
    seed: int,
    done: Callable[[Outcome], None],
    say: Say,
) -> None:
    after = timedelta(0) if kill is None else AFTER[-1] + AHEAD
    for round_ in rounds(cases, MOST_PARTITIONS, after):
        partitions = 1 + max(partition for _, partition in round_)
        with (
            Recorder() as recorder,
            _box(settings, partitions, recorder, say) as box,
            Publisher(box.settings) as publisher,
        ):
            killer = None if kill is None else Killer(box, kill, seed + len(outcomes))
            flow = Flow(box, partial(_alive, box) if killer is None else killer.look)
            try:
                machine = LiveMachine(box, flow, recorder, publisher, killer)
                for index, (case, partition) in enumerate(round_):
                    say(f"{len(outcomes) + 1} of {len(cases)} cases")
                    outcome = machine.run(place(case, partition, partitions, index))
                    outcomes.append(outcome)
                    done(outcome)
            finally:
                flow.close()
            if killer is not None:
                say(f"{killer.role} was killed {killer.struck} times")


def _box(
    settings: Settings,
    partitions: int,
    recorder: Recorder,
    say: Say,
) -> AbstractContextManager[Sandbox]:
    inside = replace(
        settings,
        site_partitions=partitions,
        commit_interval=COMMIT,
        origins={**settings.origins, "site_partitions": "run", "commit_interval": "run"},
    )
    return sandbox(
        inside,
        "conformance",
        roles=tuple(CHAINS),
        env={"WATCHFLOOR_TIME": "ticks", "WATCHFLOOR_RECORDER": recorder.url},
        ready_s=READY_S,
        parent=memory(),
        say=say,
    )


def memory() -> Path | None:
    """Where servers of our own and the stores of roles are kept, where that may be memory.

    None: with other passing files. A new partition is some files that are synced, the broker's and
    those of its stores: 25 ms of a busy disk for a store, 3 ms here (measured), and a round has
    hundreds. What is killed loses neither; power is not what a run takes away.
    """
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return None
    enough = found.f_bavail * found.f_frsize >= MEMORY_BYTES
    return MEMORY if enough and os.access(MEMORY, os.W_OK | os.X_OK) else None


def _alive(box: Sandbox) -> None:
    for child in box.children.values():
        child.check()


def _allow_files() -> None:
    """Let our children have as many open files as the machine allows, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
