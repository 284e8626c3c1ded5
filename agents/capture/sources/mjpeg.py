"""HTTP MJPEG: pictures one after the other in an answer that does not end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from agents.capture.sources.address import Address, Credentials
from agents.capture.sources.base import (
    BrokenSourceError,
    CorruptFrameError,
    CredentialsError,
    Limits,
    SourceError,
    SourceFrame,
    UnreachableError,
)
from agents.capture.sources.multipart import Multipart, boundary_of
from agents.capture.sources.pictures import EncodedFrame

__all__ = ["MjpegSource"]

MAX_REDIRECTS: Final = 3

_STATUS: Final = {404: "has no such stream", 503: "has no stream left for us"}


class MjpegSource:
    """An MJPEG stream over HTTP, with basic or digest authentication.

    A redirect is followed on the same host and port only: credentials go nowhere else.
    """

    live = True
    anchor = None
    numbering = None

    def __init__(self, address: Address, limits: Limits) -> None:
        self._address = address
        self._limits = limits
        self._closed = threading.Event()
        self._socket: socket.socket | None = None
        self.corrupt = 0

    def close(self) -> None:
        """See `Source`."""
        self._closed.set()
        connection = self._socket
        if connection is not None:
            # Ends a read that waits on the worker's thread.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def frames(self) -> Iterator[SourceFrame]:
        """See `Source`."""
        what = str(self._address)
        timeout = httpx.Timeout(
            self._limits.connect.total_seconds(), read=self._limits.silence.total_seconds()
        )
        try:
            # The environment's proxies are not for cameras, and its netrc is not ours to send.
            with httpx.Client(timeout=timeout, trust_env=False) as client:
                yield from self._stream(client, what)
        except (BrokenSourceError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            if self._closed.is_set():
                return
            raise _explain(error, what) from None

    def _stream(self, client: httpx.Client, what: str) -> Iterator[SourceFrame]:
        with contextlib.ExitStack() as stack:
            response = self._open(client, stack, what)
            stream = response.extensions.get("network_stream")
            if stream is not None:
                self._socket = stream.get_extra_info("socket")
            parser = Multipart(
                boundary_of(response.headers.get("content-type", "")), self._limits.part
            )
            started = time.monotonic()
            seq = 0
            # Raw: a compressed answer could be a thousand times what was sent.
            for data in response.iter_raw():
                for part in parser.feed(data):
                    if self._closed.is_set():
                        return
                    frame = self._frame(seq, time.monotonic() - started, part)
                    seq += 1
                    if frame is not None:
                        yield frame
        if not self._closed.is_set():
            raise UnreachableError(f"{what} ended its stream")

    def _frame(self, seq: int, seconds: float, part: bytes) -> EncodedFrame | None:
        try:
            return EncodedFrame(seq, timedelta(seconds=seconds), part, self._limits)
        except CorruptFrameError:
            self.corrupt += 1
            return None

    def _open(self, client: httpx.Client, stack: contextlib.ExitStack, what: str) -> httpx.Response:
        url, auth = self._address.location, None
        redirects = 0
        while True:
            response = stack.enter_context(client.stream("GET", url, auth=auth))
            if response.status_code == 401 and auth is None and self._address.credentials:
                auth = _authentication(response, self._address.credentials)
                response.close()
            elif response.is_redirect and redirects < MAX_REDIRECTS:
                target = urljoin(url, response.headers.get("location", ""))
                if urlsplit(target)[:2] != urlsplit(url)[:2]:
                    raise UnreachableError(f"{what} sends us to another host: we do not follow")
                url, redirects = target, redirects + 1
                response.close()
            else:
                break
        if response.status_code in (401, 403):
            raise CredentialsError(
                f"{what} refuses the user or the password"
                if self._address.credentials
                else f"{what} asks for a user and a password"
            )
        if response.status_code != 200:
            said = _STATUS.get(response.status_code, f"answers {response.status_code}")
            raise UnreachableError(f"{what} {said}")
        return response


def _authentication(response: httpx.Response, credentials: Credentials) -> httpx.Auth:
    """Digest where the camera offers it: it does not send the password."""
    offers = response.headers.get_list("www-authenticate")
    if any(offer.lower().lstrip().startswith("digest") for offer in offers):
        return httpx.DigestAuth(credentials.user, credentials.password)
    return httpx.BasicAuth(credentials.user, credentials.password)


def _explain(error: Exception, what: str) -> SourceError:
    """What went wrong, for a person; a library's own text could quote the URL."""
    match error:
        case BrokenSourceError():
            # A camera's firmware may be repaired under us: it is tried again, unlike a file.
            return UnreachableError(f"{what}: {error}")
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return UnreachableError(f"{what} does not answer in time")
        case httpx.ReadTimeout():
            return UnreachableError(f"{what} stopped sending")
        case httpx.ConnectError():
            return UnreachableError(f"{what} refuses the connection, or is not there")
    return UnreachableError(f"{what} breaks off ({type(error).__name__})")
