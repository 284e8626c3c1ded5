"""A chunk: what one fetch brought of one partition, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from faust.types import TP

from agents.runtime.offsets import Progress

__all__ = ["Chunk"]


class Chunk(NamedTuple):
    """One fetch's records of one partition: the value of the one Faust event that carries them.

    records: ours, and for a changelog aiokafka's DefaultRecord; never empty, with rising offsets
    and no other chunk's record between them. Where offsets are missing inside, the log itself has
    none there.
    start: the offset from which on the chunk accounts for the partition; at most `first`.
    progress: the account of this assignment; None for a changelog, which has none.
    """

    tp: TP
    records: Sequence[Any]
    start: int = 0
    progress: Progress | None = None

    @property
    def first(self) -> int:
        """The first record's offset."""
        offset: int = self.records[0].offset
        return offset

    @property
    def last(self) -> int:
        """The last record's offset."""
        offset: int = self.records[-1].offset
        return offset
