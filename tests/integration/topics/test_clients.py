"""Clients agree: every partitioner on every key, and readers on what the examples say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.settings import Settings
from topics import admin
from topics.catalogue import ALERTS, CONFIG, EVENTS, FRAMES
from topics.consumer import consumer_example
from topics.declare import Topic
from topics.examples import AT, example
from topics.partitioner import partition_for
from topics.record import tombstone

pytestmark = pytest.mark.kafka

PARTITIONS = 7
NAMESPACE = "clients-agree"


@pytest.fixture(scope="module")
def here(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        state_dir=tmp_path_factory.mktemp("state"), kafka_url=kafka_bootstrap, namespace=NAMESPACE
    )


@pytest.fixture(scope="module")
def keyed(here: Settings) -> str:
    name = f"{NAMESPACE}.keys"
    topic = NewTopic(name, num_partitions=PARTITIONS, replication_factor=1)
    client = admin.admin_client(here)
    for future in client.create_topics([topic]).values():
        future.result()
    return name


def sent_to(here: Settings, topic: str, keys: list[bytes], **config: Any) -> list[int]:
    """The partition of each key, as the broker confirmed it."""
    producer = Producer({**here.kafka_client_config(), **config})
    found: dict[int, int] = {}

    def report(index: int) -> Any:
        def delivered(error: Any, message: Any) -> None:
            assert error is None
            found[index] = message.partition()

        return delivered

    for index, key in enumerate(keys):
        producer.produce(topic, key=key, value=b"", on_delivery=report(index))
    assert producer.flush(20) == 0
    return [found[index] for index in range(len(keys))]


@settings(max_examples=5, deadline=None)
@given(keys=st.lists(st.binary(max_size=40), min_size=50, max_size=200))
def test_partitioners_agree(here: Settings, keyed: str, keys: list[bytes]) -> None:
    ours = [partition_for(key, PARTITIONS) for key in keys]
    every = list(range(PARTITIONS))
    assert [DefaultPartitioner()(key, every, every) for key in keys] == ours
    # librdkafka puts an empty key anywhere, as one that is missing; ours are never empty.
    told = [(key, partition) for key, partition in zip(keys, ours, strict=True) if key]
    sent = sent_to(
        here, keyed, [key for key, _ in told], **{"partitioner": "murmur2_random", "linger.ms": 5}
    )
    assert sent == [partition for _, partition in told]


def test_site_keys_go_where_we_say(here: Settings, keyed: str) -> None:
    keys = [f"site-{n}/camera-{n % 7}".encode() for n in range(1000)]
    producer_config = here.kafka_client_config(producer=True)
    sent = sent_to(here, keyed, keys, partitioner=producer_config["partitioner"])
    assert sent == [partition_for(key, PARTITIONS) for key in keys]


def test_librdkafka_s_default_would_not_do(here: Settings, keyed: str) -> None:
    """The reason for the rule: without it most keys are elsewhere."""
    keys = [f"site-{n}".encode() for n in range(500)]
    sent = sent_to(here, keyed, keys)
    agreeing = sum(a == partition_for(k, PARTITIONS) for a, k in zip(sent, keys, strict=True))
    assert agreeing < 250


def first_lines(script: str, bootstrap: str, count: int) -> list[str]:
    """Run a script until it has printed so many lines."""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "KAFKA": bootstrap},
    )
    try:
        assert process.stdout is not None
        return [process.stdout.readline().rstrip("\n") for _ in range(count)]
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.parametrize("topic", [EVENTS, FRAMES, ALERTS, CONFIG], ids=str)
def test_consumer_example_runs(topic: Topic, here: Settings, kafka_bootstrap: str) -> None:
    """The script of the topic's description, as it is, on the topic's example record."""
    admin.ensure(here)
    record = example(topic).record
    name = f"{NAMESPACE}.{topic.name}"
    producer = Producer(here.kafka_client_config(producer=True))
    producer.produce(name, key=record.key, value=record.value, headers=list(record.headers))
    wanted = 1
    if topic.compact:
        assert record.key is not None
        gone = tombstone(
            topic,
            key=record.key.decode(),
            id="gone",
            time=AT,
            source="watchfloor/test",
        )
        producer.produce(name, key=gone.key, value=None, headers=list(gone.headers))
        wanted = 2
    assert producer.flush(20) == 0
    lines = first_lines(consumer_example(topic, name), kafka_bootstrap, wanted)
    shown = example(topic)
    if topic is FRAMES:
        assert lines == ["2026-03-02T22:15:04.200000Z 212 bytes of JPEG"]
    else:
        assert lines[0].startswith(shown.headers["ce_id"])
    if topic is EVENTS:
        assert "object_in_zone" in lines[0]
    if topic.compact:
        assert record.key is not None
        assert lines[1] == f"{record.key.decode()} removed"


def test_cleanup(here: Settings) -> None:
    """Last in the file: what these tests made is removed with their namespace."""
    admin.delete_namespace(here)
    listed = admin.admin_client(here).list_topics(timeout=10).topics
    assert not any(name.startswith(f"{NAMESPACE}.") for name in listed)


def test_state_folder_is_not_used(here: Settings) -> None:
    assert list(Path(here.state_dir).iterdir()) == []
