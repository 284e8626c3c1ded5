"""What was freed is resident no more."""

from __future__ import annotations

import ctypes
import sys

import psutil
import pytest

from agents.runtime.memory import give_back

HOLES = 2_000
SIZE = 64 * 1024 + 1
"""Below glibc's threshold for a mapping of its own."""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's arenas")
def test_holes_between_what_is_kept_are_given_back() -> None:
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        pytest.skip("this C library has no malloc_trim")
    process = psutil.Process()
    blocks = [bytearray(SIZE) for _ in range(HOLES)]
    kept = blocks[::2]
    full = process.memory_info().rss
    del blocks
    assert give_back()
    freed = full - process.memory_info().rss
    assert freed > HOLES // 2 * SIZE * 0.8
    assert len(kept) == HOLES // 2
