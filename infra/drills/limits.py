"""Drills of a process's own surroundings: its clock and its memory."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from infra.drills.arena import Arena
from infra.drills.frame import Drill
from infra.drills.shifted import VARIABLE

__all__ = ["DRILLS"]

CLOCK: Final = "clock"
ROOM: Final = 24 * 1024**2
"""Above what a role takes when it is ready."""
GROUPS: Final = Path("/sys/fs/cgroup")


def _clock_jumps(at: Arena) -> None:
    """Back by 20 s, right again, then an hour ahead, where it stays."""
    clock = at.box.folder / CLOCK

    def jump(text: str, seconds: float) -> None:
        # Each role notices with its next tick, some time within the next second.
        with at.broken(text, throughout=True):
            fresh = clock.with_suffix(".new")
            fresh.write_text(str(seconds), encoding="ascii")
            fresh.replace(clock)
            at.wait(10.0 if at.full else 3.0)

    at.wait(2.0)
    jump("the clock jumps back by 20 s", -20)
    jump("the clock is right again", 0)
    jump("the clock jumps ahead by an hour", 3600)
    at.wait(2.0)


def _clock_file(folder: Path) -> dict[str, str]:
    (folder / CLOCK).write_text("0", encoding="ascii")
    return {VARIABLE: str(folder / CLOCK)}


class _MemoryGroup:
    """A control group (v2, or v1's memory controller), where we may make one."""

    def __init__(self, folder: Path, limit: str) -> None:
        self._folder = folder
        self._limit = limit

    @classmethod
    def make(cls, name: str) -> _MemoryGroup | None:
        """A group of that name, or None where this machine does not let us."""
        for parent, limit in (
            (GROUPS / "memory", "memory.limit_in_bytes"),
            (GROUPS, "memory.max"),
        ):
            folder = parent / name
            try:
                folder.mkdir()
            except OSError:
                continue
            if (folder / limit).exists():
                return cls(folder, limit)
            folder.rmdir()
        return None

    def set(self, size: int) -> None:
        """Limit it to so many bytes."""
        (self._folder / self._limit).write_text(str(size), encoding="ascii")

    def add(self, pid: int) -> None:
        """Put a process into it."""
        (self._folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def remove(self) -> None:
        """Take it away; it must be empty, so its processes go back to where groups begin."""
        with contextlib.suppress(OSError):
            for pid in (self._folder / "cgroup.procs").read_text(encoding="ascii").split():
                (self._folder.parent / "cgroup.procs").write_text(pid, encoding="ascii")
            self._folder.rmdir()


@contextlib.contextmanager
def _limited(at: Arena, name: str, size: int) -> Iterator[str]:
    """Inside, a role has so many bytes of memory, whenever it is started; says by what."""
    group = _MemoryGroup.make(f"watchfloor-drill-{os.getpid()}")

    def limit(started: str, pid: int) -> None:
        if started != name:
            return
        if group is not None:
            group.add(pid)
        elif sys.platform.startswith("linux"):
            # Address space, which is more than memory: what is mapped already stays allowed.
            process = psutil.Process(pid)
            mapped = process.memory_info().vms
            process.rlimit(psutil.RLIMIT_AS, (mapped + 8 * ROOM, mapped + 8 * ROOM))

    if group is not None:
        group.set(size)
    limit(name, at.box.children[name].pid)
    at.started = limit
    try:
        yield "control group" if group is not None else "RLIMIT_AS"
    finally:
        at.started = lambda started, pid: None
        if group is not None:
            group.remove()


def _memory_limited(at: Arena) -> None:
    """A burst comes while decide may hardly take more memory than it has."""
    at.wait(2.0)
    process = psutil.Process(at.box.children["decide"].pid)
    size = process.memory_info().rss + ROOM
    with _limited(at, "decide", size) as means:
        at.detail["limited_by"] = means
        at.detail["limit_mib"] = size >> 20
        with at.broken(f"decide may take {size >> 20} MiB"):
            at.load.send(20_000 if at.full else 1_500)
            at.wait(30.0 if at.full else 6.0)
    at.ready()


def _lacks_limits() -> str | None:
    return None if sys.platform.startswith("linux") else "needs Linux: control groups or RLIMIT_AS"


DRILLS: Final = (
    Drill(
        name="clock-jump",
        summary="the roles' clock jumps back, and an hour ahead",
        drive=_clock_jumps,
        module="infra.drills.shifted",
        more_env=_clock_file,
    ),
    Drill(
        name="memory-limited",
        summary="decide may take 24 MiB more than it has when a burst comes",
        drive=_memory_limited,
        rate=50.0,
        lacks=_lacks_limits,
    ),
)
