"""What was recorded: events to run, and what became of them then. From the topics or PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from agents.route.alerts import situation_of
from infra.backtest.plan import Part
from infra.backtest.site_run import Act
from schemas.alert import RESOLUTIONS, ActivityKind, Alert, Command, CommandKind
from schemas.base import SchemaError, decode
from schemas.event import SecurityEvent
from schemas.notification import NotifyRequest
from topics.catalogue import ALERTS, COMMANDS, EVENTS, NOTIFY_REQUESTS

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = [
    "Facts",
    "RecordedEvent",
    "archived_events",
    "facts_in_archive",
    "facts_in_topics",
    "partitions",
    "topic_events",
]

AHEAD: Final = timedelta(minutes=10)
"""Events are accepted up to 5 min ahead of the clock: so much earlier may one be recorded."""
BEHIND: Final = timedelta(hours=25)
"""And up to 24 h behind it."""
CHUNK: Final = 5_000
POLL_S: Final = 1.0
QUIET_S: Final = 30.0
PAGE: Final = 10_000
MOST_SNOOZE_S: Final = 30 * 86_400


class RecordedEvent(SecurityEvent, frozen=True, kw_only=True):
    """An event that was checked when it was taken: its ids are not matched a second time.

    That check is two thirds of decoding.
    """

    event_id: str
    site_id: str
    event_type: str
    camera_id: str | None = None
    zone_id: str | None = None
    device_id: str | None = None
    label: str | None = None


@dataclass
class Facts:
    """What came of the events when they happened.

    alerts: of the span, by id. notifications: by receiver, kind and status. acts: what analysts
    did in the span.
    """

    alerts: dict[str, Alert] = field(default_factory=dict)
    notifications: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    acts: list[Act] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Progress = Callable[[int], None]


def _consumer(settings: Settings) -> Any:
    from confluent_kafka import Consumer

    return Consumer(
        {
            **settings.kafka_client_config(),
            "client.id": "watchfloor-backtest",
            "group.id": "watchfloor-backtest",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "enable.metrics.push": False,
            "queued.max.messages.kbytes": 65_536,
            "fetch.message.max.bytes": 4_194_304,
            "log_level": 3,
        }
    )


def partitions(settings: Settings, since: datetime, until: datetime) -> list[Part]:
    """Where the span's events lie in `security.events.v1`.

    Raises TopicError where the broker does not answer, or has no such topic.
    """
    from confluent_kafka import KafkaException, TopicPartition

    from topics.admin import TopicError
    from topics.plan import prefix_of

    name = prefix_of(settings.namespace) + EVENTS.name
    consumer = _consumer(settings)
    try:
        listed = consumer.list_topics(name, timeout=15).topics[name]
        if listed.error is not None:
            raise TopicError(
                f"{EVENTS.name}: there is no such topic",
                hint="'watchfloor up' makes the topics; --source archive reads PostgreSQL.",
            )
        found = []
        for number in sorted(listed.partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=15)
            first, last = (
                consumer.offsets_for_times(
                    [TopicPartition(name, number, int(at.timestamp() * 1000))], timeout=15
                )[0].offset
                for at in (since - AHEAD, until + BEHIND)
            )
            begin = high if first < 0 else max(low, first)
            found.append(Part(number, begin, high if last < 0 else min(high, last)))
        return found
    except KafkaException as failure:
        raise TopicError(f"the broker does not answer: {failure.args[0].str()}") from failure
    finally:
        consumer.close()


def topic_events(
    settings: Settings, parts: Sequence[Part], sites: Collection[str], progress: Progress
) -> Iterator[tuple[SecurityEvent, float]]:
    """Those sites' events and when each was recorded (seconds), each partition in order.

    A record that is no event is left out: live it went to the dead-letter topic. Raises TopicError
    where nothing comes any more.
    """
    from confluent_kafka import TopicPartition

    from topics.admin import TopicError
    from topics.plan import prefix_of

    name = prefix_of(settings.namespace) + EVENTS.name
    wanted = {site.encode() for site in sites}
    left = {part.number: part.end for part in parts if part.size}
    decoder = msgspec.json.Decoder(RecordedEvent)
    consumer = _consumer(settings)
    silent = 0.0
    try:
        consumer.assign([TopicPartition(name, p.number, p.begin) for p in parts if p.size])
        while left:
            messages = consumer.consume(CHUNK, POLL_S)
            silent = 0.0 if messages else silent + POLL_S
            if silent >= QUIET_S:
                raise TopicError(f"{EVENTS.name}: nothing comes any more after {QUIET_S:.0f} s")
            for message in messages:
                if message.error() is not None:
                    raise TopicError(f"{EVENTS.name}: {message.error().str()}")
                number, offset = message.partition(), message.offset()
                end = left.get(number)
                if end is None or offset >= end:
                    left.pop(number, None)
                    continue
                if offset + 1 == end:
                    del left[number]
                if message.key() not in wanted:
                    continue
                try:
                    event = decoder.decode(message.value() or b"")
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
                yield event, message.timestamp()[1] / 1000
            progress(len(messages))
            # A transaction's marker or a gap may be a partition's last offset.
            for place in consumer.position([TopicPartition(name, number) for number in left]):
                if place.offset >= left[place.partition]:
                    del left[place.partition]
    finally:
        consumer.close()


def facts_in_topics(
    settings: Settings, sites: Collection[str], since: datetime, until: datetime
) -> Facts:
    """What became of the span's events, as the topics have it."""
    from topics.reader import read

    facts = Facts()
    newest: dict[str, Alert] = {}
    for record in read(settings, [ALERTS.name]):
        if record.value is None:
            newest.pop((record.key or b"").decode("utf-8", "replace"), None)
            continue
        alert = _decoded(record.value, Alert)
        if alert is None or alert.site_id not in sites:
            continue
        known = newest.get(alert.alert_id)
        if known is None or known.revision <= alert.revision:
            newest[alert.alert_id] = alert
    facts.alerts = {k: a for k, a in newest.items() if _within(a, since, until)}
    told: dict[str, NotifyRequest] = {}
    for record in read(settings, [NOTIFY_REQUESTS.name], start=since):
        request = _decoded(record.value, NotifyRequest)
        if (
            request is not None
            and request.site_id in sites
            and since <= request.requested_at < until
        ):
            told[request.notification_id] = request
    facts.notifications = Counter((r.receiver, r.kind, r.status.value) for r in told.values())
    commands: dict[str, Command] = {}
    for record in read(settings, [COMMANDS.name], start=since):
        command = _decoded(record.value, Command)
        if command is not None and command.site_id in sites and since <= command.at < until:
            commands.setdefault(command.command_id, command)
    for one in commands.values():
        facts.acts += _acts(one, newest)
    return facts


TOGETHER: Final = (CommandKind.MERGE, CommandKind.SPLIT, CommandKind.HANDOVER)


def _acts(command: Command, alerts: Mapping[str, Alert]) -> list[Act]:
    """A command as acts on one alert each, so that each finds its own situation elsewhere."""
    if command.kind in TOGETHER:
        return [Act(command, None)]
    named = dict.fromkeys(one for one in (command.alert_id, *command.alert_ids) if one)
    return [
        Act(
            replace(
                command,
                command_id=f"{command.command_id}/{number}",
                alert_id=alert_id,
                alert_ids=(),
            ),
            _place(alerts.get(alert_id)),
        )
        for number, alert_id in enumerate(named)
    ]


def _decoded(value: bytes | None, kind: type[Any]) -> Any:
    try:
        return None if value is None else decode(value, kind)
    except SchemaError:
        # What does not decode was a dead letter then, too.
        return None


def _within(alert: Alert, since: datetime, until: datetime) -> bool:
    return alert.first_event < until and alert.last_event >= since


def _place(alert: Alert | None) -> str | None:
    return None if alert is None else situation_of(alert)


SELECT_EVENTS: Final = """
    SELECT * FROM event
    WHERE site_id = %s AND occurred_at >= %s AND occurred_at < %s
    ORDER BY recorded_at, occurred_at, event_id
"""


def archived_events(
    settings: Settings, sites: Collection[str], since: datetime, until: datetime, progress: Progress
) -> Iterator[tuple[SecurityEvent, float]]:
    """Those sites' events in the order in which they were recorded, a site after the other."""
    from psycopg.rows import dict_row

    from infra.db.pool import connect, site_scope_sync
    from infra.db.target import Role

    with connect(settings, Role.API) as connection:
        for site in sorted(sites):
            with site_scope_sync(connection, {site}) as scope:
                # The role's own limit is for questions that somebody waits for.
                scope.execute("SET LOCAL statement_timeout = 0")
                with scope.cursor("backtest", row_factory=dict_row) as cursor:
                    cursor.itersize = PAGE
                    cursor.execute(SELECT_EVENTS, (site, since, until))
                    for number, row in enumerate(cursor, 1):
                        if number % CHUNK == 0:
                            progress(CHUNK)
                        given = {name: value for name, value in row.items() if value is not None}
                        event = msgspec.convert(given, RecordedEvent)
                        yield event, row["recorded_at"].timestamp()


ACTED: Final = {
    ActivityKind.ACKNOWLEDGED: CommandKind.ACK,
    ActivityKind.ASSIGNED: CommandKind.ASSIGN,
    ActivityKind.SNOOZED: CommandKind.SNOOZE,
    ActivityKind.ESCALATED: CommandKind.ESCALATE,
    ActivityKind.RESOLVED: CommandKind.RESOLVE,
    ActivityKind.REOPENED: CommandKind.REOPEN,
}


def facts_in_archive(
    settings: Settings, sites: Collection[str], since: datetime, until: datetime
) -> Facts:
    """What became of the span's events, as PostgreSQL has it.

    The archive has what people did as entries of alerts' histories: from those commands are made
    again.
    """
    from psycopg.rows import dict_row

    from infra.db.pool import connect, site_scope_sync
    from infra.db.target import Role

    facts = Facts()
    names = sorted(sites)
    with (
        connect(settings, Role.API) as connection,
        site_scope_sync(connection, sites) as scope,
        scope.cursor(row_factory=dict_row) as cursor,
    ):
        scope.execute("SET LOCAL statement_timeout = '600s'")
        cursor.execute(
            "SELECT * FROM alert WHERE site_id = ANY(%s) AND first_event < %s AND last_event >= %s",
            (names, until, since),
        )
        for row in cursor:
            alert = msgspec.convert(row, Alert)
            facts.alerts[alert.alert_id] = alert
        cursor.execute(
            "SELECT receiver, kind, status, count(*) AS count FROM notification "
            "WHERE site_id = ANY(%s) AND requested_at >= %s AND requested_at < %s GROUP BY 1, 2, 3",
            (names, since, until),
        )
        for row in cursor:
            where = (row["receiver"], row["kind"], row["status"])
            facts.notifications[where] = row["count"]
        cursor.execute(
            "SELECT * FROM alert_activity WHERE site_id = ANY(%s) AND at >= %s AND at < %s "
            "AND actor <> 'watchfloor' AND kind = ANY(%s)",
            (names, since, until, [kind.value for kind in ACTED]),
        )
        facts.acts = [_act(row, facts.alerts.get(row["alert_id"])) for row in cursor]
    return facts


def _act(row: Mapping[str, Any], alert: Alert | None) -> Act:
    """An entry as the command that it answers; its detail is in the words of route."""
    kind = ACTED[ActivityKind(row["kind"])]
    detail = row["detail"] or ""
    command = Command(
        command_id=f"{row['cause']}/{row['alert_id']}",
        site_id=row["site_id"],
        alert_id=row["alert_id"],
        kind=kind,
        actor=row["actor"],
        at=row["at"],
        to=(detail.partition(" (was ")[0] or row["actor"]) if kind is CommandKind.ASSIGN else None,
        duration_s=_until(detail, row["at"]) if kind is CommandKind.SNOOZE else None,
        reason=detail if detail in RESOLUTIONS else None,
    )
    return Act(command, _place(alert))


def _until(detail: str, at: datetime) -> float | None:
    """How long a snooze was, of `until …`."""
    try:
        seconds = (datetime.fromisoformat(detail.removeprefix("until ")) - at).total_seconds()
    except (ValueError, TypeError):
        return None
    return seconds if 0 < seconds <= MOST_SNOOZE_S else None
