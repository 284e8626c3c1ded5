"""A chunk as it is written down before anything of it is done: what it changes, what it says.

It is one record, and where it is too large for one, pages and a head that names them by their
digest. The pages are written over by the next chunk's, which begins when this one is finished: a
head whose pages are others belongs to a chunk of which nothing is owed, and so does a head that was
written while a page was not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from topics.record import OutRecord

__all__ = ["Row", "Said", "Whole", "read_whole", "write_whole"]

Row = tuple[str, str, bytes | None]
"""Table, key, encoded value; None removes."""

DIGEST_BYTES: Final = 16


class Said(msgspec.Struct, frozen=True, array_like=True):
    """An output, as it is written down before it is emitted."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    partition: int | None


class Whole(msgspec.Struct, frozen=True, omit_defaults=True):
    """A chunk; or, where `pages` is not 0, the head of one: pages 1 to `pages` hold it."""

    rows: list[Row] = []
    outputs: list[Said] = []
    pages: int = 0
    digest: bytes = b""


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Whole | list[Row]] = msgspec.msgpack.Decoder(Whole | list[Row])


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def write_whole(rows: list[Row], outputs: Iterable[OutRecord], most: int) -> list[bytes]:
    """The record, or the head and its pages; none longer than `most` bytes."""
    said = [Said(out.topic.name, out.key, out.value, out.headers, out.partition) for out in outputs]
    data = _encoder.encode(Whole(rows, said))
    if len(data) <= most:
        return [data]
    pages = [data[start : start + most] for start in range(0, len(data), most)]
    return [_encoder.encode(Whole(pages=len(pages), digest=_digest(data))), *pages]


def read_whole(head: bytes | None, page: Callable[[int], bytes | None]) -> Whole:
    """The newest chunk of a partition, as far as something of it may be owed.

    page(n): the n-th page, from 1. The first releases wrote the rows alone.
    """
    if head is None:
        return Whole()
    found = _decoder.decode(head)
    if not isinstance(found, Whole):
        return Whole(found)
    if not found.pages:
        return found
    data = b"".join(page(number) or b"" for number in range(1, found.pages + 1))
    if _digest(data) != found.digest:
        return Whole()
    whole = _decoder.decode(data)
    return whole if isinstance(whole, Whole) else Whole(whole)
