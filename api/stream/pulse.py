"""What the stream says without being asked: whether the pipeline sees, and who the cameras are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from agents.runtime.configuration import Configuration
from api.account.identity import Authority, Scope
from api.health.monitor import Monitor
from api.health.verdict import PipelineState, Verdict
from api.stream.feed import text
from api.stream.hub import Hub
from api.stream.journal import Journal
from api.stream.live import Live
from api.stream.resume import Sites
from api.stream.schemas import CamerasMessage, PipelineMessage

__all__ = ["HEARTBEAT_S", "SEES", "pipeline_message", "run", "tell_cameras"]

HEARTBEAT_S: Final = 5.0
LOOK_S: Final = 1.0
SEES: Final = Scope.DEVICES_READ
"""What it takes to be told of cameras and of the pipeline."""

Gist = tuple[PipelineState, tuple[tuple[str, str | None], ...]]


def gist(verdict: Verdict) -> Gist:
    """What a verdict says apart from its numbers, which change with every second."""
    return verdict.state, tuple((reason.code, reason.subject) for reason in verdict.reasons)


def pipeline_message(verdict: Verdict, at: datetime) -> str:
    """The verdict as it is sent."""
    return text(PipelineMessage(state=verdict.state, reasons=verdict.reasons, at=at))


async def run(
    hub: Hub,
    monitor: Monitor,
    journal: Journal,
    authority: Authority,
    now: Callable[[], datetime],
) -> None:
    """Tell every listener when the verdict changes, and every 5 s in any case.

    With it goes where the stream is: at a quiet site nothing else would keep a token young. And
    the connections of those who were signed out, or may see other sites now, are ended.
    """
    loop = asyncio.get_running_loop()
    told: dict[Sites, tuple[Gist, float]] = {}
    while True:
        hub.refuse(authority.stands)
        scopes = hub.scopes()
        for scope in scopes:
            verdict = monitor.verdict(scope)
            before, at = told.get(scope, (None, 0.0))
            if before != gist(verdict) or loop.time() - at >= HEARTBEAT_S:
                told[scope] = (gist(verdict), loop.time())
                hub.tell(scope, pipeline_message(verdict, now()), SEES, journal.position())
        for scope in told.keys() - scopes:
            del told[scope]
        await asyncio.sleep(LOOK_S)


def tell_cameras(hub: Hub, live: Live, configuration: Configuration) -> None:
    """The configuration changed: every listener gets its cameras again."""
    for scope in hub.scopes():
        sites = frozenset(configuration.sites) if scope is None else scope
        hub.tell(scope, text(CamerasMessage(cameras=tuple(live.cameras(sites)))), SEES)
