"""PostgreSQL refuses to run as root: giving that up, and nothing more than needed of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.errors import MachineError

__all__ = ["Account", "account_for_server", "become", "can_reach", "hand_over"]

CANDIDATES: Final = ("watchfloor", "postgres", "nobody")
"""Accounts that a machine may have, the most fitting first. None is made: `initdb` wants one that
the machine knows by name, and somebody else's user list is not ours to change."""

# linux/capability.h, linux/prctl.h
CAP_DAC_OVERRIDE: Final = 1
CAP_DAC_READ_SEARCH: Final = 2
CAPABILITY_VERSION_3: Final = 0x20080522
PR_SET_KEEPCAPS: Final = 8
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_RAISE: Final = 2


@dataclass(frozen=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


def account_for_server() -> Account | None:
    """Whom a server runs as where we are root; None where we are not, and it runs as us.

    Raises MachineError where this machine has none of the accounts that would do.
    """
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            if entry.pw_uid != 0:
                return Account(name, entry.pw_uid, entry.pw_gid)
    raise MachineError(
        f"postgres: it does not run as root, and there is no account {' or '.join(CANDIDATES)}",
        hint="Make one (useradd --system watchfloor), or run watchfloor as an ordinary user.",
    )


def can_reach(path: Path, account: Account) -> bool:
    """Whether the account may pass every folder down to `path` and read that."""
    for place in (path, *path.parents):
        status = place.stat()
        shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
        wanted = 0o5 if place == path and stat.S_ISDIR(status.st_mode) else 0o1
        if status.st_mode >> shift & wanted != wanted:
            return False
    return True


def hand_over(folder: Path, account: Account) -> None:
    """Make the account the owner of a folder of ours and of what is in it."""
    for parent, names, files in os.walk(folder):
        for place in (parent, *(os.path.join(parent, name) for name in (*names, *files))):
            if os.lstat(place).st_uid != account.uid:
                os.chown(place, account.uid, account.gid, follow_symlinks=False)


def become(account: Account, needed: Sequence[Path]) -> None:
    """Give up root for good, in this process and in what it becomes.

    Where the account cannot reach one of the `needed` paths (a checkout under /root), it keeps the
    one capability to pass folders and read files that are not its own; nothing else.
    Raises MachineError where it cannot have that either.
    """
    blocked = [path for path in needed if not can_reach(path, account)]
    kept = _capability_to_keep(blocked, account) if blocked else None
    if kept is not None:
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)
    if kept is not None:
        _hold(kept)
    os.environ["HOME"] = "/"
    os.environ["USER"] = os.environ["LOGNAME"] = account.name


def _capability_to_keep(blocked: Sequence[Path], account: Account) -> int:
    if sys.platform.startswith("linux"):
        permitted = _permitted()
        for number in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
            if permitted >> number & 1:
                return number
    raise MachineError(
        f"postgres: it runs as {account.name} where we are root, and that account cannot reach "
        f"{blocked[0]}",
        hint="Run watchfloor as an ordinary user, or put the checkout and the state where others "
        "may read: /opt and --state /var/lib/watchfloor.",
    )


def _permitted() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0


def _prctl(*arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:5]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(*(ctypes.c_ulong(value) for value in padded)) != 0:
        number = ctypes.get_errno()
        raise MachineError(f"prctl: {os.strerror(number)}")


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _hold(number: int) -> None:
    """Keep exactly one capability, and pass it on to the program that we become."""
    bit = 1 << number
    header = _Header(CAPABILITY_VERSION_3, 0)
    data = (_Data * 2)(_Data(bit, bit, bit), _Data(0, 0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        raise MachineError(f"capset: {os.strerror(ctypes.get_errno())}")
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)
