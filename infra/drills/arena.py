"""Where a drill happens: roles as real processes, load, a receiver, and the oracle's eyes.

A process that dies is started again, as `up` does, whether the drill killed it or it gave up.
"""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from time import monotonic, sleep, time
from typing import TYPE_CHECKING, Any, Final

import psycopg

from infra.drills.events import document
from infra.drills.load import Load
from infra.drills.oracle import Account, Delivery, Fault, Finding, Picture, judge
from infra.drills.receiver import Receiver
from infra.drills.rows import Rows, read_blobs, read_rows
from infra.drills.watch import Watch
from infra.errors import TimeLimitError, WatchfloorError
from infra.sandbox import Sandbox, publish

if TYPE_CHECKING:
    from pathlib import Path

    from infra.bench.frame import Measured
    from infra.drills.frame import Drill, DrillRun
    from infra.drills.servers import Servers
    from infra.settings import Settings

__all__ = ["LATEST_S", "Arena", "arena"]

POLL_S: Final = 0.05
LATEST_S: Final = 240.0
"""What has not come true by then never will: a slow machine is waited for."""
LOOK_S: Final = 0.5
"""Between two looks of the oracle while it waits for what is under way."""
SAY_S: Final = 10.0
QUIET_S: Final = 1.0
"""After everything came out: what comes twice comes now."""
SHORT_BACKLOG: Final = 300
FULL_BACKLOG: Final = 5_000
"""Events under way before the load waits."""
BACKOFF_S: Final = 0.5
MOST_STARTS: Final = 60
"""A role that dies so often does not get over it."""


class Arena:
    """A namespace in which a drill runs."""

    def __init__(
        self, drill: Drill, run: DrillRun, servers: Servers, box: Sandbox, receiver: Receiver
    ) -> None:
        self.drill = drill
        self.run = run
        self.servers = servers
        self.box = box
        self.receiver = receiver
        self.chance = random.Random(f"{drill.name}/{run.seed}")
        self.load = Load(box.settings, run.seed, poison_every=0)
        self.watch = Watch(box.settings)
        self.faults: list[Fault] = []
        self.deaths: dict[str, int] = {}
        """Processes that ended without having been told to, how often."""
        self.extra_taken: Callable[[], dict[str, float]] = dict
        """Ids that the API answered with a 2xx."""
        self.pictures: dict[str, Picture] = {}
        self.module = drill.module
        self.started: Callable[[str, int], None] = lambda name, pid: None
        """Told of every process of a role, by name and pid."""
        self.expected: frozenset[str] = frozenset()
        self.seen: frozenset[str] = frozenset()
        self.brief: frozenset[str] = frozenset()
        self.odds: list[str] = []
        self.figures: list[Measured] = []
        """What the drill itself has measured."""
        self.detail: dict[str, Any] = {}
        self._kept: dict[str, tuple[str, dict[str, str]]] = {}
        self._again: dict[str, float] = {}

    @property
    def settings(self) -> Settings:
        """The namespace's."""
        return self.box.settings

    @property
    def full(self) -> bool:
        """Whether this is the long form."""
        return self.run.full

    def say(self, text: str) -> None:
        """Tell the person at the terminal, with how far it is."""
        self.run.say(
            f"{self.drill.name}: {text} ({self.load.sent} sent, {len(self.watch.decided)} decided)"
        )

    def begin_load(self, rate: float) -> None:
        """Send so many events a second, as long as those that are not decided are not too many.

        A machine that is slow is not to be buried: what it has to prove is not its speed.
        """
        most = FULL_BACKLOG if self.full else SHORT_BACKLOG
        self.load.start(rate, lambda: self.load.sent - len(self.watch.decided) > most)

    # Processes

    def start(self, role: str, name: str | None = None, **env: str) -> None:
        """Start a role and keep it alive from here on."""
        instance = name or role
        self._kept[instance] = (role, env)
        self._launch(instance)

    def _launch(self, name: str) -> None:
        role, env = self._kept[name]
        started = self.box.start(role, name, module=self.module, **env)
        self.started(name, started.pid)

    def ready(self, *names: str, timeout: float = LATEST_S) -> None:
        """Return when these (or all that are kept) are ready."""
        deadline = monotonic() + timeout
        for name in names or tuple(self._kept):
            self.until(
                f"{name} is ready",
                partial(self._is_ready, name),
                deadline - monotonic(),
            )

    def _is_ready(self, name: str) -> bool:
        return bool((self.box.report(name) or {}).get("ready"))

    def kill(self, name: str, *, restart: bool = True) -> Fault:
        """kill -9; by default it is started again at once, as a supervisor does."""
        begin = time()
        self.box.children[name].kill()
        fault = Fault(f"kill -9 {name}", begin, time())
        self.faults.append(fault)
        if restart:
            self._launch(name)
        else:
            self._kept.pop(name)
        return fault

    def stop(self, name: str) -> None:
        """Ask a role to end, and start it no more."""
        begin = time()
        self._kept.pop(name)
        self.box.children[name].stop()
        self.faults.append(Fault(f"stop {name}", begin, time()))

    def end(self) -> None:
        """End every process at once: nothing of the namespace is wanted any more."""
        for started in self.box.children.values():
            started.kill()

    def tend(self) -> None:
        """Start again what has died."""
        for name in tuple(self._kept):
            process = self.box.children[name].process
            if process.poll() is None:
                continue
            due = self._again.get(name)
            if due is None:
                self.deaths[name] = self.deaths.get(name, 0) + 1
                self.faults.append(Fault(f"{name} ended", time(), time()))
                if self.deaths[name] > MOST_STARTS:
                    self.box.children[name].check()
                self._again[name] = monotonic() + BACKOFF_S
            elif monotonic() >= due:
                del self._again[name]
                self._launch(name)
        if not self.watch.alive:
            raise WatchfloorError(f"drill: {self.drill.name}: the oracle stopped reading")

    # Waiting

    def wait(self, seconds: float) -> None:
        """Let it run for so long."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            self.tend()
            sleep(min(POLL_S, left))

    def until(self, what: str, condition: Callable[[], bool], timeout: float = LATEST_S) -> None:
        """Return once it holds. Raises TimeLimitError, which says what did not come true."""
        deadline = monotonic() + timeout
        while not condition():
            self.tend()
            if monotonic() > deadline:
                raise TimeLimitError(f"drill: {self.drill.name}: not after {timeout:.0f} s: {what}")
            sleep(POLL_S)

    def moments(self, count: int, least: float, most: float) -> Iterator[int]:
        """So many random moments, each so many seconds after the one before."""
        for number in range(count):
            self.wait(self.chance.uniform(least, most))
            yield number

    @contextlib.contextmanager
    def broken(self, what: str, *, throughout: bool = False) -> Iterator[None]:
        """Inside, something is broken: note when. throughout: see Fault."""
        self.say(what)
        begin = time()
        try:
            yield
        finally:
            self.faults.append(Fault(what, begin, time(), throughout))

    # The oracle

    def account(self, rows: Rows | None) -> Account:
        """Everything that was seen so far."""
        arrived = self.receiver.arrived()
        watch = self.watch
        with watch.lock:
            requested = frozenset(watch.requested)
            account = Account(
                taken={**self.load.taken(), **self.extra_taken()},
                unsure=self.load.unsure(),
                poison=self.load.poisoned(),
                sites=dict(watch.sites),
                said=list(watch.said),
                alerts=dict(watch.alerts),
                raised=dict(watch.raised),
                requested=requested,
                told=self.receiver.told() if "act" in self.drill.roles else None,
                deliveries={
                    name: Delivery(
                        arrived=arrived.get(name, ()),
                        outcome=watch.outcomes.get(name),
                        delivered=name in watch.delivered,
                    )
                    for name in {*requested, *arrived}
                },
                letters=list(watch.letters),
                faults=list(self.faults),
                expected=self.expected,
                seen=self.seen,
                brief=self.brief,
                odds=self.odds,
            )
        if rows is not None:
            account.event_rows = rows.events
            account.decision_rows = rows.decisions
            account.alert_rows = rows.alerts
            account.notification_rows = rows.notifications
        taken = self.load.others_taken()
        account.pictures = {
            key: picture for key, picture in self.pictures.items() if picture.snapshot_id in taken
        }
        if rows is not None and account.pictures:
            account.picture_rows = rows.pictures
            account.blobs = read_blobs(self.settings)
        return account

    def settle(self) -> Finding:
        """Stop the load, wait for what is under way to come out, and judge.

        What is not there after nothing came for the drill's `settle_s` is lost: a slow machine
        loses nothing by being slow.
        """
        self.say("waiting for what was taken to come out")
        self.load.stop()
        moved, last, said = monotonic(), (-1, -1), monotonic()
        while not (finding := self._judge()).complete:
            now = (finding.out, finding.missing)
            if now != last:
                moved, last = monotonic(), now
            if monotonic() - said > SAY_S:
                said = monotonic()
                self.say(f"{finding.missing} are missing still")
            if monotonic() - moved > self.drill.settle_s:
                break
            self.wait(LOOK_S)
        self.wait(QUIET_S if not self.full else 5 * QUIET_S)
        # Events that were given up by their sender may have been taken all the same.
        return self._judge(rows=True)

    def _judge(self, *, rows: bool = False) -> Finding:
        """What the oracle says now. The database is asked once all else is there, or for `rows`."""
        finding = judge(self.account(None))
        if "act" not in self.drill.roles or not (rows or finding.complete):
            return finding
        return judge(self.account(self._rows()))

    def _rows(self) -> Rows | None:
        with contextlib.suppress(psycopg.Error):
            return read_rows(self.settings)
        return Rows(frozenset(), {}, {}, frozenset(), frozenset())

    def keep_logs(self) -> Path:
        """Copy what the processes wrote; where to."""
        root = self.run.keep or self.run.settings.state_dir / "drills"
        target = root / f"{self.drill.name}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        target.mkdir(parents=True, exist_ok=True)
        for log in self.box.folder.glob("*.log"):
            shutil.copyfile(log, target / log.name)
        for log in self.servers.folder.glob("*/*.log"):
            shutil.copyfile(log, target / f"{log.parent.name}-{log.name}")
        return target


@contextlib.contextmanager
def arena(drill: Drill, run: DrillRun, servers: Servers, folder: Path) -> Iterator[Arena]:
    """A namespace on these servers with the drill's roles ready; taken away at the end."""
    from dataclasses import replace
    from uuid import uuid4

    from infra.db import migrate
    from topics import admin

    inside = replace(
        servers.settings.in_namespace(f"drill-{uuid4().hex[:8]}"), state_dir=folder / "state"
    )
    inside.state_dir.mkdir(mode=0o700, parents=True)
    with contextlib.ExitStack() as outer:
        admin.ensure(inside)
        migrate.prepare(inside)
        outer.callback(_forget, inside)
        receiver = outer.enter_context(Receiver())
        inner = outer.enter_context(contextlib.ExitStack())
        box = Sandbox(inside, folder, {**drill.env, **drill.more_env(folder)}, inner)
        publish(inside, document(receiver.url), "drill")
        made = Arena(drill, run, servers, box, receiver)
        outer.enter_context(made.watch)
        # Called before those that ask each process to end, and wait for it.
        outer.callback(made.end)
        outer.callback(lambda: made.load.stop(1.0))
        for role in drill.roles:
            made.start(role)
        if drill.api:
            box.start_api()
        try:
            made.ready()
            if drill.api:
                box.wait_api(LATEST_S)
        except Exception:
            run.say(f"{drill.name}: logs are in {made.keep_logs()}")
            raise
        yield made


def _forget(settings: Settings) -> None:
    """Take the topics away, so that a broker that is started again has less to read.

    Groups stay: one with a killed member cannot be removed before its session is over, and the
    broker goes with the drills.
    """
    from topics import admin
    from topics.plan import prefix_of

    prefix = prefix_of(settings.namespace)
    with contextlib.suppress(Exception):
        client = admin.admin_client(settings)
        names = [name for name in client.list_topics(timeout=10).topics if name.startswith(prefix)]
        # Asked for is enough: nobody waits for their names.
        for future in client.delete_topics(names).values():
            future.result(20)
