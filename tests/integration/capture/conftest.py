"""Cameras that tests start: a GStreamer RTSP server, and an MJPEG server."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from agents.runtime.emitter import Emitter
from infra.settings import Settings
from tests.integration.capture.mjpeg_server import MjpegServer
from tests.integration.capture.rig import Rig
from topics.admin import delete_namespace, ensure

SYSTEM_PYTHON = "/usr/bin/python3"
PROBE = """
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
for name in ("videotestsrc", "x264enc", "rtph264pay"):
    assert Gst.ElementFactory.find(name), name
"""


@functools.cache
def missing_gstreamer() -> str | None:
    """Why there is no RTSP server here, or None."""
    if not Path(SYSTEM_PYTHON).exists():
        return f"no {SYSTEM_PYTHON}"
    tried = subprocess.run(
        [SYSTEM_PYTHON, "-c", PROBE], capture_output=True, text=True, timeout=60, check=False
    )
    if tried.returncode:
        return (
            "no GStreamer RTSP server (Debian: gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base"
            " gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly python3-gi)"
        )
    return None


class RtspServer:
    """GStreamer's server in a process of its own."""

    def __init__(self, *options: str) -> None:
        script = Path(__file__).with_name("rtsp_server.py")
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, str(script), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the RTSP server did not start"
        self.port: int = json.loads(line)["port"]

    def url(self, userinfo: str = "", path: str = "/stream") -> str:
        return f"rtsp://{userinfo}127.0.0.1:{self.port}{path}"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def rtsp() -> Iterator[Callable[..., RtspServer]]:
    """Starts RTSP servers: `rtsp("--port", "0")`."""
    reason = missing_gstreamer()
    if reason:
        pytest.skip(reason)
    servers: list[RtspServer] = []

    def start(*options: str) -> RtspServer:
        servers.append(RtspServer(*options))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def mjpeg() -> Iterator[Callable[..., MjpegServer]]:
    """Starts MJPEG servers: `mjpeg(port=0)`."""
    servers: list[MjpegServer] = []

    def start(port: int = 0, fps: float = 20) -> MjpegServer:
        servers.append(MjpegServer(port, fps))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def mute() -> Iterator[int]:
    """The port of somebody who takes the connection and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield listener.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
async def rig(kafka_bootstrap: str, tmp_path: Path) -> AsyncIterator[Rig]:
    """The capture service's surroundings: topics of its own, and what it wrote."""
    settings = Settings(
        state_dir=tmp_path / "state",
        namespace=f"cap-{uuid.uuid4().hex[:8]}",
        kafka_url=kafka_bootstrap,
    )
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(ensure, settings)
        stack.push_async_callback(asyncio.to_thread, delete_namespace, settings)
        emitter = Emitter(settings, "capture-test")
        await emitter.start()
        stack.push_async_callback(emitter.stop)
        one = Rig(settings, emitter)
        collecting = asyncio.create_task(one.collect())
        try:
            yield one
        finally:
            collecting.cancel()
            await asyncio.wait({collecting})
