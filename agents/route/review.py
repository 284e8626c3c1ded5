"""A changed document takes effect on what is open at the next tick, not at the next event.

A silence that is removed ends; one that is added mutes; an alert whose routes changed joins the
groups that it belongs to now, and is told there. Repeats, resolves and escalations go by the new
times. What a held summary waited for may have been lifted. The alert of a zone that was removed
stays until it is quiet or somebody resolves it: what was seen there was seen. The alert of a
device that was removed is resolved, because nothing can say any more that it is back to normal.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from agents.route import bags
from agents.route.life import EVERY, counted, end, look_again, turned, wait_for_quiet
from agents.route.plan import profile_of
from agents.route.rows import row_of
from agents.route.tables import GROUPS, ROWS, SEEN, Seen
from agents.runtime.configuration import Configuration
from agents.runtime.stage import Context, Effect

__all__ = ["review"]


def _stamp(configuration: Configuration) -> tuple[int, int, int]:
    """Tells two configurations apart: a tombstone has no revision, but leaves fewer."""
    routing = configuration.routing
    return configuration.revision, len(configuration.sites), len(routing.receivers)


def review(ctx: Context, out: list[Effect]) -> None:
    """Look at every open alert, if the configuration is another than when they were looked at."""
    stamp = _stamp(ctx.configuration)
    seen = ctx.get(SEEN, "")
    if seen is not None and seen.stamp == stamp:
        return
    ctx.put(SEEN, "", Seen(stamp))
    if seen is None:
        return
    sites: dict[str, None] = {}
    groups: dict[str, None] = {}
    for alert_id in bags.ids(ctx, EVERY):
        row = row_of(ctx, alert_id)
        if row is None:
            bags.remove(ctx, EVERY, alert_id)
            continue
        sites[row.alert.site_id] = None
        groups.update(dict.fromkeys(one.group for one in row.groups))
        profile = profile_of(ctx.configuration, row.alert, row.labels)
        if row.declared and "kind" not in profile.labels:
            end(ctx, row, "removed", f"removed {stamp[0]}", out)
            continue
        row, inhibitions = counted(ctx, wait_for_quiet(ctx, row, profile), profile)
        ctx.put(ROWS, alert_id, row)
        look_again(ctx, alert_id, out)
        turned(ctx, inhibitions, alert_id, out)
    for key in groups:
        _retime(ctx, key)
    for site_id in sites:
        ctx.set_timer(ctx.now, "release", site_id)


def _retime(ctx: Context, key: str) -> None:
    """Let a group's times be those of its route now: none later than they would be."""
    group = ctx.get(GROUPS, key)
    if group is None:
        return
    settings = None
    for alert_id in bags.ids(ctx, f"g/{key}")[:1]:
        row = row_of(ctx, alert_id)
        if row is not None:
            targets = profile_of(ctx.configuration, row.alert, row.labels).targets
            settings = next((t.settings for t in targets if t.key(alert_id) == key), None)
    last = group.last_sent
    if settings is None or last is None:
        return
    if group.due is not None:
        due: datetime = max(ctx.now, last + settings.interval)
        if due < group.due:
            ctx.put(GROUPS, key, replace(group, due=due))
            ctx.set_timer(due, "flush", key, traced=True)
    ctx.set_timer(max(ctx.now, last + settings.repeat), "repeat", key, traced=True)
