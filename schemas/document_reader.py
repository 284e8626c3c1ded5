"""Reading a site document, with all its problems at once, each at its line; and writing one.

    document = read(Path("site.yaml").read_bytes(), file="site.yaml")

Whatever the bytes are, `read` returns a Document or raises DocumentError: its size, depth and
what its aliases expand to are bounded, and no message quotes a field that may hold a password.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import msgspec
import yaml

from schemas.base import SchemaError
from schemas.document import Channel, Document, Routing
from schemas.reading import tree
from schemas.reading.channels import note_targets
from schemas.reading.fields import read_document
from schemas.reading.problems import Problem, Problems, each_once
from schemas.reading.routing import check_routing
from schemas.reading.sites import check_sites

__all__ = [
    "DocumentError",
    "Problem",
    "Reading",
    "dump",
    "examine",
    "examine_value",
    "not_acted_on_yet",
    "read",
    "read_value",
    "value_of",
]


class DocumentError(SchemaError):
    """A document that is not taken. problems: all of them, in order of lines."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What came of a document. document: None where there are problems. notes: allowed, but odd."""

    document: Document | None
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def examine(
    data: bytes | str,
    *,
    file: str = "",
    receivers: Collection[str] | None = None,
    ca_files: Collection[str] | None = None,
) -> Reading:
    """Read a document in YAML (or JSON, which is YAML); nothing is raised.

    file: how problems call it. receivers: names that exist already, for a document that leaves the
    routing as it is; None: then nobody can say which exist, and any is taken. ca_files: likewise
    of the files that devices' `ca_file` may name.
    """
    problems = Problems(file)
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return _checked(tree.parse(raw, problems), problems, receivers, ca_files)


def examine_value(
    value: object,
    *,
    receivers: Collection[str] | None = None,
    ca_files: Collection[str] | None = None,
) -> Reading:
    """Read what another reader made of JSON; nothing is raised. See `examine`.

    Its problems have paths and no lines.
    """
    problems = Problems("")
    return _checked(tree.from_value(value, problems), problems, receivers, ca_files)


def read(
    data: bytes | str, *, file: str = "", receivers: Collection[str] | None = None
) -> Document:
    """The document in YAML; raises DocumentError with every problem. See `examine`."""
    return _document(examine(data, file=file, receivers=receivers))


def read_value(
    value: object, *, file: str = "", receivers: Collection[str] | None = None
) -> Document:
    """The document that a value describes which another reader made (a case's `site_document`).

    Raises DocumentError; its problems have no lines.
    """
    problems = Problems(file)
    return _document(_checked(tree.from_value(value, problems), problems, receivers))


def _document(reading: Reading) -> Document:
    if reading.document is None:
        raise DocumentError(reading.problems)
    return reading.document


def _checked(
    root: tree.Node | None,
    problems: Problems,
    receivers: Collection[str] | None,
    ca_files: Collection[str] | None = None,
) -> Reading:
    document = None
    if root is not None:
        document = read_document(root, problems)
        routing = document.routing
        if routing != Routing():
            receivers = dict.fromkeys(receiver.name for receiver in routing.receivers)
        check_sites(document, problems, receivers, ca_files)
        check_routing(routing, problems)
        note_targets(document, problems)
    return Reading(
        document=None if problems.found else document,
        problems=problems.sorted(),
        notes=tuple(each_once(problems.notes)),
    )


def not_acted_on_yet(document: Document) -> list[str]:
    """What of the document this release accepts and does nothing about, a phrase each."""
    waiting: list[str] = []

    def say(count: int, one: str, many: str) -> None:
        if count:
            waiting.append(one if count == 1 else many.format(count))

    say(
        sum(
            not (device.address and device.driver)
            for site in document.sites
            for device in site.devices
        ),
        "polling of 1 device without an address and a driver",
        "polling of {} devices without an address and a driver",
    )
    return waiting


_UNITS: Final = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def _duration(value: timedelta) -> str:
    """As `parse_duration` reads it: `1h30m`; below a second's precision, decimal seconds."""
    if value.microseconds:
        return f"{value.days * 86_400 + value.seconds}.{value.microseconds:06d}s"
    rest, parts = value.days * 86_400 + value.seconds, []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def value_of(document: Document) -> dict[str, Any]:
    """The document as plain values that `read_value` takes, defaults left out."""
    body: dict[str, Any] = {}
    if document.sites:
        body["sites"] = [_plain(site) for site in document.sites]
    body.update(_plain(document.routing))
    return body


def dump(document: Document) -> str:
    """The document as YAML that `read` takes, defaults left out."""
    text: str = yaml.safe_dump(
        value_of(document) or {"sites": []}, sort_keys=False, allow_unicode=True, width=100
    )
    return text


def _plain(value: Any) -> Any:
    """Structs as the document spells them."""
    if isinstance(value, Channel):
        return {**_fields(value, leave_out="options"), **value.options}
    if isinstance(value, msgspec.Struct):
        return _fields(value)
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return msgspec.to_builtins(value)


def _fields(struct: msgspec.Struct, *, leave_out: str = "") -> dict[str, Any]:
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if field.name == leave_out or (not field.required and value == _default(field)):
            continue
        given[field.name.rstrip("_")] = _plain(value)
    return given


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
