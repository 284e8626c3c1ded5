"""Topics on a real broker: made, compared, repaired, refused, removed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions

from infra.settings import Settings
from topics import admin
from topics.catalogue import TOPICS
from topics.plan import Drift

pytestmark = pytest.mark.kafka


@pytest.fixture
def here(kafka_bootstrap: str, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Settings of a namespace of the test's own."""
    name = request.node.name.replace("_", "-").removeprefix("test-")[:40].lower().strip("-")
    return Settings(state_dir=tmp_path, kafka_url=kafka_bootstrap, namespace=name)


def drifted(settings: Settings) -> list[Drift]:
    """What `check` finds, once the broker that it asks has followed the controller."""
    deadline = time.monotonic() + 20
    while not (found := admin.check(settings)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def names(settings: Settings) -> set[str]:
    listed = admin.admin_client(settings).list_topics(timeout=10).topics
    return {name for name in listed if name.startswith(f"{settings.namespace}.")}


def test_everything_is_made_as_declared(here: Settings) -> None:
    missing = admin.check(here)
    assert {drift.setting for drift in missing} == {"topic"}
    assert len(missing) == 2 * len(TOPICS)
    admin.ensure(here)
    assert admin.check(here) == []
    admin.ensure(here)
    assert names(here) == {
        f"{here.namespace}.{name}" for topic in TOPICS for name in (topic.name, topic.dlq)
    }
    admin.delete_namespace(here)
    assert names(here) == set()


def test_drift_is_named_and_repaired(here: Settings) -> None:
    admin.ensure(here)
    topic = f"{here.namespace}.camera.frames.v1"
    change = ConfigEntry("retention.ms", "86400000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource("topic", topic, incremental_configs=[change])
    client = admin.admin_client(here)
    for future in client.incremental_alter_configs([resource]).values():
        future.result()
    drifts = drifted(here)
    assert [(d.topic, d.setting, d.actual, d.desired) for d in drifts] == [
        (topic, "retention.ms", "86400000", "600000")
    ]
    assert admin.repair(here, drifts) == []
    assert admin.check(here) == []
    admin.delete_namespace(here)


def test_another_partition_count_is_refused(here: Settings) -> None:
    admin.ensure(here)
    topic = f"{here.namespace}.security.events.v1"
    client = admin.admin_client(here)
    for future in client.create_partitions([NewPartitions(topic, 6)]).values():
        future.result()
    drifts = drifted(here)
    assert [(d.topic, d.setting, d.actual) for d in drifts] == [(topic, "partitions", "6")]
    assert admin.repair(here, drifts) == drifts
    with pytest.raises(admin.PartitionCountError) as caught:
        admin.ensure(here)
    assert topic in caught.value.message
    assert "0003-partition-counts" in (caught.value.hint or "")
    admin.delete_namespace(here)


def test_changelogs_are_made_once(here: Settings) -> None:
    tables = ["watchfloor-decide-dedupe-changelog", "watchfloor-decide-timers-changelog"]
    admin.ensure_changelogs(here, tables, 4)
    admin.ensure_changelogs(here, tables, 4)
    assert names(here) == {f"{here.namespace}.{name}" for name in tables}
    with pytest.raises(admin.PartitionCountError):
        admin.ensure_changelogs(here, tables, 8)
    admin.delete_namespace(here)


def test_namespace_is_removed_with_its_groups_and_nothing_else(here: Settings) -> None:
    other = here.in_namespace(f"{here.namespace}-2"[:50])
    for settings in (here, other):
        admin.ensure_changelogs(settings, ["watchfloor-decide-x-changelog"], 1)
        topic = f"{settings.namespace}.watchfloor-decide-x-changelog"
        consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka_url,
                "group.id": f"{settings.namespace}.watchfloor-decide",
                "auto.offset.reset": "earliest",
            }
        )
        consumer.subscribe([topic])
        while not consumer.assignment():
            consumer.poll(0.1)
        consumer.close()
    admin.delete_namespace(here)
    assert names(here) == set()
    assert len(names(other)) == 1
    client = admin.admin_client(here)
    listing = client.list_consumer_groups().result()
    groups = {group.group_id for group in listing.valid}
    assert f"{here.namespace}.watchfloor-decide" not in groups
    assert f"{other.namespace}.watchfloor-decide" in groups
    admin.delete_namespace(other)


@pytest.mark.parametrize("namespace", ["", "camera"])
def test_live_topics_are_never_removed(
    namespace: str, kafka_bootstrap: str, tmp_path: Path
) -> None:
    settings = Settings(state_dir=tmp_path, kafka_url=kafka_bootstrap, namespace=namespace)
    with pytest.raises(admin.TopicError, match="live"):
        admin.delete_namespace(settings)


def test_namespace_of_a_topic_s_first_word_is_refused(kafka_bootstrap: str, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, kafka_url=kafka_bootstrap, namespace="security")
    with pytest.raises(admin.TopicError, match="live topics"):
        admin.ensure(settings)


def test_a_broker_that_is_away_is_an_error_a_person_understands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "LIMIT_S", 1.0)
    settings = Settings(state_dir=tmp_path, kafka_url="127.0.0.1:1")
    with pytest.raises(admin.TopicError, match="the broker does not answer"):
        admin.check(settings)


def test_drift_reads_as_a_sentence() -> None:
    drift = Drift(topic="a.v1", setting="s", actual="1", desired="2", remedy="Do so.")
    assert str(drift) == "a.v1: s is 1, should be 2. Do so."
