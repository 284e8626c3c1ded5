"""`bench storm`: 20,000 events in a minute at one site, three of whose causes are people.

The real decide and act roles on a real broker, with time from outside: a month's history with
feedback, then the storm, then five minutes of ticks. Everything is read back from the topics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from infra.bench.frame import Bar, Bench, Measured, Metric, Run
from infra.bench.ranking.storm import INCIDENTS, SITE, START, Storm, document, draw
from infra.errors import WatchfloorError
from schemas.alert import Alert, AlertState, Command, CommandKind
from schemas.decision import Decision, Result
from schemas.event import SecurityEvent
from schemas.notification import NotifyRequest, NotifyStatus
from topics.catalogue import (
    ALERTS,
    COMMANDS,
    DECISIONS,
    EVENTS,
    NOTIFY_REQUESTS,
    NOTIFY_RESULTS,
    TICKS_ACT,
    TICKS_DECIDE,
)
from topics.declare import Topic
from topics.record import OutRecord, make

if TYPE_CHECKING:
    from agents.runtime.emitter import Emitter
    from agents.runtime.follower import Follower
    from infra.sandbox import Sandbox

__all__ = ["BENCH", "Outcome", "command_record", "event_record", "results"]

PAGE: Final = 20
SPAN: Final = timedelta(minutes=6)
STEP: Final = timedelta(seconds=5)
LIMIT_S: Final = 300.0
SOURCE: Final = "watchfloor/bench"
INPUTS: Final = (EVENTS, COMMANDS, TICKS_DECIDE)

NOTIFICATIONS: Final = Metric(
    name="notifications",
    unit="1",
    what="firing notifications in the six minutes from the start of 20,000 events in a minute",
    bar=Bar(limit=30.0, side="at most"),
)
INCIDENTS_FOUND: Final = Metric(
    name="incidents_on_first_page",
    unit="1",
    what="of the three incidents in the storm, those among the first 20 of the queue",
    bar=Bar(limit=3.0, side="at least"),
)
LOST: Final = Metric(
    name="lost",
    unit="1",
    what="events of the storm without a decision that says why",
    bar=Bar(limit=0.0, side="at most"),
)


@dataclass
class Outcome:
    """What the topics say: the newest of each alert, decisions by event, notifications by id."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    requests: dict[str, NotifyRequest] = field(default_factory=dict)

    def note(self, message: object) -> None:
        """Take a message in."""
        match message:
            case Alert():
                known = self.alerts.get(message.alert_id)
                if known is None or known.revision <= message.revision:
                    self.alerts[message.alert_id] = message
            case Decision():
                self.decisions[message.event_id] = message
            case NotifyRequest():
                self.requests[message.notification_id] = message

    def queue(self) -> list[Alert]:
        """The alerts that are not resolved, as the queue shows them."""
        waiting = (one for one in self.alerts.values() if one.state is not AlertState.RESOLVED)
        return sorted(waiting, key=lambda one: (-one.rank, one.alert_id))


def results(storm: Storm, outcome: Outcome) -> list[Measured]:
    """The three metrics."""
    firing = [
        one
        for one in outcome.requests.values()
        if one.status is NotifyStatus.FIRING and START <= one.requested_at <= START + SPAN
    ]
    queue = outcome.queue()
    # An alert is an incident's where an event of it was admitted; one that was folded is not seen.
    places: dict[int, int] = {}
    for place, alert in enumerate(queue, 1):
        for event_id in alert.event_ids:
            incident = storm.incidents.get(event_id)
            if incident is not None:
                places.setdefault(incident, place)
    decided: dict[str, int] = {}
    lost = 0
    for event in storm.events:
        decision = outcome.decisions.get(event.event_id)
        quiet = decision is not None and decision.result in (Result.SENT, Result.GROUPED)
        if decision is None or not (quiet or decision.reason):
            lost += 1
            continue
        reason = decision.reason or decision.result.value
        decided[reason] = decided.get(reason, 0) + 1
    first = sum(place <= PAGE for place in places.values())
    detail = {"events": len(storm.events), "alerts": len(queue), "decided": decided}
    where = {"first_places": sorted(places.values()), "incidents": INCIDENTS}
    return [
        Measured(metric=NOTIFICATIONS, value=len(firing), detail=detail),
        Measured(metric=INCIDENTS_FOUND, value=first, detail=where),
        Measured(metric=LOST, value=lost, detail={"events": len(storm.events)}),
    ]


def event_record(event: SecurityEvent) -> OutRecord:
    """An event as its source sends it."""
    return make(
        EVENTS,
        event,
        id=event.event_id,
        time=event.occurred_at,
        source=SOURCE,
        key=event.site_id,
    )


def command_record(alert_id: str, reason: str, at: datetime) -> OutRecord:
    """What an analyst says of an alert."""
    command = Command(
        command_id=f"judged {alert_id}",
        site_id=SITE,
        alert_id=alert_id,
        kind=CommandKind.RESOLVE,
        actor="analyst",
        at=at,
        reason=reason,
    )
    return make(COMMANDS, command, id=command.command_id, time=at, source=SOURCE, key=SITE)


def judgements(outcome: Outcome, said: Mapping[str, str], at: datetime) -> list[OutRecord]:
    """The commands about alerts that are open now, by the events that opened them."""
    return [
        command_record(alert.alert_id, said[alert.event_ids[0]], at)
        for alert in outcome.queue()
        if alert.event_ids[0] in said
    ]


def measure(run: Run) -> Sequence[Measured]:
    """Let the history and the storm of this seed go through real roles."""
    from infra.sandbox import publish, sandbox

    storm = draw(run.seed)
    with sandbox(
        run.settings, "storm", roles=("decide", "act"), outside_time=True, say=run.say,
        count=run.count,
    ) as box:  # fmt: skip
        publish(box.settings, document(), "bench")
        outcome = asyncio.run(_run(box, run, storm))
        run.say("putting things away")
    return results(storm, outcome)


async def _run(box: Sandbox, run: Run, storm: Storm) -> Outcome:
    from agents.runtime.emitter import Emitter
    from agents.runtime.follower import Follower

    outcome = Outcome()
    emitter = Emitter(box.settings, "watchfloor-bench")
    await emitter.start()
    try:
        async with Follower(
            box.settings, [ALERTS, DECISIONS, NOTIFY_REQUESTS], client_id="watchfloor-bench"
        ) as follower:
            reading = asyncio.create_task(_read(follower, outcome))
            try:
                for number, (events, said) in enumerate(storm.before, 1):
                    run.say(f"the month before, part {number} of {len(storm.before)}")
                    await _events(box, emitter, outcome, events)
                    if said:
                        await emitter.emit(judgements(outcome, said, events[-1].occurred_at))
                        await _drained(box)
                run.say(f"{len(storm.events)} events")
                await _events(box, emitter, outcome, storm.events)
                run.say("five minutes more")
                await _ticks(box, emitter, storm.events[-1].occurred_at)
                await _drained(box)
                await asyncio.sleep(0.5)
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
    finally:
        await emitter.stop()
    return outcome


async def _read(follower: Follower, outcome: Outcome) -> None:
    """Take everything in that decide says, for ever."""
    async for chunk in follower.chunks(timeout=0.1):
        for record in chunk:
            if record.value is not None:
                outcome.note(record.message())


async def _events(
    box: Sandbox, emitter: Emitter, outcome: Outcome, events: Sequence[SecurityEvent]
) -> None:
    """Send events, and wait until each is decided or waits with its group's notification."""
    for begin in range(0, len(events), 1000):
        await emitter.emit([event_record(one) for one in events[begin : begin + 1000]])
    await _drained(box)
    # What is still undecided after a while waits for a notification that a tick has to send.
    deadline = monotonic() + 5
    while monotonic() < deadline and any(one.event_id not in outcome.decisions for one in events):
        await asyncio.sleep(0.1)


async def _ticks(box: Sandbox, emitter: Emitter, since: datetime) -> None:
    """Let the six minutes pass, for both roles."""
    from agents.runtime.ticker import tick_record
    from topics.partitioner import partition_for
    from topics.plan import partitions_of

    count = partitions_of(EVENTS, box.settings.site_partitions)
    partition = partition_for(SITE.encode(), count)
    at = since
    while at < START + SPAN:
        at = min(at + STEP, START + SPAN)
        # One after the other: a notification's answer is to come before the next tick.
        records = [tick_record(one, partition, at, SOURCE) for one in (TICKS_DECIDE, TICKS_ACT)]
        await emitter.emit(records)
        await _drained(box, (TICKS_DECIDE,))


async def _drained(box: Sandbox, inputs: Sequence[Topic] = INPUTS) -> None:
    """Wait until both roles have committed what there is: decide, act, and what act answered."""
    from infra.lags import GroupLag

    for group, topics in (
        ("watchfloor-decide", list(inputs)),
        ("watchfloor-act", [NOTIFY_REQUESTS]),
        ("watchfloor-decide", [NOTIFY_RESULTS]),
    ):
        for child in box.children.values():
            child.check()
        lag = GroupLag(box.settings, group)
        try:
            await lag.wait_drained(topics, LIMIT_S)
        except TimeoutError:
            raise WatchfloorError(
                f"bench: {group} did not get through in {LIMIT_S:.0f} s"
            ) from None
        finally:
            lag.close()


BENCH: Final = Bench(
    name="storm",
    summary="20,000 events in a minute at one site, with three incidents in it",
    metrics=(NOTIFICATIONS, INCIDENTS_FOUND, LOST),
    measure=measure,
)
