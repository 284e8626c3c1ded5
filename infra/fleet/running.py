"""A fleet from its plan to its end: devices, discovery, streams."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from infra.errors import MachineError
from infra.fleet.device import SimDevice
from infra.fleet.discovery import Discovery
from infra.fleet.media import stream_paths
from infra.fleet.rtsp import RtspServer
from infra.fleet.script import faults_at, read_script
from infra.fleet.serving import Fleet

__all__ = ["CREDENTIALS", "PASSWORD", "USERNAME", "Plan", "run", "site_document"]

USERNAME: Final = "admin"
PASSWORD: Final = "simulated"  # noqa: S105  printed for whoever tries the fleet
CREDENTIALS: Final = "fleet"
SPARE_FILES: Final = 256


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a fleet has. Recorders are of the kinds that have them (ONVIF's are cameras here)."""

    kinds: tuple[str, ...]
    cameras: int
    recorders: int
    channels: int
    script: str = ""
    rtsp: bool = False
    discovery_port: int = 0

    def names(self) -> list[tuple[str, str, int]]:
        """Id, kind and channels of each device, the kinds in turn."""
        having = [kind for kind in self.kinds if kind != "onvif"]
        found = [
            (f"{kind}-{n + 1:03d}", kind, 0)
            for n in range(self.cameras)
            for kind in [self.kinds[n % len(self.kinds)]]
        ]
        if having:
            found += [
                (f"{kind}-nvr-{n + 1:03d}", kind, self.channels)
                for n in range(self.recorders)
                for kind in [having[n % len(having)]]
            ]
        return found


async def run(plan: Plan, told: Callable[[dict[str, Any]], None]) -> None:
    """Run it until SIGINT or SIGTERM. told: gets the listing once all answer.

    Raises MachineError for more devices than this process may have files, OSError for a port that
    is taken, ScriptError for a script that is none.
    """
    names = plan.names()
    _allow_files(len(names) * 2 + SPARE_FILES)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    began = time.monotonic()
    script = read_script(plan.script, [name for name, _, _ in names])
    fleet = Fleet(script, now=lambda: datetime.now(UTC), elapsed=lambda: time.monotonic() - began)
    devices: list[SimDevice] = []
    discovery = Discovery(
        lambda: [one for one in devices if one.kind == "onvif"],
        lambda name: faults_at(script, name, time.monotonic() - began),
    )
    with contextlib.ExitStack() as stack:
        try:
            stream = None
            if plan.rtsp:
                server = RtspServer(_paths(names), username=USERNAME, password=PASSWORD)
                stream = stack.enter_context(server).port
            for name, kind, channels in names:
                devices.append(
                    await fleet.add(
                        name,
                        kind,
                        channels=channels,
                        username=USERNAME,
                        password=PASSWORD,
                        rtsp_port=stream or 0,
                    )
                )
            await discovery.start(plan.discovery_port)
            told(_listing(devices, discovery, stream))
            await ended.wait()
        finally:
            discovery.close()
            await fleet.close()


def _paths(names: list[tuple[str, str, int]]) -> list[str]:
    """The streams' paths: each camera's own, and those that its kind names."""
    planned = [
        SimDevice(device_id=name, kind=kind, port=0, channels=channels)
        for name, kind, channels in names
    ]
    own = [one.device_id for one in planned if not one.channels]
    named = [path for one in planned for path in stream_paths(one)]
    return list(dict.fromkeys([*own, *named]))


def _listing(devices: list[SimDevice], discovery: Discovery, stream: int | None) -> dict[str, Any]:
    return {
        "username": USERNAME,
        "password": PASSWORD,
        "discovery_port": discovery.port,
        "discovery_multicast": discovery.multicast,
        "devices": [
            {
                "device": one.device_id,
                "kind": one.kind,
                "address": f"http://127.0.0.1:{one.port}",
                "channels": one.channels,
                "stream": f"rtsp://127.0.0.1:{stream}/{one.device_id}"
                if stream is not None and not one.channels
                else None,
            }
            for one in devices
        ],
    }


def site_document(listing: dict[str, Any]) -> str:
    """A site document that has the listed devices, for `watchfloor apply`.

    Their credentials are the secret CREDENTIALS, `user:password` of the listing.
    """
    from schemas.document import Device, Document, Site
    from schemas.document_reader import dump

    devices = tuple(
        Device(
            device_id=one["device"],
            kind="nvr" if one["channels"] else "camera",
            address=one["address"],
            driver=one["kind"],
            credentials=CREDENTIALS,
        )
        for one in listing["devices"]
    )
    return dump(Document(sites=(Site(site_id="fleet", devices=devices),)))


def _allow_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise MachineError(
            f"simulate fleet: {wanted} open files are wanted, and {hard} are allowed",
            hint=f"Allow more: ulimit -n {wanted}",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
