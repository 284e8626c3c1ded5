"""libavformat and libavcodec, with bounds, and with errors that say nothing of credentials."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from typing import Final

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from agents.capture.sources.base import (
    BrokenSourceError,
    CredentialsError,
    Limits,
    SourceError,
    UnreachableError,
    check_size,
)

__all__ = ["Decoder", "explain", "video_of"]

MAX_BROKEN_READS: Final = 100
"""So many reads in a row without a packet, and the rest of the container is taken for lost."""


def explain(error: Exception, what: str) -> SourceError:
    """What a library's error means for a person.

    Never its own text: that quotes the URL, password and all.
    """
    match error:
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return CredentialsError(f"{what} refuses the user or the password")
        case av.error.HTTPNotFoundError():
            return UnreachableError(f"{what} answers, and has no such stream")
        case av.error.HTTPError() | av.error.HTTPClientError() | av.error.HTTPServerError():
            return UnreachableError(f"{what} answers with an error")
        case av.error.ExitError() | TimeoutError():
            return UnreachableError(f"{what} does not answer in time")
        case ConnectionRefusedError():
            return UnreachableError(f"{what} refuses the connection")
        case FileNotFoundError():
            return BrokenSourceError(f"{what} does not exist")
        case PermissionError():
            return BrokenSourceError(f"{what} may not be read")
        case av.error.InvalidDataError() | av.error.ArgumentError():
            return BrokenSourceError(f"{what} is no video that we can read")
        case OSError(errno=int(number)) if number in errno.errorcode:
            return UnreachableError(f"{what} cannot be reached: {os.strerror(number)}")
        case OSError() | av.error.FFmpegError():
            return UnreachableError(f"{what} breaks off ({type(error).__name__})")
    return UnreachableError(f"{what} fails ({type(error).__name__})")


def video_of(container: InputContainer, what: str, limits: Limits) -> VideoStream:
    """The container's first picture stream, ready to decode on the caller's thread."""
    if not container.streams.video:
        raise BrokenSourceError(f"{what} has no picture in it")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise BrokenSourceError(f"{what} has no picture in it that we can decode")
    if context.width and context.height:
        check_size(context.width, context.height, limits)
    # One thread: frame threads add their number of frames to the latency, and a camera has its own.
    context.thread_count = 1
    context.options = {"max_pixels": str(limits.pixels)}
    return stream


class Decoder:
    """Decodes a container's picture stream; what is damaged is counted and left out.

    corrupt: packets and frames left out so far. taken: frames before the next one, those included.
    """

    def __init__(self, limits: Limits, closed: threading.Event) -> None:
        self._limits = limits
        self._closed = closed
        self.corrupt = 0
        self.taken = 0

    def frames(
        self, container: InputContainer, stream: VideoStream, silent: Callable[[], None]
    ) -> Iterator[VideoFrame]:
        """Yield good frames in presentation order, until the end or until closed.

        silent: called for each packet that gave no frame; raises where that lasts too long.
        Raises what libavformat raises for a stream that breaks off.
        """
        broken = 0
        while not self._closed.is_set() and broken <= MAX_BROKEN_READS:
            try:
                for packet in container.demux(stream):
                    broken = 0
                    good = self._decode(packet)
                    if not good:
                        silent()
                    for frame in good:
                        yield frame
                        self.taken += 1
                    if self._closed.is_set():
                        return
                return
            except av.error.InvalidDataError:
                # A damaged stretch of the container; libavformat finds the next packet itself.
                broken += 1
                self.corrupt += 1

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        try:
            decoded = packet.decode()
        except av.error.EOFError:
            return []
        except av.error.FFmpegError:
            self.corrupt += 1
            self.taken += 1
            return []
        good: list[VideoFrame] = []
        for frame in decoded:
            if frame.is_corrupt:
                self.corrupt += 1
                self.taken += 1
                continue
            check_size(frame.width, frame.height, self._limits)
            good.append(frame)
        return good
