"""XML from a device: a small tree, and nothing that XML can do beside being one.

Straight on expat, with handlers that refuse a document type before anything of it is read: without
one there are no entities to expand and no file or address to fetch (OWASP, XML external entities).
"""

from __future__ import annotations

from typing import Any, Final
from xml.parsers import expat

from api.problems import BodyTooDeep, MalformedBody

__all__ = ["Element", "parse"]

MAX_DEPTH: Final = 32
MAX_ELEMENTS: Final = 5_000
MAX_TEXT: Final = 4_096


class Element:
    """An element: its name without the namespace, its own text, its children."""

    __slots__ = ("children", "name", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.children: list[Element] = []

    def first(self, *names: str) -> Element | None:
        """The first child of one of these names, in any spelling."""
        wanted = {name.lower() for name in names}
        return next((child for child in self.children if child.name.lower() in wanted), None)

    def value(self, *names: str) -> str | None:
        """The text of that child; None where there is none, or it is empty."""
        found = self.first(*names)
        text = "" if found is None else found.text.strip()
        return text or None

    def find(self, *names: str) -> Element | None:
        """The first element of one of these names, however deep, this one included."""
        wanted = {name.lower() for name in names}
        waiting = [self]
        while waiting:
            element = waiting.pop()
            if element.name.lower() in wanted:
                return element
            waiting += reversed(element.children)
        return None


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def start(self, name: str, _attributes: Any) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise BodyTooDeep(
                f"The XML has more than {MAX_ELEMENTS} elements, or is deeper than {MAX_DEPTH}."
            )
        element = Element(name.rpartition("}")[2].rpartition(":")[2])
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        if self._open and len(self._open[-1].text) < MAX_TEXT:
            self._open[-1].text += data[:MAX_TEXT]


def _refuse(*_: Any) -> Any:
    raise MalformedBody("The XML has a document type; events have none, and it is not read.")


def parse(data: bytes) -> Element:
    """The document's root. Raises MalformedBody and BodyTooDeep."""
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise MalformedBody(f"The body is not XML: {str(error)[:200]}.") from error
    if builder.root is None:
        raise MalformedBody("The body is not XML: it has no element.")
    return builder.root
