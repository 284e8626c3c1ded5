"""The last frames of a camera, and the events that wait for later ones."""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from typing import Final

from agents.capture.encode import Captured
from agents.capture.selection import LATER

__all__ = ["Recent"]

REACH: Final = timedelta(seconds=10)
"""A picture further from its event than this, in capture time, shows something else."""

MAX_EVENTS: Final = 256
"""Events that are waiting, and ids of those that were served, so that a repeat is not."""


class Recent:
    """A ring of JPEGs in capture order, bounded in bytes and number.

    An event may come before the frames that follow it or long after: a file is captured up to some
    hundred frames ahead of detect.
    """

    def __init__(self, max_bytes: int, max_frames: int = 512) -> None:
        self._frames: deque[Captured] = deque()
        self._bytes = 0
        self._max_bytes = max_bytes
        self._max_frames = max_frames
        self._waiting: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()

    def add(self, frame: Captured) -> None:
        """Keep the frame. One that was kept before it was sent comes twice, and stays once."""
        if self._frames and frame.seq <= self._frames[-1].seq:
            return
        self._frames.append(frame)
        self._bytes += len(frame.jpeg)
        while self._bytes > self._max_bytes or len(self._frames) > self._max_frames:
            self._bytes -= len(self._frames.popleft().jpeg)

    def want(self, event_id: str, at: datetime) -> None:
        """An event completed on the frame captured at `at`; its later frames are wanted."""
        if event_id in self._known:
            return
        self._known[event_id] = None
        self._waiting[event_id] = (at, 0)
        for book in (self._known, self._waiting):
            while len(book) > MAX_EVENTS:
                book.popitem(last=False)

    def serve(self) -> list[tuple[str, int, Captured]]:
        """What can be handed out now: event, position 1 to 3, frame; each once."""
        served: list[tuple[str, int, Captured]] = []
        if not self._frames:
            return served
        newest = self._frames[-1].captured_at
        for event_id, (at, given) in list(self._waiting.items()):
            later = [frame for frame in self._frames if at < frame.captured_at <= at + REACH]
            for number, frame in enumerate(later[given:LATER], given + 1):
                served.append((event_id, number, frame))
            reached = max(given, min(LATER, len(later)))
            if reached == LATER or newest > at + REACH:
                del self._waiting[event_id]
            else:
                self._waiting[event_id] = (at, reached)
        return served
