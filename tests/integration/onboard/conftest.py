"""A fleet on loopback, and a façade with a database and a broker that may ask it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from infra.errors import MachineError
from infra.fleet.device import SimDevice
from infra.fleet.discovery import Discovery
from infra.fleet.media import stream_paths
from infra.fleet.rtsp import RtspServer
from infra.fleet.script import Now
from infra.fleet.serving import Fleet
from infra.settings import Settings
from tests.integration.api.support import Stack, is_ready, make_ready, serving, wait_until
from tests.integration.onboard.fleet import PASSWORD, USER, Devices


@pytest.fixture(scope="session")
def devices() -> Iterator[Devices]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listed: list[SimDevice] = []
    fleet = Fleet(now=lambda: datetime.now(UTC), elapsed=lambda: 1.0)
    discovery = Discovery(lambda: [one for one in listed if one.kind == "onvif"], lambda _: Now())
    found = Devices(loop, fleet, discovery, listed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    found.run(discovery.start(port))
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(discovery.close)
        found.run(fleet.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(15)
        loop.close()


@pytest.fixture(scope="session")
def floor(
    kafka_bootstrap: str,
    postgres_url: str,
    devices: Devices,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A façade of its own, which may ask loopback."""
    settings = Settings(
        state_dir=tmp_path_factory.mktemp("onboard-state"),
        kafka_url=kafka_bootstrap,
        postgres_url=postgres_url,
        namespace="api-onboard",
        device_networks=("127.0.0.0/8",),
        discovery_port=devices.discovery.port,
    )
    make_ready(settings)
    with serving(settings) as found:
        wait_until(lambda: is_ready(found), "the façade is ready", 120)
        yield found


@pytest.fixture(scope="session")
def rtsp(devices: Devices) -> Iterator[int]:
    """The port of a library's streams, for the cameras `cam` and `moved`."""
    paths = [
        path
        for name in ("cam", "moved")
        for path in stream_paths(SimDevice(device_id=name, kind="onvif", port=0))
    ]
    try:
        server = RtspServer(paths, username=USER, password=PASSWORD).__enter__()
    except MachineError as error:
        pytest.skip(error.message)
    try:
        yield server.port
    finally:
        server.close()
