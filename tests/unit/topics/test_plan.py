"""What topics must look like: settings from declarations, and what counts as drift."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from topics.catalogue import ALERTS, CONFIG, EVENTS, FRAMES, TICKS_DECIDE, TOPICS
from topics.declare import Content, KeyKind, Topic
from topics.plan import (
    ClusterShape,
    Drift,
    PlannedTopic,
    changelog_plan,
    check_declarations,
    compare,
    namespace_problem,
    partitions_of,
    plan,
)

ONE = ClusterShape.of(1)


def planned(name: str, namespace: str = "") -> PlannedTopic:
    return next(topic for topic in plan(ONE, namespace) if topic.name == name)


def test_declarations_hold() -> None:
    assert check_declarations() == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "camera_frames.v1"}, "lowercase words"),
        ({"name": "Camera.frames.v1"}, "lowercase words"),
        ({"name": "camera.frames"}, "lowercase words"),  # no version
        ({"name": "camera.frames.v0"}, "lowercase words"),
        ({"name": "a." * 100 + "v1"}, "too long"),
        ({"partitions": 0}, "at least one partition"),
        ({"promise": " "}, "what it promises"),
        ({"owner": ""}, "who writes it"),
        ({"keep": None}, "for ever"),
        ({"compact": True, "key": KeyKind.NONE}, "no key"),
        ({"header": None}, "message in a header"),
        ({"content": Content.JSON}, "message in a header"),
    ],
)
def test_bad_declaration_is_named(change: dict[str, object], problem: str) -> None:
    topic = replace(FRAMES, **change)  # type: ignore[arg-type]
    assert any(problem in line and topic.name in line for line in check_declarations([topic]))


def test_declared_twice_is_named() -> None:
    assert check_declarations([EVENTS, EVENTS]) == ["security.events.v1 is declared twice"]


def test_co_partition_group_needs_equal_counts() -> None:
    other = replace(EVENTS, name="security.others.v1", partitions=8)
    assert check_declarations([EVENTS, other]) == [
        "co-partition group site: its members differ: security.events.v1 4, security.others.v1 8"
    ]


def test_everything_that_decide_reads_is_one_group() -> None:
    grouped = {topic.name for topic in TOPICS if topic.group == EVENTS.group}
    assert {
        "security.events.v1",
        "alert.commands.v1",
        "notify.results.v1",
        "ticks.decide.v1",
    } <= grouped


@pytest.mark.parametrize(
    "topic", [topic for topic in TOPICS if not topic.compact], ids=lambda topic: topic.name
)
def test_segments_make_retention_true(topic: Topic) -> None:
    """A record outlives its retention by one segment's span at most: a tenth of it."""
    config = planned(topic.name).config
    assert topic.keep is not None
    keep = topic.keep / timedelta(milliseconds=1)
    assert int(config["retention.ms"]) == keep
    assert int(config["segment.ms"]) <= max(keep / 10, 30_000)
    assert int(config["segment.bytes"]) >= 2 * topic.max_bytes
    assert int(config["segment.bytes"]) <= 256 * 1024**2


def test_ten_minutes_are_small_segments() -> None:
    config = planned("camera.frames.v1").config
    assert (config["segment.ms"], config["segment.bytes"]) == ("60000", str(16 * 1024**2))


def test_compacted_topics_keep_and_forget() -> None:
    for topic in (ALERTS, CONFIG):
        config = planned(topic.name).config
        assert config["cleanup.policy"] == "compact"
        assert config["retention.ms"] == "-1"
        assert int(config["max.compaction.lag.ms"]) == 86_400_000


def test_every_topic_has_a_dead_letter_topic_that_takes_its_records() -> None:
    every = {topic.name: topic for topic in plan(ONE)}
    assert len(every) == 2 * len(TOPICS)
    for topic in TOPICS:
        dead = every[topic.dlq].config
        assert dead["retention.ms"] == str(30 * 86_400_000)
        assert int(dead["max.message.bytes"]) > topic.max_bytes


@pytest.mark.parametrize(
    ("brokers", "replication", "insync"),
    [(1, 1, 1), (2, 1, 1), (3, 3, 2), (5, 3, 2)],
)
def test_replication_by_brokers(brokers: int, replication: int, insync: int) -> None:
    shape = ClusterShape.of(brokers)
    for topic in plan(shape):
        assert topic.replication == replication
        assert topic.config["min.insync.replicas"] == str(insync)


def test_namespace_is_before_every_name() -> None:
    assert all(topic.name.startswith("trial-1.") for topic in plan(ONE, "trial-1"))


@pytest.mark.parametrize("namespace", ["camera", "security", "notify", "watchfloor"])
def test_namespace_must_not_own_live_topics(namespace: str) -> None:
    assert namespace_problem(namespace)


def test_other_namespaces_are_fine() -> None:
    assert namespace_problem("replay-1a2b") is None


def test_a_number_of_partitions_is_that_of_what_decide_and_act_read() -> None:
    planned = {one.name: one.partitions for one in plan(ClusterShape.of(1), "lab", 48)}
    assert planned["lab." + EVENTS.name] == 48
    assert planned["lab." + TICKS_DECIDE.name] == 48
    assert planned["lab." + ALERTS.name] == ALERTS.partitions
    assert planned["lab." + CONFIG.name] == 1
    assert planned["lab." + EVENTS.dlq] == 1
    assert partitions_of(EVENTS, None) == EVENTS.partitions


def test_changelogs_are_compacted_and_partitioned_as_their_inputs() -> None:
    (topic,) = changelog_plan(ONE, "x", ["watchfloor-decide-dedupe-changelog"], 4)
    assert topic.name == "x.watchfloor-decide-dedupe-changelog"
    assert topic.partitions == 4
    assert topic.config["cleanup.policy"] == "compact"


def drifts(**actual: object) -> list[Drift]:
    topic = planned("camera.frames.v1")
    return compare(
        topic,
        partitions=int(str(actual.get("partitions", topic.partitions))),
        replication=int(str(actual.get("replication", topic.replication))),
        config={**topic.config, **{k: str(v) for k, v in actual.items() if "." in k}},
    )


def test_no_drift_is_nothing() -> None:
    assert drifts() == []


def test_other_partition_count_is_refused_with_the_reason() -> None:
    (drift,) = drifts(partitions=8)
    assert (drift.setting, drift.actual, drift.desired) == ("partitions", "8", "4")
    assert "changelogs stay" in drift.remedy.replace("\n", " ")
    assert "0003-partition-counts" in drift.remedy
    assert not drift.repairable


def test_drifted_setting_is_named_with_both_values() -> None:
    (drift,) = drifts(**{"retention.ms": 3_600_000})
    assert str(drift).startswith(
        "camera.frames.v1: retention.ms is 3600000, should be 600000. Set it:"
    )
    assert drift.repairable


def test_more_replicas_than_needed_are_no_drift() -> None:
    assert drifts(replication=3) == []


def test_too_few_replicas_are_named() -> None:
    topic = next(t for t in plan(ClusterShape.of(3)) if t.name == "camera.frames.v1")
    found = compare(topic, partitions=4, replication=1, config=topic.config)
    assert [drift.setting for drift in found] == ["replication"]


@pytest.mark.parametrize(
    ("actual", "desired", "same"),
    [
        ("delete,compact", "compact,delete", True),
        ("compact, delete", "compact,delete", True),
        ("0.20", "0.2", True),
        ("0.5", "0.2", False),
        ("compact", "compact,delete", False),
    ],
)
def test_spelling_is_no_drift(actual: str, desired: str, same: bool) -> None:
    topic = PlannedTopic(name="x", partitions=1, replication=1, config={"a": desired})
    found = compare(topic, partitions=1, replication=1, config={"a": actual})
    assert (found == []) is same
