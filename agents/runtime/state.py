"""A stage's state: typed tables, buffered by record and by chunk before they are written.

A record's changes are made in an overlay of its own: where its stage raises, they are thrown away
with it. A chunk's overlay is written to the store only after the broker has confirmed the
chunk's outputs, so a crash in between repeats the chunk from the state it started from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from agents.runtime.keys import decode_key, encode_key

__all__ = [
    "Expiry",
    "MemoryStore",
    "Overlay",
    "SchemaAheadError",
    "Store",
    "TableSpec",
    "Text",
    "decode_row",
    "encode_row",
]

V = TypeVar("V")


class SchemaAheadError(RuntimeError):
    """A table holds rows that newer code wrote; an older release must not touch them."""


class Text(str):
    """A key as it is in the store, where a typed one is expected: whoever goes through rows has
    no other."""

    __slots__ = ()


@dataclass(frozen=True)
class Expiry(Generic[V]):
    """Rows whose event time is `after` or more behind what their partition has seen are removed.

    at: a row's event time; None for one that stays.
    """

    after: timedelta
    at: Callable[[V], datetime | None]


@dataclass(frozen=True, kw_only=True)
class TableSpec(Generic[V]):
    """A table of one stage. Rows are keyed by text, or by `key`, per partition of its inputs.

    name: `stage` or `stage.rows`; what stands before the dot is the table that is kept, so that a
    stage with several kinds of rows still has one store and one changelog a partition.
    version: of the value's schema. A change of it is a migration: `migrations[n]` turns the
    msgpack builtins of version n into those of n + 1, when a row is read; it is written back new.
    key: what rows are keyed by: str, a tuple, a frozen Struct (see `keys`); None for text made by
    hand. expiry: when rows go by themselves; None: they stay until they are removed.
    """

    name: str
    value: type[V]
    version: int = 1
    migrations: Mapping[int, Callable[[Any], Any]] = field(default_factory=dict)
    key: Any = None
    expiry: Expiry[V] | None = None

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def table(self) -> str:
        """The table that is kept."""
        return self.name.partition(".")[0]

    @property
    def prefix(self) -> str:
        """What all its rows' keys in the table that is kept begin with."""
        return f"{self.name.partition('.')[2]}:"

    def row(self, key: str) -> str:
        """The row's key in the table that is kept."""
        return f"{self.name.partition('.')[2]}:{key}"

    def text(self, key: Any) -> str:
        """A typed key as text. Raises TypeError for one of another type."""
        return key if self.key is None or type(key) is Text else encode_key(self.key, key)

    def typed(self, text: str) -> Any:
        """A row's key as it was given. Raises ValueError where no key has that text."""
        return text if self.key is None else decode_key(self.key, text)


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


_Change = tuple[TableSpec[Any], Any]


class Overlay:
    """Changes on top of a store or of another overlay. Values are decoded objects, frozen ones.

    A record's changes are on trial between `begin` and `keep`; `undo` takes them back.
    """

    def __init__(self, partition: int, below: Overlay | None, store: Store) -> None:
        self.partition = partition
        self._below = below
        self._store = store
        self._rows: dict[tuple[str, str], _Change] = {}
        self._before: dict[tuple[str, str], _Change | None] | None = None
        self._read: dict[tuple[str, str], Any] = {}

    def begin(self) -> None:
        """From here on, changes are on trial."""
        self._before = {}

    def keep(self) -> None:
        """The trial went well."""
        self._before = None

    def undo(self) -> None:
        """Take back what was changed since `begin`."""
        for place, change in (self._before or {}).items():
            if change is None:
                del self._rows[place]
            else:
                self._rows[place] = change
        self._before = None

    def get(self, spec: TableSpec[V], key: Any) -> V | None:
        """The row as this overlay sees it. key: as the table's `key` says, text where that is None.

        Raises TypeError for a key of another type.
        """
        if spec.key is not None:
            key = Text(spec.text(key))
        place = (spec.name, key)
        found = self._rows.get(place)
        if found is not None:
            value: V | None = found[1]
            return value
        if place in self._read:
            known: V | None = self._read[place]
            return known
        if self._below is not None:
            return self._below.get(spec, key)
        data = self._store.get(spec.table, self.partition, spec.row(key))
        row = self._read[place] = None if data is None else decode_row(spec, data)
        return row

    def put(self, spec: TableSpec[V], key: Any, value: V | None) -> None:
        """Set the row; None removes it. key: as for `get`."""
        if spec.key is not None:
            key = Text(spec.text(key))
        place = (spec.name, key)
        if self._before is not None and place not in self._before:
            self._before[place] = self._rows.get(place)
        self._rows[place] = (spec, value)

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

    def scan(
        self, table: str, partition: int, prefix: str, after: str | None, limit: int
    ) -> list[tuple[str, bytes]]:
        """At most `limit` rows whose keys begin with `prefix`, in order, after the key `after`."""
        found = sorted(
            (key, value)
            for (name, number, key), value in self.rows.items()
            if name == table and number == partition and key.startswith(prefix)
        )
        return [row for row in found if after is None or row[0] > after][:limit]
