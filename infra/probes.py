"""How the processes of `up` are: asked, not guessed."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from infra import endpoints
from infra.embedded import kafka, postgres
from infra.embedded.process import LOOPBACK, listening, tail
from infra.embedded.supervisor import ProcessInfo
from infra.layout import ROLES, SERVERS
from infra.leftovers import ours
from infra.settings import Settings
from infra.tls import local_context

__all__ = ["Component", "component", "name_of", "processes", "server_answers"]

PROBE_TIMEOUT_S: Final = 2.0
MAX_NOTE_BYTES: Final = 65_536


@dataclass(frozen=True, kw_only=True)
class Component:
    """One of the processes, as `status` shows it.

    state: `ready`, `starting`, `failing`, `stopped`, or `external` for a server that is not ours.
    detail: why it is not ready. progress: of a role that reads its tables, percent of them.
    """

    name: str
    state: str
    pid: int | None = None
    port: int | None = None
    uptime_s: int = 0
    detail: str = ""
    progress: int | None = None

    @property
    def ready(self) -> bool:
        """Whether it does its work."""
        return self.state in ("ready", "external")

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "ready": self.ready}


def component(settings: Settings, item: ProcessInfo) -> Component:
    """A supervised process, asked how it is."""
    port = _port_of(settings, item.name)
    state, detail, progress = "starting", "", None
    if item.state in ("RUNNING", "STARTING"):
        if port is not None and _is_ready(settings, item.name, port):
            state = "ready"
        else:
            detail = "it does not answer yet" if port else "it does not listen yet"
            if port is not None and item.name in ROLES:
                detail, progress = _recovering(port) or (detail, None)
    elif item.state in ("BACKOFF", "FATAL", "EXITED"):
        state, detail = "failing", _reason(settings, item)
    else:
        state, detail = "stopped", item.state.lower()
    return Component(
        name=item.name,
        state=state,
        pid=item.pid or None,
        port=port,
        uptime_s=item.uptime_s,
        detail=detail,
        progress=progress,
    )


def _recovering(port: int) -> tuple[str, int] | None:
    """What a role says of the tables that it is reading, and how much in percent; None: nothing."""
    facts = _body(f"http://{LOOPBACK}:{port}/readyz").get("tables")
    try:
        if not isinstance(facts, dict) or facts["state"] != "recovering" or not facts["total"]:
            return None
        share = min(100, 100 * int(facts["done"]) // int(facts["total"]))
        return f"it reads its tables: {share} %, {int(facts['rows_per_s']):,} rows/s", share
    except (KeyError, TypeError, ValueError):
        return None


def _reason(settings: Settings, item: ProcessInfo) -> str:
    """Why a process ends again and again: its own last word on it, in one line."""
    said = tail(settings.state_dir / "logs" / f"{item.name}.log", 40)
    if "watchfloor: " in said:
        return said.rpartition("watchfloor: ")[2].partition("\n")[0]
    return said.rpartition("\n")[2] or item.detail


def server_answers(name: str, settings: Settings) -> bool:
    """Whether an embedded server answers a real request."""
    if name == "kafka":
        return settings.kafka_url is not None and kafka.answers(settings.kafka_url)
    url = settings.postgres_url
    port = endpoints.read(settings.state_dir).get("postgres", 0)
    return url is not None and listening(port) and postgres.answers(url)


def _is_ready(settings: Settings, name: str, port: int) -> bool:
    if name in SERVERS:
        return server_answers(name, settings)
    if name == "api":
        base = settings.api_url.rpartition(":")[0]
        return answers_ok(f"{base}:{port}/health/ready", local_context(settings))
    return answers_ok(f"http://{LOOPBACK}:{port}/readyz")


def _port_of(settings: Settings, name: str) -> int | None:
    if name in ROLES:
        port = _note(settings, name).get("port")
        return port if type(port) is int else None
    return endpoints.read(settings.state_dir).get(name)


def _note(settings: Settings, role: str) -> dict[str, Any]:
    """What a role's process wrote down about itself; empty where it did not."""
    path = settings.state_dir / "run" / (settings.namespace or "live") / f"{role}.json"
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_NOTE_BYTES))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def answers_ok(url: str, context: ssl.SSLContext | None = None) -> bool:
    """Whether a GET there is answered with 200 within 2 s. No proxy: it is on this machine."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(url, timeout=PROBE_TIMEOUT_S) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _body(url: str) -> dict[str, Any]:
    """The JSON of a role's answer, whatever its status; empty where there is none."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        try:
            with opener.open(url, timeout=PROBE_TIMEOUT_S) as response:
                said = response.read(MAX_NOTE_BYTES)
        except urllib.error.HTTPError as refused:
            # Not ready is an answer as well, with the same body.
            with refused:
                said = refused.read(MAX_NOTE_BYTES)
        found = json.loads(said)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def processes(settings: Settings) -> list[dict[str, Any]]:
    """Our processes with their children: pid, name, memory_mib; the largest first.

    memory_mib: proportional set size, so that what is shared counts once; resident size where the
    system does not tell that.
    """
    import psutil

    rows: dict[int, dict[str, Any]] = {}
    for parent in ours(settings.state_dir):
        with contextlib.suppress(psutil.Error):
            for process in (parent, *parent.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    memory = process.memory_full_info()
                    rows[process.pid] = {
                        "pid": process.pid,
                        "name": name_of(process.cmdline()),
                        "memory_mib": round(getattr(memory, "pss", memory.rss) / 2**20, 1),
                    }
    rows.pop(os.getpid(), None)
    return sorted(rows.values(), key=lambda row: -float(row["memory_mib"]))


def name_of(command: Sequence[str]) -> str:
    """What a process of ours is, in a word."""
    if "supervisor.supervisord" in command:
        return "supervisor"
    if "kafka.Kafka" in command or "infra.embedded.kafka" in command:
        return "kafka"
    if "worker" in command[:-1]:
        return command[list(command).index("worker") + 1]
    if command and command[-1] == "api":
        return "api"
    # Its children write what they do over their command line: `postgres: checkpointer`.
    program = Path(command[0].partition(":")[0]).name if command else ""
    return "postgres" if "postgres" in program else program or "?"
