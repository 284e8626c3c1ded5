"""supervisord: its configuration, which holds no secret, and the way to talk to it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import sys
import tempfile
import xmlrpc.client
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from infra.embedded.process import FEW_ARENAS
from infra.setting_values import ROOT

__all__ = ["ProcessInfo", "Program", "Supervisor", "render", "socket_path"]

LOG_BYTES: Final = 10 * 1024**2
LOG_BACKUPS: Final = 3
RETRIES: Final = 1_000_000
"""A program that does not stay up is tried again for ever, each time a second later than before:
whatever it lacks may come back."""

MAX_SOCKET_PATH: Final = 100
"""sun_path holds 108 bytes on Linux and 104 elsewhere, and supervisord appends a pid at first."""

RPC_TIMEOUT_S: Final = 10

CHILD_ENVIRONMENT: Final = {
    "PYTHONPATH": str(ROOT),
    "PYTHONSAFEPATH": "1",
    "PYTHONUNBUFFERED": "1",
    "WATCHFLOOR_SUPERVISED": "1",
    **FEW_ARENAS,
    # OpenBLAS gives every thread a buffer of its own otherwise.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True, kw_only=True)
class Program:
    """A process to keep up. priority: lower ones start first and stop last.

    environment: what it has beside supervisord's own; no secrets, since it is written down.
    """

    name: str
    command: Sequence[str]
    priority: int
    autostart: bool
    stop_signal: str = "TERM"
    stop_seconds: int = 15
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ProcessInfo:
    """What supervisord knows of a program. state: its word, such as RUNNING or BACKOFF."""

    name: str
    state: str
    pid: int
    uptime_s: int
    exit_status: int
    detail: str


def socket_path(state_dir: Path) -> Path:
    """Where it listens: under the state directory, or in a short place where that is too long."""
    path = state_dir / "run" / "supervisor.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"watchfloor-{os.getuid()}-{name}" / "supervisor.sock"


def _value(text: str) -> str:
    """A value in the configuration, where `%` starts an expansion."""
    return text.replace("%", "%%")


def render(state_dir: Path, programs: Iterable[Program]) -> str:
    """The configuration file."""
    run, logs = state_dir / "run", state_dir / "logs"
    sections: list[tuple[str, dict[str, str]]] = [
        (
            "supervisord",
            {
                "nodaemon": "true",
                "logfile": str(logs / "supervisord.log"),
                "logfile_maxbytes": str(LOG_BYTES),
                "logfile_backups": str(LOG_BACKUPS),
                "pidfile": str(run / "supervisord.pid"),
                "directory": str(ROOT),
                "umask": "077",
                "identifier": "watchfloor",
                # It asks to be told that this is meant.
                **({"user": "root"} if os.getuid() == 0 else {}),
            },
        ),
        ("unix_http_server", {"file": str(socket_path(state_dir)), "chmod": "0600"}),
        (
            "rpcinterface:supervisor",
            {
                "supervisor.rpcinterface_factory": (
                    "supervisor.rpcinterface:make_main_rpcinterface"
                ),
            },
        ),
    ]
    for program in programs:
        sections.append(
            (
                f"program:{program.name}",
                {
                    "command": shlex.join(program.command),
                    "environment": ",".join(
                        f'{name}="{value}"' for name, value in program.environment.items()
                    ),
                    "priority": str(program.priority),
                    "autostart": str(program.autostart).lower(),
                    "autorestart": "true",
                    "startsecs": "1",
                    "startretries": str(RETRIES),
                    "stopsignal": program.stop_signal,
                    "stopwaitsecs": str(program.stop_seconds),
                    "killasgroup": "true",
                    "redirect_stderr": "true",
                    # Alone of all values it is expanded twice (supervisor 4.3, options.py).
                    "stdout_logfile": _value(str(logs / f"{program.name}.log")),
                    "stdout_logfile_maxbytes": str(LOG_BYTES),
                    "stdout_logfile_backups": str(LOG_BACKUPS),
                },
            )
        )
    lines = ["; Written by watchfloor up; changes are overwritten."]
    for title, values in sections:
        lines += ["", f"[{title}]", *(f"{key}={_value(text)}" for key, text in values.items())]
    return "\n".join(lines) + "\n"


class Supervisor:
    """Talks to the supervisord of a state directory, if there is one."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.socket = socket_path(state_dir)
        self.config = state_dir / "run" / "supervisord.conf"
        self.log = state_dir / "logs" / "supervisord.log"

    def launch(self, programs: Iterable[Program], env: Mapping[str, str]) -> None:
        """Start it, detached from this terminal; return before it answers."""
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.socket.parent.stat().st_uid != os.getuid():
            raise PermissionError(f"{self.socket.parent} belongs to somebody else")
        self.socket.parent.chmod(0o700)
        fresh = self.config.with_suffix(".new")
        fresh.write_text(render(self.state_dir, programs), encoding="utf-8")
        fresh.replace(self.config)
        out = self.state_dir / "logs" / "supervisord.out"
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.config)]
        # Not a Popen: nobody waits for it, it is meant to outlive us.
        os.posix_spawn(
            command[0],
            command,
            {**os.environ, **env, **CHILD_ENVIRONMENT},
            setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (
                    os.POSIX_SPAWN_OPEN,
                    1,
                    os.fspath(out),
                    os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                    0o600,
                ),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
        )

    @property
    def pid(self) -> int | None:
        """Its pid; None where none answers. A pid file would not tell: pids are used again."""
        with contextlib.suppress(OSError, HTTPException, xmlrpc.client.Error):
            return int(self.call("getPID"))
        return None

    def processes(self) -> list[ProcessInfo]:
        """Its programs, in the order in which they start. Empty where it does not answer."""
        try:
            found = self.call("getAllProcessInfo")
        except (OSError, HTTPException, xmlrpc.client.Error):
            return []
        return [
            ProcessInfo(
                name=item["name"],
                state=item["statename"],
                pid=item["pid"],
                uptime_s=max(0, item["now"] - item["start"]) if item["pid"] else 0,
                exit_status=item["exitstatus"],
                detail=item["spawnerr"] or item["description"],
            )
            for item in found
        ]

    def start(self, name: str) -> None:
        """Start a program that does not run."""
        with contextlib.suppress(xmlrpc.client.Fault):  # it runs already
            self.call("startProcess", name, False)

    def stop(self, name: str) -> None:
        """Ask a program to stop; return at once."""
        with contextlib.suppress(OSError, HTTPException, xmlrpc.client.Error):
            self.call("stopProcess", name, False)

    def shutdown(self) -> None:
        """Ask it to stop all, in order, and then itself; return at once."""
        with contextlib.suppress(OSError, HTTPException, xmlrpc.client.Error):
            self.call("shutdown")

    def call(self, method: str, *arguments: Any) -> Any:
        """Call it. Raises OSError where nothing listens, xmlrpc.client.Error where it refuses."""
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
        try:
            with _patience(transport):
                return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()


@contextlib.contextmanager
def _patience(transport: Any) -> Any:
    """Bound how long its answer may take: the library's own connection has no limit."""
    make = transport._get_connection

    def connect() -> Any:
        connection = make()
        connection.timeout = RPC_TIMEOUT_S
        opened = connection.connect

        def connect_with_limit() -> None:
            opened()
            connection.sock.settimeout(RPC_TIMEOUT_S)

        connection.connect = connect_with_limit
        return connection

    transport._get_connection = connect
    yield
