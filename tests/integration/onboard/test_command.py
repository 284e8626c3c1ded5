"""`watchfloor discover` and `watchfloor onboard`, as they are typed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import pytest

from infra.cli.main import main
from infra.db.documents import history, site_of
from infra.secrets import lookup
from infra.settings import Settings
from tests.integration.api.support import Stack
from tests.integration.onboard.fleet import PASSWORD, USER, Devices

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


def variables(settings: Settings) -> dict[str, str]:
    """The façade's settings, as a command reads them."""
    return {
        "WATCHFLOOR_STATE": str(settings.state_dir),
        "WATCHFLOOR_KAFKA_URL": str(settings.kafka_url),
        "WATCHFLOOR_POSTGRES_URL": str(settings.postgres_url),
        "WATCHFLOOR_NAMESPACE": settings.namespace,
        "WATCHFLOOR_DEVICE_NETWORKS": ",".join(settings.device_networks),
        "WATCHFLOOR_DISCOVERY_PORT": str(settings.discovery_port),
    }


@pytest.fixture
def run(
    floor: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Run:
    """Runs a command in this process: one of its own takes seconds to begin."""
    for name, value in variables(floor.settings).items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str, said: str = "") -> Done:
        typed = tmp_path / "stdin"
        typed.write_text(said)
        capsys.readouterr()
        with typed.open() as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            status = main(arguments)
        out, err = capsys.readouterr()
        assert PASSWORD not in out + err
        return Done(status, out, err)

    return command


def test_the_password_is_read_from_standard_input_by_a_process_of_its_own(
    floor: Stack, devices: Devices
) -> None:
    """And is nowhere where another process could read it."""
    options = ("--site", "south", "--user", USER)
    with socket.socket() as taken:
        # Bound, and nobody listens.
        taken.bind(("127.0.0.1", 0))
        camera = devices.add("piped", "onvif", rtsp_port=taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "infra.cli", "onboard", f"127.0.0.1:{camera.port}", *options],
            input=PASSWORD + "\n",
            capture_output=True,
            text=True,
            env={**os.environ, **variables(floor.settings)},
            timeout=180,
            check=False,
        )
    # It was let in; its stream is at a port where nobody is.
    assert (done.returncode, done.stdout) == (1, "")
    said = done.stderr.splitlines()
    assert said[0] == "Reading the camera"
    assert ": stream: unreachable: " in done.stderr
    assert PASSWORD not in done.stderr
    assert "Traceback" not in done.stderr


def test_discover_lists_who_answers(run: Run, devices: Devices) -> None:
    one = devices.add("listed", "onvif")
    done = run("discover", "--subnet", "127.0.0.0/30", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["subnet"] == "127.0.0.0/30"
    addresses = {device["name"]: device["address"] for device in found["devices"]}
    assert addresses["listed"] == f"http://127.0.0.1:{one.port}"
    shown = run("discover", "--subnet", "127.0.0.0/30")
    assert shown.returncode == 0
    assert f"http://127.0.0.1:{one.port}" in shown.stdout
    assert "so far" in shown.stderr


def test_what_may_not_be_asked_is_refused_with_a_way_out(run: Run) -> None:
    done = run("discover", "--subnet", "10.0.0.0/24")
    assert done.returncode == 2
    assert "subnet 10.0.0.0/24: may not be asked" in done.stderr
    assert "WATCHFLOOR_DEVICE_NETWORKS" in done.stderr


def test_a_camera_is_taken_on(
    run: Run, floor: Stack, devices: Devices, rtsp: int, tmp_path: Path
) -> None:
    camera = devices.add("moved", "onvif", rtsp_port=rtsp)
    picture = tmp_path / "first.jpg"
    options = ("--site", "south", "--user", USER, "--author", "kim")
    address = f"127.0.0.1:{camera.port}"
    done = run(
        "onboard", address, *options, "--id", "dock-cam", "--name", "Dock",
        "--picture", str(picture), said=f"{PASSWORD}\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Camera south/dock-cam is taken on: Simulated SIM-4." in done.stdout
    assert "Waiting for its first picture" in done.stderr
    shown = cv2.imread(str(picture))
    assert shown is not None
    assert shown.shape == (240, 320, 3)
    site = site_of(floor.settings, "south")
    assert site is not None
    (kept,) = (one for one in site.cameras if one.camera_id == "dock-cam")
    assert (kept.name, kept.stream) == ("Dock", f"rtsp://127.0.0.1:{rtsp}/moved/1/main")
    assert history(floor.settings, "south")[0].author == "kim"
    secret = lookup(str(kept.credentials), site="south", state_dir=floor.settings.state_dir)
    assert secret.reveal() == f"{USER}:{PASSWORD}"
    again = run("onboard", address, *options, "--json", said=PASSWORD)
    found = json.loads(again.stdout)
    assert (again.returncode, found["camera_id"], found["created"]) == (0, "dock-cam", False)


def test_a_recorder_is_taken_on(run: Run, devices: Devices) -> None:
    recorder = devices.add("rec-cli", "dahua", channels=3)
    arguments = ("onboard", f"127.0.0.1:{recorder.port}", "--site", "south", "--user", USER)
    nvr = ("--nvr", "intelbras", "--id", "nvr-cli")
    done = run(*arguments, *nvr, "--channels", "1,3", said=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert "2 cameras, 2 of them new." in done.stdout
    again = run(*arguments, *nvr, "--json", said=PASSWORD)
    found = json.loads(again.stdout)
    assert found["camera_ids"] == ["nvr-cli-ch01", "nvr-cli-ch02", "nvr-cli-ch03"]
    assert found["new_camera_ids"] == ["nvr-cli-ch02"]


def test_what_fails_is_named_with_its_place_and_a_way_out(
    run: Run, floor: Stack, devices: Devices
) -> None:
    camera = devices.add("refusing", "onvif")
    address = f"127.0.0.1:{camera.port}"
    before = site_of(floor.settings, "south")
    login = ("--site", "south", "--user", USER)
    for arguments, said, status, words in (
        ((address, *login), "wrong", 1, ("information: bad_credentials", "not tried again")),
        (("10.0.0.1", *login), "x", 1, ("address: forbidden_address", "DEVICE_NETWORKS")),
        ((address, "--site", "nowhere"), "", 1, ("site 'nowhere'", "apply")),
        ((address, *login, "--nvr", "axis"), "x", 2, ("--nvr 'axis'",)),
        ((address, *login, "--channels", "1"), "x", 2, ("--channels", "--nvr")),
        ((address, *login, "--id", "a b"), "x", 2, ("--id 'a b'",)),
        ((address, *login), "x" * 600, 2, ("512",)),
    ):
        done = run("onboard", *arguments, said=said)
        assert done.returncode == status, done.stderr
        assert done.stderr.startswith("watchfloor: ") or "\nwatchfloor: " in done.stderr
        for word in words:
            assert word in done.stderr
    assert site_of(floor.settings, "south") == before
    assert devices.fleet.asked["refusing"] == 2
