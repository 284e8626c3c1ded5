"""Why nobody is told of an alert: held, snoozed, silenced, inhibited, muted, or its site is off."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from agents.route import bags, family
from agents.route.plan import Profile
from agents.route.tables import SOURCES, AlertRow, Sources
from agents.runtime.stage import Context
from schemas.alert import AlertState

__all__ = ["HELD", "boundary", "count_in", "watchers", "why_quiet"]

HELD: Final = "held"
"""The one reason that is no decision's: an alert that is held is grouped, its group waits."""


def why_quiet(ctx: Context, row: AlertRow, profile: Profile) -> tuple[str, str] | None:
    """The first reason and its detail, in the order of the table; None: it is told."""
    now = ctx.now
    snoozed = row.alert.snoozed_until
    if snoozed is not None and now < snoozed:
        return "snoozed", f"until {snoozed.isoformat()}"
    for silence in profile.silences:
        if silence.starts <= now < silence.ends:
            return "silenced", silence.why
    over = row.alert.state is AlertState.RESOLVED
    for key, also_source in profile.inhibitors:
        if over and family.is_ours(key):
            # Who was told that a camera is down hears that it is back, whatever its recorder does.
            continue
        sources = ctx.get(SOURCES, key)
        if sources is None:
            continue
        # Of two that inhibit each other neither does; and no alert inhibits itself.
        if (sources.pure if also_source else sources.every) > 0:
            return "inhibited", "another open alert explains it"
        if sources.until is not None and now < sources.until:
            return "inhibited", f"what it hangs on is back; until {sources.until.isoformat()}"
    held = row.held_until
    if held is not None and now < held and not over:
        return HELD, f"until {held.isoformat()}, for word of what its device hangs on"
    targets = profile.targets
    if profile.timed and targets and all(target.muted(now) for target in targets):
        return "muted_by_schedule", "every route of it is muted now"
    if not profile.told:
        return "notifications_disabled", "the site's notifications are off"
    if not targets:
        return "notifications_disabled", "no route has a receiver for it"
    return None


def boundary(row: AlertRow, profile: Profile, now: datetime) -> datetime | None:
    """When, after `now`, the clock alone may make it quiet or end that; None: never."""
    snoozed, held = row.alert.snoozed_until, row.held_until
    if snoozed is None and held is None and not profile.timed:
        return None
    found = [one for one in (snoozed, held) if one is not None]
    for silence in profile.silences:
        found += (silence.starts, silence.ends)
    for target in profile.targets:
        for weekly in target.mutes:
            change = weekly.next_change(now)
            if change is not None:
                found.append(change)
    return min((one for one in found if one > now), default=None)


def watchers(key: str) -> str:
    """The bag of the alerts that an inhibition could make quiet."""
    return f"i/{key}"


def count_in(
    ctx: Context,
    alert_id: str,
    before: tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]],
    after: tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]],
) -> tuple[str, ...]:
    """Count an alert in the inhibitions that it is a source and a target of.

    before, after: (sources, inhibitors) of its profile. Returns the inhibitions that began or
    ended with it.
    """
    (old_sources, old_targets), (sources, targets) = before, after
    if old_targets != targets:
        for key, _ in old_targets:
            bags.remove(ctx, watchers(key), alert_id)
        for key, _ in targets:
            bags.add(ctx, watchers(key), alert_id)
    if old_sources == sources:
        return ()
    turned: dict[str, None] = {}
    for those, step in ((old_sources, -1), (sources, 1)):
        for key, pure in those:
            known = ctx.get(SOURCES, key) or Sources()
            fresh = Sources(known.every + step, known.pure + (step if pure else 0))
            if fresh.every <= 0 and family.lingers(key):
                until = ctx.now + family.BACK
                ctx.put(SOURCES, key, Sources(until=until))
                ctx.set_timer(until, "back", key)
                continue
            ctx.put(SOURCES, key, fresh if fresh.every > 0 else None)
            if (known.every > 0, known.pure > 0) != (fresh.every > 0, fresh.pure > 0):
                turned[key] = None
    return tuple(turned)
