"""What stands on a topic, read whole: for what a drill compares once, not while it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agents.runtime.record import Record
from schemas.event import SecurityEvent
from topics.catalogue import BY_NAME, EVENTS
from topics.declare import Topic
from topics.reader import RawRecord, read

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["events_on", "messages", "taken_events"]


def messages(settings: Settings, topic: Topic) -> Iterator[tuple[object, RawRecord]]:
    """Each record's message, in order within a partition. Raises SchemaError for one of none."""
    for raw in read(settings, [topic.name]):
        record = Record(
            BY_NAME[raw.topic],
            raw.partition,
            raw.offset,
            raw.timestamp_ms,
            raw.key,
            raw.value,
            dict(raw.headers),
        )
        yield record.message(), raw


def events_on(settings: Settings) -> list[tuple[SecurityEvent, RawRecord]]:
    """The events on the topic, each once."""
    found: dict[str, tuple[SecurityEvent, RawRecord]] = {}
    for message, raw in messages(settings, EVENTS):
        if isinstance(message, SecurityEvent):
            found.setdefault(message.event_id, (message, raw))
    return list(found.values())


def taken_events(settings: Settings) -> dict[str, float]:
    """Their ids, and when they were produced; seconds since the epoch."""
    return {event.event_id: raw.timestamp_ms / 1000 for event, raw in events_on(settings)}
