"""The AsyncAPI document: valid, complete, and as it is kept."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from topics import asyncapi
from topics.catalogue import TOPICS
from topics.consumer import consumer_example
from topics.declare import Content, Topic
from topics.examples import example


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(asyncapi.render())
    return loaded


def test_kept_document_is_what_is_declared() -> None:
    assert asyncapi.check() == []


def test_drift_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "asyncapi.yaml"
    path.write_text(asyncapi.render().replace("retention.ms: 600000", "retention.ms: 1"))
    lines = asyncapi.check(path)
    assert any(line.strip("- ") == "retention.ms: 1" for line in lines)
    assert any(line.strip("+ ") == "retention.ms: 600000" for line in lines)


def test_missing_document_is_drift(tmp_path: Path) -> None:
    assert asyncapi.check(tmp_path / "none.yaml")


def test_document_is_asyncapi_3(document: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        # The library's own models shadow names of pydantic's when they are imported.
        warnings.simplefilter("ignore")
        from asyncapi3.models import AsyncAPI3
    AsyncAPI3.model_validate(document)


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [r for value in node.values() for r in references(value)]
        if isinstance(node, list):
            return [r for value in node for r in references(value)]
        return []

    found = references(document)
    assert len(found) > 100
    for reference in found:
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


@pytest.mark.parametrize("topic", TOPICS, ids=str)
def test_channel_says_what_is_declared(topic: Topic, document: dict[str, Any]) -> None:
    channel = document["channels"][topic.name.replace(".", "-")]
    assert channel["address"] == topic.name
    assert topic.promise in channel["description"]
    assert channel["x-promise"] == topic.promise
    binding = channel["bindings"]["kafka"]
    assert binding["partitions"] == topic.partitions
    wanted = -1 if topic.keep is None else topic.keep.total_seconds() * 1000
    assert binding["topicConfiguration"]["retention.ms"] == wanted
    assert binding["topicConfiguration"]["max.message.bytes"] == topic.max_bytes


@pytest.mark.parametrize("topic", TOPICS, ids=str)
def test_example_is_valid_in_the_document(topic: Topic, document: dict[str, Any]) -> None:
    """Against the schemas as the document has them, not as they are published."""
    message = document["components"]["messages"][topic.value.__name__]
    shown = message["examples"][0]
    whole = {**document, "$schema": "http://json-schema.org/draft-07/schema#"}
    jsonschema.validate(shown["headers"], {**whole, **message["headers"]})
    jsonschema.validate(example(topic).headers, {**whole, **message["headers"]})
    if topic.content is Content.JSON:
        jsonschema.validate(shown["payload"], {**whole, **message["payload"]})
        broken = dict(shown["payload"]) | {next(iter(shown["payload"])): {"no": "such"}}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, {**whole, **message["payload"]})


def test_a_header_that_is_missing_is_found(document: dict[str, Any]) -> None:
    message = document["components"]["messages"]["SecurityEvent"]
    headers = dict(message["examples"][0]["headers"])
    del headers["ce_id"]
    with pytest.raises(jsonschema.ValidationError, match="ce_id"):
        jsonschema.validate(headers, {**document, **message["headers"]})


@pytest.mark.parametrize("topic", TOPICS, ids=str)
def test_consumer_example_is_whole_and_short(topic: Topic, document: dict[str, Any]) -> None:
    script = consumer_example(topic)
    ast.parse(script)
    assert len(script.splitlines()) < 30
    channel = document["channels"][topic.name.replace(".", "-")]
    assert "".join(f"{line}\n" for line in script.splitlines()) in channel["description"]
    assert ("removed" in script) is topic.compact


def test_dead_letters_are_described(document: dict[str, Any]) -> None:
    channel = document["channels"]["dead-letters"]
    assert channel["address"] == "{topic}.dlq"
    assert channel["parameters"]["topic"]["enum"] == [topic.name for topic in TOPICS]
    headers = document["components"]["schemas"]["DeadLetterHeaders"]["properties"]
    assert "__watchfloor.errors.offset" in headers
