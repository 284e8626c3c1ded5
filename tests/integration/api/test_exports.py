"""Exports of a real database: every row once, in bounded memory, resumed behind any row."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from api.database import Database
from api.export.repository import Span, query_of
from api.export.schemas import COLUMNS, After, ExportFormat, ExportKind
from api.export.service import after_of, batches
from infra.db.pool import connect, site_scope_sync
from infra.db.target import Role
from infra.settings import Settings
from tests.integration.api.support import Stack, document

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

MANY = 200_000
FEW = 250
SITES = ("export-a", "export-b")

EVENTS = """
INSERT INTO event (site_id, event_id, event_type, occurred_at, recorded_at, source, camera_id,
    zone_id, label, confidence, vendor, snapshots, labels)
SELECT %(site)s, lpad(n::text, 8, '0'), 'intrusion',
    timestamptz '2026-03-02T00:00:00Z' + interval '1 second' * (n / 3), now(), 'external', 'gate',
    'yard', '=1+1', 0.5, repeat('v', 60), 0, '{"lane": "2"}'
FROM generate_series(1, %(count)s) AS n
ON CONFLICT DO NOTHING
"""


@pytest.fixture(scope="module")
def filled(api_settings: Settings, stack: Stack) -> None:
    """Three events a second, so that pages end within one."""
    with connect(api_settings, Role.OWNER) as owner:
        for site, count in zip(SITES, (MANY, FEW), strict=True):
            with site_scope_sync(owner, {site}) as seen:
                seen.execute(EVENTS, {"site": site, "count": count})
        owner.execute("ANALYZE event")


@pytest.fixture
async def database(api_settings: Settings, filled: None) -> AsyncIterator[Database]:
    found = Database(api_settings)
    await found.open()
    yield found
    await found.close()


async def ids(found: AsyncIterator[list[tuple[Any, ...]]]) -> list[str]:
    where = COLUMNS[ExportKind.EVENTS].index("event_id")
    return [row[where] async for rows in found for row in rows]


def test_200_000_rows_come_once_each_in_the_memory_of_a_page(
    api_settings: Settings, filled: None
) -> None:
    """In a process of its own, whose memory is nobody else's."""
    env = {
        **os.environ,
        "WATCHFLOOR_STATE": str(api_settings.state_dir),
        "WATCHFLOOR_POSTGRES_URL": str(api_settings.postgres_url),
        "WATCHFLOOR_NAMESPACE": api_settings.namespace,
    }
    script = str(Path(__file__).with_name("export_use.py"))
    done = subprocess.run(
        [sys.executable, script, SITES[0]], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    heard = json.loads(done.stdout)
    assert heard["lines"] == MANY
    assert heard["bytes"] > 60_000_000
    # What a page of a thousand rows takes, however many pages there are.
    assert heard["grown"] < 30_000_000, heard


async def test_a_page_is_an_index_scan_from_where_the_last_one_ended(
    api_settings: Settings, database: Database
) -> None:
    after = After(SITES[0], datetime(2026, 3, 2, 12, tzinfo=UTC), "00100000")
    query, values = query_of(ExportKind.EVENTS, SITES[0], Span(), after, 1000)
    async with database.sites({SITES[0]}) as connection:
        rows = await (await connection.execute(sql.SQL("EXPLAIN ") + query, values)).fetchall()
    plan = "\n".join(row[0] for row in rows)
    assert "event_by_time" in plan, plan
    assert "Sort" not in plan.replace("Incremental Sort", ""), plan


async def test_pages_neither_repeat_nor_skip_and_go_on_behind_any_row(database: Database) -> None:
    sites = {SITES[1]}
    span = Span()
    whole = [
        row
        async for rows in batches(database, ExportKind.EVENTS, sites, span, None, batch=1000)
        for row in rows
    ]
    names = COLUMNS[ExportKind.EVENTS]
    at, name = names.index("occurred_at"), names.index("event_id")
    assert len({row[name] for row in whole}) == len(whole) == FEW
    assert [row[at] for row in whole] == sorted(row[at] for row in whole)
    for batch in (1, 2, 7):
        paged = await ids(batches(database, ExportKind.EVENTS, sites, span, None, batch=batch))
        assert paged == [row[name] for row in whole]
    for number in (0, 1, 100, FEW - 1):
        after = after_of(ExportKind.EVENTS, whole[number])
        rest = await ids(batches(database, ExportKind.EVENTS, set(SITES), span, after))
        assert rest == [row[name] for row in whole[number + 1 :]]


async def test_a_span_is_half_open_and_a_limit_is_kept(database: Database) -> None:
    sites = {SITES[1]}
    rows = [
        row
        async for rows in batches(database, ExportKind.EVENTS, sites, Span(), None)
        for row in rows
    ]
    at = COLUMNS[ExportKind.EVENTS].index("occurred_at")
    span = Span(rows[30][at], rows[60][at])
    found = await ids(batches(database, ExportKind.EVENTS, sites, span, None))
    assert len(found) == sum(span.since <= row[at] < span.until for row in rows)
    limited = batches(database, ExportKind.EVENTS, set(SITES), Span(), None, limit=5, batch=2)
    assert len(await ids(limited)) == 5


@pytest.mark.parametrize("kind", ExportKind)
@pytest.mark.parametrize("form", ExportFormat)
def test_each_kind_over_http(stack: Stack, kind: ExportKind, form: ExportFormat) -> None:
    site = document().sites[0].site_id
    query = {"format": form.value, "site_id": site}
    with stack.client() as client:
        answer = client.get(f"/v1/exports/{kind}", params=query, headers={"Accept-Encoding": ""})
        packed = client.get(
            f"/v1/exports/{kind}", params=query, headers={"Accept-Encoding": "gzip"}
        )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].endswith(f'watchfloor-{kind}.{form}"')
    assert answer.headers["cache-control"] == "no-store"
    assert packed.headers["content-encoding"] == "gzip"
    if form is ExportFormat.CSV:
        assert answer.headers["content-type"].startswith("text/csv")
        head, *rows = csv.reader(io.StringIO(answer.text, newline=""))
        assert tuple(head) == COLUMNS[kind]
        assert all(len(row) == len(head) for row in rows)
    else:
        assert answer.headers["content-type"] == "application/x-ndjson"
        rows = [list(json.loads(line)) for line in answer.text.splitlines()]
        assert all(tuple(row) == COLUMNS[kind] for row in rows)
    if kind is ExportKind.DEVICES:
        assert len(rows) == 3


def test_a_formula_from_a_camera_is_text_in_the_file(
    stack: Stack, database_rows: list[dict[str, Any]]
) -> None:
    with stack.client() as client:
        answer = client.get("/v1/exports/events", params={"format": "csv", "site_id": "south"})
    found = {row["event_id"]: row for row in csv.DictReader(io.StringIO(answer.text, newline=""))}
    for row in database_rows:
        assert found[row["event_id"]]["label"] == "'" + row["label"]


@pytest.fixture
def database_rows(stack: Stack) -> list[dict[str, Any]]:
    """Events whose labels are formulas, as archive writes them."""
    rows = [
        {
            "event_id": f"formula-{number}",
            "site_id": "south",
            "event_type": "intrusion",
            "occurred_at": "2026-03-02T10:00:00Z",
            "recorded_at": "2026-03-02T10:00:00Z",
            "source": "external",
            "label": label,
            "snapshots": 0,
            "labels": {},
        }
        for number, label in enumerate(("=cmd|' /C calc'!A0", "@SUM(1)", "-2+3"))
    ]
    stack.archive("events", rows)
    return rows


def test_compressed_is_the_same(stack: Stack, database_rows: list[dict[str, Any]]) -> None:
    with stack.client() as client:
        plain = client.get(
            "/v1/exports/events?site_id=south", headers={"Accept-Encoding": "identity"}
        )
        with client.stream(
            "GET", "/v1/exports/events?site_id=south", headers={"Accept-Encoding": "gzip"}
        ) as answer:
            raw = b"".join(answer.iter_raw())
    assert gzip.decompress(raw) == plain.content
    assert plain.content.count(b"\n") >= len(database_rows)
