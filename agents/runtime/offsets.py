"""What of a partition was handed out, and what of it is done.

Faust keeps a list of gaps: offsets that it never saw, taken for done. After a rebalance it begins
to fetch before it has gone back to the committed offset, and then notes as gaps what it fetched
in between, the record in its hand included; committed before it is done, that record is lost
with its worker (issues 221 and 606; measured: 1 event of 600 in one of three rebalances under
load). Here only what was handed out and finished is ever committed, in order and with no hole.

Offsets are accounted by span, `start` to `end` exclusive: a chunk is one span when it is handed
out, and is finished in as many as its worker likes. A span also covers the offsets inside it that
the log itself has no record at.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Generic, TypeVar

__all__ = ["Offsets", "Progress", "Sight"]

P = TypeVar("P", bound=Hashable)


class Sight(Enum):
    """What a span that was fetched is."""

    NEXT = auto()
    """It holds the next offset: take it, from there on."""
    AGAIN = auto()
    """All of it was taken before."""
    BEYOND = auto()
    """What comes before it is missing: it was not handed out yet, or it is there no more."""
    STRANGE = auto()
    """Its partition is not ours, or not yet: it will come again where it is."""


@dataclass(slots=True)
class Progress:
    """One partition of one assignment.

    next: the offset that is handed out next. safe: everything before it is done.
    """

    first: int
    next: int = field(init=False)
    safe: int = field(init=False)
    finished: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.next = self.safe = self.first

    def done(self, start: int, end: int) -> None:
        """A span of what was taken is done; twice is once.

        Raises ValueError for what was never handed out: it must not be committed.
        """
        if not self.first <= start < end <= self.next:
            raise ValueError(f"{start} to {end} was not handed out: {self.first} to {self.next}")
        if start < self.safe:
            return
        self.finished[start] = end
        while (reached := self.finished.pop(self.safe, None)) is not None:
            self.safe = reached

    @property
    def outstanding(self) -> int:
        """How many offsets are handed out and not known to be done."""
        return self.next - self.safe


class Offsets(Generic[P]):
    """The partitions that are ours. P: what names a partition."""

    def __init__(self) -> None:
        self._parts: dict[P, Progress] = {}

    def begin(self, part: P, first: int) -> None:
        """A partition is ours from this offset on: the committed one, else its earliest."""
        self._parts[part] = Progress(first)

    def forget(self, parts: Iterable[P]) -> None:
        """Partitions are lost: what is done late of theirs counts no more."""
        for part in parts:
            self._parts.pop(part, None)

    def __iter__(self) -> Iterator[P]:
        return iter(tuple(self._parts))

    def progress(self, part: P) -> Progress | None:
        """A partition's progress in this assignment; `done` is called on it."""
        return self._parts.get(part)

    def take(self, part: P, start: int, end: int) -> Sight:
        """What to do with a span that was fetched; NEXT notes that it is handed out.

        Where it overlaps what was handed out before, only what comes after is to be used.
        """
        found = self._parts.get(part)
        if found is None:
            return Sight.STRANGE
        if start > found.next:
            return Sight.BEYOND
        if end <= found.next:
            return Sight.AGAIN
        found.next = end
        return Sight.NEXT

    def skip(self, part: P, to: int) -> None:
        """There is nothing before that offset any more: retention or compaction took it."""
        found = self._parts.get(part)
        if found is not None and to > found.next:
            start, found.next = found.next, to
            found.done(start, to)

    def safe(self, part: P) -> int | None:
        """The offset to be committed: everything before it is done. None where nothing is new."""
        found = self._parts.get(part)
        return None if found is None or found.safe == found.first else found.safe
