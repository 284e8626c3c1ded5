"""The dashboard's types say what the API answers."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest

from api.account.identity import Scope
from api.dashboard.serve import DIST
from api.stream import schemas as stream
from infra.dashboard_types import FILE, check, shapes
from schemas.alert import RESOLUTIONS
from schemas.audit import AuditKind

SOURCES = DIST.parent / "src"
TYPES = (SOURCES / "api" / "types.ts").read_text()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return shapes()


def test_they_are_made_from_the_api_as_it_is(document: dict[str, Any]) -> None:
    assert check(document, FILE.read_text(encoding="utf-8")) is None


def test_a_change_of_the_api_and_one_by_hand_are_noticed(document: dict[str, Any]) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert "was changed by hand" in str(check(document, text.replace("alert_id", "alert")))
    schemas = document["components"]["schemas"]
    for other in (
        {name: schemas[name] for name in list(schemas)[1:]},
        schemas | {"StepDone": {"type": "object", "properties": {}}},
    ):
        changed = {**document, "components": {"schemas": other}}
        assert "is older than the API" in str(check(changed, text))


def test_words_are_no_part_of_a_type_but_names_are(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert "description" not in schemas["AlertView"]
    # A problem has a title of its own.
    assert {"title", "type"} <= schemas["ProblemDocument"]["properties"].keys()


def test_every_kind_of_act_can_be_chosen_and_has_its_words() -> None:
    text = (SOURCES / "api" / "accounts.ts").read_text()
    match = re.search(r"ACT_KINDS: readonly AuditKind\[\] = \[(.*?)\]", text, re.DOTALL)
    assert match is not None
    assert re.findall(r'"(\w+)"', match[1]) == [kind.value for kind in AuditKind]
    for language in ("en", "de"):
        words = SOURCES / "pages" / "settings" / f"messages.{language}.json"
        assert set(json.loads(words.read_text())["log"]["kinds"]) == set(AuditKind)


def test_a_resolution_is_one_that_the_server_takes() -> None:
    match = re.search(r"RESOLUTIONS = \[(.*?)\]", TYPES, re.DOTALL)
    assert match is not None
    assert tuple(re.findall(r'"(\w+)"', match[1])) == RESOLUTIONS


def test_scopes_have_their_names() -> None:
    """Those that an administrator gives to a token: all that there are, each once."""
    text = (SOURCES / "api" / "session.tsx").read_text()
    match = re.search(r"SCOPES: Scope\[\] = \[(.*?)\]", text, re.DOTALL)
    assert match is not None
    found = re.findall(r'"([\w:]+)"', match[1])
    assert sorted(found) == sorted(one.value for one in Scope)


def test_no_message_of_the_stream_is_misspelt() -> None:
    tags = {kind.__struct_config__.tag for kind in get_args(stream.StreamMessage)}
    heard = set(re.findall(r'{ type: "(\w+)"', TYPES))
    # What a server of this age does not say yet is known already.
    assert heard - tags <= {"activity", "presence", "reload"}
    assert tags - heard <= {"discovery_progress", "discovery_complete"}
