from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import endpoints
from infra.embedded.process import LOOPBACK, free_port, holder_of, listening
from infra.errors import ExitCode, MachineError
from infra.layout import choose_ports
from infra.leftovers import is_ours
from infra.settings import Settings, load


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this very process listens on."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_ports_are_kept(tmp_path: Path) -> None:
    said: list[str] = []
    first = choose_ports(Settings(state_dir=tmp_path), api=True, report=said.append)
    assert set(first) == {"kafka", "kafka-controller", "postgres", "api"}
    assert len(set(first.values())) == 4
    endpoints.write(tmp_path, first)
    again = choose_ports(load(env={}, state=tmp_path), api=True, report=said.append)
    assert again == first


def test_a_server_moves_where_its_port_was_taken(tmp_path: Path, taken: int) -> None:
    endpoints.write(tmp_path, {"kafka": taken})
    ports = choose_ports(load(env={}, state=tmp_path), api=False, report=lambda _: None)
    assert ports["kafka"] != taken


def test_the_api_moves_to_the_next_port_and_says_who_has_it(tmp_path: Path, taken: int) -> None:
    endpoints.write(tmp_path, {"api": taken})
    said: list[str] = []
    ports = choose_ports(load(env={}, state=tmp_path), api=True, report=said.append)
    assert ports["api"] > taken
    assert f"Port {taken} is in use by" in said[0]
    assert f"(pid {os.getpid()})" in said[0]


def test_a_port_that_somebody_set_is_not_changed_behind_their_back(
    tmp_path: Path, taken: int
) -> None:
    settings = load(env={"WATCHFLOOR_API_PORT": str(taken)}, state=tmp_path)
    with pytest.raises(MachineError) as caught:
        choose_ports(settings, api=True, report=lambda _: None)
    assert f"$WATCHFLOOR_API_PORT: {taken} is in use by" in caught.value.message
    assert f"(pid {os.getpid()})" in caught.value.message
    assert caught.value.exit_code == ExitCode.MACHINE


def test_free_port_prefers(taken: int) -> None:
    other = free_port()
    assert free_port(other) == other
    assert free_port(taken) != taken
    assert free_port(other, taken=[other]) != other


def test_holder_and_listening(taken: int) -> None:
    assert listening(taken)
    assert holder_of(taken) is not None
    free = free_port()
    assert not listening(free)
    assert holder_of(free) is None


STATE = Path("/srv/wf")


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("python -m supervisor.supervisord -c /srv/wf/run/supervisord.conf", True),
        ("java -cp x kafka.Kafka /srv/wf/kafka/server.properties", True),
        ("/x/bin/postgres -D /srv/wf/postgres/data -c port=1", True),
        ("python -m infra.cli --state=/srv/wf worker detect", True),
        ("python -m infra.cli --state=/srv/wf api", True),
        ("python -m infra.embedded.kafka --dir=/srv/wf/kafka --port=1", True),
        ("python -m infra.cli --state=/srv/wf status", False),  # somebody who looks
        ("python -m infra.cli --state=/srv/wf up", False),  # ourselves, or our twin
        ("python -m infra.cli --state=/srv/wf2 worker detect", False),  # another one's
        ("/x/bin/postgres -D /srv/wf2/postgres/data", False),
        ("tail -f /srv/wf/logs/api.log", False),
        ("vi /srv/wf/watchfloor.toml", False),
        ("postgres: checkpointer", False),
        ("", False),
    ],
)
def test_is_ours(line: str, ours: bool) -> None:
    assert is_ours(line.split(), STATE) is ours
