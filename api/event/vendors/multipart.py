"""A multipart body, cut at its boundary: as devices send it, whatever their headers promise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from api.problems import MalformedBody

__all__ = ["Piece", "pieces"]

MAX_PIECES: Final = 32
MAX_HEADERS: Final = 8_192

_BOUNDARY: Final = re.compile(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """One part. kind: its content type in small letters, without parameters; may be empty."""

    kind: str
    data: bytes


def pieces(body: bytes, content_type: str) -> list[Piece]:
    """The parts, in order. Raises MalformedBody where there is no boundary, no part, or too many.

    A part's own Content-Length is not believed: devices get it wrong, and the boundary ends it.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise MalformedBody("The Content-Type is multipart and names no boundary.")
    # Some devices write the two dashes into the header as well.
    mark = b"--" + (found[1] or found[2]).encode("latin-1", "replace").lstrip(b"-")
    parts: list[Piece] = []
    for raw in body.split(mark)[1:]:
        if raw.startswith(b"--"):
            break
        if len(parts) >= MAX_PIECES:
            raise MalformedBody(f"The body has more than {MAX_PIECES} parts.")
        parts.append(_piece(raw.rstrip(b"-") if raw.endswith(b"\n--") else raw))
    if not parts:
        raise MalformedBody("The body has no part with the boundary that its Content-Type names.")
    return parts


def _piece(raw: bytes) -> Piece:
    text = raw.lstrip(b"\r\n")
    for end in (b"\r\n\r\n", b"\n\n"):
        head, found, _ = text[:MAX_HEADERS].partition(end)
        if found:
            kind = ""
            for line in head.decode("latin-1").splitlines():
                name, _, value = line.partition(":")
                if name.strip().lower() == "content-type":
                    kind = value.split(";", 1)[0].strip().lower()
            whole = text[len(head) + len(end) :]
            return Piece(kind, whole.removesuffix(b"\n").removesuffix(b"\r"))
    return Piece("", text.strip())
