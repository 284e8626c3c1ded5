"""A process keeps as much memory as it uses: looked after once a minute.

After a backlog, librdkafka's buffers and the fetched chunks leave holes behind in glibc's arenas,
one a thread: they are used again, but they stay resident, and every backlog leaves some more.

RocksDB keeps what was written in memory until it is so much. What is seldom written, a clock or a
chunk's head, fills that in hours, and a worker would grow all the while (5 MiB an hour, measured):
its rows are written to files every few minutes, however few they are.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any, Final

__all__ = ["TURNS", "give_back", "keep_small"]

EVERY_S: Final = 60.0
TURNS: Final = 5
"""In so many turns each partition of each table has had its own."""


@cache
def _trim() -> Any:
    """glibc's malloc_trim(3), None where the C library has none (musl, macOS)."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return None


def give_back() -> bool:
    """Return free pages of all arenas; whether there were any. Takes some milliseconds."""
    trim = _trim()
    return trim is not None and bool(trim(0))


async def keep_small(flush: Callable[[int, int], None]) -> None:
    """For ever: have a part of the tables' rows written, and give back what is free.

    flush(turn, turns): the part whose turn it is.
    """
    for turn in count():
        await asyncio.sleep(EVERY_S)
        flush(turn % TURNS, TURNS)
        # Without the interpreter's lock, beside the loop.
        await asyncio.to_thread(give_back)
