"""Every topic has an example record, and it is what the topic's schema says."""

from __future__ import annotations

import json

import jsonschema
import pytest

from schemas.base import decode
from schemas.publish import load
from topics.catalogue import TOPICS
from topics.declare import Content, KeyKind, Topic
from topics.examples import JPEG, example, examples
from topics.record import parse_time


def test_every_topic_has_one() -> None:
    assert examples().keys() == {topic.name for topic in TOPICS}


@pytest.mark.parametrize("topic", TOPICS, ids=str)
def test_example_is_valid(topic: Topic) -> None:
    shown = example(topic)
    headers = shown.headers
    raw = shown.record.value
    if topic.content is Content.JPEG:
        assert raw == JPEG
        assert topic.header is not None
        raw = headers[topic.header].encode()
    assert raw is not None
    schema = load()[topic.value.SCHEMA]
    jsonschema.validate(
        json.loads(raw), schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    assert decode(raw, topic.value) == shown.message
    assert headers["ce_type"] == f"watchfloor.{topic.value.SCHEMA}"
    assert parse_time(headers["ce_time"].encode()).tzinfo is not None


@pytest.mark.parametrize("topic", TOPICS, ids=str)
def test_example_s_key_is_of_its_kind(topic: Topic) -> None:
    key = example(topic).record.key
    if topic.key is KeyKind.NONE:
        assert key is None
        assert example(topic).record.partition == 0
    else:
        assert key is not None
        assert (b"/" in key) is (topic.key is KeyKind.CAMERA)


def test_a_frame_of_the_example_decodes() -> None:
    import cv2
    import numpy as np

    picture = cv2.imdecode(np.frombuffer(JPEG, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape == (16, 16)
