"""Everything on one machine: the servers, the roles and the API, under one supervisor.

`Stack(settings).start()` is what `watchfloor up` does, in this order:

1. Take the lock, so that two starts at once are one.
2. Look whether it runs already; end what outlived a supervisor that was killed.
3. Choose ports, and keep them: a process that restarts finds the others where they were.
4. Start the supervisor, and with it the servers; wait until they answer.
5. Bring the database and the topics to this code's version.
6. Start the roles and the API.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from infra import endpoints
from infra.embedded import kafka, postgres
from infra.embedded.jars import Progress
from infra.embedded.process import listens, prepare_folder, tail, wait_for
from infra.embedded.supervisor import Supervisor
from infra.errors import MachineError, NotRunningError, TimeLimitError, WatchfloorError
from infra.layout import ROLES, SERVERS, choose_ports, programs
from infra.leftovers import end_leftovers
from infra.probes import Component, component, server_answers
from infra.settings import Settings

__all__ = ["Component", "Stack"]

START_TIMEOUT_S: Final = 90.0
STOP_TIMEOUT_S: Final = 120.0
"""More than the supervisor's own patience with all of them."""
FAILURES: Final = 3
"""Lines in the log of a server that ended at once: enough to say why."""

Report = Callable[[str], None]


def _silent(_text: str) -> None:
    """Report to nobody."""


class Stack:
    """What `up` runs under a state directory.

    report: told in a few words what happens. progress: the broker's first download, in bytes.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        roles: Sequence[str] = ROLES,
        api: bool = True,
        report: Report = _silent,
        progress: Progress | None = None,
    ) -> None:
        self.settings = settings
        self.roles = tuple(roles)
        self.api = api
        self._report = report
        self._progress = progress
        self._supervisor = Supervisor(settings.state_dir)
        self._logged: dict[str, int] = {}
        """How long each server's log was before this start."""
        self.notes: list[str] = []
        """What was found at start that somebody should look at: topics that have drifted."""

    @property
    def running(self) -> bool:
        """Whether a supervisor answers."""
        return self._supervisor.pid is not None

    def start(self) -> bool:
        """Start everything; False where it ran already, and was only completed.

        Returns when the servers answer and the roles and the API are started; `wait` waits for
        those. Raises MachineError for what this machine lacks, and leaves nothing half-started.
        """
        state = prepare_folder(self.settings.state_dir)
        for name in ("run", "logs", "secrets"):
            prepare_folder(state / name)
        with self._only_one():
            if self.running:
                self.settings = self._reload()
                self._start_rest()
                return False
            ended = end_leftovers(state)
            if ended:
                self._report(f"Ended what a crash had left behind: {', '.join(ended)}")
            if self.settings.kafka_embedded:
                kafka.make_ready(
                    self.settings.cache_dir,
                    self._progress,
                    self._report,
                    self.settings.maven_url,
                )
            if self.settings.postgres_embedded:
                postgres.find_binaries()
            ports = choose_ports(self.settings, api=self.api, report=self._report)
            endpoints.write(state, ports)
            try:
                self._launch(ports)
                self._wait_servers()
                self.settings = self._reload()
                self._migrate()
                self._report("Starting the roles")
                self._start_rest()
            except BaseException:
                self._halt()
                raise
        return True

    def wait(self, timeout: float = START_TIMEOUT_S) -> None:
        """Return once everything is ready.

        Raises NotRunningError where nothing runs, and TimeLimitError, which names what is not
        ready and why.
        """
        deadline = monotonic() + timeout
        while waiting := [item for item in self.status() if not item.ready]:
            if monotonic() > deadline:
                reasons = "; ".join(f"{item.name}: {item.detail}" for item in waiting)
                raise TimeLimitError(
                    f"not ready after {timeout:.0f} s: {reasons}",
                    hint=f"Their logs are in {self.settings.state_dir / 'logs'}",
                )
            self._report("Waiting for " + ", ".join(_with_bar(item) for item in waiting))
            sleep(0.1)

    def status(self) -> list[Component]:
        """Every component. Raises NotRunningError where nothing runs."""
        found = self._supervisor.processes()
        if not found:
            raise NotRunningError(f"nothing runs under {self.settings.state_dir}")
        self.settings = self._reload()
        components = [component(self.settings, item) for item in found]
        names = {item.name for item in components}
        external = [
            Component(name=name, state="external", detail="a server of yours")
            for name in SERVERS
            if name not in names
        ]
        order = (*SERVERS, *ROLES, "api")
        return sorted([*external, *components], key=lambda item: order.index(item.name))

    def stop(self) -> bool:
        """Stop everything, in order; False where nothing ran."""
        if not self.settings.state_dir.exists():
            return False
        with self._only_one():
            ran = self.running
            ended = self._halt()
        return ran or bool(ended)

    def _halt(self) -> list[str]:
        pid = self._supervisor.pid
        if pid is not None:
            import psutil

            with contextlib.suppress(psutil.NoSuchProcess, TimeLimitError):
                process = psutil.Process(pid)
                self._stop_users()
                self._supervisor.shutdown()
                wait_for(
                    "the supervisor",
                    lambda: not process.is_running() or process.status() == "zombie",
                    timeout=STOP_TIMEOUT_S,
                )
        return end_leftovers(self.settings.state_dir)

    def _stop_users(self) -> None:
        """Stop what uses the servers, all at once: supervisord would go one by one."""
        users = [item.name for item in self._supervisor.processes() if item.name not in SERVERS]
        for name in users:
            self._supervisor.stop(name)

        def stopped() -> bool:
            found = self._supervisor.processes()
            return not any(item.pid and item.name in users for item in found)

        wait_for("the roles", stopped, timeout=STOP_TIMEOUT_S)

    @contextlib.contextmanager
    def _only_one(self) -> Iterator[None]:
        path = self.settings.state_dir / "run" / "lock"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._report("Waiting for another start or stop to finish")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _launch(self, ports: dict[str, int]) -> None:
        for name in SERVERS:
            self._logged[name] = self._log(name).stat().st_size if self._log(name).exists() else 0
        started = programs(self.settings, ports, self.roles, api=self.api)
        self._supervisor.launch(started, self.settings.environment())
        try:
            wait_for("the supervisor", lambda: self.running, timeout=20)
        except TimeLimitError as error:
            log = self._supervisor.log.parent / "supervisord.out"
            raise WatchfloorError(f"{error.message}. {log}:\n{tail(log)}") from None

    def _wait_servers(self) -> None:
        if self.settings.kafka_embedded:
            self._wait_server("kafka")
        if self.settings.postgres_embedded:
            self._wait_server("postgres")

    def _wait_server(self, name: str) -> None:
        self._report(f"Waiting for {name}")
        wait_for(
            name,
            lambda: self._server_is_up(name),
            timeout=START_TIMEOUT_S,
            alive=self._check_servers,
        )

    def _server_is_up(self, name: str) -> bool:
        """Whether it answers, and not somebody else's server on its port."""
        port = endpoints.read(self.settings.state_dir)[name]
        pids = [item.pid for item in self._supervisor.processes() if item.name == name]
        return bool(pids and listens(pids[0], port)) and server_answers(name, self._reload())

    def _check_servers(self) -> None:
        """Raise a server's own reason where it does not come up."""
        for item in self._supervisor.processes():
            if item.name not in SERVERS or item.state not in ("BACKOFF", "FATAL", "EXITED"):
                continue
            log = self._log(item.name)
            said = tail(log, 200, since=self._logged.get(item.name, 0))
            if "watchfloor: " in said:
                message, _, hint = said.rpartition("watchfloor: ")[2].strip().partition("\n")
                raise MachineError(message, hint=hint.strip() or None)
            if item.detail and len(said.splitlines()) >= FAILURES:
                raise WatchfloorError(f"{item.name}: it does not start. {log}:\n{tail(log)}")

    def _log(self, name: str) -> Path:
        return self.settings.state_dir / "logs" / f"{name}.log"

    def _migrate(self) -> None:
        from infra.db.migrate import prepare
        from topics.admin import check, ensure

        self._report("Checking the database")
        prepare(self.settings)
        self._report("Checking the topics")
        ensure(self.settings)
        self.notes = [str(drift) for drift in check(self.settings)]

    def _start_rest(self) -> None:
        for item in self._supervisor.processes():
            if item.state in ("STOPPED", "EXITED", "FATAL"):
                self._supervisor.start(item.name)

    def _reload(self) -> Settings:
        """The settings, with what was chosen at start in the place of defaults."""
        fresh = {
            name: value
            for name, value in endpoints.embedded_settings(self.settings.state_dir).items()
            if self.settings.origin(name) in ("default", "embedded")
        }
        origins = {**self.settings.origins, **dict.fromkeys(fresh, "embedded")}
        return replace(self.settings, **fresh, origins=origins)


def _with_bar(item: Component) -> str:
    """Its name, and how much of its tables it has read: ten steps, each a line in a log."""
    if item.progress is None:
        return item.name
    done = item.progress // 10
    return f"{item.name} (tables {'▰' * done}{'▱' * (10 - done)})"
