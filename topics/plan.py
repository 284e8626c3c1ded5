"""What every topic must look like on the broker, from its declaration. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from topics.catalogue import SITE_GROUP, TOPICS
from topics.declare import DLQ_SUFFIX, Content, KeyKind, Topic

__all__ = [
    "DLQ_KEEP",
    "ClusterShape",
    "Drift",
    "PlannedTopic",
    "changelog_plan",
    "check_declarations",
    "compare",
    "namespace_problem",
    "partitions_of",
    "plan",
    "prefix_of",
]

DLQ_KEEP: Final = timedelta(days=30)
DLQ_HEADROOM: Final = 131_072
"""A dead letter is its original with headers more: it must fit where its original did."""

CHANGELOG_BYTES: Final = 8 * 1_048_576
CHANGELOG_TOMBSTONES: Final = timedelta(days=7)
CHANGELOG_LAG: Final = timedelta(minutes=5)
"""A worker whose store is older than that starts from the changelog's beginning or sees ghosts."""

SEGMENTS_IN_RETENTION: Final = 10
LEAST_SEGMENT: Final = timedelta(seconds=30)
MOST_SEGMENT: Final = timedelta(days=7)
MEBI: Final = 1_048_576

_SEGMENT_BYTES: Final = (
    (timedelta(hours=2), 16 * MEBI),
    (timedelta(days=2), 64 * MEBI),
    (timedelta(days=60), 128 * MEBI),
)
_MOST_SEGMENT_BYTES: Final = 256 * MEBI

LONGEST_NAME: Final = 249
"""Kafka's own limit."""
LONGEST_PREFIX: Final = 57

NAME: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*\.v[1-9]\d{0,2}")


@dataclass(frozen=True, kw_only=True)
class ClusterShape:
    """How many copies of a partition the cluster can have."""

    replication: int
    min_insync: int

    @classmethod
    def of(cls, brokers: int) -> ClusterShape:
        """Three copies of which two must have a record, where there are brokers for it."""
        return (
            cls(replication=3, min_insync=2) if brokers >= 3 else cls(replication=1, min_insync=1)
        )


@dataclass(frozen=True, kw_only=True)
class PlannedTopic:
    """One topic on the broker: its whole name, and every setting that is ours to decide."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A topic that is not as declared. remedy: what to do about it.

    setting: a topic setting's name, or `topic`, `partitions`, `replication`.
    """

    topic: str
    setting: str
    actual: str
    desired: str
    remedy: str

    @property
    def repairable(self) -> bool:
        """Whether setting it is all it takes, with no record moved."""
        return self.setting not in {"topic", "partitions", "replication"}

    def __str__(self) -> str:
        return (
            f"{self.topic}: {self.setting} is {self.actual}, should be {self.desired}. "
            f"{self.remedy}"
        )


def prefix_of(namespace: str) -> str:
    """What the names of a namespace's topics and groups begin with."""
    return f"{namespace}." if namespace else ""


def namespace_problem(namespace: str) -> str | None:
    """Why a namespace cannot be used; None: it can.

    One that is the first word of a topic (`camera`, `security`) would own the live topics, and
    removing it would remove them.
    """
    taken = {topic.name.partition(".")[0] for topic in TOPICS} | {"watchfloor"}
    if namespace in taken:
        return f"'{namespace}' begins the names of live topics; choose another namespace"
    return None


def partitions_of(topic: Topic, partitions: int | None) -> int:
    """How many partitions a topic has; partitions: `site_partitions`, None for as declared."""
    return topic.partitions if partitions is None or topic.group != SITE_GROUP else partitions


def plan(
    shape: ClusterShape, namespace: str = "", partitions: int | None = None
) -> tuple[PlannedTopic, ...]:
    """Every topic of a namespace, dead-letter topics included. partitions: see `partitions_of`."""
    prefix = prefix_of(namespace)
    planned: list[PlannedTopic] = []
    for topic in TOPICS:
        dead = _deleting(DLQ_KEEP, topic.max_bytes + DLQ_HEADROOM)
        for name, count, config in (
            (topic.name, partitions_of(topic, partitions), _config(topic)),
            # Few records, in no order that anybody relies on: a partition is enough.
            (topic.dlq, 1, dead),
        ):
            planned.append(
                PlannedTopic(
                    name=prefix + name,
                    partitions=count,
                    replication=shape.replication,
                    config={**config, "min.insync.replicas": str(shape.min_insync)},
                )
            )
    return tuple(planned)


def changelog_plan(
    shape: ClusterShape, namespace: str, names: Sequence[str], partitions: int
) -> tuple[PlannedTopic, ...]:
    """Changelogs of tables: compacted, as many partitions as the tables' inputs."""
    config = {
        **_compacting(CHANGELOG_BYTES),
        # A small active segment and an eager cleaner: recovery reads what is left over, whole.
        "segment.bytes": str(16 * MEBI),
        "segment.ms": _ms(timedelta(hours=1)),
        "min.cleanable.dirty.ratio": "0.2",
        # A late writer's row must not take its owner's away before that is written again.
        "min.compaction.lag.ms": _ms(CHANGELOG_LAG),
        "delete.retention.ms": _ms(CHANGELOG_TOMBSTONES),
        "min.insync.replicas": str(shape.min_insync),
    }
    return tuple(
        PlannedTopic(
            name=prefix_of(namespace) + name,
            partitions=partitions,
            replication=shape.replication,
            config=config,
        )
        for name in names
    )


def _ms(value: timedelta) -> str:
    return str(value // timedelta(milliseconds=1))


def _config(topic: Topic) -> dict[str, str]:
    if topic.compact:
        config = _compacting(topic.max_bytes)
        if topic.keep is not None:
            config |= {"cleanup.policy": "compact,delete", "retention.ms": _ms(topic.keep)}
        return config
    assert topic.keep is not None
    return _deleting(topic.keep, topic.max_bytes)


def _common(max_bytes: int) -> dict[str, str]:
    return {
        "max.message.bytes": str(max_bytes),
        # The record's time is when it was produced; event time is ce_time.
        "message.timestamp.type": "CreateTime",
        "message.timestamp.after.max.ms": _ms(timedelta(hours=1)),
        "compression.type": "producer",
        "retention.bytes": "-1",
    }


def _deleting(keep: timedelta, max_bytes: int) -> dict[str, str]:
    """Retention goes by whole segments, so a segment may span a tenth of it at most."""
    segment = min(max(keep / SEGMENTS_IN_RETENTION, LEAST_SEGMENT), MOST_SEGMENT)
    size = next((size for limit, size in _SEGMENT_BYTES if keep <= limit), _MOST_SEGMENT_BYTES)
    return {
        **_common(max_bytes),
        "cleanup.policy": "delete",
        "retention.ms": _ms(keep),
        "segment.ms": _ms(segment),
        "segment.bytes": str(max(size, 2 * max_bytes)),
    }


def _compacting(max_bytes: int) -> dict[str, str]:
    return {
        **_common(max_bytes),
        "cleanup.policy": "compact",
        "retention.ms": "-1",
        "segment.ms": _ms(timedelta(hours=6)),
        "segment.bytes": str(32 * MEBI),
        # What was replaced or removed is gone a day later, also from a topic that nobody writes.
        "max.compaction.lag.ms": _ms(timedelta(days=1)),
        "delete.retention.ms": _ms(timedelta(days=1)),
    }


PARTITIONS_REFUSED: Final = (
    "This is refused: another count moves keys to other partitions, while tables and changelogs "
    "stay where they are. Make a new version of the topic and replay into it, or start a new "
    "namespace (docs/adr/0003-partition-counts.md)."
)


def compare(
    desired: PlannedTopic,
    *,
    partitions: int,
    replication: int,
    config: Mapping[str, str],
) -> list[Drift]:
    """How an existing topic differs from what it should be."""
    found: list[Drift] = []

    def note(setting: str, actual: object, wanted: object, remedy: str) -> None:
        found.append(
            Drift(
                topic=desired.name,
                setting=setting,
                actual=str(actual),
                desired=str(wanted),
                remedy=remedy,
            )
        )

    if partitions != desired.partitions:
        note("partitions", partitions, desired.partitions, PARTITIONS_REFUSED)
    if replication < desired.replication:
        note(
            "replication",
            replication,
            desired.replication,
            "Move its replicas with kafka-reassign-partitions.sh.",
        )
    for setting, value in desired.config.items():
        actual = config.get(setting, "unset")
        if _normal(actual) != _normal(value):
            note(setting, actual, value, "Set it: watchfloor topics check --repair")
    return found


def _normal(value: str) -> str:
    """Lists in one order, numbers in one spelling."""
    if re.fullmatch(r"-?\d+\.\d+", value):
        return repr(float(value))
    return ",".join(sorted(part.strip() for part in value.split(",")))


def check_declarations(topics: Iterable[Topic] = TOPICS) -> list[str]:
    """What is wrong with the declarations themselves, a sentence each."""
    problems: list[str] = []
    groups: dict[str, dict[str, int]] = {}
    names: set[str] = set()
    for topic in topics:
        if topic.name in names:
            problems.append(f"{topic.name} is declared twice")
        names.add(topic.name)
        problems += [f"{topic.name}: {problem}" for problem in _declaration_problems(topic)]
        if topic.group is not None:
            groups.setdefault(topic.group, {})[topic.name] = topic.partitions
    for group, members in groups.items():
        if len(set(members.values())) > 1:
            counts = ", ".join(f"{name} {count}" for name, count in members.items())
            problems.append(f"co-partition group {group}: its members differ: {counts}")
    return problems


def _declaration_problems(topic: Topic) -> Iterable[str]:
    if not NAME.fullmatch(topic.name):
        yield "a name is lowercase words, dots and a version, and has no '_'"
    if len(topic.name) + len(DLQ_SUFFIX) + LONGEST_PREFIX > LONGEST_NAME:
        yield "too long for Kafka with a namespace before it"
    if topic.partitions < 1:
        yield "needs at least one partition"
    if not topic.promise.strip() or not topic.owner.strip():
        yield "does not say who writes it and what it promises"
    if topic.keep is None and not topic.compact:
        yield "keeps everything for ever, and is not compacted"
    if topic.compact and topic.key is KeyKind.NONE:
        yield "is compacted, and has no key"
    if (topic.content is Content.JPEG) != (topic.header is not None):
        yield "a JPEG has its message in a header, and only a JPEG"
    if not topic.value.SCHEMA:
        yield "its message has no schema name"
