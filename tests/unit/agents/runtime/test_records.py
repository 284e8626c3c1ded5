"""What travels in headers: CloudEvents on everything derived, reasons on dead letters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from agents.runtime.deadletter import PREFIX, dead_letter, dlq_of
from schemas.base import SchemaError
from schemas.device import Assignment
from schemas.frame import FrameMeta
from tests.unit.agents.harness import Harness, event, site
from tests.unit.agents.runtime.parts import headers, raw
from topics.catalogue import ACTIVITY, ALERTS, ASSIGNMENTS, EVENTS, FRAMES, NOTIFY_REQUESTS
from topics.record import CODE_VERSION, Provenance, make, parse_time, tombstone

AT = datetime(2026, 3, 2, 10, 0, 0, 123456, UTC)
CLOUD_EVENTS = {
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_time",
    "ce_subject",
    "ce_dataschema",
    "content-type",
    "wf_code",
}


FRAME = FrameMeta(site_id="north", camera_id="cam-1", captured_at=AT, seq=7, width=640, height=360)


def test_every_record_that_decide_derives_is_a_cloud_event_with_its_provenance() -> None:
    harness = Harness(site())
    harness.send(event("e1", at_seconds=0))
    harness.command("ack")
    assert {out.topic.name for out in harness.outputs} >= {
        "security.decisions.v1",
        "security.alerts.v1",
        "security.alert-activity.v1",
        "notify.requests.v1",
    }
    for out in harness.outputs:
        found = headers(out)
        assert set(found) >= CLOUD_EVENTS, out.topic.name
        assert found["ce_specversion"] == "1.0"
        assert found["ce_type"] == out.topic.ce_type
        assert found["ce_dataschema"] == f"schemas/published/{out.topic.value.SCHEMA}.json"
        assert found["content-type"] == "application/json"
        assert (found["wf_code"], found["wf_config"]) == (CODE_VERSION, "1")
        assert parse_time(found["ce_time"].encode()).tzinfo is not None
        assert found["ce_source"] == "watchfloor/decide"


def test_ids_on_one_topic_are_told_apart() -> None:
    harness = Harness(site())
    for number in range(5):
        harness.send(event(f"e{number}", at_seconds=number))
    ids = [(out.topic.name, headers(out)["ce_id"]) for out in harness.outputs]
    assert len(ids) == len(set(ids))


def test_what_is_made_of_a_replayed_record_says_so() -> None:
    harness = Harness(site())
    made = harness.send(event("e1", at_seconds=0), replayed=True)
    caused = [out for out in made if out.topic in (ALERTS, ACTIVITY, NOTIFY_REQUESTS)]
    assert [headers(out).get("wf_replayed") for out in caused] == ["1"] * 3


def test_a_jpeg_has_its_message_in_a_header() -> None:
    out = make(
        FRAMES, FRAME, id="f", time=AT, source="test", key="north/cam-1", payload=b"\xff\xd8"
    )
    assert out.value == b"\xff\xd8"
    read = raw(out.value, topic=FRAMES, headers=dict(out.headers))
    assert read.message() == FRAME
    assert read.time == AT
    with pytest.raises(SchemaError, match="wf_frame is missing"):
        raw(b"\xff\xd8", topic=FRAMES).message()


def test_provenance_is_written_where_there_is_any() -> None:
    one = Assignment(site_id="north", device_id="cam-1", kind="camera")
    some = Provenance(config_revision=4, model_sha256="ab" * 32, traceparent="00-1-2-01")
    out = make(ASSIGNMENTS, one, id="a", time=AT, source="t", key="north/cam-1", provenance=some)
    found = headers(out)
    assert (found["wf_config"], found["wf_model"]) == ("4", "ab" * 32)
    assert found["traceparent"] == "00-1-2-01"
    assert "wf_replayed" not in found


def test_a_tombstone_says_what_it_removes() -> None:
    out = tombstone(ASSIGNMENTS, key="north/cam-1", id="gone", time=AT, source="test")
    found = headers(out)
    assert out.value is None
    assert found["ce_type"] == "watchfloor.assignment.v1.removed"
    assert found["ce_time"] == "2026-03-02T10:00:00.123456Z"


@pytest.mark.parametrize("value", [b"", b"yesterday", b"2026-03-02T10:00:00", b"\xff"])
def test_an_event_time_that_is_none_is_named(value: bytes) -> None:
    with pytest.raises(SchemaError, match="ce_time"):
        _ = raw(b"{}", headers={"ce_time": value}).time


def test_a_dead_letter_is_the_record_untouched_with_its_reasons() -> None:
    source = raw(
        b"\x00\xffnot ours",
        key=b"\xfe",
        headers={"ce_id": b"e-1", "custom": b"\x80"},
        offset=11,
        partition=3,
    )
    try:
        raise ValueError("it is \ud800 wrong " + "x" * 5000)
    except ValueError as caught:
        letter = dead_letter(source, stage="dedupe", error=caught, attempt=2)
    assert letter.topic.name == "security.events.v1.dlq"
    assert (letter.key, letter.value) == (source.key, source.value)
    assert dict(letter.headers)["custom"] == b"\x80"
    assert dict(letter.headers)["ce_id"] == b"e-1"
    reasons = {k.removeprefix(PREFIX): v for k, v in letter.headers if k.startswith(PREFIX)}
    message = reasons.pop("message")
    assert message.startswith(b"it is ? wrong xxx")
    assert len(message) <= 2000
    place = reasons.pop("place").decode()
    assert place.startswith("test_records.py:")
    assert reasons == {
        "topic": b"security.events.v1",
        "partition": b"3",
        "offset": b"11",
        "stage": b"dedupe",
        "class": b"ValueError",
        "attempt": b"2",
        "code": CODE_VERSION.encode(),
    }


def test_a_dead_letter_that_fails_again_has_its_newest_reasons_once() -> None:
    source = raw(b"x", headers={"custom": b"1"})
    first = dead_letter(source, stage="decode", error=ValueError("first"))
    again = replace(source, headers=dict(first.headers))
    second = dead_letter(again, stage="rank", error=LookupError("second"), attempt=2)
    names = [name for name, _ in second.headers]
    assert len(names) == len(set(names))
    assert headers(second, PREFIX)["message"] == "second"
    assert headers(second)["custom"] == "1"


def test_a_dead_letter_topic_is_its_source_under_another_name() -> None:
    assert dlq_of(EVENTS).name == EVENTS.dlq
    assert dlq_of(EVENTS).group is None
