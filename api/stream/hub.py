"""Who listens to the stream, and what each of them has not been sent yet.

A client that reads too slowly fills its own bounded queue and is dropped with 1013; nobody else
waits for it. A message is encoded once, whoever gets it; its place in the stream is put in once for
all who listen to the same sites.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from api.account.identity import Principal, Scope
from api.stream.resume import Position, Sites, scope_key, stamp

__all__ = ["Client", "Closed", "Hub"]

MAX_MESSAGES: Final = 1_000
MAX_BYTES: Final = 4 * 1_048_576
MAX_CLIENTS: Final = 1_200

TRY_AGAIN_LATER: Final = 1013
GOING_AWAY: Final = 1001
UNAUTHENTICATED: Final = 4401


class Closed(Exception):
    """The client is to be closed. code: the WebSocket close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Client:
    """One listener. sites: what it is told about; key: of these, for its tokens.

    principal: who it is.
    """

    def __init__(
        self,
        sites: Sites,
        principal: Principal,
        *,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.sites = sites
        self.principal = principal
        self.key = scope_key(sites)
        self._queue: deque[str] = deque()
        self._bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._closed: Closed | None = None
        self._wake = asyncio.Event()
        # Its own: whoever waits for the end is not woken by every message.
        self._ended = asyncio.Event()

    def sees(self, site: str | None, scope: Scope) -> bool:
        """Whether something of that site is for this client, where it takes that scope to see it.

        site: None: of no one site, for whoever sees every site.
        """
        if not self.principal.may(scope):
            return False
        if site is None:
            return self.principal.sites is None
        return self.sites is None or site in self.sites

    def put(self, text: str) -> None:
        """Queue a message; a client that has too many already is closed instead."""
        if self._closed is not None:
            return
        if len(self._queue) >= self._max_messages or self._bytes + len(text) > self._max_bytes:
            self.close(Closed(TRY_AGAIN_LATER, "too slow: too much waits to be sent"))
            return
        self._queue.append(text)
        self._bytes += len(text)
        self._wake.set()

    def restart(self) -> None:
        """Forget what waits: from here on it is told anew."""
        self._queue.clear()
        self._bytes = 0

    def close(self, closed: Closed) -> None:
        """End it: what waits is forgotten."""
        self._closed = closed
        self._queue.clear()
        self._bytes = 0
        self._wake.set()
        self._ended.set()

    async def get(self) -> str:
        """The next message. Raises Closed."""
        while not self._queue:
            if self._closed is not None:
                raise self._closed
            self._wake.clear()
            await self._wake.wait()
        text = self._queue.popleft()
        self._bytes -= len(text)
        return text

    async def closed(self) -> Closed:
        """Return when it is to be closed, also while a message is on its way."""
        await self._ended.wait()
        assert self._closed is not None
        return self._closed


class Hub:
    """All listeners of this replica, by what they listen to."""

    def __init__(self, *, max_clients: int = MAX_CLIENTS) -> None:
        self._clients: dict[Sites, dict[Client, None]] = {}
        self._count = 0
        self._max_clients = max_clients

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """Whether no further listener is taken."""
        return self._count >= self._max_clients

    def add(self, client: Client) -> None:
        """From now on it is told."""
        self._clients.setdefault(client.sites, {})[client] = None
        self._count += 1

    def remove(self, client: Client) -> None:
        """It is told nothing any more."""
        there = self._clients.get(client.sites, {})
        if client in there:
            del there[client]
            self._count -= 1
            if not there:
                del self._clients[client.sites]

    def publish(
        self, site: str | None, text: str, scope: Scope, position: Position | None = None
    ) -> None:
        """Queue a message for everybody who sees that site, with that scope.

        site: None: of no one site, for whoever sees every site. position: where the stream is
        with it.
        """
        for sites, clients in tuple(self._clients.items()):
            told = [client for client in clients if client.sees(site, scope)]
            if told:
                _put(told, sites, text, position)

    def refuse(self, stands: Callable[[Principal], bool]) -> None:
        """Close those whose principal does not stand any more."""
        for clients in self._clients.values():
            for client in clients:
                if not stands(client.principal):
                    client.close(Closed(UNAUTHENTICATED, "signed out, or changed: sign in again"))

    def scopes(self) -> set[Sites]:
        """What listeners listen to; None is everything."""
        return set(self._clients)

    def tell(self, sites: Sites, text: str, scope: Scope, position: Position | None = None) -> None:
        """Queue a message for those who listen to exactly these sites, with that scope."""
        told = [client for client in self._clients.get(sites, ()) if client.principal.may(scope)]
        _put(told, sites, text, position)

    def close(self, closed: Closed | None = None) -> None:
        """End all; without a reason: the server stops."""
        for clients in self._clients.values():
            for client in clients:
                client.close(closed or Closed(GOING_AWAY, "the server stops"))


def _put(clients: Iterable[Client], sites: Sites, text: str, position: Position | None) -> None:
    if position is not None:
        text = stamp(text, position.token(scope_key(sites)))
    for client in clients:
        client.put(text)
