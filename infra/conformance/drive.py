"""Driving a case through whatever runs it: the pure stages, or all roles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Protocol

from infra.conformance.cases import Case, ChannelFault, Problem, Step
from infra.conformance.compare import (
    Delivered,
    alerts_problem,
    chosen,
    decision_problem,
    health_problem,
    notifications_problem,
)
from infra.conformance.virtual import Virtual, messages
from schemas.alert import Alert, Command, CommandKind
from schemas.decision import Decision
from schemas.device import DeviceHealth, Probe
from schemas.document import Document, Routing
from schemas.event import SecurityEvent
from topics.catalogue import COMMANDS, DECISIONS, DEVICE_HEALTH, EVENTS, PROBES
from topics.record import OutRecord, make

__all__ = [
    "Machine",
    "Outcome",
    "PureMachine",
    "command_record",
    "event_record",
    "probe_record",
    "run_case",
    "run_pure",
]

SOURCE = "watchfloor/conformance"


class Machine(Protocol):
    """What runs a case. Every call returns when all that follows from it has happened."""

    def begin(self, case: Case) -> None:
        """Be ready for a case: nothing of another one shows."""

    def advance(self, to: datetime) -> None:
        """Let virtual time go on."""

    def apply(self, document: Document) -> None:
        """Put a document in force."""

    def channel(self, fault: ChannelFault) -> None:
        """Let a channel fail, or no longer."""

    def command(self, command: Command) -> None:
        """Ask something of an alert."""

    def event(self, event: SecurityEvent) -> Decision | None:
        """Send an event; the decision that was published now."""

    def probe(self, probe: Probe) -> DeviceHealth | None:
        """Send a poll's outcome; the health that was published now."""

    def delivered(self) -> list[Delivered]:
        """Everything that the channels took since the case began, in order."""

    def alerts(self) -> list[Alert]:
        """The alerts as they are."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a case. problems: none where it passed; seconds: of real time."""

    file: str
    name: str
    problems: tuple[Problem, ...]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.problems


def run_case(case: Case, machine: Machine) -> Outcome:
    """Drive a case to its end, whatever its steps come to."""
    begun = monotonic()
    machine.begin(case)
    problems: list[Problem] = []
    told = 0

    def note(message: str | None, step: Step | None, field: str) -> None:
        if message is not None:
            problems.append(
                Problem(
                    file=case.file,
                    case=case.name,
                    message=message,
                    step=None if step is None else step.number,
                    at=None if step is None else step.at,
                    field=field,
                )
            )

    for step in case.steps:
        machine.advance(step.at)
        if step.apply is not None:
            machine.apply(step.apply)
        if step.channel is not None:
            machine.channel(step.channel)
        if step.command is not None:
            found = chosen(machine.alerts(), step.command.match, step.command.kind)
            if not found:
                note("no alert matches", step, "command")
            for number, alert in enumerate(found):
                machine.command(_command(step, alert, number))
        if step.event is not None:
            decision = machine.event(step.event)
            if step.expect is not None:
                note(decision_problem(step.expect, decision), step, "event")
        if step.probe is not None:
            health = machine.probe(step.probe)
            if step.expect is not None:
                note(health_problem(step.expect, health), step, "probe")
        if step.notifications is not None:
            every = machine.delivered()
            note(
                notifications_problem(step.notifications, every[told:], step.at),
                step,
                "notifications",
            )
            told = len(every)
    if case.alerts is not None:
        note(alerts_problem(case.alerts, machine.alerts()), None, "alerts at the end")
    return Outcome(
        file=case.file,
        name=case.name,
        problems=tuple(problems),
        seconds=monotonic() - begun,
    )


def _command(step: Step, alert: Alert, number: int) -> Command:
    assert step.command is not None
    fields: dict[str, Any] = dict(step.command.fields)
    fields["command_id"] = f"{fields['command_id']}-{number}"
    return Command(
        **fields,
        site_id=alert.site_id,
        alert_id=alert.alert_id,
        kind=CommandKind(step.command.kind),
        at=step.at,
    )


def event_record(event: SecurityEvent) -> OutRecord:
    """An event as a record."""
    return make(
        EVENTS,
        event,
        id=event.event_id,
        time=event.occurred_at,
        source=SOURCE,
        key=event.site_id,
    )


def probe_record(probe: Probe) -> OutRecord:
    """A poll's outcome as a record."""
    key = f"{probe.site_id}/{probe.device_id}"
    return make(
        PROBES, probe, id=f"{key}/{probe.at.isoformat()}", time=probe.at, source=SOURCE, key=key
    )


def command_record(command: Command) -> OutRecord:
    """A command as a record."""
    return make(
        COMMANDS,
        command,
        id=command.command_id,
        time=command.at,
        source=SOURCE,
        key=command.site_id,
    )


class PureMachine:
    """Cases through the pure stages.

    busy: step by step, the moments before its own in which a tick made something; still: whether
    the tick of its own made nothing.
    """

    def __init__(self) -> None:
        self.virtual = Virtual()
        self.busy: list[tuple[datetime, ...]] = []
        self.still: list[bool] = []

    def begin(self, case: Case) -> None:
        """A fresh set of stages, whose clock has not ticked."""
        self.virtual = Virtual(now=case.steps[0].at)
        self.busy = []
        self.still = []
        self.apply(case.document)

    def advance(self, to: datetime) -> None:
        """Turn the clock on."""
        known = len(self.virtual.busy)
        self.virtual.advance(to)
        busy = self.virtual.busy[known:]
        self.busy.append(tuple(one for one in busy if one < to))
        self.still.append(to not in busy)

    def apply(self, document: Document) -> None:
        """Put a document in force; where it has no routing, what there was stays."""
        routing = document.routing
        if routing == Routing():
            routing = self.virtual.configuration.routing
        self.virtual.configure(*document.sites, routing=routing)

    def channel(self, fault: ChannelFault) -> None:
        """Let a channel fail, or no longer."""
        place = (fault.receiver, fault.name)
        for on, places in (
            (fault.fails, self.virtual.failing),
            (fault.times_out, self.virtual.hanging),
        ):
            if on is True:
                places.add(place)
            elif on is False:
                places.discard(place)

    def command(self, command: Command) -> None:
        """Ask something of an alert."""
        self.virtual.feed(command_record(command))

    def event(self, event: SecurityEvent) -> Decision | None:
        """Send an event."""
        decided = messages(self.virtual.feed(event_record(event)), DECISIONS)
        return next((one for one in decided if one.event_id == event.event_id), None)

    def probe(self, probe: Probe) -> DeviceHealth | None:
        """Send a poll's outcome."""
        found = messages(self.virtual.feed(probe_record(probe)), DEVICE_HEALTH)
        return next((one for one in found if one.device_id == probe.device_id), None)

    def delivered(self) -> list[Delivered]:
        """What the channels took."""
        return self.virtual.delivered

    def alerts(self) -> list[Alert]:
        """The alerts as they are."""
        return list(self.virtual.alerts().values())


def run_pure(
    cases: list[Case], done: Callable[[Outcome], None] = lambda outcome: None
) -> list[Outcome]:
    """Every case through the pure stages; `done` is told of each."""
    outcomes = []
    for case in cases:
        outcome = run_case(case, PureMachine())
        done(outcome)
        outcomes.append(outcome)
    return outcomes
