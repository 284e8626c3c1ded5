"""From a camera's thread to the event loop, bounded."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Generic, TypeVar

__all__ = ["Outbox"]

T = TypeVar("T")


class Outbox(Generic[T]):
    """A queue from one thread to one task.

    lossy: when it is full the oldest item goes, so that what is sent is new (a live source); else
    the thread waits (a file). dropped: items that went.
    """

    def __init__(self, capacity: int, *, lossy: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._room = threading.Condition()
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._lossy = lossy
        self._closed = False
        self._finished = False
        self.dropped = 0

    def put(self, item: T) -> bool:
        """Called by the thread; False where nobody takes any more."""
        with self._room:
            while not self._lossy and len(self._items) >= self._capacity and not self._closed:
                self._room.wait()
            if self._closed:
                return False
            if len(self._items) >= self._capacity:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
        self._wake()
        return True

    def finish(self) -> None:
        """Called by the thread: nothing follows."""
        with self._room:
            self._finished = True
        self._wake()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:
            # The loop ended while the thread was still in a read; nobody waits any more.
            self.close()

    def close(self) -> None:
        """Nobody takes any more; a thread that waits goes on and is told so."""
        with self._room:
            self._closed = True
            self._items.clear()
            self._room.notify_all()

    @property
    def drained(self) -> bool:
        """Whether the thread has finished and everything was taken."""
        with self._room:
            return self._finished and not self._items

    async def take(self, most: int, seconds: float) -> list[T]:
        """At most `most` items, as soon as there is one; none when `seconds` passed, or drained."""
        self._ready.clear()
        items = self._pop(most)
        if items or self.drained:
            return items
        try:
            await asyncio.wait_for(self._ready.wait(), seconds)
        except TimeoutError:
            return []
        return self._pop(most)

    def _pop(self, most: int) -> list[T]:
        with self._room:
            items = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            if items:
                self._room.notify()
        return items
