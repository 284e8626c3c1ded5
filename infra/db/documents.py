"""Documents by revision, and what a revision owes to Kafka: both in one transaction.

A document is published in two steps. `publish` commits the revision, the tables made of it and the
outbox rows together; `infra.db.outbox` then sends those rows and marks them once the broker has
confirmed. A crash between the two leaves the rows, and the next drain sends them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from psycopg import sql

from infra.db.changes import Change, changed_assignments, compare
from infra.db.errors import DatabaseError, explain
from infra.db.pool import Connection, connect, site_scope_sync
from infra.db.site_rows import remove_site_rows, write_site_rows
from infra.db.target import Role, target_of
from infra.db.values import jsonb
from infra.errors import WatchfloorError
from schemas.base import encode
from schemas.document import ConfigRecord, Document, Routing, Site
from topics.catalogue import ASSIGNMENTS, CONFIG
from topics.declare import Topic

if TYPE_CHECKING:
    from infra.settings import Settings

__all__ = [
    "ROUTING",
    "Kept",
    "NewerRevisionError",
    "Revision",
    "TooLargeError",
    "amend",
    "history",
    "kept",
    "publish",
    "replace",
    "republish",
    "site_of",
]

ROUTING: Final = "*"
"""Stands where a site's id stands, for what spans sites; it is no valid site id."""

ROUTING_KEY: Final = "routing"
"""Its key on `config.documents.v1`."""

HEADROOM: Final = 4096
"""Bytes that a record's headers and framing may take of a topic's `max_bytes`."""


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a document's history. removed: the site was taken away with it."""

    revision: int
    author: str
    at: datetime
    changes: tuple[Change, ...]
    removed: bool


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A part as one of its revisions has it. part: None where that revision took it away."""

    revision: int
    author: str
    at: datetime
    part: Site | Routing | None


class TooLargeError(DatabaseError):
    """A part that no record of the topic can carry."""


class NewerRevisionError(WatchfloorError):
    """Somebody wrote a revision after the one that this was made of."""

    def __init__(self, newest: Kept | None) -> None:
        super().__init__("the document is not the one that was changed")
        self.newest = newest


def publish(settings: Settings, document: Document, author: str, *, prune: bool = False) -> int:
    """Write the document as a new revision, and return its number.

    A part that says what its newest revision says already gets no new one; where that holds for
    all parts, the number is the newest that any of them has. Sites that the document does not
    name, and the routing where it has none, stay as they are; with `prune` they are removed.

    Raises DatabaseError where PostgreSQL is away, or a site's document is too large for a record.
    """
    now = datetime.now(UTC)
    parts: dict[str, Site | Routing | None] = {site.site_id: site for site in document.sites}
    with explain(target_of(settings)), connect(settings, Role.API) as connection:
        if prune:
            parts = {**dict.fromkeys(_site_ids(connection)), **parts}
        if prune or document.routing != Routing():
            parts[ROUTING] = document.routing
        with site_scope_sync(connection, parts):
            _alone(connection)
            newest = _newest(connection, parts)
            changed = {
                key: part
                for key, part in parts.items()
                if _plain(part) != newest.get(key, (0, None))[1]
            }
            if not changed:
                return max((newest[key][0] for key in parts if key in newest), default=0)
            revision = _next_revision(connection)
            for key, part in changed.items():
                before = newest.get(key, (0, None))[1]
                _write(connection, key, part, before, revision, author, now)
            _announce(connection)
    return revision


def amend(
    settings: Settings, site_id: str, change: Callable[[Site], Site], author: str
) -> tuple[int, Site]:
    """Write a site's document as `change` makes it of the newest one; its revision, and itself.

    Nobody else's change is lost: it is read and written in one turn. `change` is pure; where it
    changes nothing there is no new revision. Raises LookupError for a site that there is not, what
    `change` raises, and DatabaseError as `publish` does.
    """
    now = datetime.now(UTC)
    with (
        explain(target_of(settings)),
        connect(settings, Role.API) as connection,
        site_scope_sync(connection, {site_id}),
    ):
        _alone(connection)
        revision, before = _newest(connection, {site_id}).get(site_id, (0, None))
        site = _part(site_id, before)
        if not isinstance(site, Site):
            raise LookupError(site_id)
        after = change(site)
        if after.site_id != site_id:
            raise ValueError("a change leaves a site its id")
        if _plain(after) != before:
            revision = _next_revision(connection)
            _write(connection, site_id, after, before, revision, author, now)
            _announce(connection)
    return revision, after


def replace(
    settings: Settings,
    site_id: str | None,
    part: Site | Routing,
    author: str,
    *,
    expected: Collection[int],
) -> int:
    """Write a site, or (None) the routing, whose newest revision is one of those expected; its new
    revision, or the newest one where that says the same.

    expected: 0 is that of a part that was never written. Raises NewerRevisionError where somebody
    else was first, and DatabaseError as `publish` does.
    """
    now = datetime.now(UTC)
    key = ROUTING if site_id is None else site_id
    with (
        explain(target_of(settings)),
        connect(settings, Role.API) as connection,
        site_scope_sync(connection, {key}),
    ):
        _alone(connection)
        found = _kept(connection, key, None)
        if (found.revision if found is not None else 0) not in expected:
            raise NewerRevisionError(found)
        before = None if found is None else _plain(found.part)
        if found is not None and _plain(part) == before:
            return found.revision
        revision = _next_revision(connection)
        _write(connection, key, part, before, revision, author, now)
        _announce(connection)
    return revision


def kept(settings: Settings, site_id: str | None, revision: int | None = None) -> Kept | None:
    """A revision of a site, or (None) of the routing; None: the newest. None where there is none.

    Raises DatabaseError where PostgreSQL is away.
    """
    key = ROUTING if site_id is None else site_id
    with (
        explain(target_of(settings)),
        connect(settings, Role.API) as connection,
        site_scope_sync(connection, {key}),
    ):
        return _kept(connection, key, revision)


def _kept(connection: Connection, key: str, revision: int | None) -> Kept | None:
    row = connection.execute(
        "SELECT revision, author, at, body FROM document "
        "WHERE site_id = %(key)s AND (%(revision)s::bigint IS NULL OR revision = %(revision)s) "
        "ORDER BY revision DESC LIMIT 1",
        {"key": key, "revision": revision},
    ).fetchone()
    if row is None:
        return None
    return Kept(revision=row[0], author=row[1], at=row[2], part=_part(key, row[3]))


def site_of(settings: Settings, site_id: str) -> Site | None:
    """The newest document of a site; None where there is none."""
    with (
        explain(target_of(settings)),
        connect(settings, Role.API) as connection,
        site_scope_sync(connection, {site_id}),
    ):
        _, body = _newest(connection, {site_id}).get(site_id, (0, None))
    found = _part(site_id, body)
    return found if isinstance(found, Site) else None


def _alone(connection: Connection) -> None:
    """One writer at a time: revisions and outbox ids then grow in the order of commits."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('documents.' || current_schema()))")


def republish(settings: Settings) -> int:
    """Owe everything that is configured to Kafka once more, and return how many records that is.

    For topics that were lost or made anew; readers see revisions that they know, and no change.
    """
    now = datetime.now(UTC)
    count = 0
    with explain(target_of(settings)), connect(settings, Role.API) as connection:
        everything = {*_site_ids(connection), ROUTING}
        with site_scope_sync(connection, everything):
            rows = connection.execute(
                "SELECT DISTINCT ON (site_id) site_id, revision, author, at, body FROM document "
                "WHERE site_id = ANY(%s) ORDER BY site_id, revision DESC",
                (sorted(everything),),
            ).fetchall()
            for key, revision, author, at, body in rows:
                part = _part(key, body)
                if part is None:
                    continue
                record = _config_record(part, revision, author, at)
                _owe(connection, key, CONFIG, _config_key(key), revision, encode(record), now)
                site = part if isinstance(part, Site) else None
                for name, assignment in changed_assignments(None, site, revision):
                    value = encode(assignment)
                    _owe(connection, key, ASSIGNMENTS, name, revision, value, now)
                    count += 1
                count += 1
            _announce(connection)
    return count


def history(
    settings: Settings, site: str | None, *, before: int | None = None, limit: int | None = None
) -> list[Revision]:
    """A site's revisions, newest first; None: those of the routing.

    before: only those that are older. limit: so many at most; None: all.
    """
    key = ROUTING if site is None else site
    with (
        explain(target_of(settings)),
        connect(settings, Role.API) as connection,
        site_scope_sync(connection, {key}),
    ):
        rows = connection.execute(
            "SELECT revision, author, at, diff, body IS NULL FROM document "
            "WHERE site_id = %(key)s AND (%(before)s::bigint IS NULL OR revision < %(before)s) "
            "ORDER BY revision DESC LIMIT %(limit)s",
            {"key": key, "before": before, "limit": limit},
        ).fetchall()
    return [
        Revision(
            revision=revision,
            author=author,
            at=at,
            changes=msgspec.convert(diff, tuple[Change, ...]),
            removed=removed,
        )
        for revision, author, at, diff, removed in rows
    ]


def _site_ids(connection: Connection) -> list[str]:
    row = connection.execute("SELECT site_ids()").fetchone()
    assert row is not None
    return list(row[0])


def _newest(connection: Connection, keys: Collection[str]) -> dict[str, tuple[int, Any]]:
    """Revision and body of the newest revision of each of these parts."""
    rows = connection.execute(
        "SELECT DISTINCT ON (site_id) site_id, revision, body FROM document "
        "WHERE site_id = ANY(%s) ORDER BY site_id, revision DESC",
        (sorted(keys),),
    )
    return {key: (revision, body) for key, revision, body in rows}


def _next_revision(connection: Connection) -> int:
    row = connection.execute("SELECT nextval('document_revision')").fetchone()
    assert row is not None
    return int(row[0])


def _plain(part: Site | Routing | None) -> Any:
    """The part as JSON values, as they come back out of the database."""
    return None if part is None else msgspec.json.decode(encode(part))


def _part(key: str, body: Any) -> Site | Routing | None:
    if body is None:
        return None
    # Through JSON, so that a duration is read as it was written.
    kind: type[Site] | type[Routing] = Routing if key == ROUTING else Site
    return msgspec.json.decode(msgspec.json.encode(body), type=kind)


def _write(
    connection: Connection,
    key: str,
    part: Site | Routing | None,
    before: Any,
    revision: int,
    author: str,
    now: datetime,
) -> None:
    """One part's revision, tables and outbox rows."""
    diff = list(compare(before or {}, _plain(part) or {}))
    connection.execute(
        "INSERT INTO document (site_id, revision, author, at, body, diff) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        (key, revision, author, now, None if part is None else jsonb(part), jsonb(diff)),
    )
    value = None
    if part is not None:
        value = encode(_config_record(part, revision, author, now))
        if len(value) > CONFIG.max_bytes - HEADROOM:
            raise TooLargeError(
                f"the document of {_config_key(key)!r} takes {len(value)} bytes as a record, "
                f"{CONFIG.max_bytes - HEADROOM} is the limit",
                hint="divide the site, or simplify its polygons",
            )
    _owe(connection, key, CONFIG, _config_key(key), revision, value, now)
    if key == ROUTING:
        return
    site = part if isinstance(part, Site) else None
    if site is None:
        remove_site_rows(connection, key)
    else:
        write_site_rows(connection, site, revision)
    old = _part(key, before)
    old_site = old if isinstance(old, Site) else None
    for name, assignment in changed_assignments(old_site, site, revision):
        content = None if assignment is None else encode(assignment)
        _owe(connection, key, ASSIGNMENTS, name, revision, content, now)


def _config_key(key: str) -> str:
    return ROUTING_KEY if key == ROUTING else key


def _config_record(part: Site | Routing, revision: int, author: str, at: datetime) -> ConfigRecord:
    if isinstance(part, Site):
        return ConfigRecord(revision=revision, author=author, at=at, site=part)
    return ConfigRecord(revision=revision, author=author, at=at, routing=part)


def _owe(
    connection: Connection,
    site_id: str,
    topic: Topic,
    key: str,
    revision: int,
    value: bytes | None,
    now: datetime,
) -> None:
    connection.execute(
        "INSERT INTO outbox (site_id, topic, key, revision, value, at) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        (site_id, topic.name, key, revision, value, now),
    )


def _announce(connection: Connection) -> None:
    """Wake whoever drains, at commit. The channel is the schema's name."""
    row = connection.execute("SELECT current_schema()").fetchone()
    assert row is not None
    connection.execute(sql.SQL("NOTIFY {}").format(sql.Identifier(str(row[0]))))
