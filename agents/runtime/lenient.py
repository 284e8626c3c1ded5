"""Batches that aiokafka's parser gives up: with a header whose name is no UTF-8.

Brokers take any bytes for a name, and aiokafka raises at such a record, the next time and every
time after it: a worker would end at it, start anew, and end again. The name is no name that
anything here looks for, so the record is one like others, and the name is written out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

__all__ = ["KeptRecords", "Raw", "batch_at", "keep_bytes", "records_of"]

LENGTH_AT: Final = 8
BEFORE: Final = 12
"""As in KIP-98: a batch begins with its base offset, and the length of what follows."""


class KeptRecords(MemoryRecords):  # type: ignore[misc]
    """aiokafka's, with the bytes that they are of, which it holds anyway."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


def keep_bytes() -> None:
    """Have aiokafka's fetchers make these."""
    setattr(fetcher, "MemoryRecords", KeptRecords)  # noqa: B010 - it is not for others to assign


class Raw(NamedTuple):
    """A record, with the names of aiokafka's own. timestamp: ms."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def batch_at(data: bytes, number: int) -> bytes:
    """The bytes of a fetch's batch; the first is 0. It has to be there whole."""
    at = 0
    for _ in range(number):
        at = _end(data, at)
    return bytes(data[at : _end(data, at)])


def _end(data: bytes, at: int) -> int:
    return at + BEFORE + int.from_bytes(data[at + LENGTH_AT : at + BEFORE], "big")


def records_of(data: bytes) -> Iterator[Raw]:
    """The records of one batch of version 2; older ones have no headers.

    Raises CorruptRecordException where its bytes are no records.
    """
    batch: Any = _DefaultRecordBatchPy(data)
    batch._maybe_uncompress()
    reader = _Reader(bytes(batch._buffer), batch._pos)
    for _ in range(batch._num_records):
        try:
            yield _record(batch, reader)
        except (ValueError, IndexError) as error:
            raise CorruptRecordException(f"no record: {error}") from error


def _record(batch: Any, reader: _Reader) -> Raw:
    length = reader.number()
    end = reader.at + length
    reader.number()  # attributes, of which none is in use
    delta = reader.number()
    created = batch.timestamp_type == batch.CREATE_TIME
    timestamp = batch.first_timestamp + delta if created else batch.max_timestamp
    offset = batch.base_offset + reader.number()
    key, value = reader.data(), reader.data()
    headers = [(_name(reader.data()), reader.data()) for _ in range(reader.number())]
    if reader.at != end:
        raise ValueError(f"offset {offset}: {length} bytes were said, {reader.at - end} too few")
    return Raw(offset, timestamp, key, value, headers)


def _name(raw: bytes | None) -> str:
    if raw is None:
        raise ValueError("a header has no name")
    return raw.decode("utf-8", "backslashreplace")


class _Reader:
    """Varints, and bytes that one comes before. Raises ValueError and IndexError at the end."""

    def __init__(self, buffer: bytes, at: int) -> None:
        self._buffer = buffer
        self.at = at

    def number(self) -> int:
        value, self.at = decode_varint(self._buffer, self.at)
        return int(value)

    def data(self) -> bytes | None:
        length = self.number()
        if length < 0:
            return None
        begin, self.at = self.at, self.at + length
        if self.at > len(self._buffer):
            raise ValueError("a record ends before its length")
        return self._buffer[begin : self.at]
