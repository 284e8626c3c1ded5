"""What a listener is told first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from api.alert.service import queue
from api.stream.feed import text
from api.stream.hub import Client
from api.stream.pulse import HEARTBEAT_S, SEES, pipeline_message
from api.stream.resume import BadToken, Missed, Position, stamp
from api.stream.schemas import AlertsMessage, CamerasMessage, Hello, Reload

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["Queues", "first"]

CATCH_UP_S: Final = 10.0
"""How long a server that is behind another may take to read as far as a listener was."""


class Queues:
    """Queues that are being read, by their sites: who asks meanwhile gets the same one.

    A thousand listeners that lost their server ask at once. Sharing loses nothing: a queue is
    completed with what was read lately when it is done, and what comes after a listener joined is
    in that listener's own line.
    """

    def __init__(self) -> None:
        self._reading: dict[frozenset[str], asyncio.Task[str]] = {}

    async def text(self, api: Api, sites: frozenset[str]) -> str:
        """The queue of those sites, as a message."""
        task = self._reading.get(sites)
        if task is None:
            task = asyncio.create_task(_queue(api, sites))
            self._reading[sites] = task
            task.add_done_callback(lambda _: self._reading.pop(sites, None))
        # One that leaves does not take the queue from the others.
        return await asyncio.shield(task)


async def _queue(api: Api, sites: frozenset[str]) -> str:
    alerts, complete, history = await queue(api, sites)
    return text(AlertsMessage(alerts=tuple(alerts), complete=complete, history=history))


async def first(api: Api, client: Client, token: str | None) -> list[str]:
    """Hello, the cameras, the pipeline's state; and what was missed since `token`, or the queue.

    The client is in the hub already. Where it goes on is taken in the same step in which its line
    is emptied, so that between the two nothing is lost and nothing is told twice.
    """
    missed: list[str] | None = None
    reload: Missed | None = None
    if token is not None:
        try:
            missed = await _missed(api, client, token)
        except BadToken as bad:
            reload = bad.missed
    if missed is None:
        client.restart()
    position = api.journal.position()
    sites = frozenset(api.configuration.sites)
    if client.sites is not None:
        sites &= client.sites
    now = api.now()
    hello = Hello(
        at=now,
        sites=tuple(sorted(sites)),
        heartbeat_s=HEARTBEAT_S,
        resumed=missed is not None,
    )
    found = [
        text(hello),
        *([] if reload is None else [text(Reload(reason=reload))]),
    ]
    if client.principal.may(SEES):
        found.append(text(CamerasMessage(cameras=tuple(api.live.cameras(sites)))))
        found.append(pipeline_message(api.monitor.verdict(client.sites), now))
    if missed is not None:
        return found + missed
    queued = await api.queues.text(api, sites)
    return [*found, queued if position is None else stamp(queued, position.token(client.key))]


async def _missed(api: Api, client: Client, token: str) -> list[str]:
    """What was told since. Raises BadToken."""
    position = Position.of(token, client.key)
    await api.journal.reach(position, CATCH_UP_S)
    found = api.journal.since(position, client.sites)
    client.restart()
    return [stamp(entry.text, at.token(client.key)) for entry, at in found]
