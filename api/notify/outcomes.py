"""Who waits for which notification's first pass. Bounded, as the waiting for decisions is."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from api.problems import Overloaded
from schemas.notification import NotifyResult

__all__ = ["Outcomes"]

RECENT: Final = 2_000
WAITING: Final = 400


class Outcomes:
    """First passes that are awaited, and the newest ones."""

    def __init__(self, *, recent: int = RECENT, waiting: int = WAITING) -> None:
        self._recent: OrderedDict[str, NotifyResult] = OrderedDict()
        self._recent_limit = recent
        self._limit = waiting
        self._waiting: dict[str, set[asyncio.Future[NotifyResult]]] = {}
        self._count = 0

    def told(self, result: NotifyResult) -> None:
        """Called with every outcome; the first pass's first one stands."""
        if result.attempt != 1 or result.kind != "internal":
            return
        found = self._recent.setdefault(result.notification_id, result)
        if len(self._recent) > self._recent_limit:
            self._recent.popitem(last=False)
        for future in self._waiting.get(result.notification_id, ()):
            if not future.done():
                future.set_result(found)

    @contextmanager
    def wait(self, notification: str) -> Iterator[asyncio.Future[NotifyResult]]:
        """A future of the first pass; begun before anything is produced. Raises Overloaded."""
        if self._count >= self._limit:
            raise Overloaded(self._limit)
        future: asyncio.Future[NotifyResult] = asyncio.get_running_loop().create_future()
        known = self._recent.get(notification)
        if known is not None:
            future.set_result(known)
        waiting = self._waiting.setdefault(notification, set())
        waiting.add(future)
        self._count += 1
        try:
            yield future
        finally:
            self._count -= 1
            waiting.discard(future)
            if not waiting:
                self._waiting.pop(notification, None)
