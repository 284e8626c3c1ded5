"""A folder of images: a frame each, in order of their names."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from agents.capture.sources.address import Address
from agents.capture.sources.base import (
    BrokenSourceError,
    CorruptFrameError,
    Limits,
    SourceFrame,
)
from agents.capture.sources.file import check_file
from agents.capture.sources.pace import Pacer
from agents.capture.sources.pictures import EncodedFrame

__all__ = ["ImagesSource", "frame_rate"]

_SUFFIXES: Final = (".jpg", ".jpeg", ".png")

MAX_FILES: Final = 1_000_000


def frame_rate(address: Address, default: str) -> Fraction:
    """The option `fps`, above 0 and at most 60. Raises BrokenSourceError."""
    text = address.option("fps") or default
    try:
        rate = Fraction(text) if len(text) <= 20 else Fraction(0)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 60:
        raise BrokenSourceError(f"fps of {address} is above 0 and at most 60")
    return rate


class ImagesSource:
    """JPEG and PNG files of one folder, `fps` of them a second (5 unless the address says so)."""

    live = False
    numbering: int | None = 0

    def __init__(
        self, address: Address, limits: Limits, *, start: datetime, speed: float = 0.0
    ) -> None:
        self._folder = address.location
        self._limits = limits
        self._rate = frame_rate(address, "5")
        self._closed = threading.Event()
        self._pacer = Pacer(speed, self._closed)
        self.anchor: datetime | None = start
        self.corrupt = 0

    def close(self) -> None:
        """See `Source`."""
        self._closed.set()

    def frames(self) -> Iterator[SourceFrame]:
        """See `Source`."""
        check_file(self._folder, folder=True)
        with os.scandir(self._folder) as found:
            names = sorted(
                entry.name
                for entry in itertools.islice(found, MAX_FILES)
                if entry.name.lower().endswith(_SUFFIXES) and entry.is_file()
            )
        if not names:
            raise BrokenSourceError(f"the folder {self._folder!r} has no .jpg, .jpeg or .png")
        good = 0
        for seq, name in enumerate(names):
            at = timedelta(microseconds=round(seq / self._rate * 1_000_000))
            frame = self._read(seq, at, os.path.join(self._folder, name))
            if not self._pacer.wait(at):
                return
            if frame is not None:
                good += 1
                yield frame
        if not good:
            raise BrokenSourceError(f"no image in the folder {self._folder!r} can be read")

    def _read(self, seq: int, at: timedelta, path: str) -> SourceFrame | None:
        try:
            with open(path, "rb") as file:
                data = file.read(self._limits.part + 1)
            if len(data) > self._limits.part:
                raise CorruptFrameError("too large")
            return EncodedFrame(seq, at, data, self._limits)
        except (OSError, CorruptFrameError, BrokenSourceError):
            # One picture of a folder is one frame: the rest of the folder is not to blame.
            self.corrupt += 1
            return None
