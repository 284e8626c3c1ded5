"""Exports of a real database: every row once, in bounded memory, resumed behind any row."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.database import Database
from api.export.repository import Span
from api.export.schemas import COLUMNS, ExportFormat, ExportKind
from api.export.service import after_of, batches, written
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


@pytest.fixture
async def database(api_settings: Settings, filled: None) -> AsyncIterator[Database]:
    found = Database(api_settings)
    await found.open()
    yield found
    await found.close()


async def ids(found: AsyncIterator[list[tuple[Any, ...]]]) -> list[str]:
    where = COLUMNS[ExportKind.EVENTS].index("event_id")
    return [row[where] async for rows in found for row in rows]


async def test_200_000_rows_come_once_each_in_the_memory_of_a_page(database: Database) -> None:
    tracemalloc.start()
    try:
        found = batches(database, ExportKind.EVENTS, {SITES[0]}, Span(), None)
        lines = size = 0
        async for data in written(found, ExportKind.EVENTS, ExportFormat.NDJSON, gzip=False):
            lines += data.count(b"\n")
            size += len(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines == MANY
    assert size > 60_000_000
    # A page of a thousand rows takes a megabyte or two, however many pages there are.
    assert peak < 16_000_000


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
