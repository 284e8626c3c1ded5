"""Every way to ask for a page gives what a plain look at all rows would."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from api import database as pool
from api.alert import repository as alerts
from api.alert.repository import RankKey, Sort
from api.database import CONNECTIONS, SEARCHES, Database
from api.event import repository as events
from api.event.repository import EventKey
from api.problems import DatabaseUnavailable
from infra.settings import Settings
from schemas.alert import AlertState
from schemas.decision import Result
from tests.integration.api.support import NOW, Stack
from tests.integration.api.test_stream import alert

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

TAG = uuid.uuid4().hex[:8]
SITES = tuple(f"{TAG}-{number}" for number in range(7))
FOREIGN = f"{TAG}-foreign"
STATES = (AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.RESOLVED)


def made() -> list[dict[str, Any]]:
    """Events of all sites with their decisions, some undecided, many at one instant."""
    dice = Random(5)
    return [
        {
            "event_id": f"{TAG}-{number:03}-{dice.random()}",
            "site_id": dice.choice((*SITES, FOREIGN)),
            "event_type": dice.choice(("motion", "loitering")),
            "camera_id": dice.choice(("gate", "fence")),
            "occurred_at": NOW - timedelta(seconds=dice.randrange(40)),
            "result": dice.choice((*Result, None)),
            "reason": dice.choice(("dedupe_window", "no_zone")),
        }
        for number in range(300)
    ]


@pytest.fixture(scope="module")
def filled(stack: Stack) -> list[dict[str, Any]]:
    """What is in the database of this module's sites."""
    known = made()
    stack.archive(
        "events",
        [
            {
                **{name: one[name] for name in ("event_id", "site_id", "event_type", "camera_id")},
                "occurred_at": one["occurred_at"].isoformat(),
                "recorded_at": NOW.isoformat(),
                "source": "external",
                "snapshots": 0,
                "labels": {},
            }
            for one in known
        ],
    )
    stack.archive(
        "decisions",
        [
            {
                **{name: one[name] for name in ("event_id", "site_id", "result", "reason")},
                "decision_id": one["event_id"],
                "alert_id": one["event_id"][-1],
                "decided_at": NOW.isoformat(),
                "stages": [],
            }
            for one in known
            if one["result"] is not None
        ],
    )
    return known


@pytest.fixture
async def database(api_settings: Settings) -> AsyncIterator[Database]:
    found = Database(api_settings)
    await found.open()
    yield found
    await found.close()


FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"type": "motion"},
    {"camera_id": "gate", "type": "motion", "since": NOW - timedelta(seconds=30)},
    {"until": NOW - timedelta(seconds=20)},
    {"result": "sent"},
    {"reason": "no_zone", "type": "loitering", "until": NOW},
    {"alert_id": "3"},
)


def holds(one: dict[str, Any], filters: dict[str, Any]) -> bool:
    decided = one["result"] is not None
    return all(
        {
            "type": one["event_type"] == value,
            "camera_id": one["camera_id"] == value,
            "since": name == "since" and one["occurred_at"] >= value,
            "until": name == "until" and one["occurred_at"] < value,
            "result": one["result"] == value,
            "reason": decided and one["reason"] == value,
            "alert_id": decided and one["event_id"][-1] == value,
        }[name]
        for name, value in filters.items()
    )


@pytest.mark.parametrize("count", [0, 1, 2, 7])
async def test_pages_of_events_are_those_that_hold_in_order(
    filled: list[dict[str, Any]], database: Database, count: int
) -> None:
    sites = SITES[:count]
    for filters in FILTERS:
        wanted = sorted(
            (one for one in filled if one["site_id"] in sites and holds(one, filters)),
            key=lambda one: (-one["occurred_at"].timestamp(), one["event_id"]),
        )
        found: list[dict[str, Any]] = []
        after = None
        while page := await events.page(database, sites, filters, after, 13):
            assert len(page) <= 13
            found += page
            after = EventKey(page[-1]["occurred_at"], page[-1]["event_id"])
        assert [row["event_id"] for row in found] == [one["event_id"] for one in wanted], filters
        assert [row["result"] for row in found] == [one["result"] for one in wanted]


@pytest.mark.parametrize("count", [0, 1, 7])
@pytest.mark.parametrize(
    "states",
    [states for n in range(4) for states in itertools.combinations(STATES, n)],
    ids=lambda states: "-".join(states) or "any",
)
async def test_pages_of_alerts_are_those_that_hold_in_order(
    stack: Stack, database: Database, count: int, states: tuple[AlertState, ...]
) -> None:
    dice = Random(7)
    known = [
        alert(
            f"{TAG}-{number:03}",
            site_id=dice.choice((*SITES, FOREIGN)),
            state=dice.choice(STATES),
            rank=dice.randrange(6),
            camera_id=dice.choice(("gate", "fence")),
        )
        for number in range(120)
    ]
    stack.archive("alerts", known)  # each time the same: it is there once
    sites = SITES[:count]
    for camera in (None, "gate"):
        wanted = sorted(
            (
                one
                for one in known
                if one.site_id in sites
                and (not states or one.state in states)
                and camera in (None, one.camera_id)
            ),
            key=lambda one: (-one.rank, one.alert_id),
        )
        filters: dict[str, Any] = {} if camera is None else {"camera_id": camera}
        if states:
            filters["state"] = list(states)
        found: list[dict[str, Any]] = []
        after = None
        while page := await alerts.page(database, sites, filters, Sort.RANK, after, 9):
            assert len(page) <= 9
            found += page
            after = RankKey(page[-1]["rank"], page[-1]["alert_id"])
        assert [row["alert_id"] for row in found] == [one.alert_id for one in wanted]


async def test_a_query_sees_the_sites_that_it_names_and_the_next_one_none_of_them(
    filled: list[dict[str, Any]], database: Database
) -> None:
    count = "SELECT count(*) AS n FROM event WHERE site_id LIKE %(tag)s"
    values = {"tag": f"{TAG}-%"}
    for sites in (SITES, (), (FOREIGN,), ("nowhere",)):
        there = sum(one["site_id"] in sites for one in filled)
        # What row-level security leaves, whatever the query itself asks for.
        assert await database.rows(sites, count, values) == [{"n": there}]
    assert len({one["site_id"] for one in filled}) == 8


LOCK = int(TAG[:7], 16)
WAITS: Any = f"SELECT pg_advisory_xact_lock({LOCK})"
WAITING: Any = (
    "SELECT count(*) AS waiting FROM pg_locks "  # noqa: S608 - a number of ours
    f"WHERE locktype = 'advisory' AND objid = {LOCK} AND NOT granted"
)


@contextlib.asynccontextmanager
async def held_up(database: Database, searches: int) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """That many searches, all those waiting that may begin, until the block ends."""
    async with database.sites(SITES) as holding:
        await holding.execute(WAITS)
        tasks = [asyncio.create_task(database.search(SITES, WAITS, {})) for _ in range(searches)]
        while (await database.rows(SITES, WAITING, {}))[0]["waiting"] < min(searches, SEARCHES):
            await asyncio.sleep(0.01)
        yield tasks


async def test_searches_that_wait_leave_connections_for_others(database: Database) -> None:
    async with held_up(database, 2 * CONNECTIONS) as tasks:
        rows = await database.rows(SITES, WAITING, {})
        assert rows == [{"waiting": SEARCHES}]
        assert not any(task.done() for task in tasks)
    assert len(await asyncio.gather(*tasks)) == 2 * CONNECTIONS


async def test_a_search_is_not_kept_waiting_for_ever(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SEARCH_WAIT_S", 0.01)
    async with held_up(database, SEARCHES) as tasks:
        with pytest.raises(DatabaseUnavailable):
            await database.search(SITES, WAITS, {})
    await asyncio.gather(*tasks)
    await database.search(SITES, WAITS, {})
