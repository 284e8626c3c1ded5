"""A record as it was read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from schemas.base import Message, SchemaError, decode
from topics.declare import Content, Topic
from topics.record import parse_time

__all__ = ["Record"]


class Record(Struct, frozen=True, gc=False):
    """One record of a partition. topic: the declaration, without a namespace.

    timestamp_ms: when the broker took it. headers: the last one wins where a name comes twice.
    """

    topic: Topic
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]

    @property
    def id(self) -> str | None:
        """`ce_id`, or None for a record that has none."""
        raw = self.headers.get("ce_id")
        return raw.decode("utf-8", "replace") if raw is not None else None

    @property
    def time(self) -> datetime | None:
        """`ce_time`. Raises SchemaError where the header is there and is no time."""
        raw = self.headers.get("ce_time")
        if raw is None:
            return None
        try:
            return parse_time(raw)
        except (ValueError, UnicodeDecodeError) as error:
            raise SchemaError(f"ce_time: {error}") from error

    @property
    def replayed(self) -> bool:
        """Whether it comes from a dead-letter replay."""
        return self.headers.get("wf_replayed") == b"1"

    def message(self) -> Any:
        """The topic's message: in the value, or for a JPEG in its header.

        Raises SchemaError where it does not decode; a tombstone has no message.
        """
        kind: type[Message] = self.topic.value
        if self.topic.content is Content.JPEG:
            raw = self.headers.get(self.topic.header or "")
            if raw is None:
                raise SchemaError(f"{self.topic}: the header {self.topic.header} is missing")
            return decode(raw, kind)
        if self.value is None:
            raise SchemaError(f"{self.topic}: the value is empty")
        return decode(self.value, kind)
