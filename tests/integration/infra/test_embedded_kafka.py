"""A real broker as a child: killed, started again, with what it had confirmed still there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from infra.embedded.kafka import answers, kafka_child
from infra.embedded.process import listening, wait_for
from infra.errors import WatchfloorError
from infra.setting_values import ROOT
from infra.settings import Settings

pytestmark = pytest.mark.kafka

CHILD = """
import sys, time
from pathlib import Path
from infra.embedded.{name} import {name}_child
with {name}_child(Path(sys.argv[1])) as (address, server):
    print(address, server.pid, flush=True)
    time.sleep(600)
"""


def producer(bootstrap: str) -> Producer:
    config = Settings(kafka_url=bootstrap).kafka_client_config(producer=True)
    return Producer({**config, "acks": "all"})


def values(bootstrap: str, topic: str) -> list[bytes | None]:
    """All values of a topic's only partition."""
    config = Settings(kafka_url=bootstrap).kafka_client_config()
    consumer = Consumer({**config, "group.id": "unused", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[bytes | None] = []
    while (message := consumer.poll(20)) is not None and message.error() is None:
        found.append(message.value())
    consumer.close()
    return found


def test_kill_and_start_again_keeps_what_was_confirmed(tmp_path: Path) -> None:
    with kafka_child(tmp_path / "kafka") as (bootstrap, server):
        admin = AdminClient({"bootstrap.servers": bootstrap})
        admin.create_topics([NewTopic("kept", 1)])["kept"].result(20)
        client = producer(bootstrap)
        for number in range(100):
            client.produce("kept", str(number).encode())
        assert client.flush(20) == 0
        cluster = admin.list_topics(timeout=10).cluster_id
        server.kill()
        assert not answers(bootstrap, timeout=1)

    with kafka_child(tmp_path / "kafka") as (bootstrap, _):
        assert values(bootstrap, "kept") == [str(number).encode() for number in range(100)]
        again = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=10)
        assert again.cluster_id == cluster


def test_the_broker_makes_no_topics_and_listens_on_loopback_only(kafka_bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    admin.list_topics("never-created", timeout=10)
    assert "never-created" not in admin.list_topics(timeout=10).topics
    broker = ConfigResource(ResourceType.BROKER, "1")
    config = next(iter(admin.describe_configs([broker]).values())).result(10)
    assert config["auto.create.topics.enable"].value == "false"
    assert config["log.retention.check.interval.ms"].value == "15000"
    port = int(kafka_bootstrap.rpartition(":")[2])
    addresses = {
        str(connection.laddr[0]).removeprefix("::ffff:")  # type: ignore[misc]
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and port in tuple(connection.laddr)
    }
    assert addresses == {"127.0.0.1"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.parametrize("name", ["kafka", "postgres"])
def test_a_server_dies_with_whoever_started_it(tmp_path: Path, name: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD.format(name=name), str(tmp_path / name)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        _, pid = parent.stdout.readline().split()
        server = psutil.Process(int(pid))
        assert server.is_running()
        os.kill(parent.pid, signal.SIGKILL)
    wait_for(f"the end of {name}", lambda: _gone(server), timeout=30)


def _gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_port_that_is_taken_is_told(tmp_path: Path, kafka_bootstrap: str) -> None:
    taken = int(kafka_bootstrap.rpartition(":")[2])
    assert listening(taken)
    with (
        pytest.raises(WatchfloorError, match=f"port {taken} is in use by java"),
        kafka_child(tmp_path / "kafka", port=taken),
    ):
        pass
