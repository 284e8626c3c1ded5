"""What every source has in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BrokenSourceError",
    "CorruptFrameError",
    "CredentialsError",
    "Image",
    "Limits",
    "Source",
    "SourceError",
    "SourceFrame",
    "Timeline",
    "UnreachableError",
    "check_size",
]

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 blue, green, red; or (H, W) uint8 grey."""


class SourceError(Exception):
    """A source that delivers nothing, with a reason that a person can act on.

    The reason never holds a credential. final: trying again changes nothing.
    """

    final = False


class UnreachableError(SourceError):
    """Nobody answers there, or not in time."""


class CredentialsError(SourceError):
    """The source wants other credentials than we have."""


class BrokenSourceError(SourceError):
    """What is there is no video, or more than we take."""

    final = True


class CorruptFrameError(Exception):
    """One frame that does not decode. It is counted, and the next one is tried."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on what a source may cost us.

    side: pixels of a picture's longer side; pixels: of all of it, 40 M is more than 8K. part: bytes
    of one encoded picture. connect: until a source has answered. silence: without a frame for so
    long, a live source counts as lost.
    """

    side: int = 10_000
    pixels: int = 40_000_000
    part: int = 32 * 1_048_576
    connect: timedelta = timedelta(seconds=10)
    silence: timedelta = timedelta(seconds=20)


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise BrokenSourceError for a picture that is larger than we decode."""
    if not (0 < width <= limits.side and 0 < height <= limits.side):
        raise BrokenSourceError(
            f"a picture of {width}x{height} pixels: a side may have 1 to {limits.side}"
        )
    if width * height > limits.pixels:
        raise BrokenSourceError(
            f"a picture of {width}x{height} pixels: all of it may have {limits.pixels}"
        )


class SourceFrame(Protocol):
    """A decoded frame, or one that is decoded when somebody asks: most are gated or skipped.

    seq: 0-based in this opening of the source, lost ones counted. at: source time since frame 0.
    """

    @property
    def seq(self) -> int: ...

    @property
    def at(self) -> timedelta: ...

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    def grey(self, side: int) -> Image:
        """(h, w) uint8, shrunk by a whole number until the longer side is about `side` pixels.

        Raises CorruptFrameError.
        """

    def picture(self, side: int) -> Image:
        """(h, w, 3) uint8 blue, green, red, the longer side at most `side` pixels.

        Raises CorruptFrameError.
        """


class Source(Protocol):
    """A source of frames. Made on any thread, iterated on a worker's own, closed from any.

    live: frames are lost when nobody takes them. anchor: capture time of source time 0; None where
    a frame is captured when it arrives. numbering: what a frame's seq counts from; None for a live
    source without a memory of its own. corrupt: frames that were lost to decoding so far.
    """

    @property
    def live(self) -> bool: ...

    @property
    def anchor(self) -> datetime | None: ...

    @property
    def numbering(self) -> int | None: ...

    @property
    def corrupt(self) -> int: ...

    def frames(self) -> Iterator[SourceFrame]:
        """Open the source and yield what comes; ends at a file's end, or after `close`.

        Raises SourceError.
        """

    def close(self) -> None:
        """End `frames` soon, also one that waits for the network."""


class Timeline:
    """Source time that only grows, from presentation times that may be absent or jump.

    A live stream's clock may start again, and its first frames may have none; then the time that
    passed here stands in.
    """

    LEAP = 10.0
    """Seconds; a longer step between two frames is a new clock, not a pause."""

    def __init__(self) -> None:
        self._at = 0.0
        self._pts: float | None = None
        self._arrived: float | None = None

    def next(self, pts: float | None, arrived: float) -> timedelta:
        """Source time of the next frame. pts, arrived: seconds, on clocks of their own."""
        if self._arrived is not None:
            step = max(arrived - self._arrived, 0.001)
            if pts is not None and self._pts is not None and 0 < pts - self._pts < self.LEAP:
                step = pts - self._pts
            self._at += step
        self._pts, self._arrived = pts, arrived
        return timedelta(seconds=self._at)
