"""The workers' tables: asked of a worker that runs, else read in the folder that it left."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote, urlencode

from infra.errors import ExitCode, WatchfloorError

if TYPE_CHECKING:
    from agents.runtime.rocks import PartitionStats
    from agents.runtime.state import TableSpec
    from infra.settings import Settings

__all__ = [
    "Page",
    "Partition",
    "Source",
    "find_table",
    "known_tables",
    "partitions",
    "read_page",
    "read_row",
]

ANSWER_S: Final = 5.0
MOST_ANSWER: Final = 64 * 1024 * 1024
MOST_NOTE: Final = 65_536

Page = tuple[list[dict[str, Any]], tuple[int, str] | None]
"""Rows, and after which (partition, key's text) the next ones come; None at the end."""


class Source(Protocol):
    """Where the tables of one worker are read."""

    @property
    def instance(self) -> str:
        """The worker's name."""

    @property
    def live(self) -> bool:
        """Whether it runs, and answers itself."""

    def stats(self) -> list[dict[str, Any]]:
        """Its partitions, see `agents.runtime.inspection.show_stats`."""

    def rows(
        self, spec: TableSpec[Any], partition: int, after: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """At most `limit` rows of a partition, after the key's text `after`."""

    def row(self, spec: TableSpec[Any], partition: int, key: str) -> dict[str, Any] | None:
        """The row of a key as a person wrote it, or None."""


@dataclass(frozen=True)
class Partition:
    """A partition of a kept table, at the source that has the most of its changelog."""

    table: str
    partition: int
    source: Source
    facts: Mapping[str, Any]


def known_tables() -> dict[str, tuple[str, TableSpec[Any]]]:
    """Every declared table: its name to its role and itself."""
    from agents.roles import ROLES
    from agents.runtime.inspection import specs_of

    found: dict[str, tuple[str, TableSpec[Any]]] = {}
    for name, make in ROLES.items():
        try:
            role = make()
        except ModuleNotFoundError:
            # A role whose folder is not there has no tables.
            continue
        found |= {table: (name, spec) for table, spec in specs_of(role.chains).items()}
    return found


def partitions(settings: Settings, specs: Mapping[str, TableSpec[Any]]) -> list[Partition]:
    """Every partition of every table that is on this machine, each once.

    A standby, and what a worker left when it lost a partition, are behind its owner.
    """
    best: dict[tuple[str, int], Partition] = {}
    for source in _sources(settings, specs):
        for facts in source.stats():
            place = (str(facts["table"]), int(facts["partition"]))
            known = best.get(place)
            if known is None or _rank(source, facts) > _rank(known.source, known.facts):
                best[place] = Partition(*place, source, facts)
    return [best[place] for place in sorted(best)]


def read_page(
    places: list[Partition],
    spec: TableSpec[Any],
    *,
    after: tuple[int, str] | None = None,
    limit: int = 50,
) -> Page:
    """At most `limit` rows of a table, partition by partition."""
    rows: list[dict[str, Any]] = []
    last = after
    for place in places:
        if place.table != spec.table or (after is not None and place.partition < after[0]):
            continue
        begin = after[1] if after is not None and place.partition == after[0] else None
        found = place.source.rows(spec, place.partition, begin, limit - len(rows) + 1)
        for row in found:
            if len(rows) == limit:
                return rows, last
            rows.append(row)
            last = (place.partition, _text(spec, row))
    return rows, None


def read_row(
    places: list[Partition], spec: TableSpec[Any], key: str
) -> list[tuple[Partition, dict[str, Any]]]:
    """The row of a key, in whatever partitions have one. Raises ValueError where it is no key."""
    found = []
    for place in places:
        if place.table == spec.table:
            row = place.source.row(spec, place.partition, key)
            if row is not None:
                found.append((place, row))
    return found


def _text(spec: TableSpec[Any], row: Mapping[str, Any]) -> str:
    import msgspec

    key = row["key"]
    if spec.key in (None, str) or isinstance(key, str):
        return str(key)
    return spec.text(msgspec.convert(key, spec.key))


def _rank(source: Source, facts: Mapping[str, Any]) -> tuple[int, float, bool]:
    return (
        -1 if facts["offset"] is None else int(facts["offset"]),
        0.0 if facts["written"] is None else 1.0,
        source.live,
    )


def _sources(settings: Settings, specs: Mapping[str, TableSpec[Any]]) -> Iterator[Source]:
    namespace = settings.namespace or "live"
    answering = set()
    for live in _workers(settings.state_dir / "run" / namespace):
        answering.add(live.instance)
        yield live
    folder = settings.state_dir / "tables" / namespace
    for instance in sorted(folder.iterdir()) if folder.is_dir() else ():
        if instance.name not in answering and instance.is_dir():
            yield FolderSource(instance.name, instance, specs)


def _workers(folder: Path) -> Iterator[LiveSource]:
    for note in sorted(folder.glob("*.json")):
        try:
            with note.open("rb") as file:
                said = json.loads(file.read(MOST_NOTE))
            source = LiveSource(note.stem, int(said["port"]), str(said["token"]))
            source.stats()
        except (OSError, ValueError, KeyError, TypeError, WatchfloorError):
            continue
        yield source


@dataclass(frozen=True)
class LiveSource:
    """A worker that runs, by its health server."""

    instance: str
    port: int
    token: str
    live: bool = True

    def stats(self) -> list[dict[str, Any]]:
        """As for `Source`. Raises WatchfloorError where it does not answer."""
        return list(self._ask("/tables"))

    def rows(
        self, spec: TableSpec[Any], partition: int, after: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """As for `Source`. Raises WatchfloorError where it does not answer."""
        query: dict[str, Any] = {"partition": partition, "limit": limit}
        if after is not None:
            query |= {"from": partition, "after": after}
        found = self._ask(f"/tables/{quote(spec.name)}/rows?{urlencode(query)}")
        return list(found["rows"])

    def row(self, spec: TableSpec[Any], partition: int, key: str) -> dict[str, Any] | None:
        """As for `Source`. Raises WatchfloorError where it does not answer."""
        query = urlencode({"partition": partition, "key": key})
        rows = self._ask(f"/tables/{quote(spec.name)}/row?{query}")["rows"]
        return rows[0] if rows else None

    def _ask(self, path: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            headers={"Authorization": f"Bearer {self.token}"},
        )
        try:
            with opener.open(request, timeout=ANSWER_S) as response:
                return json.loads(response.read(MOST_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                reason = error.read(2_000).decode("utf-8", "replace")
            if error.code == 400:
                raise ValueError(_reason(reason)) from error
            raise WatchfloorError(f"{self.instance}: {_reason(reason)}") from error
        except (OSError, ValueError) as error:
            raise WatchfloorError(
                f"{self.instance} does not answer: {error}",
                hint="'watchfloor status' shows how it is.",
            ) from error


def _reason(body: str) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body


@dataclass(frozen=True)
class FolderSource:
    """A worker's folder, read beside whoever may write it. It implements `inspection.Looks`."""

    instance: str
    folder: Path
    specs: Mapping[str, TableSpec[Any]]
    live: bool = False

    @cached_property
    def _databases(self) -> dict[tuple[str, int], Any]:
        from agents.runtime.rocks import open_read_only

        found: dict[tuple[str, int], Any] = {}
        for path in sorted(self.folder.glob("*/tables/*.db")):
            table, _, number = path.name.removesuffix(".db").rpartition("-")
            if number.isdigit():
                try:
                    found[table, int(number)] = open_read_only(path)
                except OSError as error:
                    raise WatchfloorError(
                        f"tables: {error}", hint="Where its worker is starting, try again."
                    ) from error
        return found

    def stats(self) -> list[dict[str, Any]]:
        """As for `Source`. Raises WatchfloorError where a database cannot be read."""
        from agents.runtime.inspection import show_stats

        return [show_stats(stats, self.specs) for stats in self.statistics()]

    def rows(
        self, spec: TableSpec[Any], partition: int, after: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """As for `Source`."""
        from agents.runtime.inspection import page

        return page(
            self,
            spec,
            [partition],
            after=None if after is None else (partition, after),
            limit=limit,
        )[0]

    def row(self, spec: TableSpec[Any], partition: int, key: str) -> dict[str, Any] | None:
        """As for `Source`. Raises ValueError where it is no key of the table."""
        from agents.runtime.inspection import parse_key, show_row

        text = parse_key(spec, key)
        data = self.get(spec.table, partition, spec.row(text))
        return None if data is None else show_row(spec, partition, text, data)

    def get(self, table: str, partition: int, key: str) -> bytes | None:
        """The row, or None."""
        from agents.runtime.store import row_key

        database = self._databases.get((table, partition))
        return None if database is None else database.get(row_key(partition, key))

    def scan(
        self, table: str, partition: int, prefix: str, after: str | None, limit: int
    ) -> list[tuple[str, bytes]]:
        """At most `limit` rows whose keys begin with `prefix`, in order, after the key `after`."""
        from agents.runtime.rocks import scan
        from agents.runtime.store import row_key

        database = self._databases.get((table, partition))
        if database is None:
            return []
        begin = None if after is None else row_key(partition, after)
        found = scan(database, begin, limit, row_key(partition, prefix))
        return [(key.decode().removeprefix(f"{partition}/"), value) for key, value in found]

    def statistics(self) -> list[PartitionStats]:
        """Each partition."""
        from agents.runtime.rocks import partition_stats

        return [partition_stats(*place, database) for place, database in self._databases.items()]


def find_table(name: str, tables: Mapping[str, tuple[str, TableSpec[Any]]]) -> TableSpec[Any]:
    """The declaration of a table. Raises WatchfloorError for none."""
    import difflib

    found = tables.get(name)
    if found is None:
        near = difflib.get_close_matches(name, tables, n=1, cutoff=0.5)
        guess = f"Did you mean '{near[0]}'? " if near else ""
        raise WatchfloorError(
            f"tables: there is no table '{name}'",
            hint=f"{guess}'watchfloor tables list' names them.",
            exit_code=ExitCode.USAGE,
        )
    return found[1]
