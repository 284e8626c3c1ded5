"""Dead letters as they lie on the broker, and the originals in them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from topics.admin import TopicError
from topics.catalogue import BY_NAME
from topics.declare import DLQ_SUFFIX, KeyKind
from topics.reader import RawRecord, count, read, read_one
from topics.record import OutRecord

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = ["PREFIX", "Summary", "find", "original", "originals", "select", "summary"]

PREFIX: Final = "__watchfloor.errors."
REPLAYED: Final = "wf_replayed"


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The dead letters of one topic. reasons: `stage: class` to how many, most first."""

    topic: str
    records: int
    reasons: dict[str, int]
    oldest: str
    newest: str

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def summary(settings: Settings, names: Sequence[str]) -> list[Summary]:
    """What each of these dead-letter topics holds; empty ones are left out."""
    filled = [name for name, records in count(settings, names).items() if records]
    found: list[Summary] = []
    for name in filled:
        reasons: Counter[str] = Counter()
        oldest, newest = 2**63, 0
        for record in read(settings, [name]):
            stage, kind = record.header(PREFIX + "stage"), record.header(PREFIX + "class")
            reasons[f"{stage or '?'}: {kind or '?'}"] += 1
            oldest = min(oldest, record.timestamp_ms)
            newest = max(newest, record.timestamp_ms)
        if reasons:
            found.append(
                Summary(
                    topic=name.removesuffix(DLQ_SUFFIX),
                    records=reasons.total(),
                    reasons=dict(reasons.most_common()),
                    oldest=_time(oldest),
                    newest=_time(newest),
                )
            )
    return found


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")


def find(settings: Settings, name: str, *, partition: int, offset: int | None) -> RawRecord:
    """One dead letter; offset None: the newest. Raises TopicError where there is none."""
    if offset is not None:
        return read_one(settings, name, partition, offset)
    newest = next(iter(deque(read(settings, [name]), maxlen=1)), None)
    if newest is None:
        raise TopicError(f"{name}: there are no dead letters")
    return newest


def select(settings: Settings, names: Sequence[str], reason: str | None) -> Iterator[RawRecord]:
    """The dead letters of these topics. reason: an error's class, or a stage."""
    filled = [name for name, records in count(settings, names).items() if records]
    for record in read(settings, filled) if filled else ():
        said = {record.header(PREFIX + "stage"), record.header(PREFIX + "class")}
        if reason is None or reason in said:
            yield record


def originals(records: Iterable[RawRecord]) -> tuple[list[OutRecord], list[str]]:
    """The original of each; and for those that have none, why."""
    found: list[OutRecord] = []
    refused: list[str] = []
    for record in records:
        try:
            found.append(original(record))
        except ValueError as error:
            refused.append(f"{record.topic} {record.partition}/{record.offset}: {error}")
    return found, refused


def original(record: RawRecord) -> OutRecord:
    """The record as it was on its source: bytes and headers, and that it is replayed.

    The partition is the key's; a record without a key goes back to the partition that it was on.
    Raises ValueError where the dead letter does not say where it comes from.
    """
    source = record.header(PREFIX + "topic") or ""
    topic = BY_NAME.get(source)
    if topic is None or topic.dlq != record.topic:
        raise ValueError("its headers do not name the topic that it is a dead letter of")
    partition: int | None = None
    if record.key is None or topic.key is KeyKind.NONE:
        said = record.header(PREFIX + "partition") or ""
        if not said.isdecimal() or int(said) >= topic.partitions:
            raise ValueError("it has no key, and its headers name no partition")
        partition = int(said)
    headers = tuple(
        (name, value)
        for name, value in record.headers
        if not name.startswith(PREFIX) and name != REPLAYED
    )
    return OutRecord(
        topic=topic,
        key=record.key,
        value=record.value,
        headers=(*headers, (REPLAYED, b"1")),
        partition=partition,
    )
