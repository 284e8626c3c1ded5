"""What a blob store does, whichever kind it is, and how its quota and its age are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from infra.errors import WatchfloorError

__all__ = [
    "BlobAwayError",
    "BlobError",
    "BlobInfo",
    "BlobKeyError",
    "BlobNotFoundError",
    "BlobStore",
    "Swept",
    "Usage",
    "check_key",
    "sweep",
]

MAX_KEY: Final = 512
MAX_BLOB: Final = 64 * 1024 * 1024
"""Bytes. What is read back is bounded as well: a store may be written by others."""

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}"
_KEY: Final = re.compile(rf"{_PART}(?:/{_PART})*")


class BlobError(WatchfloorError):
    """A blob store did not do what it was asked."""


class BlobAwayError(BlobError):
    """The store cannot be reached, is full, or refuses us: later it may work, so try again."""


class BlobNotFoundError(BlobError):
    """There is no blob of that key; its age or the quota may have taken it."""

    def __init__(self, key: str) -> None:
        super().__init__(f"blob {key}: not there")


class BlobKeyError(ValueError):
    """A key that no store takes: trying again changes nothing."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key[:100]!r} is no key: parts of A-Z a-z 0-9 . _ - joined by '/'")


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """One blob. size: bytes; modified: when it was written."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Usage:
    """What a store holds."""

    blobs: int
    bytes: int


@dataclass(frozen=True)
class Swept:
    """What a sweep deleted, and what is left."""

    deleted: int
    freed: int
    left: Usage


class BlobStore(Protocol):
    """Bytes under keys. Calls block: from a loop, use a thread.

    Keys are parts joined by '/', each of letters, digits, '.', '_' and '-', not beginning with a
    punctuation; anything else raises BlobKeyError. Every other trouble is BlobAwayError.
    """

    def put(self, key: str, data: bytes, content_type: str = ...) -> None:
        """Write it whole or not at all; the same key again replaces it.

        When it returns, the blob has survived a power cut as far as the store promises that.
        """

    def get(self, key: str) -> bytes:
        """The blob. Raises BlobNotFoundError where there is none."""

    def exists(self, key: str) -> bool:
        """Whether it is there."""

    def delete(self, key: str) -> None:
        """Take it away; one that is not there is none the less gone."""

    def list(self, prefix: str = ...) -> Iterator[BlobInfo]:
        """The blobs whose key begins with `prefix`, in no particular order."""

    def usage(self) -> Usage:
        """How many there are and how much they take. Reads the whole list."""


def check_key(key: str) -> str:
    """The key, or BlobKeyError. No part can be `..`, hidden, empty or absolute."""
    if len(key) > MAX_KEY or _KEY.fullmatch(key) is None:
        raise BlobKeyError(key)
    return key


def sweep(store: BlobStore, *, now: datetime, max_age: timedelta, max_bytes: int) -> Swept:
    """Delete what is older than `max_age`, then the oldest until the rest fits `max_bytes`."""
    entries = sorted(store.list(), key=lambda entry: (entry.modified, entry.key))
    left = sum(entry.size for entry in entries)
    oldest = now - max_age
    deleted = freed = 0
    for entry in entries:
        if entry.modified > oldest and left - freed <= max_bytes:
            break
        store.delete(entry.key)
        deleted += 1
        freed += entry.size
    return Swept(
        deleted=deleted,
        freed=freed,
        left=Usage(blobs=len(entries) - deleted, bytes=left - freed),
    )
