"""The decide role's chain: four stages to read, to test and to count, and one commit."""

from __future__ import annotations

from typing import Final

from agents.dedupe.stage import DEDUPE
from agents.enrich.stage import ENRICH
from agents.rank.stage import RANK
from agents.route.stage import ROUTE
from agents.runtime.stage import Chain
from topics.catalogue import COMMANDS, EVENTS, NOTIFY_RESULTS, TICKS_DECIDE

__all__ = ["DECIDE_CHAIN"]

DECIDE_CHAIN: Final = Chain(
    name="decide",
    stages=(DEDUPE, ENRICH, RANK, ROUTE),
    ticks=TICKS_DECIDE,
    timed=(EVENTS,),
    urgent=(COMMANDS, NOTIFY_RESULTS),
)
