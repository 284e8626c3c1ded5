"""A look into tables: a worker's own, served on loopback, and those in a folder that nobody holds.

Tables mix sites, so reading them is more than reading a worker's health: a request needs the token
that stands beside the port in the worker's note, which only its own user can read.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from aiohttp import web

from agents.runtime import timers
from agents.runtime.expiry import sweeps
from agents.runtime.metrics import METRICS
from agents.runtime.rocks import PartitionStats
from agents.runtime.state import SchemaAheadError, TableSpec, decode_row

if TYPE_CHECKING:
    from agents.runtime.stage import Chain

__all__ = [
    "MOST_ROWS",
    "Looks",
    "TableView",
    "page",
    "parse_key",
    "show_row",
    "show_stats",
    "specs_of",
]

MOST_ROWS: Final = 1_000
MOST_KEY: Final = 4_096


class Looks(Protocol):
    """Tables that can be looked into."""

    def get(self, table: str, partition: int, key: str) -> bytes | None:
        """The row, or None."""

    def scan(
        self, table: str, partition: int, prefix: str, after: str | None, limit: int
    ) -> list[tuple[str, bytes]]:
        """At most `limit` rows whose keys begin with `prefix`, in order, after the key `after`."""

    def statistics(self) -> list[PartitionStats]:
        """Each partition."""


def specs_of(chains: Iterable[Chain]) -> dict[str, TableSpec[Any]]:
    """The tables of chains by their names, timers' and sweeps' included."""
    found: dict[str, TableSpec[Any]] = {}
    for chain in chains:
        own = timers.table(chain.name)
        for spec in (*chain.tables, own, sweeps(own)):
            found[spec.name] = spec
    return found


def parse_key(spec: TableSpec[Any], key: str) -> str:
    """The text of a key that a person wrote: text, or JSON where the table's keys are typed.

    Raises ValueError where that is no key of the table.
    """
    if spec.key is None or spec.key is str:
        return key
    try:
        return spec.text(msgspec.json.decode(key.encode(), type=spec.key))
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise ValueError(f"the key of {spec.name} is JSON of {spec.key}: {error}") from error


def show_row(spec: TableSpec[Any], partition: int, key: str, data: bytes) -> dict[str, Any]:
    """A row as JSON shows it: {"table", "partition", "key", "version", "bytes", "value"}.

    A row that does not decode has "error" in the place of "value".
    """
    shown: dict[str, Any] = {
        "table": spec.name,
        "partition": partition,
        "key": key,
        "version": data[0] if data else None,
        "bytes": len(data),
    }
    try:
        if spec.key not in (None, str):
            shown["key"] = msgspec.to_builtins(spec.typed(key))
        shown["value"] = msgspec.to_builtins(decode_row(spec, data))
    except (msgspec.MsgspecError, SchemaAheadError, ValueError, KeyError, IndexError) as error:
        shown["error"] = str(error)[:500]
    return shown


def page(
    store: Looks,
    spec: TableSpec[Any],
    partitions: Sequence[int],
    *,
    after: tuple[int, str] | None = None,
    limit: int = 50,
) -> tuple[list[dict[str, Any]], tuple[int, str] | None]:
    """At most `limit` rows, partition by partition, after (partition, key's text); what to go on
    after, or None at the end."""
    rows: list[dict[str, Any]] = []
    limit = min(limit, MOST_ROWS)
    place = after
    for partition in sorted(partitions):
        if after is not None and partition < after[0]:
            continue
        begin = spec.row(after[1]) if after is not None and partition == after[0] else None
        found = store.scan(spec.table, partition, spec.prefix, begin, limit - len(rows) + 1)
        for name, data in found:
            if len(rows) == limit:
                return rows, place
            key = name.removeprefix(spec.prefix)
            rows.append(show_row(spec, partition, key, data))
            place = (partition, key)
    return rows, None


def show_stats(stats: PartitionStats, specs: Mapping[str, TableSpec[Any]]) -> dict[str, Any]:
    """A partition as JSON shows it; `rows_of`: the tables whose rows it has."""
    written = stats.written
    return {
        **stats._asdict(),
        "written": None if not written else datetime.fromtimestamp(written, UTC).isoformat(),
        "rows_of": sorted(name for name, spec in specs.items() if spec.table == stats.table),
    }


class TableView:
    """A worker's tables over HTTP: `/tables`, `/tables/NAME/rows`, `/tables/NAME/row`."""

    def __init__(self, store: Looks, chains: Iterable[Chain]) -> None:
        self._store = store
        self._specs = specs_of(chains)

    def measure(self) -> None:
        """Set the metrics of tables: rows by estimate, bytes on disk and in memory."""
        rows: Counter[str] = Counter()
        sizes: Counter[tuple[str, str]] = Counter()
        for stats in self._store.statistics():
            rows[stats.table] += stats.rows
            sizes[stats.table, "disk"] += stats.disk
            sizes[stats.table, "memory"] += stats.memory
        for table, count in rows.items():
            METRICS.table_rows.labels(table).set(count)
        for (table, where), size in sizes.items():
            METRICS.table_bytes.labels(table, where).set(size)

    def routes(self, token: str) -> list[web.RouteDef]:
        """The routes, for requests that bring the token."""

        def guarded(answer: Any) -> Any:
            async def handler(request: web.Request) -> web.Response:
                given = request.headers.get("Authorization", "").removeprefix("Bearer ")
                if not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
                    return web.json_response({"error": "no token, or a wrong one"}, status=403)
                try:
                    body = answer(request)
                except ValueError as error:
                    return web.json_response({"error": str(error)[:500]}, status=400)
                except KeyError as error:
                    return web.json_response({"error": f"no table {error}"[:500]}, status=404)
                return web.json_response(body)

            return handler

        return [
            web.get("/tables", guarded(self._list)),
            web.get("/tables/{name}/rows", guarded(self._rows)),
            web.get("/tables/{name}/row", guarded(self._row)),
        ]

    def _list(self, _request: web.Request) -> list[dict[str, Any]]:
        return [show_stats(stats, self._specs) for stats in self._store.statistics()]

    def _partitions(self, spec: TableSpec[Any], request: web.Request) -> list[int]:
        here = [s.partition for s in self._store.statistics() if s.table == spec.table]
        wanted = request.query.get("partition")
        return [n for n in here if wanted is None or n == int(wanted)]

    def _rows(self, request: web.Request) -> dict[str, Any]:
        spec = self._specs[request.match_info["name"]]
        query = request.query
        after = (int(query["from"]), query["after"][:MOST_KEY]) if "after" in query else None
        limit = max(1, int(query.get("limit", "50")))
        rows, last = page(
            self._store, spec, self._partitions(spec, request), after=after, limit=limit
        )
        return {"rows": rows, "next": last}

    def _row(self, request: web.Request) -> dict[str, Any]:
        spec = self._specs[request.match_info["name"]]
        key = parse_key(spec, request.query.get("key", "")[:MOST_KEY])
        rows = []
        for partition in self._partitions(spec, request):
            data = self._store.get(spec.table, partition, spec.row(key))
            if data is not None:
                rows.append(show_row(spec, partition, key, data))
        return {"rows": rows, "next": None}
