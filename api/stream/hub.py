"""Who listens to the stream, and what each of them has not been sent yet.

A client that reads too slowly fills its own bounded queue and is dropped with 1013; nobody else
waits for it. A message is encoded once, whoever gets it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from api.account.identity import Principal, Scope

__all__ = ["Client", "Closed", "Hub"]

MAX_MESSAGES: Final = 1_000
MAX_BYTES: Final = 4 * 1_048_576
MAX_CLIENTS: Final = 200

TRY_AGAIN_LATER: Final = 1013
GOING_AWAY: Final = 1001
UNAUTHENTICATED: Final = 4401
"""As HTTP's 401: sign in, or renew what one signed in with, and come again."""


class Closed(Exception):
    """The client is to be closed. code: the WebSocket close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Client:
    """One listener. sites: what it is told about. principal: who it is."""

    def __init__(
        self,
        sites: frozenset[str] | None,
        principal: Principal,
        *,
        max_messages: int = MAX_MESSAGES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.sites = sites
        self.principal = principal
        self._queue: deque[str] = deque()
        self._bytes = 0
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._closed: Closed | None = None
        self._wake = asyncio.Event()

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

    def close(self, closed: Closed) -> None:
        """End it: what waits is forgotten."""
        self._closed = closed
        self._queue.clear()
        self._bytes = 0
        self._wake.set()

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
        while self._closed is None:
            self._wake.clear()
            await self._wake.wait()
        return self._closed


class Hub:
    """All listeners of this replica."""

    def __init__(self, *, max_clients: int = MAX_CLIENTS) -> None:
        self._clients: set[Client] = set()
        self._max_clients = max_clients

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def full(self) -> bool:
        """Whether no further listener is taken."""
        return len(self._clients) >= self._max_clients

    def add(self, client: Client) -> None:
        """From now on it is told."""
        self._clients.add(client)

    def remove(self, client: Client) -> None:
        """It is told nothing any more."""
        self._clients.discard(client)

    def publish(self, site: str | None, text: str, scope: Scope) -> None:
        """Queue a message for everybody who sees that site, with that scope.

        site: None: of no one site, for whoever sees every site.
        """
        for client in self._clients:
            if client.sees(site, scope):
                client.put(text)

    def refuse(self, stands: Callable[[Principal], bool]) -> None:
        """Close those whose principal does not stand any more."""
        for client in tuple(self._clients):
            if not stands(client.principal):
                client.close(Closed(UNAUTHENTICATED, "signed out, or changed: sign in again"))

    def scopes(self) -> set[frozenset[str] | None]:
        """What listeners listen to; None is everything."""
        return {client.sites for client in self._clients}

    def tell(self, sites: frozenset[str] | None, text: str, scope: Scope) -> None:
        """Queue a message for those who listen to exactly these sites, with that scope."""
        for client in self._clients:
            if client.sites == sites and client.principal.may(scope):
                client.put(text)

    def close(self) -> None:
        """The server stops."""
        for client in tuple(self._clients):
            client.close(Closed(GOING_AWAY, "the server stops"))
