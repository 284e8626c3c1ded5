"""Keyset pagination: a page ends with an opaque cursor that says where the next one begins.

A keyset neither skips nor repeats a row when others are inserted, as an offset would. A row whose
own sort key changes between two pages (an alert's rank) may move; sorting by `newest` has a key
that never changes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from api.problems import BadCursor

__all__ = ["MAX_LIMIT", "Cursor", "Page", "fingerprint"]

MAX_LIMIT: Final = 500
MAX_CURSOR: Final = 600

T = TypeVar("T")
K = TypeVar("K", bound=Struct)


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """One page. next: the cursor of the next one; null at the end."""

    items: tuple[T, ...]
    next: str | None


def fingerprint(sort: str, filters: Any) -> str:
    """What a cursor is bound to: sort and filters, as 16 hexadecimal digits."""
    encoded = msgspec.json.encode([sort, filters], order="deterministic")
    return hashlib.sha256(encoded).hexdigest()[:16]


class Cursor(Struct, Generic[K], frozen=True, array_like=True):
    """Where a page ended. query: `fingerprint` of what was asked; after: the last row's key."""

    query: str
    after: K

    def encode(self) -> str:
        """The cursor as a client sees it."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    @staticmethod
    def decode(text: str, key: type[K], query: str) -> K:
        """The key in a cursor that a client sent. Raises BadCursor where it is not of `query`."""
        if len(text) > MAX_CURSOR:
            raise BadCursor("The cursor is none that this API hands out.")
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            found: Cursor[Any] = msgspec.json.decode(raw, type=Cursor[key])  # type: ignore[valid-type]
        except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError) as error:
            raise BadCursor("The cursor is none that this API hands out.") from error
        if found.query != query:
            raise BadCursor("The cursor belongs to a query with other filters or another sort.")
        after: K = found.after
        return after
