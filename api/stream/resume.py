"""Where a listener is, as a token that it keeps and brings back: offsets of the broker's.

A token is checked, not signed: whatever is in it, a listener is told what its own sites have and
nothing else, and going back costs no more than what the journal holds
(docs/adr/0009-stream.md).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final, Self

import msgspec
from msgspec import Struct

__all__ = [
    "MAX_TOKEN",
    "BadToken",
    "Missed",
    "Place",
    "Position",
    "Sites",
    "scope_key",
    "stamp",
]

MAX_TOKEN: Final = 1_000
"""Characters: some 30 partitions a topic with offsets of nine digits."""
VERSION: Final = 1
ALL: Final = "*"

Sites = frozenset[str] | None
"""The sites that a listener is told about; None: every site."""
Place = tuple[str, int]
"""A topic's name and a partition of it."""


class Missed(StrEnum):
    """Why a listener cannot go on where it was."""

    TOO_OLD = "too_old"
    """More happened since than is kept here, or longer ago."""
    OTHER_SITES = "other_sites"
    """The token is of a listener to other sites."""
    OTHER_STREAM = "other_stream"
    """It is no token of this stream: the topics were made anew, or it was never one."""
    NOT_THERE_YET = "not_there_yet"
    """This server has not read as far as the listener was."""


class BadToken(Exception):
    """A token that one cannot go on with. missed: why."""

    def __init__(self, missed: Missed) -> None:
        super().__init__(missed.value)
        self.missed = missed


class _Token(Struct, frozen=True, array_like=True):
    version: int
    epoch: str
    scope: str
    offsets: dict[str, tuple[int, ...]]


@lru_cache(maxsize=4096)
def scope_key(scope: Sites) -> str:
    """A few characters that are the same for the same sites."""
    if scope is None:
        return ALL
    listed = msgspec.json.encode(sorted(scope))
    return hashlib.sha256(listed).hexdigest()[:12]


class Position(Struct, frozen=True):
    """How far the topics were read. epoch: of which topics; offsets: the next one, by place."""

    epoch: str
    offsets: Mapping[Place, int]

    def token(self, key: str) -> str:
        """For a listener of the scope with that key."""
        by_topic: dict[str, list[int]] = {}
        for (topic, _), offset in sorted(self.offsets.items()):
            by_topic.setdefault(topic, []).append(offset)
        token = _Token(
            VERSION, self.epoch, key, {topic: tuple(found) for topic, found in by_topic.items()}
        )
        return base64.urlsafe_b64encode(msgspec.msgpack.encode(token)).decode().rstrip("=")

    @classmethod
    def of(cls, text: str, key: str) -> Self:
        """The position in a token that somebody brought. Raises BadToken."""
        if len(text) > MAX_TOKEN:
            raise BadToken(Missed.OTHER_STREAM)
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            token = msgspec.msgpack.decode(raw, type=_Token)
        except (ValueError, binascii.Error, msgspec.MsgspecError, RecursionError) as error:
            raise BadToken(Missed.OTHER_STREAM) from error
        if token.version != VERSION:
            raise BadToken(Missed.OTHER_STREAM)
        if token.scope != key:
            raise BadToken(Missed.OTHER_SITES)
        offsets = {
            (topic, number): offset
            for topic, found in token.offsets.items()
            for number, offset in enumerate(found)
        }
        return cls(token.epoch, offsets)


def stamp(text: str, token: str) -> str:
    """A message, which is a JSON object with at least one member, with its token in it.

    It is put in as text: the message is encoded once, and the token differs with the scope.
    """
    return f'{text[:-1]},"resume":"{token}"}}'
