"""A video file: every frame, in order, at its presentation time."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

import av
from av.container import InputContainer

from agents.capture.sources.address import Address
from agents.capture.sources.base import BrokenSourceError, Limits, SourceError, SourceFrame
from agents.capture.sources.decoding import Decoder, explain, video_of
from agents.capture.sources.pace import Pacer
from agents.capture.sources.pictures import AvFrame

__all__ = ["FileSource", "check_file"]

_FORMATS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,h264,hevc,mjpeg"
)
"""Containers of video. A playlist is none of them: it would open other files and addresses."""

_MICROSECOND: Final = timedelta(microseconds=1)


def check_file(path: str, *, folder: bool = False) -> None:
    """Raise BrokenSourceError, in words, where there is no such file."""
    what = "folder" if folder else "file"
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise BrokenSourceError(f"the {what} {path!r} cannot be read: {error.strerror}") from None
    if not (stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode)):
        raise BrokenSourceError(f"{path!r} is no {what}")


class FileSource:
    """A file's frames; seq is the frame's number in the file, the same at every speed."""

    live = False
    numbering: int | None = 0

    def __init__(
        self, address: Address, limits: Limits, *, start: datetime, speed: float = 0.0
    ) -> None:
        self._path = address.location
        self._limits = limits
        self._closed = threading.Event()
        self._pacer = Pacer(speed, self._closed)
        self._decoder = Decoder(limits, self._closed)
        self.anchor: datetime | None = start

    @property
    def corrupt(self) -> int:
        """Frames that were lost to decoding so far."""
        return self._decoder.corrupt

    def close(self) -> None:
        """See `Source`."""
        self._closed.set()

    def frames(self) -> Iterator[SourceFrame]:
        """See `Source`."""
        check_file(self._path)
        what = f"the file {self._path!r}"
        try:
            with av.open(
                f"file:{self._path}",
                container_options={"protocol_whitelist": "file", "format_whitelist": _FORMATS},
                options={"max_pixels": str(self._limits.pixels)},
            ) as container:
                yield from self._decoded(container, what)
        except SourceError:
            raise
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise explain(error, what) from None
        if self._decoder.taken == 0 and not self._closed.is_set():
            raise BrokenSourceError(f"{what} has no frame that decodes")

    def _decoded(self, container: InputContainer, what: str) -> Iterator[SourceFrame]:
        stream = video_of(container, what, self._limits)
        rate = stream.average_rate or Fraction(10)
        first: Fraction | None = None
        at = timedelta(-1)
        for frame in self._decoder.frames(container, stream, lambda: None):
            seq = self._decoder.taken
            if frame.pts is None or frame.time_base is None:
                time = Fraction(seq) / rate
            else:
                time = frame.pts * frame.time_base
            if first is None:
                first = time - Fraction(seq) / rate
            # In whole numbers: the same file gives the same microseconds on every machine.
            at = max(at + _MICROSECOND, timedelta(microseconds=round((time - first) * 1_000_000)))
            if not self._pacer.wait(at):
                return
            yield AvFrame(seq, at, frame)
