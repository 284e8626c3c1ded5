"""What `up` starts, on which ports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from infra import endpoints
from infra.embedded.process import FEW_ARENAS, free_port, holder_of
from infra.embedded.supervisor import Program
from infra.errors import MachineError
from infra.settings import Settings

__all__ = ["ROLES", "SERVERS", "STEADY", "choose_ports", "programs"]

ROLES: Final = ("capture", "detect", "decide", "act", "watch")
"""In the order in which they start."""

SERVERS: Final = ("kafka", "postgres")

STEADY: Final = {
    **FEW_ARENAS,
    "MALLOC_MMAP_THRESHOLD_": "262144",
    "MALLOC_TRIM_THRESHOLD_": "262144",
}
"""How a role that holds tables asks glibc for memory.

glibc raises both thresholds with every large block that is given back, so that a fetch's buffers
end up between long-lived rows and memory that is free is never returned. Fixed, they cost some 5 %
of the top rate. Roles that hold pictures keep the moving ones: a picture is a large block, often.
"""

HOLD_PICTURES: Final = frozenset({"capture", "detect", "watch"})
API_PORTS: Final = 200

Report = Callable[[str], None]


def choose_ports(settings: Settings, *, api: bool, report: Report) -> dict[str, int]:
    """Free ports, those of the last start where they are free still.

    Raises MachineError where a port that somebody set is taken; names by whom.
    """
    before = endpoints.read(settings.state_dir)
    ports: dict[str, int] = {}
    wanted = []
    if settings.kafka_embedded:
        wanted += ["kafka", "kafka-controller"]
    if settings.postgres_embedded:
        wanted += ["postgres"]
    for name in wanted:
        ports[name] = free_port(before.get(name), taken=list(ports.values()))
    if api:
        ports["api"] = _api_port(settings, list(ports.values()), report)
    return ports


def _api_port(settings: Settings, taken: Sequence[int], report: Report) -> int:
    port, origin = settings.api_port, settings.origin("api_port")
    if origin not in ("default", "embedded"):
        if free_port(port) != port:
            holder = holder_of(port) or "another process"
            raise MachineError(
                f"api_port: {origin}: {port} is in use by {holder}",
                hint="Stop that, or set another port: WATCHFLOOR_API_PORT.",
            )
        return port
    for candidate in range(port, min(port + API_PORTS, 65_536)):
        if candidate not in taken and free_port(candidate) == candidate:
            if candidate != port:
                holder = holder_of(port) or "another process"
                report(f"Port {port} is in use by {holder}: the API takes {candidate}")
            return candidate
    raise MachineError(
        f"api_port: no port from {port} to {port + API_PORTS} is free",
        hint="Set one that is: WATCHFLOOR_API_PORT.",
    )


def _membership(settings: Settings) -> dict[str, str]:
    """A role that is started again has its partitions back at once, under the name that it had.

    Only on a broker of our own: elsewhere another machine's roles may have the same names.
    """
    return {"WATCHFLOOR_STATIC_MEMBER": "1"} if settings.kafka_embedded else {}


def programs(
    settings: Settings, ports: dict[str, int], roles: Sequence[str], *, api: bool
) -> Iterator[Program]:
    """The processes, in the order in which they start. Roles and the API wait to be started."""
    state = settings.state_dir
    python = [sys.executable, "-m"]
    if settings.kafka_embedded:
        yield Program(
            name="kafka",
            command=[
                *python,
                "infra.embedded.kafka",
                f"--dir={state / 'kafka'}",
                f"--cache={settings.cache_dir}",
                f"--port={ports['kafka']}",
                f"--controller-port={ports['kafka-controller']}",
                "--die-with=parent",
            ],
            priority=10,
            autostart=True,
            stop_seconds=30,
        )
    if settings.postgres_embedded:
        yield Program(
            name="postgres",
            command=[
                *python,
                "infra.embedded.postgres",
                f"--dir={state / 'postgres'}",
                f"--port={ports['postgres']}",
                f"--password-file={state / 'secrets' / endpoints.POSTGRES_SECRET}",
                "--die-with=parent",
            ],
            priority=20,
            autostart=True,
            stop_signal="INT",
            stop_seconds=30,
        )
    for number, role in enumerate(roles):
        yield Program(
            name=role,
            command=[*python, "infra.cli", f"--state={state}", "worker", role],
            priority=30 + number,
            autostart=False,
            environment=_membership(settings) | ({} if role in HOLD_PICTURES else STEADY),
        )
    if api:
        yield Program(
            name="api",
            command=[*python, "infra.cli", f"--state={state}", "api"],
            priority=90,
            autostart=False,
        )
