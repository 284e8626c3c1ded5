"""What a topic is: a frozen declaration, the single place that says how it is keyed and kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from schemas.base import Message

__all__ = ["DLQ_SUFFIX", "Content", "KeyKind", "Topic"]

DLQ_SUFFIX = ".dlq"


class KeyKind(StrEnum):
    """What a record's key is."""

    SITE = "site"
    """`site`: everything that decide reads."""
    CAMERA = "site/camera"
    """`site/camera` or `site/device`: order is per camera."""
    ALERT = "alert"
    """The alert's id."""
    DOCUMENT = "document"
    """A site's id, or `routing`."""
    MODEL = "model"
    """A model's name."""
    ACTOR = "actor"
    """Who did it."""
    NONE = "none"
    """No key; the partition is chosen by who writes."""


class Content(StrEnum):
    """What a record's value is."""

    JSON = "application/json"
    JPEG = "image/jpeg"


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic.

    value: the message in the value, or for a JPEG the message in the header `header`.
    keep: retention; None together with compact means for ever. segment sizes follow from it.
    group: the co-partition group; its members have the same number of partitions.
    partitions: on one machine; a cluster's operator may set more before first use.
    owner: the role that writes it. promise: what a reader may rely on.
    """

    name: str
    key: KeyKind
    value: type[Message]
    keep: timedelta | None
    owner: str
    promise: str
    partitions: int = 4
    content: Content = Content.JSON
    header: str | None = None
    compact: bool = False
    group: str | None = None
    max_bytes: int = 1_048_576
    personal: bool = False
    tags: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return self.name

    @property
    def dlq(self) -> str:
        """The dead-letter topic's name."""
        return self.name + DLQ_SUFFIX

    @property
    def ce_type(self) -> str:
        """The CloudEvents type of its records."""
        return f"watchfloor.{self.value.SCHEMA}"

    @property
    def dataschema(self) -> str:
        """The CloudEvents `dataschema`: a path under `schemas/published/`."""
        return f"schemas/published/{self.value.SCHEMA}.json"
