"""Backtests over HTTP: taken up, answered, kept, and marked where their server ended."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.runtime.configuration import Configuration
from api.backtest import repository
from api.backtest.repository import Running
from api.backtest.schemas import BacktestState, BacktestView
from api.backtest.service import Backtests
from api.database import Database
from infra.db.pool import connect, site_scope_sync
from infra.db.target import Role
from infra.settings import Settings
from schemas.document import ConfigRecord
from tests.integration.api.support import NOW, Stack, document, wait_until
from tests.people import ADMIN

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

SITES = frozenset({"north", "south"})
DOCUMENT = {
    "sites": [
        {
            "site_id": "north",
            "cameras": [{"camera_id": "gate"}, {"camera_id": "fence"}],
            "zones": [{"zone_id": "yard", "camera_ids": ["gate"], "severity": "low"}],
        }
    ]
}
BODY = {
    "site_document": DOCUMENT,
    "from": "2026-01-01T00:00:00Z",
    "to": NOW.isoformat(),
    "source": "topic",
}


@pytest.fixture
def rows(api_settings: Settings, stack: Stack) -> Iterator[Any]:
    """Reads the table as the API's role; it is empty before and after."""

    def read(query: str = "SELECT * FROM backtest", *values: Any) -> list[tuple[Any, ...]]:
        with (
            connect(api_settings, Role.API) as connection,
            site_scope_sync(connection, SITES) as seen,
        ):
            cursor = seen.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    read("DELETE FROM backtest")
    yield read
    read("DELETE FROM backtest")


def test_it_is_taken_up_answered_and_kept(stack: Stack, rows: Any) -> None:
    with stack.client() as client:
        asked = client.post("/v1/backtests", json=BODY)
        assert asked.status_code == 202
        place = asked.headers["location"]

        def done() -> Any:
            found = client.get(place).json()
            return found if found["state"] not in ("waiting", "running") else None

        found = wait_until(done, "the backtest is done", 120)
        assert (found["state"], found["error"], found["asked_by"]) == ("done", None, "local")
        assert found["result"]["sites"] == ["north"]
        assert found["result"]["before"]["failed"] == 0

        def kept() -> Any:
            return rows("SELECT site_ids, state, result FROM backtest WHERE state = 'done'")

        ((sites, _, result),) = wait_until(kept, "its result is in the database")
        assert (sites, result) == (["north"], found["result"])
        # From the database now, and the same.
        assert client.get(place).json() == found
        (listed,) = client.get("/v1/backtests").json()
        assert listed["backtest_id"] == found["backtest_id"]
        assert listed["result"] is None


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        (
            {"site_document": {"sites": [{"site_id": "north", "timezone": "Mars/Olympus"}]}},
            "body.site_document",
            "is no IANA timezone",
        ),
        ({"to": "2025-01-01T00:00:00Z"}, "body.from", "has to be before `to`"),
        (
            {"site_document": {"sites": [{"site_id": "elsewhere"}]}},
            "body.site_document",
            "names no site that there is",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_kept(
    stack: Stack, rows: Any, change: dict[str, Any], field: str, said: str
) -> None:
    with stack.client() as client:
        refused = client.post("/v1/backtests", json={**BODY, **change})
        assert refused.status_code == 422
        (error,) = refused.json()["errors"]
        assert error["field"] == field
        assert said in error["detail"]
        assert client.get("/v1/backtests/none").status_code == 404
    assert rows() == []


def running(name: str, at: datetime, worker: str, *sites: str, **view: Any) -> Running:
    made = BacktestView(
        backtest_id=name,
        state=BacktestState.RUNNING,
        location=f"/v1/backtests/{name}",
        asked_at=at,
        asked_by="kim",
        **view,
    )
    return Running(view=made, sites=sites or ("north",), worker=worker)


@pytest.fixture
async def database(api_settings: Settings) -> Any:
    found = Database(api_settings)
    await found.open()
    yield found
    await found.close()


async def test_what_a_server_left_is_marked_by_the_next_one_and_nobody_elses_is(
    database: Database, rows: Any
) -> None:
    mine, live, other, silent = (uuid.uuid4().hex for _ in range(4))
    # The façade of these tests looks after the table too: what is to stay is young by its clock.
    now = datetime.now(UTC)
    old = now - timedelta(minutes=5)
    await repository.add(database, SITES, running(mine, now, "a:1"))
    await repository.add(database, SITES, running(live, now, "a:1"))
    await repository.add(database, SITES, running(other, now, "b:1"))
    await repository.add(database, SITES, running(silent, old, "b:1"))
    await repository.interrupt(
        database, SITES, worker="a:1", live=(live,), silent_since=now - timedelta(minutes=1)
    )
    states = {
        view.backtest_id: view.state.value for view in await repository.every(database, SITES)
    }
    assert states == {
        mine: "interrupted",
        live: "running",
        other: "running",
        silent: "interrupted",
    }
    # What was thought lost and was not has the last word; a word from before it has none.
    late = running(silent, old, "b:1")
    done = Running(
        view=BacktestView(
            backtest_id=silent,
            state=BacktestState.FAILED,
            location="",
            asked_at=old,
            asked_by="kim",
            error="no broker",
        ),
        sites=("north",),
        worker="b:1",
    )
    await repository.beat(database, SITES, done, now)
    await repository.beat(database, SITES, late, now)
    found = await repository.one(database, SITES, silent)
    assert found is not None
    assert (found.state, found.error) == (BacktestState.FAILED, "no broker")


async def test_only_who_sees_all_of_its_sites_sees_it(database: Database, rows: Any) -> None:
    name = uuid.uuid4().hex
    await repository.add(database, SITES, running(name, NOW, "a:1", "north", "south"))
    assert await repository.one(database, {"north"}, name) is None
    assert await repository.every(database, {"south"}) == []
    assert await repository.one(database, SITES, name) is not None


async def test_the_newest_are_kept_for_30_days_and_none_that_is_under_way_is_lost(
    database: Database, rows: Any
) -> None:
    for number in range(repository.KEPT + 5):
        at = NOW - timedelta(minutes=100 - number)
        asked = running(f"n-{number:03}", at, "a:1")
        await repository.add(database, SITES, asked)
        if number == 0:
            # It still runs, by its worker's own word.
            rows("UPDATE backtest SET beat_at = now() + interval '1 day'")
        else:
            rows("UPDATE backtest SET state = 'done' WHERE backtest_id = %s", f"n-{number:03}")
    found = {name for (name,) in rows("SELECT backtest_id FROM backtest")}
    assert found == {"n-000"} | {f"n-{n:03}" for n in range(5, repository.KEPT + 5)}
    await repository.add(database, SITES, running("later", NOW + timedelta(days=31), "a:1"))
    assert {name for (name,) in rows("SELECT backtest_id FROM backtest")} == {"n-000", "later"}


async def test_a_server_that_starts_again_says_what_it_did_not_finish(
    api_settings: Settings, database: Database, rows: Any
) -> None:
    """As one that was killed leaves it: the row says running, and nobody runs it."""
    configuration = Configuration()
    for site in document().sites:
        record = ConfigRecord(revision=1, author="t", at=NOW, site=site)
        configuration.apply(site.site_id, record)
    configuration.loaded.set()
    backtests = Backtests(api_settings, configuration, database, lambda: NOW)
    name = uuid.uuid4().hex
    await repository.add(database, SITES, running(name, NOW, backtests.worker))
    keeping = asyncio.create_task(backtests.keep())
    try:
        async with asyncio.timeout(20):
            while (await backtests.view(ADMIN, name)).state is not BacktestState.INTERRUPTED:
                await asyncio.sleep(0.02)
    finally:
        keeping.cancel()
    (listed,) = await backtests.views(ADMIN)
    assert "ask again" in (listed.error or "")
