"""Who does what: a run is cut at sites, and at documents, where the rules never reach across.

Whatever decide keeps is keyed by site: windows, histories, alerts, groups, inhibition and rate
limits. So a site's history under a document is one piece of work that needs no other, and running
pieces beside each other gives what running them in order gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Part", "Share", "shares"]

UNEVEN: Final = 1.3
"""Above this much more than its share for one worker, documents are what the work is cut at."""


@dataclass(frozen=True)
class Part:
    """A partition's records that a run reads: from offset `begin` to before `end`."""

    number: int
    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many records at most."""
        return max(0, self.end - self.begin)


@dataclass(frozen=True)
class Share:
    """One worker's: these partitions, under these documents (0 is before, 1 is after)."""

    parts: tuple[Part, ...]
    documents: tuple[int, ...]


def shares(parts: Sequence[Part], documents: int, workers: int) -> list[Share]:
    """The partitions among workers, by their sizes; each has both documents where that is even.

    A worker with both decodes an event once. One site's partition cannot be cut, so where it is
    most of the work, one half of the workers takes each document.
    """
    filled = [part for part in parts if part.size]
    both = tuple(range(documents))
    if not filled or workers < 2:
        return [Share(tuple(filled), both)]
    whole = _spread(filled, workers)
    total = sum(part.size for part in filled)
    most = max(sum(part.size for part in group) for group in whole)
    if documents < 2 or most <= UNEVEN * total / workers:
        return [Share(tuple(group), both) for group in whole]
    each = _spread(filled, workers // documents)
    return [Share(tuple(group), (document,)) for document in both for group in each]


def _spread(parts: Sequence[Part], workers: int) -> list[list[Part]]:
    """The largest first, each to whoever has least; no empty shares."""
    groups: list[list[Part]] = [[] for _ in range(workers)]
    sizes = [0] * workers
    for part in sorted(parts, key=lambda one: (-one.size, one.number)):
        least = sizes.index(min(sizes))
        groups[least].append(part)
        sizes[least] += part.size
    return [group for group in groups if group]
