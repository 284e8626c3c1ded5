"""Tables a page after the other: within a site by time and id, forwards.

Pages, and no cursor in the database that stays open: a client that reads slowly would hold a
transaction for hours, and with it every dead row from being taken away. Each page is an index scan
from where the one before ended, so the millionth costs what the first does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from psycopg import sql
from psycopg.rows import tuple_row

from api.database import Database
from api.device.repository import DEVICES
from api.export.schemas import COLUMNS, After, ExportKind

__all__ = ["Span", "page", "query_of"]


class Span(Struct, frozen=True):
    """Half open; None: no end on that side."""

    since: datetime | None = None
    until: datetime | None = None


class _Table(Struct, frozen=True):
    """source: what is selected from, its sites named. at, id: the key, in the index's order.

    backwards: the index has the newest first and ids upwards, so that forwards ids go downwards.
    """

    source: sql.Composable
    at: str | None
    id: str
    backwards: bool = False
    expressions: Mapping[str, sql.SQL] = {}


TABLES: Final[Mapping[ExportKind, _Table]] = {
    ExportKind.EVENTS: _Table(
        sql.SQL("event"),
        "occurred_at",
        "event_id",
        backwards=True,
        # NULL in rows from before there was such a column.
        expressions={"ended": sql.SQL("coalesce(ended, false)")},
    ),
    ExportKind.DECISIONS: _Table(sql.SQL("decision"), "decided_at", "event_id"),
    ExportKind.ALERTS: _Table(sql.SQL("alert"), "opened_at", "alert_id"),
    ExportKind.ACTIVITY: _Table(sql.SQL("alert_activity"), "at", "activity_id"),
    ExportKind.DEVICES: _Table(sql.SQL("({}) one").format(DEVICES), None, "device_id"),
}


async def page(
    database: Database,
    kind: ExportKind,
    site_id: str,
    span: Span,
    after: After | None,
    limit: int,
) -> list[tuple[Any, ...]]:
    """The next rows of a site after that one, as `COLUMNS` has them; at most `limit`."""
    query, values = query_of(kind, site_id, span, after, limit)
    async with database.searching(), database.sites({site_id}) as connection:
        cursor = connection.cursor(row_factory=tuple_row)
        await cursor.execute(query, values)
        return await cursor.fetchall()


def query_of(
    kind: ExportKind, site_id: str, span: Span, after: After | None, limit: int
) -> tuple[sql.Composed, dict[str, Any]]:
    """A page's query and its values."""
    table = TABLES[kind]
    id_ = sql.Identifier(table.id)
    # By equality as well: only then is the index in the order that is asked for.
    conditions: list[sql.Composable] = [
        sql.SQL("site_id = ANY(%(sites)s)"),
        sql.SQL("site_id = %(site)s"),
    ]
    values: dict[str, Any] = {"sites": [site_id], "site": site_id, "limit": limit}
    beyond = sql.SQL("<" if table.backwards else ">")
    order: sql.Composable = sql.SQL("{} DESC" if table.backwards else "{}").format(id_)
    if table.at is not None:
        at = sql.Identifier(table.at)
        order = sql.SQL("{}, {}").format(at, order)
        if span.since is not None:
            conditions.append(sql.SQL("{} >= %(since)s").format(at))
            values["since"] = span.since
        if span.until is not None:
            conditions.append(sql.SQL("{} < %(until)s").format(at))
            values["until"] = span.until
        if after is not None:
            # The plain bound lets the index be used under row-level security.
            conditions.append(
                sql.SQL("{at} >= %(at)s AND ({at} > %(at)s OR {id} {beyond} %(id)s)").format(
                    at=at, id=id_, beyond=beyond
                )
            )
            values |= {"at": after.at, "id": after.id}
    elif after is not None:
        conditions.append(sql.SQL("{} > %(id)s").format(id_))
        values["id"] = after.id
    query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT %(limit)s").format(
        sql.SQL(", ").join(_column(table, name) for name in COLUMNS[kind]),
        table.source,
        sql.SQL(" AND ").join(conditions),
        order,
    )
    return query, values


def _column(table: _Table, name: str) -> sql.Composable:
    return table.expressions.get(name) or sql.Identifier(name)
