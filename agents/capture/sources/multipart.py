"""`multipart/x-mixed-replace`: the bytes of an MJPEG stream into its pictures. No I/O."""

from __future__ import annotations

import re
from typing import Final

from agents.capture.sources.base import BrokenSourceError

__all__ = ["Multipart", "boundary_of"]

MAX_HEAD: Final = 8192
"""Bytes of a part's headers, and of what may stand before a boundary."""

_BOUNDARY: Final = re.compile(r"""boundary=(?:"([^"\r\n]{1,200})"|([^;,\s"]{1,200}))""", re.I)
_BLANK: Final = re.compile(rb"\r?\n\r?\n")
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*(\d{1,10})[ \t]*\r?$", re.I | re.M)


def boundary_of(content_type: str) -> bytes:
    """The line that stands between two pictures, without its line break.

    Raises BrokenSourceError where the answer is no stream of pictures.
    """
    if not content_type.lower().lstrip().startswith("multipart/"):
        kind = content_type.partition(";")[0].strip()[:60] or "nothing that it names"
        raise BrokenSourceError(f"it sends {kind}, and not a stream of pictures (MJPEG)")
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise BrokenSourceError("its stream of pictures names no boundary")
    # Many cameras put the two dashes into the name as well.
    name = (found.group(1) or found.group(2)).encode("latin-1", "replace")
    return b"--" + name.removeprefix(b"--")


class Multipart:
    """Feed it what the network brings, and it gives the bodies of the parts.

    limit: bytes of one body; a longer one raises BrokenSourceError, so that memory is bounded by
    it. Without a Content-Length a body ends where the next boundary begins.
    """

    def __init__(self, boundary: bytes, limit: int) -> None:
        self._boundary = boundary
        self._limit = limit
        self._data = bytearray()
        self._length: int | None = None
        self._inside = False
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that are complete with this data."""
        self._data += data
        parts: list[bytes] = []
        while True:
            if not self._inside:
                if not self._head():
                    return parts
                continue
            body = self._body()
            if body is None:
                return parts
            if body:
                parts.append(body)

    def _head(self) -> bool:
        """Take a boundary and the headers after it off the data."""
        start = self._data.find(self._boundary)
        if start < 0:
            if len(self._data) > MAX_HEAD:
                raise BrokenSourceError("its stream of pictures has no boundary where one is due")
            return False
        blank = _BLANK.search(self._data, start, start + MAX_HEAD)
        if blank is None:
            if len(self._data) - start > MAX_HEAD:
                raise BrokenSourceError("a part's headers do not end")
            return False
        end = blank.start()
        found = _LENGTH.search(bytes(self._data[start:end]))
        self._length = int(found.group(1)) if found else None
        if self._length is not None and self._length > self._limit:
            raise BrokenSourceError(f"a picture of {self._length} bytes, {self._limit} are allowed")
        del self._data[: blank.end()]
        self._inside, self._searched = True, 0
        return True

    def _body(self) -> bytes | None:
        """Take a body off the data; None while it is not complete."""
        if self._length is not None:
            if len(self._data) < self._length:
                return None
            end = self._length
        else:
            end = self._data.find(self._boundary, self._searched)
            if end < 0:
                if len(self._data) > self._limit:
                    raise BrokenSourceError(f"a picture of more than {self._limit} bytes")
                self._searched = max(0, len(self._data) - len(self._boundary))
                return None
        body = bytes(self._data[:end])
        del self._data[:end]
        self._inside = False
        return body if self._length is not None else body.removesuffix(b"\n").removesuffix(b"\r")
