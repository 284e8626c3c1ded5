"""YAML as a tree with line numbers, bounded in size, depth and what aliases expand to.

Scalars stay text here: what a text means is for the field to say, so that `18:00` is a time of
day and not the number 1080 that YAML 1.1 makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import yaml

from schemas.reading.problems import Problems, shown

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "Mapping", "Node", "Scalar", "Sequence"]

MAX_BYTES: Final = 5 * 1024 * 1024
MAX_DEPTH: Final = 64
MAX_NODES: Final = 1_000_000
"""Counted as if every alias were written out: nine lines of aliases can stand for billions."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text. quoted: it was written in quotes or as a block, so it is no number and no null."""

    line: int
    text: str
    quoted: bool

    @property
    def null(self) -> bool:
        """Whether it is YAML's nothing."""
        return not self.quoted and self.text in {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping, in the order of the file; every key once."""

    line: int
    entries: tuple[tuple[Scalar, Node], ...]


Node = Scalar | Sequence | Mapping


class _Stop(Exception):
    """The text cannot be read any further; the problem is noted."""


@dataclass
class _Open:
    """A collection that is being read. size: nodes in it, aliases written out."""

    line: int
    mapping: bool
    anchor: str | None
    items: list[Node]
    size: int = 1


def parse(data: bytes, problems: Problems) -> Node | None:
    """The tree of the one document in `data`; None where it cannot be read (problems say why)."""
    if len(data) > MAX_BYTES:
        problems.add(0, f"the document has {len(data):,} bytes; at most {MAX_BYTES:,} are read")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.add(line, "the document is not UTF-8 text")
        return None
    try:
        return _Composer(problems).compose(text)
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        # Not str(error): it quotes the source, and the source may hold what must not be shown.
        mark = error.problem_mark or error.context_mark
        problems.add(mark.line + 1 if mark else 0, f"this is no YAML: {error.problem}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 0
        problems.add(line, "the document holds a character that YAML does not allow")
    return None


class _Composer:
    """Builds the tree from YAML's events, without recursion: depth is bounded, not the stack."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._root: Node | None = None
        self._documents = 0
        self._total = 0

    def compose(self, text: str) -> Node | None:
        """Read the events; raises _Stop where it cannot go on."""
        for event in yaml.parse(text, Loader=_Loader):
            self._take(event)
        if self._root is None or (isinstance(self._root, Scalar) and self._root.null):
            self._problems.add(1, "the document is empty")
            return None
        return self._root

    def _stop(self, line: int, message: str) -> _Stop:
        self._problems.add(line, message)
        return _Stop()

    def _take(self, event: yaml.Event) -> None:
        mark = event.start_mark
        line = 0 if mark is None else mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._stop(line, "a second document starts here; a file holds one")
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "", line)
        elif isinstance(event, yaml.ScalarEvent):
            self._tag(event.tag, line)
            scalar = Scalar(line, event.value, event.style not in {None, ""})
            self._done(scalar, 1, event.anchor)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._tag(event.tag, line)
            if len(self._stack) >= MAX_DEPTH:
                raise self._stop(line, f"nested more than {MAX_DEPTH} deep")
            mapping = isinstance(event, yaml.MappingStartEvent)
            self._stack.append(_Open(line, mapping, event.anchor, []))
        elif isinstance(event, yaml.CollectionEndEvent):
            top = self._stack.pop()
            node: Node = self._mapping(top) if top.mapping else Sequence(top.line, tuple(top.items))
            self._done(node, top.size, top.anchor)

    def _tag(self, tag: str | None, line: int) -> None:
        if tag is not None and tag != "!":
            self._problems.add(line, f"the tag {shown(tag)} is not taken; write the plain value")

    def _alias(self, anchor: str, line: int) -> None:
        target = self._anchors.get(anchor)
        if target is None:
            raise self._stop(line, f"the alias {shown('*' + anchor)} has no anchor before it")
        node, size = target
        self._done(node, size, None)

    def _done(self, node: Node, size: int, anchor: str | None) -> None:
        """A node is whole: hand it to what it is in."""
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if self._stack:
            self._stack[-1].items.append(node)
            self._stack[-1].size += size
            if self._stack[-1].size > MAX_NODES:
                raise self._stop(node.line, f"more than {MAX_NODES:,} values, aliases written out")
        else:
            self._root = node

    def _mapping(self, top: _Open) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        merged: list[Node] = []
        for key, value in zip(top.items[::2], top.items[1::2], strict=True):
            if not isinstance(key, Scalar):
                self._problems.add(key.line, "a field's name must be plain text")
            elif key.text == "<<" and not key.quoted:
                merged.append(value)
            elif key.text in entries:
                first = entries[key.text][0].line
                self._problems.add(
                    key.line, f"the field {shown(key.text)} comes twice, first in line {first}"
                )
            else:
                entries[key.text] = (key, value)
        for value in merged:
            self._merge(entries, value)
        return Mapping(top.line, tuple(entries.values()))

    def _merge(self, entries: dict[str, tuple[Scalar, Node]], value: Node) -> None:
        """`<<: *defaults`: what is written beside it wins."""
        for source in value.items if isinstance(value, Sequence) else (value,):
            if not isinstance(source, Mapping):
                self._problems.add(source.line, "'<<' takes a mapping, or a list of them")
                continue
            for key, node in source.entries:
                entries.setdefault(key.text, (key, node))


def from_value(value: object, problems: Problems) -> Node | None:
    """The tree of a value that some other reader made (JSON, a part of another YAML file)."""
    try:
        return _convert(value, problems, 0, [0])
    except _Stop:
        return None


def _convert(value: object, problems: Problems, depth: int, count: list[int]) -> Node:
    count[0] += 1
    if depth > MAX_DEPTH or count[0] > MAX_NODES:
        problems.add(0, "the document is nested too deep, or too large")
        raise _Stop
    if isinstance(value, MappingABC):
        return Mapping(
            0,
            tuple(
                (Scalar(0, str(key), True), _convert(item, problems, depth + 1, count))
                for key, item in value.items()
            ),
        )
    if isinstance(value, list | tuple):
        return Sequence(0, tuple(_convert(item, problems, depth + 1, count) for item in value))
    if value is None:
        return Scalar(0, "null", False)
    if isinstance(value, bool):
        return Scalar(0, "true" if value else "false", False)
    if isinstance(value, int | float):
        return Scalar(0, repr(value), False)
    if isinstance(value, datetime | date):
        return Scalar(0, value.isoformat(), True)
    return Scalar(0, str(value), True)


_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9_]{0,30})", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(\d{1,30}\.\d{0,30}|\.\d{1,30})([eE][-+]?\d{1,3})?", re.ASCII)
_TRUE: Final = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE: Final = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})


def boolean(node: Scalar) -> bool | None:
    """What the scalar is as YAML's boolean, or None."""
    if node.quoted or node.text not in _TRUE | _FALSE:
        return None
    return node.text in _TRUE


def number(node: Scalar) -> int | float | None:
    """What the scalar is as a finite number, or None."""
    if node.quoted:
        return None
    if _INT.fullmatch(node.text):
        return int(node.text.replace("_", ""))
    if _FLOAT.fullmatch(node.text) or re.fullmatch(
        r"[-+]?\d{1,30}[eE][-+]?\d{1,3}", node.text, re.ASCII
    ):
        value = float(node.text)
        return value if value - value == 0 else None
    return None


def plain(node: Node) -> Any:
    """The value that YAML means: for parts whose fields are not ours to know."""
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if node.null:
        return None
    truth = boolean(node)
    if truth is not None:
        return truth
    # `1e5` is a text for YAML 1.1, in which documents are written out.
    figure = number(node) if "." in node.text or "e" not in node.text.lower() else None
    return node.text if figure is None else figure
