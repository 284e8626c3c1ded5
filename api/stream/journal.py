"""What was told lately, in the order in which this server read it: what a listener that comes back
has missed is told from here.

Bounded in entries and bytes. It needs no memory of listeners: whoever brings a position gets what
was read from there on, whichever server it was connected to before, since offsets are the broker's.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from api.stream.resume import BadToken, Missed, Place, Position, Sites

__all__ = ["MAX_BYTES", "MAX_ENTRIES", "Entry", "Journal"]

MAX_ENTRIES: Final = 10_000
MAX_BYTES: Final = 16 * 1_048_576
KNOWN_IDS: Final = 20_000


class Entry(Struct, frozen=True, gc=False):
    """One message that was told, and the record behind it."""

    place: Place
    offset: int
    site: str
    text: str


class Journal:
    """The newest entries, and from where to where each partition is in them."""

    def __init__(self, *, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._epoch = ""
        self._floors: dict[Place, int] = {}
        self._next: dict[Place, int] = {}
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._moved = asyncio.Event()

    def __len__(self) -> int:
        return len(self._entries)

    def begin(self, epoch: str, starts: Mapping[Place, int]) -> bool:
        """Reading begins at `starts`; False where what is known does not go on from there.

        A reader that is started again begins some way back, in what was read already: that is
        skipped (`knows`), and the journal goes on. Where it begins later than it ended, records
        are missing in between: then nothing before counts, and whoever listens has missed them.
        """
        same = epoch == self._epoch and starts.keys() == self._next.keys()
        if same and all(start <= self._next[place] for place, start in starts.items()):
            return True
        fresh = not self._next
        before = self._next if epoch == self._epoch else {}
        self._entries.clear()
        self._bytes = 0
        self._epoch = epoch
        self._next = {place: max(start, before.get(place, 0)) for place, start in starts.items()}
        self._floors = dict(self._next)
        self._stir()
        return fresh

    def knows(self, place: Place, offset: int) -> bool:
        """Whether that record was read before."""
        return offset < self._next.get(place, 0)

    def first(self, name: str) -> bool:
        """Whether this is the first record of that name: at-least-once writes some twice."""
        if name in self._ids:
            return False
        self._ids[name] = None
        if len(self._ids) > KNOWN_IDS:
            self._ids.popitem(last=False)
        return True

    def skip(self, place: Place, offset: int) -> None:
        """That record was read, and there is nothing to tell of it."""
        self.advance(place, offset + 1)

    def advance(self, place: Place, offset: int) -> None:
        """All before that offset was read; compaction leaves offsets without a record."""
        if offset > self._next.get(place, 0):
            self._next[place] = offset
            self._stir()

    def add(self, place: Place, offset: int, site: str, text: str) -> Position:
        """That record was read, and this is told of it; where one is who has heard that."""
        self.skip(place, offset)
        self._entries.append(Entry(place, offset, site, text))
        self._bytes += len(text)
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            gone = self._entries.popleft()
            self._bytes -= len(gone.text)
            self._floors[gone.place] = gone.offset + 1
        return Position(self._epoch, dict(self._next))

    def position(self) -> Position | None:
        """How far it has read; None before it began."""
        return Position(self._epoch, dict(self._next)) if self._next else None

    def since(self, position: Position, scope: Sites) -> list[tuple[Entry, Position]]:
        """What a listener at `position` has missed, each with where it is then. Raises BadToken."""
        self._check(position)
        offsets = dict(position.offsets)
        missed = []
        for entry in self._entries:
            if entry.offset < offsets[entry.place]:
                continue
            offsets[entry.place] = entry.offset + 1
            if scope is None or entry.site in scope:
                missed.append((entry, Position(self._epoch, dict(offsets))))
        return missed

    def _check(self, position: Position) -> None:
        if not self._next:
            raise BadToken(Missed.NOT_THERE_YET)
        if position.epoch != self._epoch or position.offsets.keys() != self._next.keys():
            raise BadToken(Missed.OTHER_STREAM)
        if any(position.offsets[place] < floor for place, floor in self._floors.items()):
            raise BadToken(Missed.TOO_OLD)
        if not self._covers(position):
            raise BadToken(Missed.NOT_THERE_YET)

    def _covers(self, position: Position) -> bool:
        return all(
            offset <= self._next.get(place, offset) for place, offset in position.offsets.items()
        )

    async def reach(self, position: Position, seconds: float) -> None:
        """Wait until it has read as far as a listener was that another server told more."""
        try:
            async with asyncio.timeout(seconds):
                while not self._next or (
                    position.epoch == self._epoch and not self._covers(position)
                ):
                    await self._moved.wait()
        except TimeoutError:
            return

    def _stir(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()
