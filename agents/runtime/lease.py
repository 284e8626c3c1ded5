"""Whether this worker's partitions can still be its own: a process that stood still has lost them.

The group's coordinator gives a member's partitions away when no heartbeat came for a session
timeout. A process that was stopped for longer (SIGSTOP, a suspended machine, a swap storm) goes on
as if nothing had been, and would write what is another's to write.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

__all__ = ["Lease", "LeaseError"]

BEAT_S: Final = 0.5


class LeaseError(RuntimeError):
    """This process may write nothing more; a new one starts clean."""


class Lease:
    """Beats in a thread of its own, so that a busy loop is no reason to give up.

    longest: seconds without a beat after which the partitions are another's.
    """

    def __init__(self, longest: float, clock: Callable[[], float] = monotonic) -> None:
        self._longest = longest
        self._clock = clock
        self._last = clock()
        self._stood_still: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._last = self._clock()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2 * BEAT_S)

    def _run(self) -> None:
        while not self._stop.wait(BEAT_S):
            self.beat()

    def beat(self) -> None:
        """We are running; how long we were not stays known."""
        now = self._clock()
        if now - self._last > self._longest:
            self._stood_still = now - self._last
        self._last = now

    def check(self) -> None:
        """Raises LeaseError where the process stood still for too long, now or before."""
        gap = self._clock() - self._last
        stood = self._stood_still if self._stood_still is not None else gap
        if stood > self._longest:
            raise LeaseError(
                f"this process stood still for {stood:.1f} s, longer than the session timeout of "
                f"{self._longest:.1f} s: its partitions are another's by now, and it starts anew"
            )
