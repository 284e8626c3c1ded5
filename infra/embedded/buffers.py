"""How much memory an embedded PostgreSQL may hold pages in."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

__all__ = ["LEAST_BUFFERS", "buffers_alone", "buffers_for", "memory"]

MIB: Final = 1024**2
LEAST_BUFFERS: Final = 32 * MIB
MOST_BUFFERS: Final = 1024 * MIB
SHARE: Final = 16
"""PostgreSQL's handbook gives a server a quarter of a machine of its own (19.4, `shared_buffers`).
This one has brokers and detectors beside it, and what it does not hold, the system's page cache
does. It takes memory as it fills: at first, only what it keeps the books with, 1 % of it."""
SHARE_ALONE: Final = 0.4
"""More than that, the handbook says, will hardly help."""
LIMIT: Final = Path("/sys/fs/cgroup/memory.max")


def buffers_for(total: int) -> int:
    """Of so much memory, what a server that keeps its data may hold in buffers. Bytes."""
    return max(LEAST_BUFFERS, min(MOST_BUFFERS, total // SHARE))


def buffers_alone(total: int) -> int:
    """What a server may hold in buffers whose machine is there for its sake. Bytes."""
    return max(LEAST_BUFFERS, int(total * SHARE_ALONE))


def memory() -> int:
    """What this process may use: the machine's, or its control group's if that is less. Bytes."""
    import psutil

    total = int(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):
        # "max" where there is no limit.
        total = min(total, int(LIMIT.read_text(encoding="ascii")))
    return total
