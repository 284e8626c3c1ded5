"""Published schemas: as the structs are, compatible with every earlier version, frozen."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path
from typing import ClassVar

import pytest

import schemas
from schemas import publish
from schemas.base import Message
from schemas.registry import MESSAGES, split_version


class ThingV1(Message, frozen=True, kw_only=True):
    SCHEMA: ClassVar[str] = "thing.v1"
    size: int


class ThingV2(Message, frozen=True, kw_only=True):
    SCHEMA: ClassVar[str] = "thing.v2"
    size: int
    colour: str = "grey"


class ThingV3(Message, frozen=True, kw_only=True):
    """Reads v2, and not v1: transitive is every earlier one."""

    SCHEMA: ClassVar[str] = "thing.v3"
    size: str


class ThingV1Changed(Message, frozen=True, kw_only=True):
    SCHEMA: ClassVar[str] = "thing.v1"
    size: int
    weight: int


def one(message: type[Message]) -> dict[str, type[Message]]:
    return {message.SCHEMA: message}


def test_what_is_published_is_what_the_structs_say() -> None:
    assert publish.check() == []


def test_every_message_is_in_the_registry() -> None:
    for module in pkgutil.walk_packages(schemas.__path__, "schemas."):
        importlib.import_module(module.name)

    def below(kind: type[Message]) -> set[type[Message]]:
        own = kind.__subclasses__()
        return set(own).union(*(below(sub) for sub in own))

    declared = {m for m in below(Message) if m.SCHEMA and m.__module__.startswith("schemas.")}
    assert declared == set(MESSAGES.values())


def test_publish_writes_and_check_passes(tmp_path: Path) -> None:
    assert publish.check(tmp_path, one(ThingV1)) == [
        "thing.v1 is not published; run python -m schemas.publish"
    ]
    assert publish.publish(tmp_path, one(ThingV1)) == ["thing.v1"]
    assert publish.publish(tmp_path, one(ThingV1)) == []
    assert publish.check(tmp_path, one(ThingV1)) == []
    written = json.loads((tmp_path / "thing.v1.json").read_text())
    assert written["$id"] == "urn:watchfloor:schema:thing.v1"


def test_drift_within_a_version_is_found(tmp_path: Path) -> None:
    publish.publish(tmp_path, one(ThingV1))
    (problem,) = publish.check(tmp_path, one(ThingV1Changed))
    assert "weight: is new and required" in problem


def test_later_version_is_checked_against_every_earlier_one(tmp_path: Path) -> None:
    publish.publish(tmp_path, one(ThingV1))
    publish.publish(tmp_path, one(ThingV2))
    assert publish.check(tmp_path, one(ThingV2)) == []
    publish.publish(tmp_path, one(ThingV3))
    assert publish.check(tmp_path, one(ThingV3)) == [
        "thing.v3 cannot read thing.v1: size: was integer, is string",
        "thing.v3 cannot read thing.v2: size: was integer, is string",
    ]


def test_released_version_is_frozen(tmp_path: Path) -> None:
    publish.publish(tmp_path, one(ThingV1))
    assert publish.release(tmp_path) == ["thing.v1"]
    assert publish.release(tmp_path) == []
    with pytest.raises(ValueError, match=r"thing\.v1 is released"):
        publish.publish(tmp_path, one(ThingV1Changed))
    path = tmp_path / "thing.v1.json"
    path.write_text(path.read_text().replace("integer", "number"))
    assert any("its file changed" in problem for problem in publish.check(tmp_path, {}))
    path.unlink()
    assert publish.check(tmp_path, {}) == ["thing.v1 was released, and its file is gone"]


@pytest.mark.parametrize("name", ["event", "event.v0", "Event.v1", "event.v1.json", "e_v.v1"])
def test_names_have_a_version(name: str) -> None:
    with pytest.raises(ValueError, match="no schema name"):
        split_version(name)


def test_published_patterns_are_ecma_s() -> None:
    """No look-ahead: validators in Go and Rust do not compile it."""
    for name, schema in publish.load().items():
        text = json.dumps(schema)
        assert "(?!" not in text, name
        assert "(?=" not in text, name


def test_main_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert publish.main(["check"]) == 0
    assert capsys.readouterr().out == ""
