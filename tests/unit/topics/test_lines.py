"""Records as people and programs see them; what is in them moves no cursor."""

from __future__ import annotations

import base64
import json

import pytest

from topics.catalogue import ALERTS, BY_NAME, CONFIG, EVENTS, FRAMES, TOPICS
from topics.declare import Topic
from topics.examples import example
from topics.lines import as_json, line, matches, printable
from topics.reader import RawRecord


def record(
    topic: str = EVENTS.name,
    value: bytes | None = b"{}",
    key: bytes | None = b"north",
    headers: tuple[tuple[str, bytes], ...] = (),
) -> RawRecord:
    return RawRecord(
        topic=topic,
        partition=1,
        offset=42,
        timestamp_ms=1_772_489_704_200,
        key=key,
        value=value,
        headers=headers,
    )


def shown(topic: Topic) -> RawRecord:
    made = example(topic).record
    return record(topic.name, made.value, made.key, made.headers)


@pytest.mark.parametrize("topic", TOPICS, ids=str)
def test_every_topic_s_record_is_one_line(topic: Topic) -> None:
    text = line(shown(topic))
    assert text.startswith("2026-03-02T22:15:04.200000Z  1/42  ")
    assert text.isprintable()
    assert len(text) > 40


def test_line_says_what_happened() -> None:
    assert line(shown(EVENTS)).endswith(
        "north  site_id=north  event_type=object_in_zone  occurred_at=2026-03-02T22:15:04.200000Z"
    )
    assert "seq=1042" in line(shown(FRAMES))
    assert line(shown(FRAMES)).endswith("212 bytes")
    assert line(shown(CONFIG)).endswith("site=north")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "removed"),
        (b"\xff\x00", "2 bytes that are no message"),
        (b"[1]", "3 bytes that are no message"),
        (b"[" * 100_000, "100000 bytes that are no message"),
    ],
)
def test_line_of_what_is_no_message(value: bytes | None, says: str) -> None:
    assert line(record(value=value)) == f"2026-03-02T22:15:04.200Z  1/42  north  {says}"


def test_nothing_reaches_the_terminal_but_text() -> None:
    evil = record(
        key=b"\x1b[2J\xff",
        value=json.dumps({"site_id": "\x1b]0;owned\x07", "event_type": "a\nb"}).encode(),
        headers=(("ce_time", b"\x1b[31m"),),
    )
    assert line(evil).isprintable()
    assert "\\x1b" in line(evil)
    assert printable("x" * 3000, 10) == "x" * 10 + "…"


def test_dead_letter_s_line_says_why() -> None:
    dead = record(
        EVENTS.dlq,
        value=b"garbage",
        headers=(
            ("__watchfloor.errors.stage", b"decode"),
            ("__watchfloor.errors.class", b"SchemaError"),
            ("__watchfloor.errors.message", b"no JSON"),
        ),
    )
    assert line(dead).endswith("decode  SchemaError  no JSON")


def test_json_is_the_whole_record() -> None:
    found = as_json(shown(ALERTS))
    assert (found["topic"], found["partition"], found["offset"]) == (ALERTS.name, 1, 42)
    assert found["value"]["severity"] == "high"
    assert found["headers"]["ce_specversion"] == "1.0"
    assert found["timestamp"] == "2026-03-02T22:15:04.200000+00:00"
    json.dumps(found)


def test_json_of_other_values() -> None:
    assert as_json(record(value=None))["value"] is None
    assert as_json(shown(FRAMES))["value_bytes"] == 212
    assert base64.b64decode(as_json(record(value=b"\xff"))["value_base64"]) == b"\xff"


@pytest.mark.parametrize(
    ("topic", "site", "camera", "passes"),
    [
        (EVENTS, None, None, True),
        (EVENTS, "north", None, True),
        (EVENTS, "south", None, False),
        (EVENTS, "north", "gate", True),
        (EVENTS, "north", "fence", False),
        (FRAMES, "north", "gate", True),  # by its header
        (ALERTS, "north", "gate", True),  # the key is the alert's id
        (CONFIG, "north", None, True),  # the site is inside
        (BY_NAME["device.probes.v1"], None, "gate", True),  # a device
        (BY_NAME["notify.requests.v1"], "north", "gate", False),  # has no camera
    ],
)
def test_matches(topic: Topic, site: str | None, camera: str | None, passes: bool) -> None:
    assert matches(shown(topic), site, camera) is passes


def test_a_record_that_does_not_decode_is_matched_by_its_key() -> None:
    broken = record("camera.detections.v1", value=b"\xff", key=b"north/gate")
    assert matches(broken, "north", "gate")
    assert not matches(broken, "north", "fence")
