"""What analysts ask for, on its way to decide, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from agents.runtime.emitter import EmitError
from api.account.identity import Principal
from api.alert import repository
from api.alert.schemas import (
    BulkBody,
    CommandBody,
    CommandTaken,
    HandoverBody,
    HandoverView,
    OutcomeView,
)
from api.body import convert
from api.correlation import carried
from api.paging import Cursor, Page, fingerprint
from api.problems import BrokerUnavailable, FieldError, Invalid, NotFound
from schemas.alert import RESOLUTIONS, Activity, Command, CommandKind
from schemas.base import SchemaError, parse_duration
from schemas.ids import external_event_id
from topics.catalogue import COMMANDS
from topics.record import make

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["ask", "ask_many", "handovers", "leave_note", "to_command", "wait_of"]

SOURCE: Final = "watchfloor/api"
EMIT_S: Final = 10.0
MAX_SNOOZE_S: Final = 30 * 86_400
MAX_WAIT_S: Final = 30.0

NEEDS: Final = {
    CommandKind.ASSIGN: ("to", "to"),
    CommandKind.SNOOZE: ("for_", "for"),
    CommandKind.COMMENT: ("text", "text"),
    CommandKind.HANDOVER: ("text", "text"),
    CommandKind.STEP: ("step", "step"),
}
"""What a command cannot do without: the field, and its name in the body."""
ALONE: Final = (CommandKind.MERGE, CommandKind.SPLIT, CommandKind.HANDOVER, CommandKind.STEP)
"""What is not asked of many alerts at once."""


def wait_of(text: str | None) -> float:
    """Seconds to wait for the outcome; 0: none. Raises Invalid."""
    if text is None:
        return 0.0
    try:
        seconds = parse_duration(text).total_seconds()
    except SchemaError as error:
        raise Invalid([FieldError(field="query.wait", detail=str(error)[:300])]) from error
    if seconds > MAX_WAIT_S:
        raise Invalid([FieldError(field="query.wait", detail="has to be at most 30s")])
    return seconds


def to_command(body: CommandBody | BulkBody, principal: Principal) -> dict[str, Any]:
    """The command's own fields, asked by whom the credential names.

    Raises Invalid where it lacks what its kind needs.
    """
    needed = NEEDS.get(body.kind)
    if needed is not None and getattr(body, needed[0]) is None:
        raise Invalid([FieldError(field=f"body.{needed[1]}", detail=f"is required to {body.kind}")])
    if body.kind is CommandKind.RESOLVE and body.reason not in (None, *RESOLUTIONS):
        detail = f"has to be one of {', '.join(RESOLUTIONS)}"
        raise Invalid([FieldError(field="body.reason", detail=detail)])
    duration: float | None = None
    if body.kind is CommandKind.SNOOZE:
        assert body.for_ is not None
        try:
            duration = parse_duration(body.for_).total_seconds()
        except SchemaError as error:
            raise Invalid([FieldError(field="body.for", detail=str(error)[:300])]) from error
        if not 0 < duration <= MAX_SNOOZE_S:
            detail = "has to be above 0 and at most 30d"
            raise Invalid([FieldError(field="body.for", detail=detail)])
    fields = {
        "kind": body.kind,
        "actor": principal.name,
        "to": body.to,
        "duration_s": duration,
        "reason": body.reason,
        "text": body.text,
    }
    if body.kind is CommandKind.STEP and isinstance(body, CommandBody):
        fields |= {"step": body.step, "done": body.done}
    return fields


async def ask(
    api: Api,
    principal: Principal,
    sites: frozenset[str],
    alert_id: str,
    raw: Mapping[str, Any],
    *,
    wait: float = 0.0,
    idempotency_key: str | None = None,
) -> CommandTaken:
    """Ask something of one alert, or of the incident that it leads.

    Raises NotFound, Invalid, Overloaded and BrokerUnavailable.
    """
    body = convert(raw, CommandBody)
    fields = to_command(body, principal)
    if body.kind is CommandKind.HANDOVER:
        detail = "a hand-over is a site's: POST /v1/handovers"
        raise Invalid([FieldError(field="body.kind", detail=detail)])
    named = tuple(one for one in dict.fromkeys(body.alert_ids) if one != alert_id)
    if body.kind is CommandKind.MERGE and not named:
        detail = "is required to merge: the alerts that this one is to lead"
        raise Invalid([FieldError(field="body.alert_ids", detail=detail)])
    if named and body.kind not in (CommandKind.MERGE, CommandKind.SPLIT):
        detail = "is for merge and split; POST /v1/alerts/commands asks the same of many alerts"
        raise Invalid([FieldError(field="body.alert_ids", detail=detail)])
    where = await _sites_of(api, sites, (alert_id, *named))
    if alert_id not in where:
        raise NotFound("alert", alert_id)
    site = where[alert_id]
    strange = [one for one in named if where.get(one) != site]
    if strange:
        detail = f"are no alerts of site {site}: {', '.join(strange[:5])}"
        raise Invalid([FieldError(field="body.alert_ids", detail=detail)])
    command = Command(
        command_id=_command_id(principal, site, idempotency_key),
        site_id=site,
        alert_id=alert_id,
        alert_ids=named,
        at=api.now(),
        **fields,
    )
    return await _send(api, (command,), wait, alert_id, f"/v1/alerts/{alert_id}/activity")


async def ask_many(
    api: Api,
    principal: Principal,
    sites: frozenset[str],
    raw: Mapping[str, Any],
    *,
    wait: float = 0.0,
    idempotency_key: str | None = None,
) -> CommandTaken:
    """Ask the same of many alerts, of one site or of several. See `ask`."""
    body = convert(raw, BulkBody)
    if body.kind in ALONE:
        detail = "has to be ack, assign, snooze, escalate, resolve, reopen or comment"
        raise Invalid([FieldError(field="body.kind", detail=detail)])
    fields = to_command(body, principal)
    wanted = tuple(dict.fromkeys(body.alert_ids))
    where = await _sites_of(api, sites, wanted)
    unknown = [one for one in wanted if one not in where]
    if unknown:
        # All or nothing: a list with a wrong id in it is a list that somebody did not mean.
        detail = f"there is no alert {', '.join(unknown[:5])}"
        raise Invalid([FieldError(field="body.alert_ids", detail=detail)])
    by_site: dict[str, list[str]] = {}
    for one in wanted:
        by_site.setdefault(where[one], []).append(one)
    name = _command_id(principal, "", idempotency_key)
    commands = tuple(
        Command(
            command_id=name,
            site_id=site,
            alert_ids=tuple(alerts),
            at=api.now(),
            **fields,
        )
        for site, alerts in sorted(by_site.items())
    )
    return await _send(api, commands, wait, None, "/v1/alerts")


async def leave_note(
    api: Api,
    principal: Principal,
    sites: frozenset[str],
    raw: Mapping[str, Any],
    *,
    wait: float = 0.0,
    idempotency_key: str | None = None,
) -> CommandTaken:
    """Leave a note for the next shift of a site. Raises NotFound, Invalid and BrokerUnavailable."""
    body = convert(raw, HandoverBody)
    if body.site_id not in sites:
        raise NotFound("site", body.site_id)
    command = Command(
        command_id=_command_id(principal, body.site_id, idempotency_key),
        site_id=body.site_id,
        kind=CommandKind.HANDOVER,
        actor=principal.name,
        at=api.now(),
        text=body.text,
        shift=body.shift,
        alert_ids=tuple(dict.fromkeys(body.alert_ids)),
    )
    location = f"/v1/handovers?site_id={body.site_id}"
    return await _send(api, (command,), wait, None, location)


async def handovers(
    api: Api, sites: frozenset[str], cursor: str | None, limit: int
) -> Page[HandoverView]:
    """Notes of those sites' shifts, the newest first. Raises BadCursor."""
    query = fingerprint("handovers", {"sites": sorted(sites)})
    after = None if cursor is None else Cursor.decode(cursor, repository.ActivityKey, query)
    rows = await repository.handovers(api.database, sites, after, limit + 1)
    items = tuple(HandoverView(**row) for row in rows[:limit])
    more = None
    if len(rows) > limit:
        last = items[-1]
        more = Cursor(query, repository.ActivityKey(last.at, last.handover_id)).encode()
    return Page(items=items, next=more)


def _command_id(principal: Principal, site: str, idempotency_key: str | None) -> str:
    """One of its own, or the same for the same key: decide does the same command once.

    A key is its principal's: nobody takes another's command's place by guessing its key.
    """
    if idempotency_key is None:
        return str(uuid.uuid4())
    return external_event_id(site, f"command-key/{principal.id}", idempotency_key)


async def _sites_of(api: Api, sites: frozenset[str], wanted: Collection[str]) -> dict[str, str]:
    """The site of each of these alerts that those sites have."""
    found = {}
    for alert_id in wanted:
        recent = api.live.recent(alert_id)
        if recent is not None and recent.site_id in sites:
            found[alert_id] = recent.site_id
    rest = [one for one in wanted if one not in found]
    if rest:
        found |= await repository.sites_of(api.database, sites, rest)
    return found


async def _send(
    api: Api,
    commands: Sequence[Command],
    wait: float,
    alert_id: str | None,
    location: str,
) -> CommandTaken:
    records = [
        carried(
            make(
                COMMANDS,
                command,
                id=f"{command.command_id}/{command.site_id}"
                if len(commands) > 1
                else command.command_id,
                time=command.at,
                source=SOURCE,
                key=command.site_id,
                subject=command.alert_id or command.site_id,
            )
        )
        for command in commands
    ]
    with api.asked.wait(tuple(commands)) as waiter:
        try:
            async with asyncio.timeout(EMIT_S):
                await api.emitter.emit(records)
        except (EmitError, TimeoutError) as error:
            raise BrokerUnavailable from error
        if wait:
            # What has come until then is told; the rest is in the alerts' activity.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(waiter.done.wait(), wait)
        return CommandTaken(
            command_id=commands[0].command_id,
            alert_id=alert_id,
            site_id=commands[0].site_id if len(commands) == 1 else None,
            location=location,
            done=waiter.done.is_set(),
            outcomes=tuple(_outcome(one) for one in waiter.answers),
        )


def _outcome(activity: Activity) -> OutcomeView:
    assert activity.outcome is not None
    return OutcomeView(
        alert_id=activity.alert_id or None,
        site_id=activity.site_id,
        outcome=activity.outcome,
        kind=activity.kind,
        detail=activity.detail,
    )
