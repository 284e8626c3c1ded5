"""What `up` does, with real servers under a real supervisor; without roles, which have their own
tests."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from infra import endpoints
from infra.embedded.process import LOOPBACK, wait_for
from infra.embedded.supervisor import Supervisor
from infra.errors import ExitCode, MachineError, NotRunningError
from infra.leftovers import ours
from infra.setting_values import ROOT
from infra.settings import Settings, load
from infra.stack import Stack

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory with an odd name, stopped at the end whatever happened."""
    path = tmp_path / "50% of it"
    yield path
    Stack(Settings(state_dir=path)).stop()


def stack(state: Path, said: list[str] | None = None) -> Stack:
    report = said.append if said is not None else lambda _: None
    return Stack(load(env={}, state=state), roles=(), api=False, report=report)


def put(settings: Settings, value: bytes) -> None:
    producer = Producer({**settings.kafka_client_config(producer=True), "acks": "all"})
    producer.produce("security.events.v1", value, key=b"north", partition=0)
    assert producer.flush(20) == 0


def values(settings: Settings) -> list[bytes | None]:
    config = {**settings.kafka_client_config(), "group.id": "x", "enable.partition.eof": True}
    consumer = Consumer(config)
    consumer.assign([TopicPartition("security.events.v1", 0, 0)])
    found: list[bytes | None] = []
    while (message := consumer.poll(20)) is not None and message.error() is None:
        found.append(message.value())
    consumer.close()
    return found


def test_up_crash_up_down(state: Path) -> None:
    said: list[str] = []
    first = stack(state, said)
    assert first.start() is True
    first.wait(30)
    assert {item.name: item.state for item in first.status()} == {
        "kafka": "ready",
        "postgres": "ready",
    }
    ports = endpoints.read(state)
    put(first.settings, b"one")
    assert first.settings.postgres_url is not None
    with psycopg.connect(first.settings.postgres_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")

    # Twice is once.
    again = stack(state)
    assert again.start() is False

    # One that dies is started again, where it was.
    before = {item.name: item.pid for item in again.status()}
    assert before["kafka"] is not None
    os.kill(before["kafka"], signal.SIGKILL)
    wait_for("another pid", lambda: _pid(again, "kafka") not in (None, before["kafka"]), timeout=30)
    again.wait(60)
    put(again.settings, b"two")

    # All at once, and the supervisor with them.
    dying = list(ours(state))
    assert len(dying) >= 3
    for process in dying:
        process.kill()
    psutil.wait_procs(dying, timeout=10)
    with pytest.raises(NotRunningError):
        again.status()
    after = stack(state)
    assert after.start() is True
    after.wait(60)
    assert endpoints.read(state) == ports
    assert values(after.settings) == [b"one", b"two"]
    assert after.settings.postgres_url is not None
    with psycopg.connect(after.settings.postgres_url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (42,)

    # The supervisor alone: what it left behind does not stand in the way.
    supervisor = Supervisor(state).pid
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    wait_for("its end", lambda: Supervisor(state).pid is None, timeout=10)
    last = stack(state)
    assert last.start() is True

    assert last.stop() is True
    assert list(ours(state)) == []
    assert last.stop() is False
    logs = "".join(path.read_text() for path in (state / "logs").iterdir())
    password = (state / "secrets" / endpoints.POSTGRES_SECRET).read_text().strip()
    assert password not in logs
    assert password not in (state / "run" / "supervisord.conf").read_text()


def _pid(running: Stack, name: str) -> int | None:
    return next((item.pid for item in running.status() if item.name == name), None)


def test_servers_of_ones_own(state: Path, kafka_bootstrap: str, postgres_url: str) -> None:
    env = {
        "WATCHFLOOR_KAFKA_URL": kafka_bootstrap,
        "WATCHFLOOR_POSTGRES_URL": postgres_url.rpartition("/")[0] + "/external",
        "WATCHFLOOR_NAMESPACE": "external-test",
    }
    settings = load(env=env, state=state)
    # With nothing to supervise there is nothing to show: one role that does not exist stands in.
    running = Stack(settings, roles=("capture",), api=False)
    assert running.start() is True
    found = {item.name: item.state for item in running.status()}
    assert (found["kafka"], found["postgres"]) == ("external", "external")
    assert not (state / "kafka").exists()
    assert not (state / "postgres").exists()
    assert running.stop() is True


def test_a_server_that_cannot_start_says_why_and_nothing_is_left(state: Path) -> None:
    data = state / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(MachineError, match="written by version 9") as caught:
        stack(state).start()
    assert "WATCHFLOOR_POSTGRES_URL" in str(caught.value.hint)
    assert list(ours(state)) == []


def test_up_as_a_command_tells_a_port_in_use(state: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "infra.cli", "up", "--json"],
            cwd=ROOT,
            env={
                **os.environ,
                "WATCHFLOOR_STATE": str(state),
                "WATCHFLOOR_API_PORT": str(port),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == ExitCode.MACHINE
    assert f"$WATCHFLOOR_API_PORT: {port} is in use by" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(ours(state)) == []


def test_ports_are_written_as_json(state: Path) -> None:
    endpoints.write(state, {"kafka": 9})
    assert json.loads(endpoints.path_of(state).read_text()) == {"kafka": 9}
