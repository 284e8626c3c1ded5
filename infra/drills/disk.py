"""A broker on a small disk: a tmpfs in a mount namespace of its own, which nobody else sees.

`python -m infra.drills.disk --size N --dir D` makes the namespace and stays in it, so that the
disk outlives the broker. With `--enter PID` it becomes a broker inside that namespace.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.embedded import kafka
from infra.embedded.process import (
    LOOPBACK,
    Child,
    child,
    die_with_parent,
    free_port,
    parent_of,
    wait_for,
)
from infra.errors import MachineError, WatchfloorError
from infra.setting_values import ROOT

__all__ = ["SmallDiskBroker", "lacking"]

SIZE: Final = 320 * 1024**2
"""Above what a broker wants free at its start (256 MiB)."""
CHUNK: Final = 1024**2

CLONE_NEWNS: Final = 0x00020000
"""linux/sched.h."""
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 1 << 18
"""linux/mount.h."""
CAP_SYS_ADMIN: Final = 21
"""linux/capability.h."""


def lacking() -> str | None:
    """What this machine lacks for a small disk, or None."""
    if not sys.platform.startswith("linux"):
        return "needs Linux: a small disk is a tmpfs in a mount namespace"
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:") and int(line.split()[1], 16) >> CAP_SYS_ADMIN & 1:
            return None
    return "needs root (CAP_SYS_ADMIN): a small disk is mounted in a mount namespace"


class SmallDiskBroker:
    """A broker whose disk can be filled, and emptied again."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self._folder = folder
        self._cache = cache
        self._place = folder / "disk"
        self._port = free_port()
        self._holding = contextlib.ExitStack()
        self._open = contextlib.ExitStack()
        self._holder: Child | None = None
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """host:port."""
        return f"{LOOPBACK}:{self._port}"

    def start(self) -> None:
        """Make the disk where there is none, and start the broker on it."""
        kafka.make_ready(self._cache)
        if self._holder is None:
            self._place.mkdir(mode=0o700, parents=True)
            self._holder = self._holding.enter_context(
                child(
                    "disk",
                    "infra.drills.disk",
                    [f"--size={SIZE}", f"--dir={self._place}"],
                    log=self._folder / "disk.log",
                )
            )
            wait_for(
                "the small disk",
                self._inside("mounted").exists,
                timeout=20,
                alive=self._holder.check,
            )
        self._open.close()
        self._open = contextlib.ExitStack()
        self.child = self._open.enter_context(
            child(
                "kafka",
                "infra.drills.disk",
                [
                    f"--enter={self._holder.pid}",
                    f"--dir={self._place}",
                    f"--port={self._port}",
                    f"--controller-port={free_port(taken=[self._port])}",
                    f"--cache={self._cache}",
                ],
                log=self._folder / "kafka.log",
            )
        )
        kafka.wait_ready(self.url, server=self.child)

    def stop(self) -> None:
        """Stop the broker, and with the last process in its namespace goes the disk."""
        self._open.close()
        self._holding.close()
        self._holder = None

    def end_broker(self) -> None:
        """Stop the broker; its disk stays."""
        self._open.close()

    @property
    def running(self) -> bool:
        """Whether the broker's process lives."""
        return self.child is not None and self.child.process.poll() is None

    def fill(self) -> int:
        """Write until the disk is full; how many bytes that took."""
        written = 0
        with contextlib.suppress(OSError), self._inside("ballast").open("ab", buffering=0) as file:
            for size in (CHUNK, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        written += file.write(b"\0" * size)
        return written

    def empty(self) -> None:
        """Give the space back."""
        self._inside("ballast").unlink(missing_ok=True)

    def _inside(self, name: str) -> Path:
        """A path on the disk, by way of a process that sees it."""
        assert self._holder is not None
        return Path(f"/proc/{self._holder.pid}/root") / str(self._place).lstrip("/") / name


def _libc(what: str, status: int) -> None:
    if status:
        number = ctypes.get_errno()
        raise MachineError(
            f"{what}: {os.strerror(number)}",
            hint="A small disk needs root and a kernel that lets it mount.",
        )


def _hold(place: Path, size: int) -> None:
    """Make the namespace and the disk in it, and wait for the end."""
    libc = ctypes.CDLL(None, use_errno=True)
    _libc("unshare", libc.unshare(CLONE_NEWNS))
    # What is mounted from here on stays here.
    _libc("mount /", libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    options = f"size={size},mode=0700".encode()
    _libc("mount tmpfs", libc.mount(b"tmpfs", bytes(place), b"tmpfs", 0, options))
    (place / "mounted").touch()
    signal.pause()


def _enter(pid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    _libc("setns", libc.setns(handle, CLONE_NEWNS))
    os.close(handle)
    # Entering it moved us to its root.
    os.chdir(ROOT)


def main(argv: Sequence[str] | None = None) -> None:
    """Hold a disk, or become a broker on one."""
    parser = argparse.ArgumentParser(prog="python -m infra.drills.disk")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--size", type=int)
    parser.add_argument("--enter", type=int)
    parser.add_argument("--die-with", type=parent_of, metavar="PID|parent")
    given, rest = parser.parse_known_args(argv)
    tie = [] if given.die_with is None else ["--die-with", str(given.die_with)]
    if given.enter is None:
        if given.die_with is not None:
            die_with_parent(signal.SIGTERM, given.die_with)
        _hold(given.dir, given.size)
        return
    _enter(given.enter)
    kafka.main([f"--dir={given.dir}", *rest, *tie])


if __name__ == "__main__":
    try:
        main()
    except WatchfloorError as failure:
        sys.stderr.write(f"watchfloor: {failure.message}\n")
        sys.exit(failure.exit_code)
