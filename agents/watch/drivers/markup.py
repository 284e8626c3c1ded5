"""XML from outside: no document types, no entities, bounded in depth and in number.

By expat itself, which tells of a document type before anything of it is expanded. The names of
elements lose their namespaces: vendors disagree with themselves about those between releases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn
from xml.parsers import expat

from agents.watch.drivers.base import DriverError, Fault, Limits

__all__ = ["MOST_ELEMENTS", "Element", "parse"]

MOST_ELEMENTS: Final = 20_000
"""A recorder of 256 channels tells of them in some 8,000."""

_BETWEEN: Final = " "
"""Between a name and its namespace; no name holds a blank."""


@dataclass(slots=True)
class Element:
    """An element: its name without its namespace, its own text, what is in it. No attributes."""

    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def child(self, *path: str) -> Element | None:
        """The first element on the way that `path` names, from this one's children on."""
        at: Element | None = self
        for name in path:
            if at is None:
                return None
            at = next((one for one in at.children if one.name == name), None)
        return at

    def all(self, name: str) -> Iterator[Element]:
        """Every element of that name in this one, however deep, in order."""
        waiting = list(reversed(self.children))
        while waiting:
            one = waiting.pop()
            if one.name == name:
                yield one
            waiting.extend(reversed(one.children))

    def first(self, name: str) -> Element | None:
        """The first element of that name in this one, however deep."""
        return next(self.all(name), None)

    def said(self, *path: str) -> str:
        """The text at the end of that way, without blanks around it; empty where there is none."""
        found = self.child(*path)
        return "" if found is None else found.text.strip()


class _Builder:
    def __init__(self, limits: Limits) -> None:
        self._depth = limits.depth
        self._count = 0
        self._open: list[Element] = []
        self._text: list[list[str]] = []
        self.root: Element | None = None

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise DriverError(Fault.TOO_LARGE, f"XML of more than {MOST_ELEMENTS} elements")
        if len(self._open) >= self._depth:
            raise DriverError(Fault.TOO_LARGE, f"XML nested deeper than {self._depth}")
        element = Element(name.rpartition(_BETWEEN)[2])
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._text.append([])

    def end(self, _name: str) -> None:
        self._open.pop().text = "".join(self._text.pop())

    def data(self, text: str) -> None:
        if self._text:
            self._text[-1].append(text)


def _refuse(*_declared: object) -> NoReturn:
    raise DriverError(Fault.HOSTILE, "its XML declares a document type")


def parse(data: bytes, limits: Limits) -> Element:
    """The document's root.

    Raises DriverError: `hostile_xml` for a document type or an entity, whatever they would do;
    `too_large` for what is nested too deep or of too many elements; `garbage` for what is no XML.
    """
    if len(data) > limits.body:
        raise DriverError(Fault.TOO_LARGE, f"XML of more than {limits.body} bytes")
    builder = _Builder(limits)
    parser = expat.ParserCreate(namespace_separator=_BETWEEN)
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise DriverError(
            Fault.GARBAGE, f"no XML: {expat.ErrorString(error.code)} in line {error.lineno}"
        ) from None
    except (LookupError, UnicodeError, ValueError):
        # An encoding that Python does not know, or one of several bytes a letter.
        raise DriverError(Fault.GARBAGE, "XML in an encoding that nobody knows") from None
    if builder.root is None:
        raise DriverError(Fault.GARBAGE, "no XML")
    return builder.root
