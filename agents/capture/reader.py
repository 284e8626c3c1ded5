"""A camera's own thread: from the source to what is sent."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agents.capture.encode import Captured
from agents.capture.outbox import Outbox
from agents.capture.selection import Selection
from agents.capture.sources.base import CorruptFrameError, Source, SourceError, UnreachableError
from infra.secrets import scrub

__all__ = ["Counts", "Reader"]

log = logging.getLogger("watchfloor.capture")


@dataclass(slots=True)
class Counts:
    """What a camera did in this run. Written by its thread, read by everybody.

    last_frame: monotonic seconds when it came. last_at: its capture time. next_seq: the number
    that the source's next frame will have.
    """

    frames: int = 0
    gated: int = 0
    corrupt: int = 0
    dropped: int = 0
    sent: int = 0
    connects: int = 0
    width: int = 0
    height: int = 0
    last_frame: float | None = None
    last_at: datetime | None = None
    next_seq: int = 0


class Reader:
    """Reads one opening of a source on a thread, until it ends, fails or is closed.

    offset: added to the source's own frame numbers. error: why it ended, None at a file's end.
    """

    def __init__(
        self,
        source: Source,
        selection: Selection,
        outbox: Outbox[Captured],
        counts: Counts,
        *,
        offset: int,
        now: Callable[[], datetime],
        name: str,
        password: str = "",
    ) -> None:
        self._source = source
        self._selection = selection
        self._outbox = outbox
        self._counts = counts
        self._offset = offset
        self._now = now
        self._name = name
        self._password = password
        self.error: SourceError | None = None
        self._thread = threading.Thread(target=self._run, name=f"capture {name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End it soon. A read that waits for the network may keep the thread until its limit."""
        self._source.close()
        self._outbox.close()

    def _run(self) -> None:
        try:
            self._read()
        except SourceError as error:
            self.error = error
        except Exception as error:
            # A defect of ours must show itself, and must not show the password in the URL.
            log.error("%s: %s", self._name, scrub(traceback.format_exc(), self._password))
            self.error = UnreachableError(f"capturing failed ({type(error).__name__})")
        finally:
            self._outbox.finish()

    def _read(self) -> None:
        counts, source, selection = self._counts, self._source, self._selection
        corrupt, gated = counts.corrupt, counts.gated
        broken = 0
        try:
            for frame in source.frames():
                anchor = source.anchor
                captured_at = self._now() if anchor is None else anchor + frame.at
                seq = self._offset + frame.seq
                counts.frames += 1
                counts.next_seq = seq + 1
                counts.last_at = captured_at
                counts.last_frame = time.monotonic()
                counts.width, counts.height = frame.width, frame.height
                try:
                    taken = selection.take(frame, seq, captured_at)
                except CorruptFrameError:
                    broken += 1
                    taken = []
                counts.corrupt = corrupt + broken + source.corrupt
                counts.gated = gated + selection.gated
                for item in taken:
                    if not self._outbox.put(item):
                        return
        finally:
            counts.corrupt = corrupt + broken + source.corrupt
