"""A stage's state: typed tables, buffered by record and by chunk before they are written.

A record's changes are made in an overlay of its own: where its stage raises, they are thrown away
with it. A chunk's overlay is written to the store only after the broker has confirmed the
chunk's outputs, so a crash in between repeats the chunk from the state it started from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import msgspec

__all__ = [
    "MemoryStore",
    "Overlay",
    "SchemaAheadError",
    "Store",
    "TableSpec",
    "decode_row",
    "encode_row",
]

V = TypeVar("V")


class SchemaAheadError(RuntimeError):
    """A table holds rows that newer code wrote; an older release must not touch them."""


@dataclass(frozen=True, kw_only=True)
class TableSpec(Generic[V]):
    """A table of one stage. Rows are keyed by text, per partition of the stage's inputs.

    name: `stage` or `stage.rows`; what stands before the dot is the table that is kept, so that a
    stage with several kinds of rows still has one store and one changelog a partition.
    version: of the value's schema. A change of it is a migration: `migrations[n]` turns the
    msgpack builtins of version n into those of n + 1, when a row is read; it is written back new.
    """

    name: str
    value: type[V]
    version: int = 1
    migrations: Mapping[int, Callable[[Any], Any]] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def table(self) -> str:
        """The table that is kept."""
        return self.name.partition(".")[0]

    def row(self, key: str) -> str:
        """The row's key in the table that is kept."""
        return f"{self.name.partition('.')[2]}:{key}"


class Store(Protocol):
    """Where rows are kept: Faust's tables in a worker, a dictionary in tests and replays."""

    def get(self, table: str, partition: int, key: str) -> bytes | None:
        """The row, or None."""

    def write(self, table: str, partition: int, key: str, value: bytes | None) -> None:
        """Keep the row; None removes it."""


_encoder = msgspec.msgpack.Encoder()
_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


def encode_row(spec: TableSpec[V], value: V) -> bytes:
    """One byte of schema version, then msgpack."""
    return bytes((spec.version,)) + _encoder.encode(value)


def decode_row(spec: TableSpec[V], data: bytes) -> V:
    """The value of a row, migrated where it is older.

    Raises SchemaAheadError where it is newer than this code knows.
    """
    version, body = data[0], data[1:]
    if version > spec.version:
        raise SchemaAheadError(
            f"table {spec.name} holds rows of version {version}; this release knows "
            f"{spec.version}. Start the newer release again, or restore the state from before it."
        )
    if version < spec.version:
        builtins = msgspec.msgpack.decode(body)
        for step in range(version, spec.version):
            builtins = spec.migrations[step](builtins)
        return msgspec.convert(builtins, spec.value)
    decoder = _decoders.get(spec.value)
    if decoder is None:
        decoder = _decoders[spec.value] = msgspec.msgpack.Decoder(spec.value)
    value: V = decoder.decode(body)
    return value


class Overlay:
    """Changes on top of a store or of another overlay. Values are decoded objects, frozen ones."""

    def __init__(self, partition: int, below: Overlay | None, store: Store) -> None:
        self.partition = partition
        self._below = below
        self._store = store
        self._rows: dict[tuple[str, str], tuple[TableSpec[Any], Any]] = {}

    def get(self, spec: TableSpec[V], key: str) -> V | None:
        """The row as this overlay sees it."""
        found = self._rows.get((spec.name, key))
        if found is not None:
            value: V | None = found[1]
            return value
        if self._below is not None:
            return self._below.get(spec, key)
        data = self._store.get(spec.table, self.partition, spec.row(key))
        return None if data is None else decode_row(spec, data)

    def put(self, spec: TableSpec[V], key: str, value: V | None) -> None:
        """Set the row; None removes it."""
        self._rows[(spec.name, key)] = (spec, value)

    def merge(self, above: Overlay) -> None:
        """Take over the changes of an overlay that was made on top of this one."""
        self._rows.update(above._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> Iterator[tuple[str, str, bytes | None]]:
        """(table, key, encoded value or None) of each change."""
        for (_, key), (spec, value) in self._rows.items():
            yield spec.table, spec.row(key), None if value is None else encode_row(spec, value)

    def rebase(self) -> None:
        """Forget the overlay below: its rows are in the store now."""
        self._below = None


class MemoryStore:
    """Rows in a dictionary: for replays of pure stages and for tests of them."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int, str], bytes] = {}

    def get(self, table: str, partition: int, key: str) -> bytes | None:
        """The row, or None."""
        return self.rows.get((table, partition, key))

    def write(self, table: str, partition: int, key: str, value: bytes | None) -> None:
        """Keep the row; None removes it."""
        if value is None:
            self.rows.pop((table, partition, key), None)
        else:
            self.rows[(table, partition, key)] = value
