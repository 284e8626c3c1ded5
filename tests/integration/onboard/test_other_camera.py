"""Somebody else's camera, ipycam: that our fleet understands us proves only that we agree.

It wants a log-in for everything, its clock too, and says 401 with no challenge.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from agents.watch.drivers.base import DriverError, Fault, Limits, Target
from agents.watch.drivers.onvif import Onvif
from infra.bench.stream.rival import rival_python
from infra.errors import MachineError
from infra.onboard.described import OnboardError, Step
from infra.onboard.onvif import read_onvif
from infra.onboard.places import Networks
from infra.onboard.scan import scan
from infra.packages import LOCKS
from infra.settings import load

USER, PASSWORD = "admin", "hunter2-secret"
STREAMS = 8554
PATIENT = Limits(step_s=60.0, body=100_000, answers=32)


@dataclass(frozen=True)
class Camera:
    """Where it is, and what it says of itself."""

    http: int
    discovery: int
    serial: str
    model: str

    def target(self, password: str = PASSWORD) -> Target:
        return Target(
            site_id="north",
            device_id="new",
            kind="camera",
            address=f"http://127.0.0.1:{self.http}",
            username=USER,
            password=password,
            timeout_s=60.0,
        )


@pytest.fixture(scope="module")
def camera() -> Iterator[Camera]:
    try:
        python = rival_python(
            load().cache_dir, lambda _: None, LOCKS / "cameras.txt", name="ipycam"
        )
    except MachineError as error:
        pytest.skip(error.message)
    script = Path(__file__).with_name("other_camera.py")
    # The interpreter of another environment must not see ours.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with subprocess.Popen(
        [python, script, USER, PASSWORD, str(STREAMS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Camera(**json.loads(process.stdout.readline()))
        process.stdin.close()
        process.wait(30)


async def test_the_poller_finds_it_well(camera: Camera) -> None:
    found = await Onvif(lambda: datetime.now(UTC)).poll(camera.target(), PATIENT)
    assert found.ok, found.error
    assert found.facts["model"] == camera.model


async def test_a_wrong_password_is_that_and_nothing_else(camera: Camera) -> None:
    with pytest.raises(DriverError) as caught:
        await Onvif(lambda: datetime.now(UTC)).poll(camera.target("wrong"), PATIENT)
    assert caught.value.fault is Fault.CREDENTIALS
    with pytest.raises(OnboardError) as refused:
        await read_onvif(camera.target("wrong"), "127.0.0.1", PATIENT)
    assert (refused.value.step, refused.value.fault) == (Step.INFORMATION, Fault.CREDENTIALS)


async def test_it_is_read_as_it_is_taken_on(camera: Camera) -> None:
    found = await read_onvif(camera.target(), "gate.example", PATIENT)
    assert (found.serial, found.model) == (camera.serial, camera.model)
    (channel,) = found.channels
    assert channel.sub is not None
    # At the host that was asked for, whatever it calls itself.
    assert channel.main.url == f"rtsp://gate.example:{STREAMS}/ipycam/main"
    assert channel.sub.url == f"rtsp://gate.example:{STREAMS}/ipycam/sub"
    assert channel.main.width > channel.sub.width


async def test_it_is_found(camera: Camera) -> None:
    listed = await scan(
        Networks.of(["127.0.0.0/8"]),
        IPv4Network("127.0.0.0/30"),
        port=camera.discovery,
        told=lambda _: None,
        answer_s=60,
        enough=1,
    )
    assert [one.address for one in listed] == [f"http://127.0.0.1:{camera.http}"]
