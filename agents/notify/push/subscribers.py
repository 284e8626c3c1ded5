"""Who has a device told, read at each pass; the last list that was known while PostgreSQL is away.

It is believed for an hour then, as service tokens are: whoever was let go meanwhile is told no
longer than that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import psycopg
from msgspec import Struct

from agents.notify.errors import ChannelError
from agents.notify.push import repository as rows
from agents.notify.push.selection import Subscriber, Wanted
from agents.notify.push.subscription import opened, purpose_of
from infra.db.pool import AsyncConnection
from infra.db.target import Role, target_of
from infra.errors import WatchfloorError
from infra.vault import Vault
from infra.vault_keys import source_of

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["BELIEVED_FOR", "KeptSubscribers", "Subscribers"]

log = logging.getLogger("watchfloor.notify.push")

ASK_S: Final = 4.0
"""For a question and its answer, a connection that has to be made among it."""

BELIEVED_FOR: Final = timedelta(hours=1)
MOST_KNOWN: Final = 200
"""Lists that are remembered: one a channel and site."""

T = TypeVar("T")


class Subscribers(Protocol):
    """Where a sender gets the devices from."""

    async def of(self, asked: Wanted, now: datetime) -> Sequence[Subscriber]:
        """Those who may be told. Raises ChannelError where nobody can say."""

    async def told(self, taken: Collection[str], gone: Collection[str], now: datetime) -> None:
        """Write down what came of it; where that cannot be done, it is left undone."""


class _Known(Struct, frozen=True):
    found: tuple[Subscriber, ...]
    at: datetime


class KeptSubscribers:
    """In PostgreSQL, sealed by the vault. One connection, made when it is needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._vault = Vault(settings.state_dir, lambda: source_of(settings))
        self._connection: AsyncConnection | None = None
        self._alone = asyncio.Lock()
        self._known: OrderedDict[Wanted, _Known] = OrderedDict()

    async def of(self, asked: Wanted, now: datetime) -> Sequence[Subscriber]:
        """See Subscribers."""
        try:
            kept = await self._ask(lambda connection: rows.wanted(connection, asked))
        except (psycopg.Error, OSError, TimeoutError, WatchfloorError) as error:
            known = self._known.get(asked)
            # Not what it says: it may name hosts, and no more helps whoever reads the outcome.
            log.warning("subscriptions cannot be read: %s", type(error).__name__)
            if known is None or now - known.at > BELIEVED_FOR:
                raise ChannelError(
                    "who has a device told cannot be read: PostgreSQL does not answer"
                ) from None
            return known.found
        found = await asyncio.to_thread(self._open, kept)
        self._known[asked] = _Known(found, now)
        self._known.move_to_end(asked)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return found

    async def told(self, taken: Collection[str], gone: Collection[str], now: datetime) -> None:
        """See Subscribers."""
        try:
            await self._ask(lambda connection: rows.tell(connection, taken, gone, now))
        except (psycopg.Error, OSError, TimeoutError, WatchfloorError) as error:
            log.warning("what came of a push is not written down: %s", type(error).__name__)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await connection.close()

    async def _ask(self, question: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with asyncio.timeout(ASK_S), self._alone:
            connection = self._connection
            if connection is None or connection.closed:
                target = target_of(self._settings)
                connection = self._connection = await psycopg.AsyncConnection.connect(
                    target.connection(Role.ARCHIVE, application="watchfloor-push"), autocommit=True
                )
            try:
                return await question(connection)
            except BaseException:
                # An answer that was not waited for would be the next question's.
                await self.close()
                raise

    def _open(self, kept: Sequence[rows.Sealed]) -> tuple[Subscriber, ...]:
        found = []
        shut = 0
        for one in kept:
            try:
                data = self._vault.unseal(purpose_of(one.account_id, one.id), one.sealed)
                subscription = opened(data)
            except (WatchfloorError, ValueError):
                shut += 1
                continue
            found.append(
                Subscriber(
                    id=one.id, least=one.least, language=one.language, subscription=subscription
                )
            )
        if shut:
            log.warning(
                "%d subscriptions do not open: act and the API need the same vault keys", shut
            )
        return tuple(found)
