"""Topics on the broker: made as declared, compared with what is declared, and removed.

The broker makes no topic by itself; what runs finds every topic here first. Everything blocks,
with a limit: call it from a thread where there is an event loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from infra.errors import WatchfloorError
from topics.plan import (
    ClusterShape,
    Drift,
    PlannedTopic,
    changelog_plan,
    check_declarations,
    compare,
    namespace_problem,
    plan,
    prefix_of,
)

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = [
    "PartitionCountError",
    "TopicError",
    "admin_client",
    "check",
    "delete_namespace",
    "ensure",
    "ensure_changelogs",
    "repair",
    "topic_ids",
]

LIMIT_S: Final = 30.0
POLL_S: Final = 0.2

T = TypeVar("T")


class TopicError(WatchfloorError):
    """The broker did not do what was asked of it."""


class PartitionCountError(TopicError):
    """Topics exist with another number of partitions than declared."""

    def __init__(self, drifts: Sequence[Drift]) -> None:
        self.drifts = tuple(drifts)
        first = self.drifts[0]
        more = f" ({len(self.drifts)} topics)" if len(self.drifts) > 1 else ""
        super().__init__(
            f"{first.topic}: has {first.actual} partitions, {first.desired} are declared{more}",
            hint=first.remedy,
        )


def admin_client(settings: Settings) -> AdminClient:
    """A client for administration. Raises SettingsError where no broker is known."""
    return AdminClient(
        {
            **settings.kafka_client_config(),
            "client.id": "watchfloor-admin",
            "enable.metrics.push": False,
            "log_level": 3,
        }
    )


def ensure(settings: Settings, *, replication: int | None = None) -> None:
    """Make every topic of the settings' namespace that is missing.

    replication: instead of what the number of brokers says. Existing topics are left as they are,
    see `check`. Raises PartitionCountError where one has another number of partitions than
    declared, and TopicError where the declarations are at odds or the broker does not answer.
    """
    _refuse_bad_declarations(settings)
    client = admin_client(settings)
    _make(client, plan(_shape(client, replication), settings.namespace, settings.site_partitions))


def ensure_changelogs(settings: Settings, names: Sequence[str], partitions: int) -> None:
    """Make the changelog topics of Faust's tables that are missing.

    names: without the namespace, as Faust calls them. partitions: those of the tables' inputs.
    Raises PartitionCountError where one exists with another number: its rows would be elsewhere.
    """
    client = admin_client(settings)
    shape = _shape(client, None)
    _make(client, changelog_plan(shape, settings.namespace, names, partitions))


def topic_ids(settings: Settings, names: Sequence[str]) -> dict[str, str]:
    """The broker's own id of each declared topic: one that is made anew has another.

    Raises KafkaException where the broker does not answer or has no such topic.
    """
    prefix = prefix_of(settings.namespace)
    wanted = TopicCollection([prefix + name for name in names])
    # Held until it has answered: what a client was asked ends with it.
    client = admin_client(settings)
    found = client.describe_topics(wanted, request_timeout=LIMIT_S)
    return {name: str(found[prefix + name].result(timeout=LIMIT_S).topic_id) for name in names}


def check(settings: Settings) -> list[Drift]:
    """Every topic, partition count, replication and setting that is not as declared.

    An empty list: all is as it should be. Raises TopicError where the broker does not answer.
    """
    _refuse_bad_declarations(settings)
    client = admin_client(settings)
    desired = plan(_shape(client, None), settings.namespace, settings.site_partitions)
    existing = _existing(client)
    configs = _configs(client, [topic.name for topic in desired if topic.name in existing])
    found: list[Drift] = []
    for topic in desired:
        if topic.name not in existing:
            found.append(
                Drift(
                    topic=topic.name,
                    setting="topic",
                    actual="missing",
                    desired="there",
                    remedy="'watchfloor up' makes it.",
                )
            )
            continue
        partitions, replicas = existing[topic.name]
        found += compare(
            topic, partitions=partitions, replication=replicas, config=configs[topic.name]
        )
    return found


def repair(settings: Settings, drifts: Iterable[Drift]) -> list[Drift]:
    """Set the settings that drifted; returns what cannot be repaired so (see Drift.repairable)."""
    left: list[Drift] = []
    entries: dict[str, list[ConfigEntry]] = {}
    for drift in drifts:
        if drift.repairable:
            entries.setdefault(drift.topic, []).append(
                ConfigEntry(
                    drift.setting,
                    drift.desired,
                    incremental_operation=AlterConfigOpType.SET,
                )
            )
        else:
            left.append(drift)
    resources = [
        ConfigResource(ResourceType.TOPIC, name, incremental_configs=changes)
        for name, changes in entries.items()
    ]
    if resources:
        client = admin_client(settings)
        _results(client.incremental_alter_configs(resources, request_timeout=LIMIT_S))

        def there() -> bool:
            configs = _configs(client, list(entries))
            return all(
                configs[name].get(entry.name) == entry.value
                for name, changes in entries.items()
                for entry in changes
            )

        # The controller has it; the broker that is asked next follows a moment later.
        _wait(there, time.monotonic() + LIMIT_S)
    return left


def delete_namespace(settings: Settings) -> None:
    """Remove a namespace's topics, changelogs and consumer groups.

    What runs in it must have stopped. Raises TopicError for the live namespace, and where groups
    still have members after the limit.
    """
    if not settings.namespace:
        raise TopicError("the live namespace is not removed")
    problem = namespace_problem(settings.namespace)
    if problem:
        raise TopicError(problem)
    client, prefix = admin_client(settings), prefix_of(settings.namespace)
    deadline = time.monotonic() + LIMIT_S

    def groups() -> list[str]:
        listing = _call(lambda: client.list_consumer_groups(request_timeout=LIMIT_S).result())
        return [g.group_id for g in listing.valid if g.group_id.startswith(prefix)]

    while names := groups():
        left = _failures(client.delete_consumer_groups(names, request_timeout=LIMIT_S))
        # A member that was killed counts until its session ends.
        busy = [
            name for name, error in left.items() if error.code() != KafkaError.GROUP_ID_NOT_FOUND
        ]
        if busy and time.monotonic() > deadline:
            raise TopicError(
                f"consumer group {busy[0]} cannot be removed: {left[busy[0]].str()}",
                hint="Stop what still runs in that namespace, then try again.",
            )
        if busy:
            time.sleep(POLL_S)
    topics = [name for name in _existing(client) if name.startswith(prefix)]
    if topics:
        errors = _failures(client.delete_topics(topics, operation_timeout=LIMIT_S))
        for name, error in errors.items():
            if error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise TopicError(f"{name} cannot be removed: {error.str()}")
        _wait(lambda: not any(name.startswith(prefix) for name in _existing(client)), deadline)


def _refuse_bad_declarations(settings: Settings) -> None:
    problems = check_declarations()
    bad_namespace = namespace_problem(settings.namespace) if settings.namespace else None
    if bad_namespace:
        problems.append(bad_namespace)
    if problems:
        raise TopicError("topics: " + "; ".join(problems))


def _shape(client: AdminClient, replication: int | None) -> ClusterShape:
    brokers = len(_call(lambda: client.list_topics(timeout=LIMIT_S)).brokers)
    if replication is None:
        return ClusterShape.of(brokers)
    return ClusterShape(replication=replication, min_insync=2 if replication >= 3 else 1)


def _existing(client: AdminClient) -> dict[str, tuple[int, int]]:
    """Partitions and replicas of each topic that is there."""
    metadata = _call(lambda: client.list_topics(timeout=LIMIT_S))
    return {
        name: (
            len(topic.partitions),
            min((len(p.replicas) for p in topic.partitions.values()), default=0),
        )
        for name, topic in metadata.topics.items()
        if topic.error is None
    }


def _configs(client: AdminClient, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    answers = _results(client.describe_configs(resources, request_timeout=LIMIT_S))
    return {
        resource.name: {key: str(entry.value) for key, entry in entries.items()}
        for resource, entries in answers.items()
    }


def _make(client: AdminClient, wanted: Sequence[PlannedTopic]) -> None:
    existing = _existing(client)
    wrong = [
        drift
        for topic in wanted
        if topic.name in existing
        for drift in compare(
            topic,
            partitions=existing[topic.name][0],
            replication=topic.replication,
            config=topic.config,
        )
    ]
    if wrong:
        raise PartitionCountError(wrong)
    missing = [topic for topic in wanted if topic.name not in existing]
    if not missing:
        return
    errors = _failures(
        client.create_topics(
            [
                NewTopic(
                    topic.name,
                    num_partitions=topic.partitions,
                    replication_factor=topic.replication,
                    config=dict(topic.config),
                )
                for topic in missing
            ],
            operation_timeout=LIMIT_S,
            request_timeout=LIMIT_S,
        )
    )
    for name, error in errors.items():
        # Two processes that start at once both make it; one of them is told so.
        if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise TopicError(f"{name} cannot be made: {error.str()}")
    names = {topic.name for topic in missing}
    # Made is not known everywhere: a producer that asks too early is told that there is no topic.
    _wait(lambda: names <= _existing(client).keys(), time.monotonic() + LIMIT_S)


def _wait(condition: Callable[[], bool], deadline: float) -> None:
    while not condition():
        if time.monotonic() > deadline:
            raise TopicError(f"the broker's metadata did not follow within {LIMIT_S:.0f} s")
        time.sleep(POLL_S)


def _call(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except KafkaException as error:
        raise TopicError(
            f"the broker does not answer: {error.args[0].str()}",
            hint="'watchfloor status' shows what runs; 'watchfloor doctor' looks for reasons.",
        ) from error


def _results(futures: Mapping[Any, Future[T]]) -> dict[Any, T]:
    return {key: _call(future.result) for key, future in futures.items()}


def _failures(futures: Mapping[str, Future[Any]]) -> dict[str, KafkaError]:
    """The errors of those that failed."""
    failed: dict[str, KafkaError] = {}
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            failed[name] = error.args[0]
    return failed
