"""`watchfloor tables`: of a worker that runs, and of the folder of one that does not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import stat
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import faust
import pytest
from msgspec import Struct

from agents.runtime.health import Health, HealthServer
from agents.runtime.inspection import TableView, page
from agents.runtime.stage import Chain, Stage
from agents.runtime.state import Expiry, TableSpec, encode_row
from agents.runtime.store import TableStore
from infra import tables as reading
from infra.cli.main import main
from infra.errors import ExitCode, WatchfloorError
from infra.settings import Settings
from tests.unit.agents.runtime.tables import app, tables
from topics.catalogue import EVENTS, TICKS_DECIDE


class Place(Struct, frozen=True):
    site: str
    camera: str


class Seen(Struct, frozen=True):
    count: int
    at: datetime


AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
PLACES = TableSpec(
    name="watch.places",
    value=Seen,
    key=Place,
    expiry=Expiry(timedelta(days=1), lambda row: row.at),
)
NOTES = TableSpec(name="watch.notes", value=str)
STAGE = Stage(name="watch", reads=(EVENTS,), writes=(), state=(PLACES, NOTES))
CHAIN = Chain(name="test", stages=(STAGE,), ticks=TICKS_DECIDE, timed=())
SPECS: dict[str, TableSpec[Any]] = {PLACES.name: PLACES, NOTES.name: NOTES}


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables of this test, instead of the product's."""
    found = {name: ("decide", spec) for name, spec in SPECS.items()}
    monkeypatch.setattr(reading, "known_tables", lambda: found)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[TableStore]:
    """A worker's tables, with rows in two partitions."""
    settings.state_dir.mkdir(parents=True)
    made: faust.App = app(settings.state_dir / "tables" / "live" / "decide")
    found = tables(made, "watch", "test-timers")
    for partition, site in ((0, "north"), (2, "south")):
        rows: list[tuple[str, str, bytes | None]] = [
            (
                "watch",
                PLACES.row(PLACES.text(Place(site, f"cam-{n}"))),
                encode_row(PLACES, Seen(n, AT)),
            )
            for n in range(4)
        ]
        rows.append(("watch", NOTES.row(f"{site}/note"), encode_row(NOTES, "all quiet")))
        found.write_rows(partition, rows, {"watch": 4})
    yield found
    await found.of("watch").stop()


@contextlib.asynccontextmanager
async def serving(store: TableStore, settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """The tables, served by their worker; what it wrote down about itself."""
    note = settings.state_dir / "run" / "live" / "decide.json"
    health = Health("decide", lambda: True, dict, lambda: None)
    server = HealthServer(health, 0, note, TableView(store, [CHAIN]))
    await server.start()
    try:
        # Nobody else may read the token.
        assert stat.S_IMODE(note.stat().st_mode) == 0o600
        yield json.loads(note.read_text("utf-8"))
    finally:
        await server.stop()


@pytest.fixture
async def served(store: TableStore, settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """Served by the worker."""
    async with serving(store, settings) as said:
        yield said


@pytest.fixture(params=["folder", "worker"])
async def where(
    request: pytest.FixtureRequest, store: TableStore, settings: Settings
) -> AsyncIterator[str]:
    """Once from the folder, once from the worker: the same answers."""
    if request.param == "worker":
        async with serving(store, settings):
            yield "worker"
    else:
        await store.of("watch").stop()
        yield "folder"


async def call(work: Callable[[], Any]) -> Any:
    """In a thread: the server is on this loop."""
    return await asyncio.to_thread(work)


async def run(capsys: pytest.CaptureFixture[str], settings: Settings, *arguments: str) -> Any:
    """The command's JSON."""
    given = ["tables", *arguments, "--json", "--state", str(settings.state_dir)]
    status = await asyncio.to_thread(main, given)
    out = capsys.readouterr().out
    return status, json.loads(out)


async def test_list(where: str, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = await run(capsys, settings, "list")
    assert status == ExitCode.OK
    by_name = {row["table"]: row for row in found}
    assert by_name["watch.places"]["kept_in"] == "watch"
    assert by_name["watch.places"]["partitions"] == 2
    assert by_name["watch.places"]["rows"] >= 10
    assert by_name["watch.places"]["workers"] == ["decide"]


async def test_stats(where: str, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = await run(capsys, settings, "stats")
    assert status == ExitCode.OK
    assert [(row["table"], row["partition"]) for row in found] == [("watch", 0), ("watch", 2)]
    assert {row["offset"] for row in found} == {4}
    assert {row["live"] for row in found} == {where == "worker"}
    assert found[0]["rows_of"] == ["watch.notes", "watch.places"]


async def test_get_a_typed_row(
    where: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    key = '{"site": "south", "camera": "cam-3"}'
    status, found = await run(capsys, settings, "get", "watch.places", key)
    assert status == ExitCode.OK
    (row,) = found
    assert row["partition"] == 2
    assert row["key"] == {"site": "south", "camera": "cam-3"}
    assert row["value"] == {"count": 3, "at": "2026-03-02T10:00:00Z"}
    status, found = await run(capsys, settings, "get", "watch.places", key, "--partition", "0")
    assert (status, found) == (ExitCode.FAILED, [])


async def test_get_a_row_by_text(
    where: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found = await run(capsys, settings, "get", "watch.notes", "north/note")
    assert status == ExitCode.OK
    assert [row["value"] for row in found] == ["all quiet"]


async def test_pages_go_through_all_partitions(
    where: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    read: list[tuple[int, str]] = []
    after: list[str] = []
    pages = 0
    while True:
        _, found = await run(capsys, settings, "get", "watch.places", "--limit", "3", *after)
        assert len(found["rows"]) <= 3
        read += [(row["partition"], row["key"]["camera"]) for row in found["rows"]]
        pages += 1
        if found["next"] is None:
            break
        after = ["--after", found["next"]]
    assert read == [(partition, f"cam-{n}") for partition in (0, 2) for n in range(4)]
    assert pages == 3


async def test_for_people(
    where: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(settings.state_dir)]
    assert await call(lambda: main(["tables", "get", "watch.notes", "--limit", "1", *state])) == 0
    out = capsys.readouterr().out
    assert "watch.notes 0 north/note" in out
    assert '"all quiet"' in out
    assert "More: --after '[0, \"north/note\"]'" in out
    assert await call(lambda: main(["tables", "list", *state])) == 0
    assert "watch.places" in capsys.readouterr().out
    assert await call(lambda: main(["tables", "stats", *state])) == 0
    assert ("does not run" in capsys.readouterr().out) == (where == "folder")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["get", "watch.place"], ExitCode.USAGE, "Did you mean 'watch.places'?"),
        (["get", "watch.places", "north"], ExitCode.USAGE, "is JSON of"),
        (["get", "watch.places", "--after", "x"], ExitCode.USAGE, "not what a page ended with"),
        (["get", "watch.notes", "nowhere"], ExitCode.FAILED, "has no row 'nowhere'"),
    ],
)
async def test_what_is_not_there(
    where: str,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    given = ["tables", *arguments, "--state", str(settings.state_dir)]
    assert await call(lambda: main(given)) == status
    assert said in capsys.readouterr().err


async def test_the_worker_answers_who_has_its_token(served: dict[str, Any]) -> None:
    def ask(path: str, token: str | None) -> int:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{served['port']}{path}", headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    rows = "/tables/watch.notes/rows"
    for token in (None, "", "wrong", "é"):
        assert await asyncio.to_thread(ask, rows, token) == 403
    own = served["token"]
    assert await asyncio.to_thread(ask, rows, own) == 200
    assert await asyncio.to_thread(ask, "/tables/watch.none/rows", own) == 404
    assert await asyncio.to_thread(ask, f"{rows}?limit=x", own) == 400
    assert await asyncio.to_thread(ask, f"{rows}?partition=x", own) == 400
    assert await asyncio.to_thread(ask, "/metrics", None) == 200


async def test_the_metrics_say_how_large_tables_are(served: dict[str, Any]) -> None:
    url = f"http://127.0.0.1:{served['port']}/metrics"

    def ask() -> str:
        with urllib.request.urlopen(url, timeout=5) as response:
            return str(response.read().decode())

    lines = (await call(ask)).splitlines()
    (rows,) = [line for line in lines if line.startswith('watchfloor_table_rows{table="watch"}')]
    assert float(rows.split()[-1]) >= 10
    assert any(
        line.startswith('watchfloor_table_bytes{table="watch",where="disk"}') for line in lines
    )


async def test_a_standby_is_shown_where_it_is_ahead_only(
    store: TableStore, settings: Settings
) -> None:
    """Two folders have a partition: the one that has more of the changelog is shown."""
    other = tables(app(settings.state_dir / "tables" / "live" / "decide-2"), "watch")
    key = NOTES.row("north/note")
    other.write_rows(0, [("watch", key, encode_row(NOTES, "newer"))], {"watch": 9})
    other.write_rows(2, [("watch", key, encode_row(NOTES, "older"))], {"watch": 1})
    for one in (store, other):
        await one.of("watch").stop()
    places = reading.partitions(settings, SPECS)
    assert [(p.partition, p.source.instance) for p in places] == [(0, "decide-2"), (2, "decide")]


async def test_a_damaged_folder_is_told(store: TableStore, settings: Settings) -> None:
    path = store.of("watch").partition_path(0)
    await store.of("watch").stop()
    (path / "CURRENT").write_text("nonsense\n", "ascii")
    with pytest.raises(WatchfloorError, match="watch-0"):
        reading.partitions(settings, SPECS)


async def test_nothing_ran_yet(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.state_dir.mkdir(parents=True)
    status, found = await run(capsys, settings, "stats")
    assert (status, found) == (ExitCode.OK, [])


async def test_a_row_that_does_not_decode_is_shown_as_such(store: TableStore) -> None:
    store.write("watch", 0, NOTES.row("bad"), b"\x01\xc1")
    store.write(
        "watch", 0, NOTES.row("newer"), encode_row(TableSpec(name="x", value=str, version=9), "v")
    )
    rows, _ = page(store, NOTES, [0])
    errors = {row["key"]: row.get("error", "") for row in rows}
    assert errors["bad"] != ""
    assert "version 9" in errors["newer"]
    assert errors["north/note"] == ""
