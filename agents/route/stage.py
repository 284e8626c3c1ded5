"""The stage: alerts are kept, groups are told, and decisions become final."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from agents.dedupe.stage import Ended, Folded
from agents.rank.stage import Echo, Ranked
from agents.route import bags, family, incidents
from agents.route.alerts import admit, echoed, folded, resolve, situation
from agents.route.bags import BAGS
from agents.route.commands import obey
from agents.route.decided import on_outcome
from agents.route.escalate import on_escalate
from agents.route.life import (
    EVERY,
    FORGET,
    back,
    close,
    counted,
    end,
    look_again,
    publish,
    turned,
    wait_for_quiet,
)
from agents.route.outputs import SYSTEM, alert_record, settled, verdict
from agents.route.plan import profile_of
from agents.route.quiet import HELD
from agents.route.review import review
from agents.route.rows import current, row_of
from agents.route.summaries import late_due, note_late, release
from agents.route.tables import (
    FLIGHTS,
    GROUPS,
    OPEN,
    PENDING,
    RATES,
    ROWS,
    SEEN,
    SOURCES,
    SUMMARIES,
    Pending,
    Situation,
)
from agents.route.telling import flush, members, settle
from agents.runtime.stage import Context, Effect, Emit, Forward, Later, Stage
from agents.runtime.timers import Timer
from schemas.alert import ActivityKind, AlertState, Command
from schemas.decision import Result, StageVerdict
from schemas.notification import NotifyResult
from schemas.tick import Tick
from topics.catalogue import ACTIVITY, ALERTS, COMMANDS, NOTIFY_REQUESTS, NOTIFY_RESULTS
from topics.record import tombstone

__all__ = ["ROUTE"]

SUPPRESSED: Final = Result.SUPPRESSED
"""A member of an enumeration costs as much as a small function, once an event."""


class Repeated(Struct, frozen=True, gc=False):
    """Something was folded into this alert."""

    alert_id: str


ROUTE = Stage(
    name="route",
    reads=(Ranked, Echo, Folded, Ended, COMMANDS, NOTIFY_RESULTS),
    writes=(ALERTS, ACTIVITY, NOTIFY_REQUESTS),
    state=(ROWS, OPEN, GROUPS, PENDING, FLIGHTS, SOURCES, RATES, SUMMARIES, SEEN, BAGS),
)


@ROUTE.on(Ranked)
def on_ranked(ctx: Context, ranked: Ranked) -> Iterable[Effect]:
    """Open or change the alert, and tell those who are to be told."""
    item = ranked.item
    event = item.event
    place = situation(event)
    row, kind = admit(current(ctx, place), ranked, ctx.now)
    alert_id = row.alert.alert_id
    profile = profile_of(ctx.configuration, row.alert, row.labels)
    if kind is ActivityKind.OPENED and not item.late and family.held(profile.labels):
        row = replace(row, held_until=ctx.now + family.HOLD)
    row, inhibitions = counted(ctx, wait_for_quiet(ctx, row, profile), profile)
    cause = None if item.late else event.event_id
    row, quiet, due, held = settle(ctx, row, profile, event=cause)
    if kind is ActivityKind.OPENED:
        ctx.put(OPEN, place, Situation(alert_id))
        bags.add(ctx, EVERY, alert_id)
        if row.alert.device_id is not None and "kind" in profile.labels:
            row = replace(row, declared=True)
    ctx.put(ROWS, alert_id, row)
    out: list[Effect] = []
    publish(ctx, row, kind, SYSTEM, event.event_id, out)
    if inhibitions:
        turned(ctx, inhibitions, alert_id, out)
    if item.late:
        note_late(ctx, row, profile)
        quiet = ("late", f"it happened at {event.occurred_at.isoformat()}")
    sent = []
    for key in due:
        flushed = flush(ctx, key, out, event=cause)
        held = held or flushed.held
        if flushed.notification is not None:
            sent.append(flushed.notification)
    if sent and quiet is None:
        ctx.put(
            PENDING,
            f"{event.site_id}/{event.event_id}",
            Pending(
                event=event,
                alert_id=alert_id,
                outstanding=tuple(sent),
                stages=ranked.stages,
            ),
        )
        return out
    if quiet is not None and quiet[0] == HELD:
        result, reason, detail = Result.GROUPED, None, f"held {quiet[1]}"
    elif quiet is not None:
        result, reason, detail = Result.SUPPRESSED, *quiet
    elif held:
        result, reason, detail = Result.SUPPRESSED, "site_rate_limit", "it goes with a summary"
    else:
        result, reason, detail = Result.GROUPED, None, "its group waits"
    stages = (*ranked.stages, verdict(result, reason, detail))
    out.append(Forward(settled(ctx, event, alert_id, stages, result, reason)))
    return out


@ROUTE.on(Folded)
def on_folded(ctx: Context, item: Folded) -> Iterable[Effect]:
    """Count a repeat where its own alert is open."""
    event, by = item.event, item.by
    stages = _repeats(by, item.twin)
    found = ctx.get(OPEN, item.place)
    row = None if found is None else ctx.get(ROWS, found.alert_id)
    if found is None or row is None:
        return (Forward(settled(ctx, event, None, stages, SUPPRESSED, by)),)
    alert_id = found.alert_id
    ctx.put(ROWS, alert_id, folded(row, ctx.now, event.occurred_at))
    return (
        Later(Repeated(alert_id)),
        Forward(settled(ctx, event, alert_id, stages, SUPPRESSED, by)),
    )


@lru_cache(maxsize=4096)
def _repeats(by: str, twin: str) -> tuple[StageVerdict, ...]:
    """What the stages said of a repeat; the same for all that repeat one event."""
    return (StageVerdict(stage="dedupe", verdict=by, detail=f"repeats {twin}"),)


@ROUTE.on(Repeated)
def on_repeated(ctx: Context, repeated: Repeated) -> Iterable[Effect]:
    """Say what an alert is after all that a chunk folded into it: once, not once an event."""
    row = row_of(ctx, repeated.alert_id)
    if row is None:
        return ()
    ctx.put(ROWS, repeated.alert_id, row)
    return (Emit(alert_record(row.alert, ctx)),)


@ROUTE.on(Ended)
def on_ended(ctx: Context, ended: Ended) -> Iterable[Effect]:
    """Resolve a device's alert by its return to normal; where there is none, nothing happens."""
    event = ended.event
    out: list[Effect] = []
    row = current(ctx, situation(event))
    if row is None:
        detail = "back to normal, and no alert of it is open"
    elif event.occurred_at < row.alert.last_event:
        detail = "it is older than what the alert has seen since"
    else:
        detail = "back to normal"
        row = resolve(row, ctx.now, SYSTEM, "returned_to_normal")
        publish(ctx, row, ActivityKind.RESOLVED, SYSTEM, event.event_id, out, detail=detail)
        close(ctx, row, out)
    result, reason = Result.SUPPRESSED, "returned_to_normal"
    stages = (*ended.stages, verdict(result, reason, detail))
    alert_id = None if row is None else row.alert.alert_id
    out.append(Forward(settled(ctx, event, alert_id, stages, result, reason)))
    return out


@ROUTE.on(Echo)
def on_echo(ctx: Context, echo: Echo) -> Iterable[Effect]:
    """Rank an open alert anew by what a neighbouring camera saw."""
    row = current(ctx, situation(echo))
    if row is None:
        return ()
    changed = echoed(row, echo, ctx.now)
    ctx.put(ROWS, row.alert.alert_id, changed)
    if changed.alert.revision == row.alert.revision:
        return ()
    return (Emit(alert_record(changed.alert, ctx)),)


@ROUTE.on(NotifyResult)
def on_result(ctx: Context, result: NotifyResult) -> Iterable[Effect]:
    """Make the decisions final that waited for this first pass."""
    out: list[Effect] = []
    on_outcome(ctx, result, out)
    return out


@ROUTE.on(Command)
def on_command(ctx: Context, command: Command) -> Iterable[Effect]:
    """Do what an analyst asked for, and answer; the same command again does nothing."""
    out: list[Effect] = []
    obey(ctx, command, out)
    return out


@ROUTE.on(Tick)
def on_tick(ctx: Context, tick: Tick) -> Iterable[Effect]:
    """Look at what is open under a changed document."""
    out: list[Effect] = []
    review(ctx, out)
    return out


@ROUTE.on(Timer)
def on_timer(ctx: Context, timer: Timer) -> Iterable[Effect]:
    """What is due. A timer says when to look, never what to do: what it finds decides."""
    out: list[Effect] = []
    match timer.kind:
        case "flush":
            _flush(ctx, timer.key, out)
        case "repeat":
            _repeat(ctx, timer.key, out)
        case "quiet":
            _quiet(ctx, timer, out)
        case "check":
            look_again(ctx, timer.key, out)
        case "back":
            back(ctx, timer.key, out)
        case "escalate":
            on_escalate(ctx, timer.key, timer.at, out)
        case "late":
            late_due(ctx, timer.key, out)
        case "release":
            release(ctx, timer.key, out)
        case "bury":
            _bury(ctx, timer.key)
        case "forget":
            _forget(ctx, timer.key, out)
    return out


def _flush(ctx: Context, key: str, out: list[Effect]) -> None:
    group = ctx.get(GROUPS, key)
    if group is not None and group.due is not None and group.due <= ctx.now:
        flush(ctx, key, out)


def _repeat(ctx: Context, key: str, out: list[Effect]) -> None:
    group = ctx.get(GROUPS, key)
    if group is None or group.last_sent is None or group.due is not None or group.held:
        return
    for alert_id in bags.ids(ctx, members(key)):
        row = row_of(ctx, alert_id)
        if row is None:
            continue
        targets = profile_of(ctx.configuration, row.alert, row.labels).targets
        for target in targets:
            if target.key(alert_id) == key:
                due = group.last_sent + target.settings.repeat
                if due <= ctx.now:
                    flush(ctx, key, out, again=True)
                return


def _quiet(ctx: Context, timer: Timer, out: list[Effect]) -> None:
    row = row_of(ctx, timer.key)
    if row is None or row.alert.state is AlertState.RESOLVED or row.quiet_timer is None:
        return
    if row.quiet_timer > ctx.now:
        # Another timer is under way.
        return
    profile = profile_of(ctx.configuration, row.alert, row.labels)
    due = (row.admitted_at or ctx.now) + profile.resolve_after
    if due > ctx.now:
        ctx.set_timer(due, "quiet", timer.key)
        ctx.put(ROWS, timer.key, replace(row, quiet_timer=due))
        return
    end(ctx, row, "quiet", f"quiet {timer.at:.0f}", out)


def _bury(ctx: Context, key: str) -> None:
    group = ctx.get(GROUPS, key)
    if group is not None and group.last_sent is None and not bags.ids(ctx, members(key)):
        ctx.put(GROUPS, key, None)


def _forget(ctx: Context, alert_id: str, out: list[Effect]) -> None:
    row = row_of(ctx, alert_id)
    if row is None or row.alert.state is not AlertState.RESOLVED:
        return
    resolved = row.alert.resolved_at
    if resolved is not None and ctx.now - resolved < FORGET:
        return
    for freed in incidents.dissolve(ctx, alert_id):
        ctx.put(ROWS, freed.alert.alert_id, freed)
        out.append(Emit(alert_record(freed.alert, ctx)))
    for standing in row.groups:
        bags.remove(ctx, members(standing.group), alert_id)
    ctx.put(ROWS, alert_id, None)
    record = tombstone(
        ALERTS,
        key=alert_id,
        id=f"{alert_id}/forgotten",
        time=ctx.now,
        source="watchfloor/decide",
    )
    out.append(Emit(record))
