"""Children that listen on loopback: ports, waiting by condition, ends that reach everybody."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Final, TextIO

from infra.errors import MachineError, TimeLimitError, WatchfloorError
from infra.setting_values import ROOT, show_bytes

__all__ = [
    "FEW_ARENAS",
    "LOOPBACK",
    "Child",
    "child",
    "die_with_parent",
    "free_port",
    "holder_of",
    "listening",
    "listens",
    "parent_of",
    "prepare_folder",
    "require_port",
    "tail",
    "wait_for",
]

LOOPBACK: Final = "127.0.0.1"
FEW_ARENAS: Final = {"MALLOC_ARENA_MAX": "2"}
"""glibc gives every thread an arena of its own otherwise, of which a broker takes 40 MB more."""
LOG_LINES: Final = 12
MIN_FREE_BYTES: Final = 256 * 1024**2
"""Below it a server would stop in the middle of a write soon after its start."""

PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h."""


def free_port(preferred: int | None = None, *, taken: Sequence[int] = ()) -> int:
    """A port on loopback that nobody listens on: the preferred one, if it is free.

    Somebody else may take it before it is used; whoever starts a server tries again then.
    """
    for port in (preferred, None):
        if port in taken:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # Servers set it too: a port whose last connections linger is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port or 0))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
        if found not in taken:
            return found
    return free_port(taken=taken)


def listening(port: int, *, timeout: float = 0.25) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection((LOOPBACK, port), timeout).close()
    except OSError:
        return False
    return True


def holder_of(port: int) -> str | None:
    """Who listens on a port, as `name (pid N)`; None where nobody does or nobody may know."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
            ):
                if connection.pid is None:
                    return "a process of another user"
                with contextlib.suppress(psutil.Error):
                    return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
                return f"pid {connection.pid}"
    return None


def require_port(name: str, port: int) -> None:
    """Raise MachineError, with who has it, where a port cannot be listened on."""
    if free_port(port) != port:
        raise MachineError(
            f"{name}: port {port} is in use by {holder_of(port) or 'another process'}",
            hint="Stop that, or start again: another port is chosen then.",
        )


def listens(pid: int, port: int) -> bool:
    """Whether this very process listens there: whoever answers may be somebody else's server.

    True also where the system does not let us know.
    """
    import psutil

    try:
        return any(
            connection.status == psutil.CONN_LISTEN
            and connection.laddr
            and connection.laddr.port == port
            for connection in psutil.Process(pid).net_connections(kind="tcp")
        )
    except psutil.AccessDenied:
        return True
    except psutil.NoSuchProcess:
        return False


def prepare_folder(path: Path, *, need: int = MIN_FREE_BYTES) -> Path:
    """Make a folder of ours (0700) and see that one can write there.

    Raises MachineError where one cannot, and where fewer than `need` bytes are free.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}-{threading.get_ident()}"
        probe.touch()
        probe.unlink()
        free = shutil.disk_usage(path).free
    except OSError as error:
        raise disk_error(path, error) from None
    if free < need:
        raise MachineError(
            f"{path}: the disk is full: {show_bytes(free)} free, {show_bytes(need)} needed",
            hint="Free some, or put the state elsewhere: --state DIR (WATCHFLOOR_STATE).",
        )
    return path


def disk_error(path: Path, error: OSError) -> WatchfloorError:
    """What a person can do about a failed write."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MachineError(
            f"{path}: the disk is full",
            hint="Free some, or put the state elsewhere: --state DIR (WATCHFLOOR_STATE).",
        )
    return MachineError(
        f"{path}: {error.strerror or error}",
        hint="Give yourself the right to write there, or choose another place: --state DIR.",
    )


def tail(log: Path, lines: int = LOG_LINES, *, since: int = 0) -> str:
    """A log's last lines, of those after byte `since`; empty where there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - 16_384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])


def wait_for(
    what: str,
    condition: Callable[[], bool],
    *,
    timeout: float,
    alive: Callable[[], None] | None = None,
    interval: float = 0.05,
) -> None:
    """Return once `condition` holds; `alive` is asked in between, and raises where it never will.

    Raises TimeLimitError after `timeout` seconds.
    """
    deadline = monotonic() + timeout
    while not condition():
        if alive is not None:
            alive()
        if monotonic() > deadline:
            raise TimeLimitError(f"{what}: not ready after {timeout:.0f} s")
        sleep(interval)


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Have the kernel send us a signal when our parent dies (Linux; elsewhere nothing happens).

    To be called in the child, after the last change of its user, which clears it. parent: its pid
    as it knew it: where it is dead already, so are we.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def parent_of(text: str) -> int:
    """A `--die-with` argument: a pid, or `parent` for whoever started us."""
    return os.getppid() if text == "parent" else int(text)


class Child:
    """A server that runs as our child, in a process group of its own."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        """The process's id, which is its group's."""
        return self.process.pid

    def check(self) -> None:
        """Raise WatchfloorError, with the end of its log, where it is dead."""
        code = self.process.poll()
        if code is not None:
            how = f"signal {-code}" if code < 0 else f"exit status {code}"
            raise WatchfloorError(
                f"{self.name}: it ended with {how}. {self.log}:\n{tail(self.log)}",
                hint="watchfloor doctor looks for what is wrong with this machine.",
            )

    def kill(self) -> None:
        """End it and its children at once, as a crash would."""
        self._signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM, *, timeout: float = 15) -> None:
        """Ask it to end, and end it where it does not."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout)
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        # A group's id is not given to anybody else while a member lives; an empty one is no error.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


@contextlib.contextmanager
def child(
    name: str,
    module: str,
    arguments: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    python: Path | None = None,
) -> Iterator[Child]:
    """Run `python -m module arguments` as a child that ends with the block, or with us.

    python: the interpreter of another environment; None for ours.

    Started from another thread than the main one, it does not die when we are killed: the kernel
    would take that thread's end for ours.
    """
    import atexit

    tied = threading.current_thread() is threading.main_thread()
    tie = ["--die-with", str(os.getpid())] if tied else []
    out: TextIO
    with log.open("a", encoding="utf-8") as out:
        process = subprocess.Popen(
            [str(python or sys.executable), "-m", module, *arguments, *tie],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Child(name, process, log)

    def stop() -> None:
        server.stop(stop_signal)

    atexit.register(stop)
    try:
        yield server
    finally:
        atexit.unregister(stop)
        server.stop(stop_signal)
