"""What many ask for at the same time is read once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

__all__ = ["Shared"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Shared(Generic[K, T]):
    """One reading of a thing at a time, and one that waits for it.

    Who asks while it is being read gets the next reading and not the one that is under way: what a
    client is told was read after it had asked, so that it sees its own writes. Under load there are
    never more than two for a key, however many ask.

    A reading runs in the context of whoever began it (`api.database` holds its sites there): a key
    has to say all that an answer depends on, and whoever asks has to be allowed what it names.
    """

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[T]] = {}
        self._next: dict[K, asyncio.Task[T]] = {}

    def __len__(self) -> int:
        return len(self._running) + len(self._next)

    async def get(self, key: K, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `read` gives, or gave another who asked for this key. Raises what it raises."""
        task = self._next.get(key)
        if task is None:
            running = self._running.get(key)
            if running is None:
                task = asyncio.create_task(read())
                self._runs(key, task)
            else:
                task = asyncio.create_task(self._after(key, running, read))
                self._next[key] = task
        # One that leaves does not take it from the others.
        return await asyncio.shield(task)

    async def _after(
        self, key: K, before: asyncio.Task[T], read: Callable[[], Coroutine[Any, Any, T]]
    ) -> T:
        current = asyncio.current_task()
        assert current is not None
        try:
            await asyncio.wait({before})
        finally:
            del self._next[key]
        self._runs(key, current)
        return await read()

    def _runs(self, key: K, task: asyncio.Task[T]) -> None:
        self._running[key] = task
        task.add_done_callback(lambda ended: self._ended(key, ended))

    def _ended(self, key: K, task: asyncio.Task[T]) -> None:
        if self._running.get(key) is task:
            del self._running[key]
        if not task.cancelled():
            # All who asked may have left; a failure that nobody looks at is no defect then.
            task.exception()
