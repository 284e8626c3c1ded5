"""Backtests in PostgreSQL, so that what was asked for outlives the server that runs it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct
from psycopg import sql
from psycopg.types.json import Jsonb

from api.backtest.schemas import BacktestState, BacktestView
from api.database import Database, Row
from infra.backtest.report import Backtest

__all__ = ["KEPT", "KEPT_FOR", "Running", "add", "beat", "every", "interrupt", "one"]

KEPT: Final = 50
KEPT_FOR: Final = timedelta(days=30)
"""As long as the events that they ran over."""

UNDER_WAY: Final = [BacktestState.WAITING.value, BacktestState.RUNNING.value]
COLUMNS: Final = sql.SQL(
    "backtest_id, state, created_at AS asked_at, created_by AS asked_by, step, done, total, error"
)
ONE: Final = sql.SQL(
    "SELECT {}, result FROM backtest "
    "WHERE site_id = ANY(%(sites)s) AND backtest_id = %(backtest_id)s"
).format(COLUMNS)
EVERY: Final = sql.SQL(
    "SELECT {} FROM backtest WHERE site_id = ANY(%(sites)s) "
    "ORDER BY created_at DESC, backtest_id LIMIT %(limit)s"
).format(COLUMNS)


class Running(Struct, frozen=True, kw_only=True):
    """A backtest with whose it is. sites: whose events it runs, in order, one at least."""

    view: BacktestView
    sites: tuple[str, ...]
    worker: str


def _view(row: Row) -> BacktestView:
    found = row.pop("result", None)
    result = None
    if found is not None:
        try:
            result = msgspec.convert(found, Backtest)
        except msgspec.ValidationError:
            row["error"] = "its result is of another version"
    location = f"/v1/backtests/{row['backtest_id']}"
    return msgspec.convert({**row, "location": location, "result": result}, BacktestView)


async def one(database: Database, sites: Collection[str], backtest_id: str) -> BacktestView | None:
    """A backtest of which every site is among these, with its result."""
    rows = await database.rows(
        sites,
        ONE,
        {"sites": list(sites), "backtest_id": backtest_id},
    )
    return _view(rows[0]) if rows else None


async def every(database: Database, sites: Collection[str]) -> list[BacktestView]:
    """Those of which every site is among these, the newest first, without their results."""
    rows = await database.rows(
        sites,
        EVERY,
        {"sites": list(sites), "limit": KEPT},
    )
    return [_view(row) for row in rows]


async def add(database: Database, sites: Collection[str], asked: Running) -> None:
    """Keep a new one, and let go of the oldest that are over. Raises DatabaseUnavailable."""
    view = asked.view
    async with database.sites(sites) as connection:
        await connection.execute(
            "INSERT INTO backtest (site_id, backtest_id, site_ids, created_by, created_at, worker, "
            "beat_at, state) VALUES (%(site)s, %(backtest_id)s, %(site_ids)s, %(by)s, %(at)s, "
            "%(worker)s, %(at)s, %(state)s)",
            {
                "site": asked.sites[0],
                "backtest_id": view.backtest_id,
                "site_ids": list(asked.sites),
                "by": view.asked_by,
                "at": view.asked_at,
                "worker": asked.worker,
                "state": view.state.value,
            },
        )
        await connection.execute(
            "DELETE FROM backtest WHERE site_id = ANY(%(sites)s) AND state <> ALL(%(under_way)s) "
            "AND (created_at < %(before)s OR backtest_id NOT IN (SELECT backtest_id FROM backtest "
            "WHERE site_id = ANY(%(sites)s) ORDER BY created_at DESC, backtest_id LIMIT %(kept)s))",
            {
                "sites": list(sites),
                "under_way": UNDER_WAY,
                "before": view.asked_at - KEPT_FOR,
                "kept": KEPT,
            },
        )


async def beat(database: Database, sites: Collection[str], asked: Running, now: datetime) -> None:
    """Write how far it is, or, as the last word, what came of it. Raises DatabaseUnavailable."""
    view = asked.view
    result = None if view.result is None else Jsonb(msgspec.to_builtins(view.result))
    async with database.sites(sites) as connection:
        await connection.execute(
            "UPDATE backtest SET state = %(state)s, step = %(step)s, done = %(done)s, "
            "total = %(total)s, error = %(error)s, result = %(result)s, beat_at = %(now)s "
            "WHERE site_id = %(site)s AND backtest_id = %(backtest_id)s "
            "AND (%(over)s OR state = ANY(%(under_way)s))",
            {
                "state": view.state.value,
                "step": view.step,
                "done": view.done,
                "total": view.total,
                "error": view.error,
                "result": result,
                "now": now,
                "over": view.state.value not in UNDER_WAY,
                "under_way": UNDER_WAY,
                "site": asked.sites[0],
                "backtest_id": view.backtest_id,
            },
        )


async def interrupt(
    database: Database,
    sites: Collection[str],
    *,
    worker: str,
    live: Collection[str],
    silent_since: datetime,
) -> None:
    """Mark those that nobody runs any more: this worker's own from before it started, and any that
    was silent for long. live: those that this worker does run."""
    async with database.sites(sites) as connection:
        await connection.execute(
            "UPDATE backtest SET state = %(interrupted)s, error = %(error)s "
            "WHERE site_id = ANY(%(sites)s) AND state = ANY(%(under_way)s) "
            "AND backtest_id <> ALL(%(live)s) AND (worker = %(worker)s OR beat_at < %(before)s)",
            {
                "interrupted": BacktestState.INTERRUPTED.value,
                "error": "the server that ran it ended; ask again",
                "sites": list(sites),
                "under_way": UNDER_WAY,
                "live": list(live),
                "worker": worker,
                "before": silent_since,
            },
        )
