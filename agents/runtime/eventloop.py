"""The event loop of a role's process, and of its consumer's thread: uvloop's.

A record wakes two loops half a dozen times on its way through a worker; libuv answers each wake-up
sooner than the loop of the standard library (0.5 ms of some 5.5 in all, measured).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
from collections.abc import Coroutine
from typing import Any, Final

import uvloop

__all__ = ["new_loop", "run", "spare_the_collector"]

log = logging.getLogger("watchfloor.worker")

LEAVE_S: Final = 10.0

GARBAGE: Final = (50_000, 20, 50)
"""The collector's thresholds. Records live for milliseconds and hold no cycles; the interpreter's
700 have it look at them a thousand times a second (a tenth to a fifth of a worker's time)."""


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop that is not running yet."""
    return uvloop.new_event_loop()


def spare_the_collector() -> None:
    """Set the garbage collector for a process that serves: called once, when all is imported."""
    gc.collect()
    # What the imports made stays to the end, and is not looked at again.
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def run(main: Coroutine[Any, Any, None]) -> None:
    """As asyncio.run, for a process that is this loop's: its garbage collector is set for it.

    What is still going when `main` has ended is cancelled, and has LEAVE_S to go; a process that
    waits longer is ended, with status 0, or 1 where `main` raised. A task of a library's that takes
    no notice would keep it for ever (seen, where the broker was gone as well).
    """
    spare_the_collector()
    leaving: threading.Timer | None = None
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            try:
                runner.run(main)
            except BaseException as error:
                leaving = _leave(error)
                raise
            leaving = _leave(None)
    finally:
        if leaving is not None:
            leaving.cancel()


def _leave(error: BaseException | None) -> threading.Timer:
    """End the process if nobody cancels this within LEAVE_S."""

    def end() -> None:
        log.error("still waiting for what was cancelled: ended", exc_info=error)
        logging.shutdown()
        os._exit(0 if error is None else 1)

    timer = threading.Timer(LEAVE_S, end)
    timer.daemon = True
    timer.start()
    return timer
