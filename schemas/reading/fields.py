"""From the tree to the structs of `schemas.document`, by what those declare.

A field that is wrong is noted and stands as its default, so that reading goes on and every other
problem is found as well; nothing that was read so leaves `schemas.document_reader`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingABC
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect as kinds

from schemas.base import ID_PATTERN, SchemaError, parse_duration, utc
from schemas.document import Channel, Document, Routing
from schemas.reading.problems import Path, Problems, shown
from schemas.reading.tree import Mapping, Node, Scalar, Sequence, boolean, number, plain

__all__ = ["read_document"]

MAX_TEXT: Final = 2000
MAX_ITEMS: Final = 20_000
NEVER_SHOWN: Final = frozenset({"stream", "substream", "address", "credentials", "options"})
"""Fields in which people write passwords, although they must not."""

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_FREE_TEXT: Final = frozenset({"comment", "html", "subject", "text"})
_PATTERNS: Final = {
    ID_PATTERN: "is no id: letters, digits, '.', '_' and '-', a letter or digit first, at most 63",
    r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$": "is no time of day; write HH:MM, 00:00 to 24:00",
}
_NOUNS: Final = {
    "Document": "the document",
    "EscalationStep": "a step of an escalation",
    "Inhibition": "an inhibit rule",
    "OnPlan": "a place on a plan",
    "Polling": "a site's polling",
    "SiteNotifications": "a site's notifications",
    "SiteWatch": "a site's watch",
    "Window": "a schedule's window",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Failed:
    """Stands for a value that could not be read."""


FAILED: Final = _Failed()


def read_document(root: Node, problems: Problems) -> Document:
    """The document that `root` describes; what is wrong with it is in `problems`."""
    reader = _Reader(problems)
    if not isinstance(root, Mapping):
        problems.add(root.line, "a site document is a mapping with 'sites', 'route', 'receivers'")
        return Document()
    fields = {f.name: f for f in _fields(Document) if f.name != "routing"}
    fields.update({f.name: f for f in _fields(Routing)})
    values = reader.values(root, fields, (), "the document")
    sites = values.pop("sites", ())
    return Document(sites=sites, routing=Routing(**values))


@cache
def _fields(struct: type[msgspec.Struct]) -> tuple[kinds.Field, ...]:
    kind = kinds.type_info(struct)
    assert isinstance(kind, kinds.StructType)
    return kind.fields


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def values(
        self, node: Mapping, fields: MappingABC[str, kinds.Field], path: Path, noun: str
    ) -> dict[str, Any]:
        """The values of a mapping's fields, by the struct's own names; wrong ones left out."""
        spelled = {name.rstrip("_"): field for name, field in fields.items()}
        read: dict[str, Any] = {}
        for key, value in node.entries:
            field = spelled.get(key.text)
            if field is None:
                self._problems.add(
                    key.line,
                    f"unknown field {shown(key.text)} in {noun}."
                    + self._problems.known("fields", key.text, spelled),
                    (*path, key.text),
                )
                continue
            here = (*path, key.text)
            self._problems.lines[here] = key.line
            if isinstance(value, Scalar) and value.null:
                if field.required:
                    self._fail(here, value.line, f"{key.text} is empty, and {noun} needs it")
                continue
            result = self._read(value, field.type, here)
            if result is not FAILED:
                read[field.name] = result
        given = {key.text for key, _ in node.entries}
        for name, field in spelled.items():
            if field.required and field.name not in read:
                if name not in given:
                    self._problems.add(node.line, f"{noun} needs the field '{name}'", (*path, name))
                self._problems.broken.add((*path, name))
                read[field.name] = _placeholder(field.type)
        return read

    def _fail(self, path: Path, line: int, message: str) -> _Failed:
        self._problems.broken.add(path)
        self._problems.add(line, message, path)
        return FAILED

    def _read(self, node: Node, kind: kinds.Type, path: Path) -> Any:
        """The value, or FAILED."""
        self._problems.lines.setdefault(path, node.line)
        if isinstance(kind, kinds.UnionType):
            kind = next(part for part in kind.types if not isinstance(part, kinds.NoneType))
        if isinstance(kind, kinds.StructType):
            return self._struct(node, kind, path)
        if isinstance(kind, kinds.VarTupleType):
            return self._list(node, kind, path)
        if isinstance(kind, kinds.TupleType):
            return self._tuple(node, kind, path)
        if isinstance(kind, kinds.DictType):
            return self._dict(node, kind, path)
        if isinstance(kind, kinds.AnyType):
            return plain(node)
        if not isinstance(node, Scalar):
            return self._fail(path, node.line, f"{_field(path)} takes a single value")
        return self._scalar(node, kind, path)

    def _struct(self, node: Node, kind: kinds.StructType, path: Path) -> Any:
        name = kind.cls.__name__
        noun = _NOUNS.get(name, f"a {name.lower()}")
        if not isinstance(node, Mapping):
            return self._fail(path, node.line, f"{_field(path)}: {noun} is a mapping of fields")
        fields = {field.name: field for field in kind.fields}
        if kind.cls is not Channel:
            return kind.cls(**self.values(node, fields, path, noun))
        own = {name: field for name, field in fields.items() if name != "options"}
        head = Mapping(node.line, tuple(e for e in node.entries if e[0].text in own))
        options: dict[str, Any] = {}
        for key, value in node.entries:
            if key.text not in own:
                self._problems.lines[(*path, key.text)] = key.line
                options[key.text] = plain(value)
        return Channel(**self.values(head, own, path, noun), options=options)

    def _list(self, node: Node, kind: kinds.VarTupleType, path: Path) -> Any:
        if not isinstance(node, Sequence):
            return self._fail(path, node.line, f"{_field(path)} takes a list, as in [a, b]")
        least, most = kind.min_length or 0, kind.max_length or MAX_ITEMS
        if not least <= len(node.items) <= most:
            size = f"at least {least}" if len(node.items) < least else f"at most {most:,}"
            return self._fail(
                path, node.line, f"{_field(path)} has {len(node.items):,} entries; {size}"
            )
        found: list[Any] = []
        for place, item in enumerate(node.items):
            # The index is that of the result: a wrong entry leaves no gap behind.
            here = (*path, len(found))
            self._forget(here)
            if place != len(found):
                self._problems.places[here] = place
            value = self._read(item, kind.item_type, here)
            if value is not FAILED:
                found.append(value)
        if len(found) < len(node.items):
            self._problems.broken.add(path)
        return tuple(found)

    def _forget(self, path: Path) -> None:
        self._problems.lines.pop(path, None)
        self._problems.places.pop(path, None)
        self._problems.broken.discard(path)

    def _tuple(self, node: Node, kind: kinds.TupleType, path: Path) -> Any:
        size = len(kind.item_types)
        if not isinstance(node, Sequence) or len(node.items) != size:
            return self._fail(path, node.line, f"{_field(path)}: a point is [x, y], each 0 to 1")
        values = [
            self._read(item, part, (*path, index))
            for index, (item, part) in enumerate(zip(node.items, kind.item_types, strict=True))
        ]
        return FAILED if FAILED in values else tuple(values)

    def _dict(self, node: Node, kind: kinds.DictType, path: Path) -> Any:
        if not isinstance(node, Mapping):
            return self._fail(path, node.line, f"{_field(path)} takes a mapping")
        found: dict[str, Any] = {}
        for key, value in node.entries:
            here = (*path, key.text)
            self._problems.lines[here] = key.line
            result = self._read(value, kind.value_type, here)
            if result is not FAILED:
                found[key.text] = result
        return found

    def _scalar(self, node: Scalar, kind: kinds.Type, path: Path) -> Any:
        name = _field(path)
        said = "what is written there" if _hidden(path) else shown(node.text)
        value: Any
        try:
            if isinstance(kind, kinds.StrType):
                return self._text(node, kind, path, said)
            if isinstance(kind, kinds.BoolType):
                value = boolean(node)
                if value is None:
                    raise SchemaError(f"{said} is neither true nor false")
            elif isinstance(kind, kinds.IntType | kinds.FloatType):
                value = _number(node, kind, said, in_picture="polygons" in path)
            elif isinstance(kind, kinds.EnumType):
                value = self._member(node, kind.cls, said)
            elif isinstance(kind, kinds.TimeDeltaType):
                value = parse_duration(node.text[:100])
            elif isinstance(kind, kinds.DateTimeType):
                value = _time(node.text, said)
            else:
                raise TypeError(f"no reader for {kind} at {path}")
        except SchemaError as error:
            return self._fail(path, node.line, f"{name}: {error}")
        return value

    def _member(self, node: Scalar, kind: type[Enum], said: str) -> Enum:
        names = [str(member.value) for member in kind]
        if node.text not in names:
            raise SchemaError(
                f"{said} is none of these.{self._problems.known('values', node.text, names)}"
            )
        return kind(node.text)

    def _text(self, node: Scalar, kind: kinds.StrType, path: Path, said: str) -> Any:
        text, name = node.text, _field(path)
        most = kind.max_length or MAX_TEXT
        allowed = text.replace("\n", "").replace("\t", "") if name in _FREE_TEXT else text
        if _CONTROL.search(allowed):
            return self._fail(path, node.line, f"{name} holds a control character")
        if kind.pattern is not None and not re.fullmatch(kind.pattern, text):
            reason = _PATTERNS.get(kind.pattern, f"does not match {kind.pattern}")
            return self._fail(path, node.line, f"{name}: {said} {reason}")
        if len(text) > most:
            return self._fail(
                path, node.line, f"{name} has {len(text):,} characters; at most {most}"
            )
        if len(text) < (kind.min_length or 0):
            return self._fail(path, node.line, f"{name}: {said} is too short")
        return text


def _field(path: Path) -> str:
    """The field's name, for a message: the last name in the path."""
    return next((part for part in reversed(path) if isinstance(part, str)), "the document")


def _hidden(path: Path) -> bool:
    return any(part in NEVER_SHOWN for part in path)


def _number(
    node: Scalar, kind: kinds.IntType | kinds.FloatType, said: str, *, in_picture: bool
) -> int | float:
    value = number(node)
    if value is None:
        quotes = " (without the quotes)" if node.quoted else ""
        raise SchemaError(f"{said} is no number{quotes}")
    if isinstance(kind, kinds.IntType):
        if not isinstance(value, int):
            raise SchemaError(f"{said} is no whole number")
    else:
        value = float(value)
    outside = (
        (kind.ge is not None and value < kind.ge)
        or (kind.gt is not None and value <= kind.gt)
        or (kind.le is not None and value > kind.le)
        or (kind.lt is not None and value >= kind.lt)
    )
    if outside:
        bounds = (
            ("at least", kind.ge),
            ("above", kind.gt),
            ("at most", kind.le),
            ("below", kind.lt),
        )
        wanted = " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
        shares = ": points are shares of the picture's width and height" if in_picture else ""
        raise SchemaError(f"{said} is out of range, which is {wanted}{shares}")
    return value


def _time(text: str, said: str) -> datetime:
    try:
        return utc(datetime.fromisoformat(text[:64]))
    except SchemaError:
        raise
    except (ValueError, OverflowError) as error:
        raise SchemaError(f"{said} is no time; write 2026-03-02T10:00:00Z") from error


def _placeholder(kind: kinds.Type) -> Any:
    """Something of the right type for a required field that is missing: checks skip it."""
    if isinstance(kind, kinds.VarTupleType):
        return ()
    if isinstance(kind, kinds.TimeDeltaType):
        return timedelta(0)
    if isinstance(kind, kinds.DateTimeType):
        return _EPOCH
    return ""
