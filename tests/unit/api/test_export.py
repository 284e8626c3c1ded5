"""Rows as text: what a spreadsheet must not run, what a line is, and where an export goes on."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from api.export import examples
from api.export.endpoints import Export
from api.export.repository import TABLES
from api.export.schemas import COLUMNS, After, ExportFormat, ExportKind
from api.export.service import Exports, after_of, parse_after, written
from api.export.writing import FORMULA, Writer, accepts_gzip, cell
from api.problems import BadCursor, TooManyExports
from schemas.document import ConfigRecord, Site

AT = datetime(2026, 3, 2, 22, 14, 7, 400_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (3, "3"),
        (-3, "-3"),  # a number is none
        (0.5, "0.5"),
        (AT, "2026-03-02T22:14:07.400000Z"),
        ([0.1, 0.2], "[0.1,0.2]"),
        ({"a": "=1"}, '{"a":"=1"}'),
        ("plain", "plain"),
        ("", ""),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("＝1", "'＝1"),  # the full-width sign, which Excel takes for the other
        ("a=1", "a=1"),
    ],
)
def test_cells(value: Any, text: str) -> None:
    assert cell(value) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_no_text_begins_a_formula_and_all_come_back(text: str) -> None:
    data = Writer(("a", "b"), ExportFormat.CSV, gzip=False).rows([(text, 1)])
    ((found, number),) = csv.reader(io.StringIO(data.decode(), newline=""))
    assert number == "1"
    assert not found.startswith(FORMULA)
    assert found.removeprefix("'") == text.removeprefix("'")


def test_lines_are_objects_and_compressed_ones_are_the_same() -> None:
    rows = [("x", AT, None, [1.5]), ("two\nlines", AT, "ä", [])]
    names = ("id", "at", "text", "box")
    for packed in (False, True):
        writer = Writer(names, ExportFormat.NDJSON, gzip=packed)
        data = writer.begin() + writer.rows(rows[:1]) + writer.rows(rows[1:]) + writer.end()
        text = gzip.decompress(data) if packed else data
        assert [json.loads(line) for line in text.splitlines()] == [
            {"id": "x", "at": "2026-03-02T22:14:07.400000Z", "text": None, "box": [1.5]},
            {"id": "two\nlines", "at": "2026-03-02T22:14:07.400000Z", "text": "ä", "box": []},
        ]


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        (None, False),
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("GZIP", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("identity", False),
        ("*", False),
    ],
)
def test_gzip_is_sent_to_who_asks(header: str | None, asked: bool) -> None:
    assert accepts_gzip(header) is asked


@pytest.mark.parametrize("kind", ExportKind)
def test_an_export_goes_on_behind_any_of_its_rows(kind: ExportKind) -> None:
    names = COLUMNS[kind]
    table = TABLES[kind]
    row = tuple({"site_id": "north", table.at: AT, table.id: "x,y"}.get(name) for name in names)
    parts = ("north", *(() if table.at is None else (AT.isoformat(),)), "x,y")
    after = parse_after(",".join(parts), kind)
    assert after == after_of(kind, row) == After("north", None if table.at is None else AT, "x,y")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "north",
        "north,2026-03-02T22:14:07Z",
        "north,yesterday,x",
        "north,2026-03-02T22:14:07,x",  # of no timezone
        ",2026-03-02T22:14:07Z,x",
        "north,2026-03-02T22:14:07Z," + "x" * 600,
    ],
)
def test_what_is_no_row_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        parse_after(text, ExportKind.EVENTS)


def test_the_example_is_a_row() -> None:
    assert parse_after(examples.AFTER, ExportKind.EVENTS).site_id == "north"


async def test_few_run_at_a_time_and_one_that_ends_makes_room(app: FastAPI) -> None:
    exports = Exports(at_once=1)
    begun, go = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        begun.set()
        await go.wait()
        yield b"b"

    app.add_api_route("/export", lambda: Export(body(), exports), response_model=None)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        first = asyncio.create_task(client.get("/export"))
        await begun.wait()
        with pytest.raises(TooManyExports):
            exports.require()
        go.set()
        assert (await first).content == b"ab"
    exports.require()


async def test_a_database_that_is_away_is_a_problem_and_not_an_empty_file(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    api = app.state.api
    record = ConfigRecord(revision=1, author="t", at=AT, site=Site(site_id="north"))
    api.configuration.apply("north", record)
    api.configuration.loaded.set()
    answer = await client.get("/v1/exports/events")
    assert (answer.status_code, answer.json()["type"]) == (
        503,
        "/v1/problems/database-unavailable",
    )
    for query, status in (
        ("?format=xls", 422),
        ("?site_id=elsewhere", 404),
        ("?after=x", 400),
        ("?from=2026-03-02T00:00:00Z&to=2026-03-02T00:00:00Z", 422),
        ("?limit=0", 422),
    ):
        assert (await client.get(f"/v1/exports/events{query}")).status_code == status, query
    assert (await client.get("/v1/exports/secrets")).status_code == 422


async def test_no_rows_are_a_header_and_no_lines() -> None:
    async def nothing() -> AsyncIterator[list[tuple[Any, ...]]]:
        return
        yield

    found = {
        form: b"".join(
            [part async for part in written(nothing(), ExportKind.DEVICES, form, gzip=False)]
        )
        for form in ExportFormat
    }
    assert found[ExportFormat.NDJSON] == b""
    assert found[ExportFormat.CSV].decode() == ",".join(COLUMNS[ExportKind.DEVICES]) + "\r\n"
