"""Targets' breakers as state, so that a restart, or a new owner, does not hammer a dead target.

The service beside the stream decides by what it knows in memory, and says with every outcome what
that is (`ChannelOutcome.circuit`); the stage keeps it here, and hands it with every attempt to a
service that does not know the target yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from agents.notify.places import place_of
from agents.runtime.stage import Context
from agents.runtime.state import TableSpec
from schemas.document import Channel
from schemas.notification import Circuit, NotifyResult

__all__ = ["CIRCUITS", "forget", "known", "note"]

CIRCUITS: Final = TableSpec(name="notify.circuits", value=Circuit)
"""By place: breakers that are not closed. A partition has those that its own sites met."""

KEEP: Final = timedelta(hours=1)
"""After a breaker would have let somebody through: documents change, and old targets go."""


def note(ctx: Context, channels: Mapping[str, Channel], result: NotifyResult) -> None:
    """Keep what an outcome says of the targets that it met. channels: the receiver's, by key."""
    for one in result.channels:
        channel = channels.get(one.channel)
        if channel is None or channel.kind != one.kind:
            continue
        place = place_of(channel)
        if ctx.get(CIRCUITS, place) == one.circuit:
            continue
        ctx.put(CIRCUITS, place, one.circuit)
        if one.circuit is not None:
            ctx.set_timer((one.circuit.until or ctx.now) + KEEP, "circuit", place)


def known(ctx: Context, channels: Mapping[str, Channel]) -> tuple[tuple[str, Circuit], ...]:
    """The breakers of these channels' targets that are not closed, by the channel's key."""
    found = ((key, ctx.get(CIRCUITS, place_of(channel))) for key, channel in channels.items())
    return tuple((key, circuit) for key, circuit in found if circuit is not None)


def forget(ctx: Context, place: str) -> None:
    """Its time is over, unless it was opened again since: then another timer is set for it."""
    circuit = ctx.get(CIRCUITS, place)
    if circuit is not None and (circuit.until is None or circuit.until + KEEP <= ctx.now):
        ctx.put(CIRCUITS, place, None)
