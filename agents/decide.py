"""The decide role's chain: four stages, a watchdog of whoever polls, and one commit."""

from __future__ import annotations

from typing import Final

from agents.dedupe.stage import DEDUPE
from agents.enrich.stage import ENRICH
from agents.rank.stage import RANK
from agents.route.stage import ROUTE
from agents.runtime.stage import Chain
from agents.watch.watchdog import WATCHDOG
from topics.catalogue import COMMANDS, EVENTS, NOTIFY_RESULTS, TICKS_DECIDE

__all__ = ["DECIDE_CHAIN"]

DECIDE_CHAIN: Final = Chain(
    name="decide",
    stages=(DEDUPE, ENRICH, RANK, ROUTE, WATCHDOG),
    ticks=TICKS_DECIDE,
    timed=(EVENTS,),
    urgent=(COMMANDS, NOTIFY_RESULTS),
)
