"""A namespace of its own: topics, groups, tables, schema and state, made, used and taken away.

Replays, benches and drills run in one. Where `up` runs they use its servers and leave no trace;
else they start servers of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final
from uuid import uuid4

from infra.embedded.process import LOOPBACK, Child, child, free_port, wait_for
from infra.errors import TimeLimitError
from infra.settings import Settings, variable_of

__all__ = ["ROLES", "Sandbox", "sandbox", "servers"]

ROLES: Final = ("capture", "detect", "decide", "act")
READY_S: Final = 60.0
ALONE: Final = ("api_tls_cert", "api_tls_key", "api_public_url")
"""Settings of the API that people reach."""

Say = Callable[[str], None]
Count = Callable[[int, int], None]


@dataclass
class Sandbox:
    """A running namespace. env: what its roles' processes get beside the settings."""

    settings: Settings
    folder: Path
    env: Mapping[str, str]
    _stack: contextlib.ExitStack
    children: dict[str, Child] = field(default_factory=dict)
    url: str = ""

    def start(
        self,
        role: str,
        instance: str | None = None,
        *,
        module: str = "agents.runtime",
        **env: str,
    ) -> Child:
        """Start a role's process; it ends with the sandbox. module: what is run as the role."""
        name = instance or role
        started = self._stack.enter_context(
            child(
                name,
                module,
                [role],
                log=self.folder / f"{name}.log",
                env={
                    **self.settings.environment(),
                    **_servers_of(self.settings),
                    **self.env,
                    **env,
                    "WATCHFLOOR_INSTANCE": name,
                    "WATCHFLOOR_HEALTH_PORT": "0",
                },
            )
        )
        self.children[name] = started
        return started

    def start_api(self) -> str:
        """Start the API in this namespace; its URL, where it will answer."""
        port = free_port(self.settings.api_port)
        started = self._stack.enter_context(
            child(
                "api",
                "api",
                [],
                log=self.folder / "api.log",
                env={
                    **self.settings.environment(),
                    **_servers_of(self.settings),
                    **self.env,
                    variable_of("api_port"): str(port),
                    # What this process was given is not for it.
                    **{variable_of(name): "" for name in ALONE},
                    variable_of("api_host"): LOOPBACK,
                },
            )
        )
        self.children["api"] = started
        self.url = f"http://127.0.0.1:{port}"
        return self.url

    def wait_api(self, timeout: float = READY_S) -> None:
        """Wait until the API answers."""
        alive = self.children["api"].check
        live = f"{self.url}/health/live"
        wait_for("api", lambda: _answers(live), timeout=timeout, alive=alive)

    def wait_ready(self, names: Sequence[str] | None = None, timeout: float = READY_S) -> None:
        """Wait until the roles are ready. Raises what their deaths or the time limit raise."""
        deadline = monotonic() + timeout
        for name in names or [one for one in self.children if one != "api"]:
            while not (report := self.report(name)) or not report.get("ready"):
                self.children[name].check()
                if monotonic() > deadline:
                    raise TimeLimitError(f"{name}: not ready after {timeout:.0f} s", hint="")
                sleep(0.05)

    def ask_to_stop(self) -> None:
        """Ask every role to end, and wait for none."""
        for started in self.children.values():
            if started.process.poll() is None:
                started.process.send_signal(signal.SIGTERM)

    def report(self, name: str) -> dict[str, Any] | None:
        """What a role says of itself, or None while it says nothing."""
        try:
            body: dict[str, Any] = json.loads(self._get(name, "/healthz"))
            return body
        except (OSError, ValueError, KeyError):
            return None

    def metrics(self, name: str) -> str:
        """A role's metrics as Prometheus reads them; empty while it does not answer."""
        try:
            return self._get(name, "/metrics").decode()
        except (OSError, ValueError, KeyError):
            return ""

    def _get(self, name: str, path: str) -> bytes:
        note = self.settings.state_dir / "run" / (self.settings.namespace or "live")
        port = int(json.loads((note / f"{name}.json").read_text(encoding="utf-8"))["port"])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as reply:
            body: bytes = reply.read()
            return body


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:  # noqa: S310 - our own loopback
            return bool(reply.status == 200)
    except OSError:
        return False


def _servers_of(settings: Settings) -> dict[str, str]:
    """The servers' addresses; a child must not look for others."""
    found = {"kafka_url": settings.kafka_url, "postgres_url": settings.postgres_url}
    return {variable_of(name): url for name, url in found.items() if url}


@contextlib.contextmanager
def servers(
    settings: Settings,
    folder: Path,
    say: Say = lambda text: None,
    count: Count = lambda done, total: None,
) -> Iterator[Settings]:
    """Settings with servers that answer: those that run, else ones of our own in `folder`."""
    from infra.embedded.kafka import answers, embedded_kafka
    from infra.embedded.postgres import embedded_postgres

    with contextlib.ExitStack() as stack:
        found = settings
        if found.kafka_url is None or (
            found.kafka_embedded and not answers(found.kafka_url, timeout=2)
        ):
            say("starting Apache Kafka")
            url = stack.enter_context(
                embedded_kafka(folder / "kafka", cache=settings.cache_dir, progress=count)
            )
            found = replace(found, kafka_url=url, origins={**found.origins, "kafka_url": "sandbox"})
        if found.postgres_url is None or (
            found.postgres_embedded and not _postgres_answers(found.postgres_url)
        ):
            say("starting PostgreSQL")
            url = stack.enter_context(embedded_postgres(folder / "postgres"))
            found = replace(
                found, postgres_url=url, origins={**found.origins, "postgres_url": "sandbox"}
            )
        yield found


def _postgres_answers(url: str) -> bool:
    from infra.embedded.postgres import answers

    return answers(url, timeout=2)


@contextlib.contextmanager
def sandbox(
    settings: Settings,
    purpose: str,
    *,
    roles: Sequence[str] = ROLES,
    outside_time: bool = False,
    notify: bool = False,
    api: bool = False,
    env: Mapping[str, str] | None = None,
    ready_s: float = READY_S,
    parent: Path | None = None,
    say: Say = lambda text: None,
    count: Count = lambda done, total: None,
) -> Iterator[Sandbox]:
    """Make a namespace, start roles in it, and take everything away at the end.

    outside_time: its roles write no ticks; processing time is the watermark and the runner's
    ticks. notify: deliveries leave the machine; otherwise every channel only says yes. api: with
    the façade. ready_s: how long the roles may take to be ready. parent: the folder that its own is
    made in; None: where passing files go.
    """
    from infra.db import migrate
    from topics import admin

    with contextlib.ExitStack() as outer:
        folder = Path(tempfile.mkdtemp(prefix=f"watchfloor-{purpose}-", dir=parent))
        outer.callback(shutil.rmtree, folder, ignore_errors=True)
        base = outer.enter_context(servers(settings, folder, say, count))
        inside = replace(
            base.in_namespace(f"{purpose}-{uuid4().hex[:8]}"),
            state_dir=folder / "state",
            # Snapshots of an experiment are no snapshots of the site, and its API is for us only.
            blob_url=None,
            api_host=LOOPBACK,
            api_tls_cert=None,
            api_tls_key=None,
            api_public_url=None,
        )
        inside.state_dir.mkdir(mode=0o700)
        say("preparing topics and tables")
        outer.callback(_forget, inside)
        admin.ensure(inside)
        migrate.prepare(inside)
        variables = dict(env or {})
        if outside_time:
            variables["WATCHFLOOR_TIME"] = "outside"
        if not notify:
            variables["WATCHFLOOR_NOTIFY"] = "off"
        # Entered last, so that the processes end before what they use is taken away.
        inner = outer.enter_context(contextlib.ExitStack())
        box = Sandbox(inside, folder, variables, inner)
        if roles:
            say("starting " + ", ".join(roles))
        for role in roles:
            box.start(role)
        if api:
            box.start_api()
        # Called first at the end: all are asked at once, then each is waited for.
        inner.callback(box.ask_to_stop)
        box.wait_ready(timeout=ready_s)
        if api:
            box.wait_api()
        yield box


def _forget(settings: Settings) -> None:
    """Take a namespace's topics, groups and schema away; what is gone already is gone."""
    from infra.db import migrate
    from infra.errors import WatchfloorError
    from topics import admin

    with contextlib.suppress(WatchfloorError):
        migrate.drop(settings)
    with contextlib.suppress(WatchfloorError):
        admin.delete_namespace(settings)


def publish(settings: Settings, document: Any, author: str = "sandbox") -> int:
    """Publish a document in a namespace: to PostgreSQL, and from there to Kafka."""
    from infra.db import documents
    from infra.db.outbox import drain_outbox

    revision = documents.publish(settings, document, author)
    asyncio.run(drain_outbox(settings))
    return revision
