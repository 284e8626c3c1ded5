"""A record as it is written: CloudEvents in binary mode, and where the content came from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from schemas.base import Message, encode
from topics.declare import Content, Topic

__all__ = [
    "CODE_VERSION",
    "Draft",
    "OutRecord",
    "Provenance",
    "make",
    "parse_time",
    "tombstone",
    "trace_of",
    "traced",
    "traceparent",
]

CODE_VERSION: Final = "0.1.0"

MAX_ID: Final = 300

_TRACE: Final = re.compile(rb"[^-]*-([0-9a-f]{32})-[^-]*-[^-]*\Z")
_NO_TRACE: Final = b"0" * 32


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a derived record was derived with."""

    config_revision: int | None = None
    model_sha256: str | None = None
    traceparent: str | None = None
    replayed: bool = False


class OutRecord(Struct, frozen=True, gc=False):
    """A record to be produced. partition None: by key, with murmur2_random.

    topic: the declaration, its name still without a namespace.
    """

    topic: Topic
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    partition: int | None = None


class Draft(Struct, frozen=True, gc=False, kw_only=True):
    """A record that is not written out yet: what `make` would be given, without a picture.

    A stage that changes an alert ten times in a chunk says so ten times; who only looks at what
    was decided, as a backtest does, need not pay for bytes and headers that nobody reads.
    """

    topic: Topic
    message: Message
    id: str
    time: datetime
    source: str
    site_key: str
    subject: str | None = None
    provenance: Provenance | None = None

    @property
    def key(self) -> bytes:
        """As in the record."""
        return self.site_key.encode()

    @property
    def value(self) -> bytes:
        """The message, encoded anew at each call."""
        return encode(self.message)

    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """As in the record."""
        return self.record().headers

    @property
    def partition(self) -> None:
        """By key."""
        return None

    def record(self) -> OutRecord:
        """The record, written out."""
        return make(
            self.topic,
            self.message,
            id=self.id,
            time=self.time,
            source=self.source,
            key=self.site_key,
            subject=self.subject,
            provenance=self.provenance,
        )


def traced(record: OutRecord | Draft, cause: Mapping[str, bytes]) -> OutRecord:
    """The record with a `traceparent` (W3C Trace Context) that continues its cause's.

    A cause without one begins the trace. Ids follow from the records' ids, so that a redelivered
    cause continues the same trace. A draft is written out.
    """
    if isinstance(record, Draft):
        record = record.record()
    id = None
    for name, value in record.headers:
        if name == "traceparent":
            return record
        if name == "ce_id":
            id = value
    if id is None:
        return record
    header = ("traceparent", b"00-%b-%b-01" % (trace_of(cause), _digest(id)[:16]))
    return OutRecord(
        record.topic, record.key, record.value, (*record.headers, header), record.partition
    )


def trace_of(cause: Mapping[str, bytes]) -> bytes:
    """The id of the trace that a record with these headers belongs to: 32 hexadecimal digits."""
    given = _TRACE.match(cause.get("traceparent", b""))
    if given is not None and given[1] != _NO_TRACE:
        return given[1]
    return _digest(cause.get("ce_id", b"") or b"watchfloor")[:32]


def traceparent(trace: str) -> Mapping[str, bytes]:
    """Headers that continue a trace, for `traced`."""
    return {"traceparent": b"00-%b-%b-01" % (trace.encode(), trace.encode()[:16])}


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()


def _time(at: datetime) -> bytes:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()


def parse_time(value: bytes) -> datetime:
    """The instant in a `ce_time` header. Raises ValueError where it is none, or has no timezone."""
    at = datetime.fromisoformat(value.decode("ascii"))
    if at.tzinfo is None:
        raise ValueError("ce_time has no timezone")
    return at


def make(
    topic: Topic,
    message: Message,
    *,
    id: str,
    time: datetime,
    source: str,
    key: str | None,
    payload: bytes | None = None,
    provenance: Provenance | None = None,
    subject: str | None = None,
    partition: int | None = None,
) -> OutRecord:
    """The record for `message`.

    id: deterministic, see `schemas.ids`. time: event time. source: who makes it, for example
    `watchfloor/detect`. payload: the JPEG, for topics whose message travels in a header.
    """
    headers: list[tuple[str, bytes]] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", id.encode()),
        ("ce_type", topic.ce_type.encode()),
        ("ce_source", source.encode()),
        ("ce_time", _time(time)),
        ("ce_dataschema", topic.dataschema.encode()),
        ("content-type", topic.content.value.encode()),
        ("wf_code", CODE_VERSION.encode()),
    ]
    if subject or key:
        headers.append(("ce_subject", (subject or key or "").encode()))
    if provenance is not None:
        if provenance.config_revision is not None:
            headers.append(("wf_config", str(provenance.config_revision).encode()))
        if provenance.model_sha256:
            headers.append(("wf_model", provenance.model_sha256.encode()))
        if provenance.traceparent:
            headers.append(("traceparent", provenance.traceparent.encode()))
        if provenance.replayed:
            headers.append(("wf_replayed", b"1"))
    body = encode(message)
    if topic.content is Content.JPEG:
        assert topic.header is not None
        headers.append((topic.header, body))
        value: bytes | None = payload
    else:
        value = body
    return OutRecord(
        topic=topic,
        key=key.encode() if key is not None else None,
        value=value,
        headers=tuple(headers),
        partition=partition,
    )


def tombstone(topic: Topic, *, key: str, id: str, time: datetime, source: str) -> OutRecord:
    """The record that removes `key` from a compacted topic."""
    return OutRecord(
        topic=topic,
        key=key.encode(),
        value=None,
        headers=(
            ("ce_specversion", b"1.0"),
            ("ce_id", id.encode()),
            ("ce_type", f"{topic.ce_type}.removed".encode()),
            ("ce_source", source.encode()),
            ("ce_time", _time(time)),
            ("wf_code", CODE_VERSION.encode()),
        ),
    )
