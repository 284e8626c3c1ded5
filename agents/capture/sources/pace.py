"""Real time for sources that have none."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

__all__ = ["Pacer"]


class Pacer:
    """Waits until a frame's time has come. speed: 1 is real time, 0 never waits.

    Who comes late is not waited for later: the frames after a pause follow each other as they did.
    """

    def __init__(self, speed: float, closed: threading.Event) -> None:
        self._speed = speed
        self._closed = closed
        self._started: float | None = None

    def wait(self, at: timedelta) -> bool:
        """Wait until source time `at`; False where the source was closed meanwhile."""
        if self._speed <= 0:
            return not self._closed.is_set()
        due = at.total_seconds() / self._speed
        now = time.monotonic()
        if self._started is None or now - self._started > due + 1.0:
            self._started = now - due
        return not self._closed.wait(max(0.0, self._started + due - now))
