"""What a new reader can read of an old writer."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct

from schemas.compat import incompatibilities
from schemas.publish import json_schema
from schemas.registry import MESSAGES


def obj(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


TEXT = {"type": "string"}
INT = {"type": "integer"}
NULL = {"type": "null"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        # fields
        (obj(("a",), a=TEXT), obj(), None),  # removed and required: readers ignore what they
        (obj(a=TEXT), obj(), None),  # do not know
        (obj(), obj(a={**TEXT, "default": ""}), None),  # new, with a default
        (obj(), obj(("a",), a=TEXT), "a: is new and required"),
        (obj(a=TEXT), obj(("a",), a=TEXT), "a: was optional, is required"),
        (obj(("a",), a=TEXT), obj(a=TEXT), None),  # required became optional
        (obj(a=TEXT), {**obj(), "additionalProperties": False}, "a: was removed, and unknown"),
        (obj(a=TEXT), {**obj(), "additionalProperties": INT}, "a: was string, is integer"),
        # defaults: a writer leaves out what equals its default
        (obj(a={**INT, "default": 1}), obj(a={**INT, "default": 2}), "a: its default changed"),
        (obj(a={**INT, "default": 1}), obj(a={**INT, "default": 1}), None),
        (obj(("a",), a=INT), obj(a={**INT, "default": 2}), None),  # never left out
        # types
        (TEXT, INT, "was string, is integer"),
        (INT, {"type": "number"}, None),
        ({"type": "number"}, INT, "was number, is integer"),
        (TEXT, {}, None),  # anything
        ({}, TEXT, "was anything, is string"),
        (TEXT, {"anyOf": [TEXT, NULL]}, None),
        ({"anyOf": [TEXT, NULL]}, TEXT, "null is no longer taken"),
        ({"anyOf": [TEXT, NULL]}, {"anyOf": [INT, NULL]}, "string is no longer taken"),
        ({"type": ["string", "null"]}, {"anyOf": [NULL, TEXT]}, None),
        # enums and constants
        ({"enum": ["a", "b"]}, {"enum": ["b", "a", "c"]}, None),
        ({"enum": ["a", "b"]}, {"enum": ["a"]}, "no longer takes b"),
        ({"enum": ["a"]}, TEXT, None),  # closed became open
        (TEXT, {**TEXT, "enum": ["a"]}, "took any value, takes only a"),
        ({"const": 1}, {"enum": [1, 2]}, None),
        ({"const": 1}, {"const": 2}, "no longer takes 1"),
        # bounds
        ({**INT, "minimum": 0}, {**INT, "minimum": 1}, "minimum rose from 0 to 1"),
        ({**INT, "minimum": 1}, {**INT, "minimum": 0}, None),
        ({**INT, "minimum": 1}, INT, None),
        (INT, {**INT, "maximum": 5}, "maximum fell from none to 5"),
        ({**TEXT, "maxLength": 9}, {**TEXT, "maxLength": 8}, "maxLength fell from 9 to 8"),
        ({**TEXT, "maxLength": 9}, {**TEXT, "maxLength": 10}, None),
        (TEXT, {**TEXT, "pattern": "^a"}, "pattern changed from none to ^a"),
        ({**TEXT, "pattern": "^a"}, {**TEXT, "pattern": "^b"}, "pattern changed"),
        ({**TEXT, "pattern": "^a"}, TEXT, None),
        (TEXT, {**TEXT, "format": "date-time"}, "format changed"),
        # lists and tuples
        ({"type": "array", "items": TEXT}, {"type": "array", "items": TEXT, "maxItems": 3}, "maxI"),
        ({"type": "array", "items": TEXT}, {"type": "array", "items": INT}, "[]: was string"),
        ({"type": "array"}, {"type": "array", "items": INT}, "its items were free"),
        (
            {"type": "array", "prefixItems": [INT, INT]},
            {"type": "array", "prefixItems": [INT, INT, INT]},
            "had 2 parts, has 3",
        ),
        (
            {"type": "array", "prefixItems": [INT, INT]},
            {"type": "array", "prefixItems": [INT, TEXT]},
            "[1]: was integer, is string",
        ),
        (
            {"type": "array", "prefixItems": [INT, INT]},
            {"type": "array", "items": {"type": "number"}},
            None,
        ),
        (
            {"type": "array", "items": INT},
            {"type": "array", "prefixItems": [INT]},
            "is a tuple of 1",
        ),
        # maps
        (
            {"type": "object", "additionalProperties": TEXT},
            {"type": "object", "additionalProperties": INT},
            "*: was string",
        ),
        ({"type": "object"}, {"type": "object", "additionalProperties": INT}, "were free"),
        # what nobody here understands is not waved through
        (TEXT, {**TEXT, "not": {"const": "a"}}, "cannot judge the keyword not"),
    ],
)
def test_incompatibilities(old: dict[str, Any], new: dict[str, Any], says: str | None) -> None:
    found = incompatibilities(old, new)
    if says is None:
        assert found == []
    else:
        assert len(found) == 1, found
        assert says in found[0]


def test_path_of_a_nested_field_is_named() -> None:
    class Inner(Struct):
        size: Annotated[int, Meta(le=10)]

    class Narrow(Struct):
        size: Annotated[int, Meta(le=5)]

    def schema(inner: type[Struct]) -> dict[str, Any]:
        kind = msgspec.defstruct("Outer", [("parts", dict[str, tuple[inner, ...]])])  # type: ignore[valid-type]
        return msgspec.json.schema(kind)

    assert incompatibilities(schema(Inner), schema(Narrow)) == [
        "parts.*[].size: maximum fell from 10 to 5"
    ]


def test_recursive_types_end() -> None:
    node = {"$ref": "#/$defs/Node"}
    old = {**node, "$defs": {"Node": obj(children={"type": "array", "items": node}, name=TEXT)}}
    new = {**node, "$defs": {"Node": obj(children={"type": "array", "items": node}, name=INT)}}
    assert incompatibilities(old, old) == []
    assert incompatibilities(old, new) == [
        "children[].name: was string, is integer",
        "name: was string, is integer",
    ]


def test_an_alternative_that_fails_hides_nothing() -> None:
    """The same sub-schema is compared twice; the first failure must not count as success later."""
    shared_old, shared_new = obj(("x",), x=INT), obj(("x",), x=TEXT)
    old = {"anyOf": [shared_old, NULL]}
    new = {"anyOf": [obj(("y",), y=INT), shared_new, NULL]}
    assert incompatibilities(old, new)


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_can_read_itself(name: str) -> None:
    schema = json_schema(MESSAGES[name])
    assert incompatibilities(schema, schema) == []


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Fewer(StrEnum):
    RED = "red"


class Before(Struct, omit_defaults=True):
    at: datetime
    colour: Colour
    wait: timedelta
    size: Annotated[int, Meta(ge=0, le=10)] = 1
    note: str | None = None


RECORD = (
    b'{"at": "2026-03-02T10:00:00Z", "colour": "blue", "wait": "PT0S", "note": null, "size": 9}'
)


@pytest.mark.parametrize(
    "fields",
    [
        [("at", int)],
        [("colour", Fewer)],
        [("size", Annotated[int, Meta(le=5)], 1)],
        [("more", str)],
        [("note", str, "")],
    ],
    ids=lambda fields: fields[0][0],
)
def test_claims_hold_for_the_real_decoder(fields: list[Any]) -> None:
    """What is called incompatible: here is a record that was fine and does not decode any more."""
    after = msgspec.defstruct("After", fields)
    assert incompatibilities(msgspec.json.schema(Before), msgspec.json.schema(after))
    msgspec.json.decode(RECORD, type=Before)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(RECORD, type=after)
