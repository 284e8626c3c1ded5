"""An event loop whose time jumps to whatever is due next: hours of polling in a second."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["JumpingLoop", "run_jumping"]

T = TypeVar("T")


class _Jump(selectors.SelectSelector):
    """Waits for nothing: the time for which it would have waited has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing is ready. Raises RuntimeError where nothing is due either, ever."""
        if timeout is None:
            raise RuntimeError("nothing is due, and nothing else can happen here")
        self.now += max(0.0, timeout)
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop for coroutines that only wait for each other and for time; no I/O, no threads."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._jump.now


def run_jumping(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in time that jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)
