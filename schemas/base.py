"""What every message shares: frozen structs, bounded fields, one way to encode and to decode."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec import Meta, Struct

__all__ = [
    "CameraId",
    "DeviceId",
    "Label",
    "Message",
    "Name",
    "SchemaError",
    "Score",
    "Severity",
    "SiteId",
    "Text",
    "UtcTime",
    "ZoneId",
    "decode",
    "encode",
    "parse_duration",
    "utc",
]

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$(?!\n)"
"""Ids become parts of keys (`site/camera`), file names and metric labels: no slash, no space."""

SiteId = Annotated[str, Meta(pattern=ID_PATTERN, max_length=63)]
CameraId = Annotated[str, Meta(pattern=ID_PATTERN, max_length=63)]
DeviceId = Annotated[str, Meta(pattern=ID_PATTERN, max_length=63)]
ZoneId = Annotated[str, Meta(pattern=ID_PATTERN, max_length=63)]
Label = Annotated[str, Meta(min_length=1, max_length=63)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=2000)]
Score = Annotated[float, Meta(ge=0, le=1)]
UtcTime = Annotated[datetime, Meta(tz=True)]


class SchemaError(ValueError):
    """A value that is not what its schema says; the message names the field."""


class Severity(StrEnum):
    """How bad it is, as the site's document says; the order is `rank`."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """4 for critical down to 0 for info."""
        return (
            Severity.INFO,
            Severity.LOW,
            Severity.MEDIUM,
            Severity.HIGH,
            Severity.CRITICAL,
        ).index(self)


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A value on a topic. Unknown fields are ignored, so a reader may be older than the writer.

    A message is a tree: the garbage collector, which only finds cycles, need not look at it.

    SCHEMA: the name and version under which its JSON Schema is published.
    """

    SCHEMA: ClassVar[str] = ""


M = TypeVar("M")

_encoder = msgspec.json.Encoder()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def encode(value: Any) -> bytes:
    """JSON, UTF-8, fields in declared order: equal values give equal bytes."""
    return _encoder.encode(value)


def decode(data: bytes, as_: type[M]) -> M:
    """The message in `data`.

    Raises SchemaError where it is no JSON or not of that type; the reason names the field's path.
    """
    decoder = _decoders.get(as_)
    if decoder is None:
        decoder = _decoders[as_] = msgspec.json.Decoder(as_)
    try:
        value: M = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SchemaError(f"{getattr(as_, '__name__', as_)}: {error}") from error
    return value


def utc(value: datetime) -> datetime:
    """The same instant with the timezone UTC. Raises SchemaError for a naive time."""
    if value.tzinfo is None:
        raise SchemaError("a time needs a timezone, for example 2026-03-02T10:00:00Z")
    return value.astimezone(UTC)


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def parse_duration(text: str | float) -> timedelta:
    """`90s`, `5m`, `1h30m`, `250ms`, or a number of seconds.

    Raises SchemaError for anything else, for a negative one and for one above ten years.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = float(text)
    else:
        import re

        cleaned = str(text).strip()
        if re.fullmatch(r"\d+(\.\d+)?", cleaned):
            seconds = float(cleaned)
        else:
            parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", cleaned)
            if not parts or "".join(a + b for a, b in parts) != cleaned:
                raise SchemaError(f"{text!r} is no duration; write 30s, 5m, 1h30m or 250ms")
            seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not 0 <= seconds <= 10 * 365 * 86400:
        raise SchemaError(f"{text!r} is out of range for a duration (0 to 10 years)")
    return timedelta(seconds=seconds)
