"""Inference in so many threads at once, while others decode and suppress."""

from __future__ import annotations

import threading
from time import perf_counter
from types import TracebackType
from typing import Self

__all__ = ["Turns"]


class Turns:
    """A context that at most `most` threads are in; the others wait for their turn.

    A thread that has run a model needs Python for what it found and for its next picture. With
    one thread more than there are turns, the model runs meanwhile.
    """

    def __init__(self, most: int) -> None:
        self._free = threading.Semaphore(most)
        self._waited = threading.local()

    def __enter__(self) -> Self:
        begun = perf_counter()
        self._free.acquire()
        self._waited.seconds = perf_counter() - begun
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._free.release()

    def waited(self) -> float:
        """Seconds that this thread waited for its last turn; told once."""
        seconds: float = getattr(self._waited, "seconds", 0.0)
        self._waited.seconds = 0.0
        return seconds
