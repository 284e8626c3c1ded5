"""A body is bounded in size and depth, and every wrong field is named."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import body
from api.account.signin.schemas import LinkBody
from api.body import MAX_DEPTH, collect, convert, depth_exceeds, digest, parse, require_json
from api.event.schemas import CvEvent
from api.problems import (
    BodyTooDeep,
    BodyTooLarge,
    Invalid,
    MalformedBody,
    UnsupportedMediaType,
)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    ("data", "limit", "deeper"),
    [
        (b"1", 0, False),
        (b"[]", 0, True),
        (b"[]", 1, False),
        (b"[[]]", 1, True),
        (b'{"a":[{"b":[]}]}', 4, False),
        (b'{"a":[{"b":[]}]}', 3, True),
        (b'["[[[[[[", "]]]]"]', 1, False),  # brackets in strings are text
        (rb'["\"[[[["]', 1, False),  # an escaped quote does not end a string
        (rb'["\\",[1]]', 1, True),  # an escaped backslash does not escape the quote
        (b"[],[],[]".join([b"[", b"]"]), 2, False),  # wide is not deep
        ('["ü["]'.encode(), 1, False),
    ],
)
def test_depth(data: bytes, limit: int, deeper: bool) -> None:
    assert depth_exceeds(data, limit) is deeper


@given(st.recursive(st.none(), lambda inner: st.lists(inner, max_size=3), max_leaves=20))
def test_depth_is_that_of_the_value(value: object) -> None:
    import msgspec

    def depth(part: object) -> int:
        return 1 + max(map(depth, part), default=0) if isinstance(part, list) else 0

    data = msgspec.json.encode(value)
    assert not depth_exceeds(data, depth(value))
    assert depth(value) == 0 or depth_exceeds(data, depth(value) - 1)


def test_parse_takes_the_allowed_depth_and_no_more() -> None:
    assert parse(nested(MAX_DEPTH))
    with pytest.raises(BodyTooDeep):
        parse(nested(MAX_DEPTH + 1))
    with pytest.raises(BodyTooDeep):
        parse(nested(100_000))


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[1]", b'"x"', b"null", b'{"a":"\xff"}', b'{"a":NaN}', b'{"a":1}x']
)
def test_parse_refuses_what_is_no_object(data: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse(data)


async def chunks(count: int, size: int, taken: list[int]) -> AsyncIterator[bytes]:
    for number in range(count):
        taken.append(number)
        yield b"x" * size


async def test_collect_stops_at_the_bound() -> None:
    taken: list[int] = []
    assert len(await collect(chunks(4, 25, taken), limit=100)) == 100
    taken.clear()
    with pytest.raises(BodyTooLarge):
        await collect(chunks(1000, 25, taken), limit=100)
    assert len(taken) == 5


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/cloudevents+json"]
)
def test_json_is_taken(kind: str) -> None:
    require_json(kind)


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded"])
def test_other_types_are_not(kind: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        require_json(kind)


def errors(value: dict[str, object]) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        convert(value, CvEvent)
    return {error.field: error.detail for error in caught.value.document.errors}


def test_every_wrong_field_is_named_with_what_is_allowed() -> None:
    found = errors(
        {
            "confidence": 7,
            "camera_id": "a/b",
            "zone_id": "yard\n",
            "timestamp_utc": "yesterday",
            "severity": "bad",
            "labels": {"a": 1},
            "vendor": "a\u0000b",
        }
    )
    assert set(found) == {
        "body.event_type",
        "body.confidence",
        "body.camera_id",
        "body.zone_id",
        "body.timestamp_utc",
        "body.severity",
        "body.labels[...]",
        "body.vendor",
    }
    assert "from 0 to 1" in found["body.confidence"]
    assert "required" in found["body.event_type"]
    assert "critical" in found["body.severity"]
    assert "regex" not in found["body.camera_id"]


def test_unknown_fields_are_left_out() -> None:
    event = convert({"event_type": "x", "colour": "red", "raw_payload": {"a": [1]}}, CvEvent)
    assert event == CvEvent(event_type="x", raw_payload={"a": [1]})


def test_digest_is_of_the_content() -> None:
    assert digest(parse(b'{"a":1, "b":{"c":2,"d":3}}')) == digest(
        parse(b'{ "b": {"d":3,"c":2},\n"a":1}')
    )
    assert digest({"a": 1}) != digest({"a": "1"})
    assert body.MAX_BYTES == 1_048_576


def test_a_field_that_is_forbidden_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        convert({"code": "x", "extra": 1}, LinkBody)
    (error,) = caught.value.document.errors
    assert error.field == "body"
    assert "extra" in error.detail
