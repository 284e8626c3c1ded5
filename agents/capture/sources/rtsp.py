"""RTSP over TCP, with the first frame as soon as the camera sends one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Final

import av
from av.container import InputContainer

from agents.capture.sources.address import Address
from agents.capture.sources.base import (
    BrokenSourceError,
    CredentialsError,
    Limits,
    SourceError,
    SourceFrame,
    Timeline,
    UnreachableError,
)
from agents.capture.sources.decoding import Decoder, explain, video_of
from agents.capture.sources.pictures import AvFrame

__all__ = ["RtspSource"]

_OPTIONS: Final = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    # An SDP names the codec, so nothing has to be probed: libavformat's default is 5 s of it.
    # `fflags=nobuffer` would throw away what the probe read, and with it the first key frame.
    "probesize": "32",
    "analyzeduration": "1",
    "fpsprobesize": "0",
    "max_delay": "0",
    "protocol_whitelist": "rtsp,rtsps,rtp,tcp,tls,udp,crypto",
    "user_agent": "watchfloor",
}

_PORTS: Final = {"rtsp": 554, "rtsps": 322}

_MAX_REPLY: Final = 16_384


class RtspSource:
    """A camera's or a recorder's stream. A connection that stays silent ends with a reason."""

    live = True
    anchor = None
    numbering = None

    def __init__(self, address: Address, limits: Limits) -> None:
        self._address = address
        self._limits = limits
        self._closed = threading.Event()
        self._decoder = Decoder(limits, self._closed)

    @property
    def corrupt(self) -> int:
        """Frames that were lost to decoding so far."""
        return self._decoder.corrupt

    def close(self) -> None:
        """See `Source`. A read that waits for the network ends by its own time limit."""
        self._closed.set()

    def frames(self) -> Iterator[SourceFrame]:
        """See `Source`."""
        what = str(self._address)
        silence = self._limits.silence.total_seconds()
        last = time.monotonic()

        def silent() -> None:
            if time.monotonic() - last > silence:
                raise UnreachableError(f"{what} sends data, and no frame for {silence:.0f} s")

        timeline = Timeline()
        try:
            with self._open(silence) as container:
                stream = video_of(container, what, self._limits)
                for frame in self._decoder.frames(container, stream, silent):
                    last = time.monotonic()
                    at = timeline.next(frame.time, last)
                    yield AvFrame(self._decoder.taken, at, frame)
        except SourceError:
            raise
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = explain(error, what)
            if isinstance(reason, CredentialsError) and self._address.credentials is None:
                reason = CredentialsError(f"{what} asks for a user and a password")
            elif isinstance(reason, BrokenSourceError):
                # A camera that restarts talks nonsense for a while.
                reason = UnreachableError(f"{what} sends nothing that we can decode")
            raise reason from None
        if not self._closed.is_set():
            raise UnreachableError(f"{what} ended its stream")

    def _open(self, silence: float) -> InputContainer:
        # The first connection stays until the second one is up: a server that makes a pipeline of
        # a description would take it down and set it up again in between.
        with self._look():
            return av.open(
                self._address.url(),
                options={**_OPTIONS, "max_pixels": str(self._limits.pixels)},
                timeout=(self._limits.connect.total_seconds(), silence),
            )

    def _look(self) -> socket.socket:
        """Ask for the stream's description first, without credentials.

        libavformat follows a redirect to any host and takes the credentials along; and it says of
        a host that is not there no more than "input/output error".
        """
        what = str(self._address)
        host, port = self._address.host
        scheme = self._address.location.partition(":")[0].lower()
        url = self._address.location
        seconds = self._limits.connect.total_seconds()
        request = f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
        try:
            connection = socket.create_connection((host, port or _PORTS[scheme]), seconds)
        except socket.gaierror:
            raise UnreachableError(f"{what}: no host of that name is known") from None
        except (OSError, UnicodeError) as error:
            raise explain(error, what) from None
        if scheme == "rtsps":
            return connection
        try:
            connection.sendall(request.encode())
            reply = _reply(connection, seconds)
            if not reply.startswith(b"RTSP/"):
                raise UnreachableError(f"{what} answers, but not in RTSP")
            if reply.split(b" ", 2)[1:2] and reply.split(b" ", 2)[1].startswith(b"3"):
                raise UnreachableError(f"{what} sends us to another address: we do not follow")
        except SourceError:
            connection.close()
            raise
        except OSError as error:
            connection.close()
            raise explain(error, what) from None
        return connection


def _reply(connection: socket.socket, seconds: float) -> bytes:
    """The first line of the answer; TimeoutError where it takes longer than `seconds`."""
    until = time.monotonic() + seconds
    data = b""
    while b"\r\n" not in data and len(data) < _MAX_REPLY:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        more = connection.recv(4096)
        if not more:
            break
        data += more
    return data.partition(b"\r\n")[0]
