"""One listener, from its hello to its end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from api.alert import repository
from api.problems import DatabaseUnavailable
from api.stream import inbound
from api.stream.feed import text
from api.stream.first import first
from api.stream.hub import Client, Closed
from api.stream.presence import Seen, Who
from api.stream.schemas import PresenceMessage

if TYPE_CHECKING:
    from api.context import Api

__all__ = ["Session", "who"]

CLOSE_S: Final = 5.0


def who(client: Client) -> Who:
    """Who listens: one and the same from however many windows."""
    return Who(client.principal.id, client.principal.name)


class Session:
    """A socket that was accepted, and its client, which is in the hub."""

    def __init__(self, socket: WebSocket, api: Api, client: Client) -> None:
        self._socket = socket
        self._api = api
        self._client = client
        self._who = who(client)

    async def serve(self, token: str | None) -> None:
        """Until the client leaves, is too slow, says what it may not, or the server stops."""
        closing = asyncio.create_task(self._client.closed())
        tasks: list[asyncio.Task[Closed | None]] = [
            closing,
            asyncio.create_task(self._write(token)),
            asyncio.create_task(self._read()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self._tell(self._api.presence.look(self._client, self._who, None))
        closed = next((one for one in results if isinstance(one, Closed)), None)
        if closed is not None:
            # A client that does not read does not answer a close either.
            with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
                async with asyncio.timeout(CLOSE_S):
                    await self._socket.close(closed.code, closed.reason)
        for result in results:
            if isinstance(result, Exception) and not isinstance(
                result, WebSocketDisconnect | Closed | RuntimeError
            ):
                raise result

    async def _write(self, token: str | None) -> None:
        # The listener is in the hub already: what changes meanwhile waits in its line, and the
        # revision of an alert tells which word is the newer one.
        for message in await first(self._api, self._client, token):
            await self._socket.send_text(message)
        while True:
            await self._socket.send_text(await self._client.get())

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        allowance = inbound.Allowance(loop.time())
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not allowance.take(loop.time()):
                raise Closed(inbound.POLICY_VIOLATION, "too many messages")
            said = inbound.read(dict(message))
            alert_id = said.alert_id
            if alert_id is not None and not await self._sees(alert_id):
                # One that there is not, and one of a site that is not theirs, look the same.
                alert_id = None
            self._tell(self._api.presence.look(self._client, self._who, alert_id))

    async def _sees(self, alert_id: str) -> bool:
        """Whether there is such an alert at the sites that this listener is told about."""
        sites = self._client.sites
        if sites is None:
            sites = frozenset(self._api.configuration.sites)
        recent = self._api.live.recent(alert_id)
        if recent is not None:
            return recent.site_id in sites
        try:
            return bool(await repository.sites_of(self._api.database, sites, [alert_id]))
        except DatabaseUnavailable:
            return False

    @staticmethod
    def _tell(seen: list[Seen[Client]]) -> None:
        for one in seen:
            one.listener.put(text(PresenceMessage(alert_id=one.alert_id, names=one.names)))
