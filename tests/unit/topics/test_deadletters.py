"""The original in a dead letter: every byte of it, and where it goes back to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents.runtime.deadletter import PREFIX as WRITTEN
from agents.runtime.deadletter import dead_letter
from agents.runtime.record import Record
from topics.catalogue import EVENTS, TICKS_DECIDE
from topics.deadletters import PREFIX, original, originals
from topics.declare import Topic
from topics.partitioner import partition_for
from topics.reader import RawRecord


def letter(topic: Topic = EVENTS, key: bytes | None = b"north", **headers: bytes) -> RawRecord:
    """As the runtime writes it, as the broker gives it back."""
    source = Record(
        topic=topic,
        partition=2,
        offset=7,
        timestamp_ms=1,
        key=key,
        value=b"\xff not json",
        headers={"ce_id": b"e-1", "bytes": b"\xff\x00", **headers},
    )
    made = dead_letter(source, stage="decode", error=ValueError("no"))
    return RawRecord(
        topic=made.topic.name,
        partition=0,
        offset=3,
        timestamp_ms=2,
        key=made.key,
        value=made.value,
        headers=made.headers,
    )


def test_prefix_is_the_one_that_is_written() -> None:
    assert PREFIX == WRITTEN


def test_original_is_untouched_but_says_that_it_is_replayed() -> None:
    record = original(letter())
    assert record.topic is EVENTS
    assert (record.key, record.value, record.partition) == (b"north", b"\xff not json", None)
    assert record.headers == (("ce_id", b"e-1"), ("bytes", b"\xff\x00"), ("wf_replayed", b"1"))


def test_replayed_and_dead_again_says_so_once() -> None:
    record = original(letter(wf_replayed=b"1"))
    assert [name for name, _ in record.headers].count("wf_replayed") == 1


def test_record_without_a_key_goes_back_to_its_partition() -> None:
    record = original(letter(TICKS_DECIDE, key=None))
    assert record.partition == 2


def test_record_with_a_key_goes_where_its_key_does() -> None:
    """Its partition is left to the partitioner, whatever it was on when it died."""
    assert original(letter()).partition is None
    assert partition_for(b"north", EVENTS.partitions) in range(EVENTS.partitions)


@pytest.mark.parametrize(
    "source",
    [None, b"camera.frames.v1", b"no.such.v1"],  # none; another's; nobody's
)
def test_letter_that_does_not_say_where_from_is_refused(source: bytes | None) -> None:
    made = letter()
    headers = [h for h in made.headers if h[0] != PREFIX + "topic"]
    if source is not None:
        headers.append((PREFIX + "topic", source))
    found, refused = originals([replace(made, headers=tuple(headers)), made])
    assert len(found) == 1
    assert refused == [
        "security.events.v1.dlq 0/3: its headers do not name the topic that it is a dead letter of"
    ]


@pytest.mark.parametrize("partition", [b"", b"x", b"99", b"-1"])
def test_keyless_letter_without_a_partition_is_refused(partition: bytes) -> None:
    made = letter(TICKS_DECIDE, key=None)
    headers = tuple(
        (name, partition if name == PREFIX + "partition" else value) for name, value in made.headers
    )
    broken = replace(made, headers=headers)
    with pytest.raises(ValueError, match="name no partition"):
        original(broken)
